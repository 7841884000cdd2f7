"""What the scores of a page's blocks say together: labels by place, core scores by place, and the cut."""

import numpy as np
import pytest

from bodycopy.decide import best_cut, placed

# Scores of a block: body, promo, related, chrome, core.
TEXT = (0.97, 0.01, 0.01, 0.01, 0.95)
MENU = (0.01, 0.01, 0.01, 0.97, 0.01)
PROMO = (0.04, 0.9, 0.03, 0.03, 0.02)
UNSURE = (0.4, 0.35, 0.15, 0.1, 0.1)  # body by a little
CAPTION = (0.9, 0.05, 0.03, 0.02, 0.05)


def scores_of(*blocks):
    return placed(np.array(blocks, np.float32))


def labels(scores):
    return scores[:, :4].argmax(1).tolist()


def test_what_is_likely_body_amid_running_text_stays_so_and_behind_it_is_taken_for_what_else_it_may_be():
    assert labels(scores_of(MENU, TEXT, UNSURE, TEXT, PROMO, UNSURE, MENU)) == [3, 0, 0, 0, 1, 1, 3]


def test_what_is_surely_body_amid_running_text_gains_core_up_to_less_than_a_half():
    core = scores_of(CAPTION, TEXT, CAPTION, TEXT, PROMO, TEXT, CAPTION)[:, 4]
    np.testing.assert_allclose(core, [0.05, 0.95, 0.42, 0.95, 0.02, 0.95, 0.05], rtol=1e-5)


def test_core_scores_never_fall():
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
