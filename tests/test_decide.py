"""What the scores of a page's blocks say together: labels by place, core scores by place, and the cut."""

import numpy as np
import pytest

from bodycopy import clean
from bodycopy.decide import best_cut, placed, twins
from bodycopy.document import segment

# Scores of a block: body, promo, related, chrome, core.
TEXT = (0.97, 0.01, 0.01, 0.01, 0.95)
MENU = (0.01, 0.01, 0.01, 0.97, 0.01)
PROMO = (0.04, 0.9, 0.03, 0.03, 0.02)
UNSURE = (0.4, 0.35, 0.15, 0.1, 0.1)  # body by a little
CAPTION = (0.9, 0.05, 0.03, 0.02, 0.05)
PARAGRAPHS = [
    "The harbour of Dunmallow opened again on Monday, nine weeks after the storm had torn its northern wall away.",
    "Forty boats left before sunrise, and by noon the first of them were back with mackerel, the harbour master said.",
    "The wall will be finished in spring, when the stones that were ordered from the quarry at Carrick have arrived.",
]


def scores_of(*blocks):
    return placed(np.array(blocks, np.float32))


def labels(scores):
    return scores[:, :4].argmax(1).tolist()


def test_what_is_likely_body_amid_running_text_stays_so_and_behind_it_is_taken_for_what_else_it_may_be():
    assert labels(scores_of(MENU, TEXT, UNSURE, TEXT, PROMO, UNSURE, MENU)) == [3, 0, 0, 0, 1, 1, 3]


def test_what_is_surely_body_amid_running_text_gains_core_up_to_less_than_a_half():
    core = scores_of(CAPTION, TEXT, CAPTION, TEXT, PROMO, TEXT, CAPTION)[:, 4]
    np.testing.assert_allclose(core, [0.05, 0.95, 0.42, 0.95, 0.02, 0.95, 0.05], rtol=1e-5)


@pytest.mark.parametrize(
    ("copied", "core"),
    [
        ([(1, 2)], [0.05, 0.95, 0.095, 0.01]),
        ([(0, 1)], [0.005, 0.95, 0.95, 0.01]),
        ([(1, 2), (0, 3)], [0.05, 0.95, 0.095, 0.001]),
    ],
)
def test_of_texts_in_two_parts_of_a_page_those_keep_their_core_scores_that_are_surer_together(copied, core):
    scores = np.array([CAPTION, TEXT, TEXT, MENU], np.float32)
    np.testing.assert_allclose(placed(scores, copied)[:, 4], core, rtol=1e-5)


SAID = "<p>The harbour opened again on Monday, after nine weeks."


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (f"<main><article><div>{SAID}</div></article></main><aside><div><section>{SAID}", [(0, 1)]),
        (f"<main><div><div>{SAID}</div></div><div><div>{SAID}</div></div><div><div>{SAID}</div></div></main>",
         [(0, 1), (0, 2), (1, 2)]),
        (f"<main>{SAID}<div hidden>{SAID}</div></main>", [(0, 1)]),
        (f"<main hidden>{SAID}{SAID}</main>", []),  # within one part
        (f"<main><div>{SAID}</div><div>{SAID}</div></main>", []),
        ("<main><div><div><p>Share this story</div></div><div><div><p>Share this story</div></div></main>", []),
        (f"<main>{f'<div><div>{SAID}</div></div>' * 4}</main>", []),  # a refrain
        (SAID, []),
    ],
)  # fmt: skip
def test_a_text_in_two_parts_of_a_page_is_found(html, found):
    page = segment(html)
    assert list(twins(page, np.array([len(text.split()) for text in page.texts]))) == found


def test_a_paragraph_that_stands_in_a_page_for_narrow_screens_too_comes_out_once():
    story = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    page = f"<main><div class=wide><div>{story}</div></div><div class=narrow><div>{story}</div></div></main>"
    assert clean(page, threshold=0.2) == "\n\n".join(PARAGRAPHS)


def test_core_scores_fall_for_nothing_else():
    scores = np.random.RandomState(0).dirichlet(np.ones(4), 200)
    scores = np.hstack((scores, np.random.RandomState(1).rand(200, 1))).astype(np.float32)
    assert (placed(scores)[:, 4] >= scores[:, 4]).all()


def test_the_labels_still_sum_to_1_and_what_was_given_is_left_alone():
    given = np.array([MENU, TEXT, UNSURE, TEXT, PROMO], np.float32)
    before = given.copy()
    np.testing.assert_allclose(placed(given)[:, :4].sum(1), 1, rtol=1e-5)
    assert (given == before).all()


@pytest.mark.parametrize("blocks", [[TEXT], [MENU], [MENU, UNSURE]])
def test_pages_of_a_block_or_two_and_without_running_text(blocks):
    placed_scores = scores_of(*blocks)
    np.testing.assert_allclose(placed_scores[:, 4], [block[4] for block in blocks])
    np.testing.assert_allclose(placed_scores[:, :4].sum(1), 1, rtol=1e-5)


def test_the_best_cut_keeps_what_is_likely_and_is_never_above_a_half():
    words = np.array([100, 100, 100, 10], np.float32)
    assert best_cut(np.array([0.9, 0.8, 0.05, 0.02], np.float32), words) == 0.5
    assert best_cut(np.array([0.4, 0.35, 0.3, 0.01], np.float32), words) == pytest.approx(0.3)
    assert best_cut(np.array([0.01, 0.01, 0.01, 0.01], np.float32), words) == pytest.approx(0.1)
