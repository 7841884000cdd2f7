"""Plain text → blocks: cut text that somebody extracted where its lines, or its wrapped paragraphs, end.

Extractors write a paragraph, heading or list item a line, so a line is a block – with three exceptions:

* Lines that were wrapped at a fixed width are joined: where a line broke because the next word did not fit.
* A bullet alone on its line belongs to the line that follows.
* Text that is all one long line is cut at the ends of its sentences.

Blocks are places in the text, so that what is kept comes out as it went in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

BULLET = re.compile(r"(?:[-*+•·‣▪●○◦–—>]|\(?\w{1,3}[.)])(?=\s|$)")
SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’»)\]]*(?:\s+(?=[\"'“‘«(\[]?[^\W\d_a-zß-ÿ])|(?<=[。！？])(?=\w))")
WIDEST = 132  # characters: wider lines are no wrapped ones
LONG_LINE = 800  # characters: a longer line, alone in its text, is cut into sentences
MOST_BLOCKS = 20_000  # what comes after so many is one block


@dataclass(slots=True)
class Lines:
    """A text and its blocks: block i is ``text[spans[i][0]:spans[i][1]]``; no blank text is in a block's ends."""

    text: str
    spans: list[tuple[int, int]]

    def texts(self) -> list[str]:
        return [self.text[a:z] for a, z in self.spans]


def cut_text(text: str) -> Lines:
    """Cut a text into blocks. Raises TypeError for anything but str, and nothing for what is in it."""
    if not isinstance(text, str):
        raise TypeError(f"a text is a str, not {type(text).__name__}")
    spans = []
    at = 0
    for line in text.split("\n"):
        if stripped := line.strip():
            start = at + len(line) - len(line.lstrip())
            spans.append((start, start + len(stripped)))
        at += len(line) + 1
    if len(spans) == 1 and spans[0][1] - spans[0][0] > LONG_LINE:
        spans = sentences(text, *spans[0])
    spans = under_bullets(text, unwrapped(text, spans))
    if len(spans) > MOST_BLOCKS:
        spans[MOST_BLOCKS - 1 :] = [(spans[MOST_BLOCKS - 1][0], spans[-1][1])]
    return Lines(text, spans)


def sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentences in a stretch of text."""
    cuts = [start, *(found.end() for found in SENTENCE_END.finditer(text, start, end)), end]
    spans = []
    for a, z in pairwise(cuts):
        piece = text[a:z]
        if piece.strip():
            spans.append((a + len(piece) - len(piece.lstrip()), z - len(piece) + len(piece.rstrip())))
    return spans


def unwrapped(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The lines, those joined that are one paragraph wrapped at a fixed width; nothing, where the text is not so."""
    width = max((z - a for a, z in spans), default=0)
    if not 40 <= width <= WIDEST:
        return spans

    def next_did_not_fit(a: tuple[int, int], b: tuple[int, int]) -> bool:
        word = text[b[0] : b[1]].split(maxsplit=1)[0]
        return a[1] - a[0] + 1 + len(word) > width

    # Lines of one paragraph follow each other without a blank line.
    together = [text.count("\n", a[1], b[0]) == 1 for a, b in pairwise(spans)]
    broken = [t and next_did_not_fit(a, b) for t, (a, b) in zip(together, pairwise(spans), strict=True)]
    if sum(broken) < 3 or sum(broken) < 0.6 * sum(together):
        return spans
    out = [spans[0]]
    for span, joins in zip(spans[1:], broken, strict=True):
        if joins and not BULLET.match(text, *span):
            out[-1] = (out[-1][0], span[1])
        else:
            out.append(span)
    return out


def under_bullets(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The blocks, with bullets that stand alone joined to the block below."""
    out: list[tuple[int, int]] = []
    bullet = -1
    for a, z in spans:
        begins = a if bullet < 0 else bullet
        if z - a <= 4 and BULLET.fullmatch(text, a, z):
            bullet = begins
        else:
            out.append((begins, z))
            bullet = -1
    if bullet >= 0:
        out.append((bullet, spans[-1][1]))
    return out


def kept_text(lines: Lines, kept: list[int]) -> str:
    """The kept blocks as they stand in the text, with the white space between them.

    Where blocks were left out, one of the gaps around them remains, the one with more line ends; the white space
    before a first and after the last block remains if something does.
    """
    if not kept:
        return ""
    text, spans = lines.text, lines.spans
    gaps = [text[a:b] for (_, a), (b, _) in pairwise(spans)]
    parts = [text[: spans[0][0]]]
    last = -1
    for i in kept:
        if last >= 0:
            parts.append(max(gaps[last:i], key=lambda gap: gap.count("\n")))
        parts.append(text[slice(*spans[i])])
        last = i
    parts.append(text[spans[-1][1] :])
    return "".join(parts)
