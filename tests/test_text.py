"""clean_text and label_text: from a text that somebody extracted to its core content."""

import json

import numpy as np
import pytest
from helpers import random_model

import bodycopy
from bodycopy.line_features import NAMES, line_features
from bodycopy.lines import cut_text
from bodycopy.model import TEXT

HEADLINE = "Island ferry sails again after three days on the sand"
PARAGRAPHS = (
    "The ferry that connects the island with the mainland went back to work on Monday morning, three days after a "
    "storm had torn it from its moorings.",
    "About two hundred people stood on the pier when it came in, among them the pupils of the island's only school, "
    "which had closed for an hour.",
    '"I never worried about the hull," said the captain, Marta Lindqvist, who had spent both nights on the beach next '
    'to her ship. "I worried about the engine."',
    "The engine had been under water for most of Friday. Two mechanics from the mainland took it apart on the beach, "
    "cleaned every part of it, and put it together again.",
    "Without the ferry there was no fresh milk on the island, and the post came by a fishing boat that took four hours "
    "for the crossing.",
    "The council had been warned. A report of last year says that the pier lies open to winds from the north and needs "
    "a wall, which would cost two million.",
    "Its members will talk about that wall in March. Until then the ferry is to lie in the southern bay whenever the "
    "forecast is bad, said the mayor.",
    "Tickets cost what they did before, and those who had bought one for the weekend can use it until the end of the "
    "month.",
)
PRAISE = (
    "As part of our promise to our subscribers, the Harbour Post brings you independent journalism from the coast "
    "every day, because you deserve the whole story."
)
TEASERS = (
    ("Storm leaves four villages without power", "Engineers say that repairs may take until the weekend."),
    ("Why the northern bay is losing its sand", "Every winter the beach gets narrower, and nobody knows the cause."),
    ("Five islands that you can reach without a car", "From a day trip to a week of walking: our favourites."),
)


def leaking_article() -> str:
    lines = [HEADLINE, *PARAGRAPHS, PRAISE, "Related Topics", "More from Island News"]
    for title, blurb in TEASERS:
        lines += ["-", title, blurb]
    return "\n".join(lines) + "\n"


def test_an_article_stays_and_what_trails_it_goes():
    text = leaking_article()
    assert bodycopy.clean_text(text) == "\n".join([HEADLINE, *PARAGRAPHS]) + "\n"
    labels = [b.label for b in bodycopy.label_text(text).blocks]
    assert labels == ["body"] * 9 + ["promo"] + ["related"] * 8


@pytest.mark.parametrize("gap", ["\n", "\n\n", "\r\n", "\r\n\r\n"])
def test_a_clean_article_is_left_as_it_is(gap):
    text = gap.join([HEADLINE, *PARAGRAPHS])
    assert bodycopy.clean_text(text) == text


def test_cleaning_twice_changes_nothing():
    once = bodycopy.clean_text(leaking_article())
    assert bodycopy.clean_text(once) == once


def test_the_threshold_goes_from_everything_to_nothing():
    text = leaking_article()
    assert bodycopy.clean_text(text, threshold=0) == text
    assert bodycopy.clean_text(text, threshold=1) == ""
    lengths = [len(bodycopy.clean_text(text, threshold=t / 10)) for t in range(11)]
    assert lengths == sorted(lengths, reverse=True)


def test_other_labels_can_be_kept():
    text = leaking_article()
    related = bodycopy.clean_text(text, keep=("related",))
    assert related.endswith(TEASERS[-1][1] + "\n")
    assert PARAGRAPHS[0] not in related
    assert bodycopy.clean_text(text, keep=bodycopy.LABELS) == text


def test_blocks_say_where_they_stand():
    text = "\n" + leaking_article()
    lines = text.split("\n")
    page = bodycopy.label_text(text)
    for block in page.blocks:
        first, last = block.lines
        assert "\n".join(lines[first - 1 : last]) == block.text
    assert page.blocks[0].lines == (2, 2)
    assert page.blocks[-2].lines == (20, 21)  # a bullet and its title
    assert sum(page.blocks[0].scores.values()) == pytest.approx(1, abs=1e-4)


def test_a_page_of_text_gives_what_a_page_gives():
    page = bodycopy.label_text(leaking_article())
    assert page.text == page.markdown == bodycopy.clean_text(leaking_article())
    assert page.related == []
    told = json.loads(json.dumps(page.to_dict()))
    assert told["blocks"][0]["lines"] == [1, 1]
    assert "path" not in told["blocks"][0]
    assert page.blocks[0].path == ""
    assert page.select(("promo",))[0].text == PRAISE


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "x",
        "...",
        "\x00",
        "\ud800 lone",
        "\x01\x01",
        "-",
        "-\n-\n-",
        "日本語の文。" * 3,
        "😀",
        "a\n" * 30_000,
        "word " * 200_000,
        "x" * 1_000_000,
        "|" * 1000 + "\n" + "#" * 1000,
        "\r\r\r",
        "1.\n" * 500,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_any_text_is_taken(text):
    page = bodycopy.label_text(text)
    cleaned = bodycopy.clean_text(text)
    assert cleaned == page.text
    assert len(cleaned) <= len(text)
    for block in page.blocks:
        assert np.isfinite(list(block.scores.values())).all()


def test_numbers_are_finite_and_named():
    for text in ("x", "a\nb", leaking_article(), "...\n\n?", "-\n"):
        numbers = line_features(cut_text(text)).numbers
        assert numbers.shape[1] == len(NAMES) == len(set(NAMES))
        assert np.isfinite(numbers).all()


@pytest.mark.parametrize("wrong", [b"bytes", None, 3])
def test_other_types_are_type_errors(wrong):
    for call in (bodycopy.clean_text, bodycopy.label_text):
        with pytest.raises(TypeError):
            call(wrong)


def test_a_wrong_threshold_or_label_or_model_is_named(tmp_path):
    with pytest.raises(ValueError, match="between 0 and 1"):
        bodycopy.clean_text("x", threshold=2)
    with pytest.raises(ValueError, match="no such label"):
        bodycopy.clean_text("x", keep=("bodies",))
    with pytest.raises(bodycopy.ModelError, match="for html, not for text"):
        bodycopy.clean_text("x", model=random_model())
    random_model().save(tmp_path / "html.npz")
    with pytest.raises(bodycopy.ModelError, match="needs 'text'"):
        bodycopy.clean_text("x", model=tmp_path / "html.npz")


def test_a_text_model_can_be_saved_and_named_by_a_variable(tmp_path, monkeypatch):
    mine = random_model(kind=TEXT)
    mine.save(tmp_path / "mine.npz")
    monkeypatch.setenv("BODYCOPY_TEXT_MODEL", str(tmp_path / "mine.npz"))
    expected = bodycopy.label_text("one\ntwo", model=mine)
    found = bodycopy.label_text("one\ntwo")
    assert [b.label for b in found.blocks] == [b.label for b in expected.blocks]
    assert bodycopy.load_model(kind="text").kind is TEXT
    with pytest.raises(ValueError, match="html or text"):
        bodycopy.load_model(kind="audio")
