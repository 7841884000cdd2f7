"""Blocks → features: the numbers are what their names say, and the tokens the same in training and in use."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import ARTICLE, ODD_PAGES, assert_starts_where, cut, random_model
from scipy.sparse import csr_matrix

from bodycopy import features as module
from bodycopy.blocks import KINDS
from bodycopy.context import CONTEXT, context
from bodycopy.features import (
    GROUPS,
    HEIGHTS,
    NAMES,
    Features,
    features,
    linear_scores,
    tables_of,
    token_rows,
    unnamed,
)
from bodycopy.tokens import BUCKETS, IN_MARKUP, IN_TEXT, words


def all_arrays(f: Features) -> list[np.ndarray]:
    where = f.structure
    boxes = [edge for box in where.boxes for edge in box]
    return [
        f.numbers, f.text.ids, f.text.starts, f.names.ids, f.names.starts, f.targets.ids, f.targets.starts, f.words,
        f.chain, where.alike, where.mass, where.traits, where.heading, *boxes,
    ]  # fmt: skip


@pytest.mark.parametrize("html", ODD_PAGES.values(), ids=ODD_PAGES.keys())
def test_every_page_has_finite_features_of_the_right_shape(html):
    page = cut(html)
    n = len(page.texts)
    f = features(page)
    assert f.numbers.shape == (n, len(NAMES))
    assert f.numbers.dtype == np.float32
    assert np.isfinite(f.numbers).all()
    assert np.abs(f.numbers).max() < 1000
    assert f.words.shape == (n,)
    assert (f.words > 0).all()
    for group in (f.text, f.targets):
        assert len(group.starts) == n + 1
        assert group.starts[-1] == len(group.ids)
        assert (np.diff(group.starts) >= 0).all()
        assert ((group.ids >= 0) & (group.ids < BUCKETS)).all()
    assert f.chain.shape[1] == n
    assert f.chain[:2].min() >= 0
    assert f.chain.max() == len(f.names.starts) - 2
    assert f.structure.heading.min() >= 0
    assert f.structure.heading.max() < n
    for first, last in f.structure.boxes:
        index = np.arange(n)
        assert (first <= index).all()
        assert (index < last).all()


@pytest.mark.parametrize("html", ODD_PAGES.values(), ids=ODD_PAGES.keys())
def test_the_context_of_every_page_is_finite(html):
    f = features(cut(html))
    n = len(f.words)
    scores = np.random.default_rng(1).random((n, 3), np.float32)
    around = context(scores, f.structure)
    assert around.shape == (n, (len(CONTEXT) + HEIGHTS) * 3)
    assert np.isfinite(around).all()
    assert around.min() > -1e-3  # means of what lies between 0 and 1
    assert around.max() < 1 + 1e-3


@pytest.mark.parametrize("html", ODD_PAGES.values(), ids=ODD_PAGES.keys())
def test_linear_scores_are_the_product_of_the_training_matrix_and_the_table(html):
    f = features(cut(html))
    n = len(f.words)
    rows = BUCKETS * len(GROUPS)
    table = np.random.default_rng(2).normal(size=(rows, 2)).astype(np.float32)
    blocks, columns, values = token_rows(f)
    expected = []
    for group in range(len(GROUPS)):
        inside = (columns >= group * BUCKETS) & (columns < (group + 1) * BUCKETS)
        matrix = csr_matrix((values[inside], (blocks[inside], columns[inside])), shape=(n, rows))
        expected.append(matrix @ table)
    np.testing.assert_allclose(linear_scores(f, tables_of(table)), np.hstack(expected), rtol=1e-3, atol=1e-3)
    assert set(blocks.tolist()) <= set(range(n))
    assert columns.max() < rows


def test_the_linear_stage_reads_the_words_of_the_blocks_around_and_of_the_heading_above():
    f = features(cut("<p>Alone</p><h2>Read also</h2><p>First</p><p>Second</p>"))
    blocks, columns, _ = token_rows(f)

    def read(block: int, group: str) -> list[int]:
        of_group = (blocks == block) & (columns // BUCKETS == GROUPS.index(group))
        return sorted((columns[of_group] % BUCKETS).tolist())

    own = [read(block, "text") for block in range(4)]
    assert all(own)
    assert [read(block, "last") for block in range(4)] == [[], *own[:3]]
    assert [read(block, "next") for block in range(4)] == [*own[1:], []]
    assert [read(block, "heading") for block in range(4)] == [[], [], own[1], own[1]]


def column(html: str, name: str) -> list[float]:
    return features(cut(html)).numbers[:, NAMES.index(name)].tolist()


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("tag_h1", ["Ferry returns"]),
        ("tag_h2", ["What next"]),
        ("tag_li", ["Home", "Sea", "First", "Second"]),
        ("tag_blockquote", ["It is"]),
        ("tag_button", ["Subscribe"]),
        ("lead_a", ["Home", "Sea"]),
        ("linked", ["Home", "Sea"]),
        ("link_share", ["Home", "Sea"]),
        ("within_nav", ["Home", "Sea"]),
        ("within_article", ["Ferry", "The ferry", "People", "First", "Second", "It is", "What", "Short"]),
        ("within_aside", ["Sign", "Subscribe"]),
        ("within_form", ["Subscribe"]),
        ("within_footer", ["2024"]),
        ("within_dl", []),
        ("hidden", ["2024"]),
        ("aria_hidden", []),
        ("is_title", ["Ferry returns"]),
        ("is_headline", ["Ferry returns"]),
        ("block_in_title", ["Ferry returns"]),
        ("ends_sentence", ["The ferry", "People", "It is", "Short"]),
        ("ends_colon", []),
        ("starts_digit", ["2024"]),
        ("starts_upper", ["Home", "Sea", "Ferry", "The", "People", "First", "Sec", "It", "What", "Sho", "Si", "Su"]),
        ("after_headline", ["The ferry", "People", "First", "Second", "It is", "What", "Short", "Sign", "Sub", "2024"]),
        ("before_headline", ["Home", "Sea"]),
        ("long_before", ["People", "First", "Second", "It is", "What", "Short", "Sign", "Subscribe", "2024"]),
        ("long_after", ["Home", "Sea", "Ferry", "The ferry"]),
        ("box_headline_1", ["Ferry", "The ferry", "People", "It is", "What", "Short", "2024"]),
    ],
)  # fmt: skip
def test_a_named_number_is_what_its_name_says(name, starts):
    assert_starts_where(ARTICLE, name, starts)


def test_lengths_grow_with_the_text():
    short, long = features(cut("<p>One word.</p><p>" + "Many more words, all of them. " * 40 + "</p>")).numbers
    for name in ("chars", "words", "sentences", "share_of_longest"):
        assert short[NAMES.index(name)] < long[NAMES.index(name)]


def test_the_last_numbers_tell_whether_the_container_holds_the_headline():
    nested = "<title>Head</title><div><div><div><div><div><h1>Head</h1><p>a</p></div>b</div>c</div>d</div>e</div>f"
    assert column(nested, "box_headline_5") == [1, 1, 1, 1, 1, 1, 1]
    assert column(nested, "box_blocks_1")[:3] == pytest.approx([np.log1p(2)] * 2 + [np.log1p(4)])


def test_names_are_unique():
    assert len(set(NAMES)) == len(NAMES)


def test_features_do_not_depend_on_pages_seen_before():
    first = all_arrays(features(cut(ARTICLE)))
    for html in ODD_PAGES.values():
        features(cut(html))
    for before, after in zip(first, all_arrays(features(cut(ARTICLE))), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_labels_written_into_test_pages_are_not_seen():
    labelled = ARTICLE.replace("<p>", '<p data-label="body">').replace("<aside", '<aside data-label="promo"')
    for with_labels, without in zip(
        all_arrays(features(cut(labelled))), all_arrays(features(cut(ARTICLE))), strict=True
    ):
        np.testing.assert_array_equal(with_labels, without)


def test_the_words_of_a_block_its_classes_and_its_targets_are_tokens():
    def tokens(html: str) -> tuple[list[int], list[int], list[int]]:
        f = features(cut(html))
        return f.text.ids.tolist(), f.names.ids.tolist(), f.targets.ids.tolist()

    plain = tokens("<p>read more</p>")
    assert tokens("<p>Read MORE</p>") == plain
    assert tokens("<p>read less</p>")[0] != plain[0]
    assert tokens("<p class=teaser>read more</p>")[1] != plain[1]
    one, two = (tokens(f"<p><a href={href}>read more</a></p>") for href in ("/tag/sea", "/story/sea"))
    assert one[:2] == two[:2]
    assert one[2] != two[2]


def test_a_page_can_be_had_as_if_a_machine_had_named_its_elements():
    def of_kinds(f: Features) -> list[list[int]]:
        return [f.names.ids[a:z].tolist() for a, z in pairwise(f.names.starts)]

    page = "<div class='teaser wide'><p>One</p></div><div id=teaser><p><span class=kicker>Two</span></p></div>"
    bare = page.replace(" class='teaser wide'", "").replace(" id=teaser", "").replace(" class=kicker", "")
    f = features(cut(page))
    named, other, again = of_kinds(f), of_kinds(unnamed(f, 1)), of_kinds(unnamed(f, 2))
    tags = {bucket for kind in of_kinds(features(cut(bare))) for bucket in kind}
    assert [[b for b in kind if b in tags] for kind in other] == [[b for b in kind if b in tags] for kind in named]
    of_names = {b for kind in named for b in kind} - tags
    for made_up in (other, again):
        assert len({b for kind in made_up for b in kind} - tags) == len(of_names) == 3
        assert not of_names & {b for kind in made_up for b in kind}
    assert other != again
    assert token_rows(unnamed(f, 1))[2].tolist() == token_rows(f)[2].tolist()


def hashes(text: str, letters=IN_TEXT) -> list[int]:
    return words([text], letters).ids.tolist()


def test_a_word_has_the_same_hash_wherever_it_stands():
    found = words(["one two", "", "THREE, (one)", "...", "two's Ünïcode"], IN_TEXT)
    one, two, three, s, unicode = hashes("one two three s ünïcode")
    assert found.ids.tolist() == [one, two, three, one, two, s, unicode]
    assert found.starts.tolist() == [0, 2, 2, 4, 4, 7]
    assert len({one, two, three, s, unicode}) == 5
    far = hashes("x " * 40_000 + "one")
    assert far[-1] == one
    assert len(far) == 40_001


def test_scripts_without_spaces_are_read_by_the_character():
    assert len(hashes("日本語 and English")) == 5
    assert hashes("日本")[1] == hashes("本")[0]
    assert hashes("AI技術")[0] == hashes("ai")[0]


def test_words_of_markup_begin_at_capitals_and_have_two_letters():
    assert hashes("storyBody story-body story_body9 x Y", IN_MARKUP) == hashes("story body " * 3, IN_MARKUP)
    assert hashes("<p", IN_MARKUP) != hashes("<div", IN_MARKUP)


def test_numbers_count_by_their_length():
    assert (
        features(cut("<p>12 May 1999</p>")).text.ids.tolist() == features(cut("<p>31 May 2024</p>")).text.ids.tolist()
    )
    assert features(cut("<p>12 May 199</p>")).text.ids.tolist() != features(cut("<p>31 May 2024</p>")).text.ids.tolist()


@pytest.mark.parametrize("html", ODD_PAGES.values(), ids=ODD_PAGES.keys())
def test_a_model_gives_probabilities_for_every_page(html):
    scores = random_model().score(features(cut(html)))
    assert scores.shape == (len(cut(html).texts), 5)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores[:, :4].sum(1), 1, rtol=1e-5)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_every_tag_with_a_number_of_its_own_is_one_that_the_blocks_know():
    assert {t for t in module.OWN_TAGS + module.WITHIN if t not in KINDS} == set()
