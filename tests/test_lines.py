"""Plain text → blocks: where they are cut, and that what is kept comes out as it went in."""

import textwrap

import pytest

from bodycopy.lines import MOST_BLOCKS, cut_text, kept_text

PARAGRAPHS = (
    "The harbour ferry went back to work on Monday, three days after the storm had torn it from its moorings and left "
    "it on the sand of the northern bay, where children had been climbing on it ever since.",
    "Its captain said that the hull was sound. The engine had been under water for a night and had to be taken apart, "
    "cleaned and put together again by two mechanics from the mainland.",
    "Tickets cost what they did before. The council will decide in spring whether the pier needs a wall.",
)


def blocks(text: str) -> list[str]:
    return cut_text(text).texts()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t\n ", []),
        ("one", ["one"]),
        ("one\ntwo", ["one", "two"]),
        ("one\n\n\ntwo\n", ["one", "two"]),
        ("  one  \r\n\r\n\ttwo\r\n", ["one", "two"]),
        ("# One\n\ntwo *three*", ["# One", "two *three*"]),
        ("- one\n- two", ["- one", "- two"]),
        ("-\none\ntwo\n-\nthree", ["-\none", "two", "-\nthree"]),
        ("•\n\none\n1.\ntwo", ["•\n\none", "1.\ntwo"]),
        ("one\n-", ["one", "-"]),
        ("-\n-\none", ["-\n-\none"]),
        ("-", ["-"]),
        ("日本語の文。\n次の文。", ["日本語の文。", "次の文。"]),
    ],
)
def test_a_line_is_a_block_and_a_lone_bullet_belongs_to_the_next(text, expected):
    assert blocks(text) == expected


@pytest.mark.parametrize(("width", "gap"), [(50, "\n"), (72, "\n"), (50, "\n\n"), (80, "\n\n"), (100, "\n\n")])
def test_wrapped_paragraphs_are_joined(width, gap):
    wrapped = [textwrap.fill(p, width) for p in PARAGRAPHS]
    assert blocks(gap.join(["A heading", *wrapped])) == ["A heading", *wrapped]


def test_a_list_between_wrapped_paragraphs_keeps_its_items():
    wrapped = [textwrap.fill(p, 60) for p in PARAGRAPHS]
    items = ["- one item of some length, so that the next would not fit", "- another"]
    assert blocks("\n".join([wrapped[0], *items, wrapped[1]])) == [wrapped[0], *items, wrapped[1]]


def test_lines_that_are_paragraphs_are_not_joined():
    assert blocks("\n".join(PARAGRAPHS)) == list(PARAGRAPHS)
    poem = ["The sea was grey", "and so was the sky above", "and we rowed on", "until the morning came to the land"]
    assert blocks("\n".join(poem)) == poem


def test_one_long_line_is_cut_into_sentences():
    text = " ".join(PARAGRAPHS * 2)
    assert "Its captain said that the hull was sound." in blocks(text)
    assert " ".join(blocks(text)) == text
    japanese = "これは一つの文です。" * 100
    assert blocks(japanese) == ["これは一つの文です。"] * 100
    assert blocks(text + "\nA second line.") == [text, "A second line."]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "one",
        "\n\n one \r\n\r\n two\n",
        "-\none\n\n\n2.\n two \n\n",
        " ".join(PARAGRAPHS * 3),
        "a\x00\u2028b\x0c\nc",
    ],
)
def test_all_blocks_kept_are_the_text(text):
    lines = cut_text(text)
    assert kept_text(lines, list(range(len(lines.spans)))) == (text if lines.spans else "")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ([0, 1, 2], "\n one\n\ntwo\nthree \n"),
        ([0, 2], "\n one\n\nthree \n"),
        ([0], "\n one \n"),
        ([2], "\n three \n"),
        ([], ""),
    ],
)
def test_of_the_gaps_around_what_was_left_out_the_larger_remains(kept, expected):
    assert kept_text(cut_text("\n one\n\ntwo\nthree \n"), kept) == expected


def test_there_is_a_limit_to_blocks_and_nothing_is_lost_by_it():
    text = "line\n" * (MOST_BLOCKS + 10)
    lines = cut_text(text)
    assert len(lines.spans) == MOST_BLOCKS
    assert kept_text(lines, list(range(MOST_BLOCKS))) == text


@pytest.mark.parametrize("wrong", [b"bytes", None, 3, ["text"]])
def test_other_types_are_type_errors(wrong):
    with pytest.raises(TypeError, match="a text is a str"):
        cut_text(wrong)
