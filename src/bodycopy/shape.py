"""Texts → their shape: lengths, shares of characters, beginnings and ends. Features that all kinds of input share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bodycopy.compiled import loops
from bodycopy.tokens import CHARACTER, CHARACTERS, Floats, Ints

NAMES = (
    *("chars", "words", "sentences", "words_a_sentence", "lines", "word_length"),
    *(f"share_{c}" for c in CHARACTERS),
    *("ends_sentence", "ends_colon", "ends_comma", "starts_upper", "starts_lower", "starts_digit", "starts_quote"),
)


@dataclass(slots=True)
class Shape:
    """The shape of some texts, none of them empty."""

    length: Ints  # characters
    words: Floats  # an ideograph counts half
    sentences: Floats  # stops and, a quarter each, commas
    numbers: Floats  # (len(NAMES), texts)


def shape(texts: list[str]) -> Shape:
    """The shape of some texts, none of them empty: counted by C or by NumPy."""
    found = Shape(*(loops.counted(texts, CHARACTER, len(NAMES)) if loops else counted(texts)))
    np.log1p(found.numbers[:5], out=found.numbers[:5])
    return found


def counted(texts: list[str]) -> tuple[Ints, Floats, Floats, Floats]:
    """The parts of a `Shape`, the first five numbers before their logarithm."""
    n = len(texts)
    length = np.array(list(map(len, texts)))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = CHARACTER.take(codes, mode="clip")
    ends = np.cumsum(length)
    found = np.bincount(np.repeat(np.arange(n) * 10, length) + kinds, minlength=10 * n)
    per_kind = found.reshape(n, 10).T.astype(np.float32)
    first, last, last_code = kinds[ends - length], kinds[ends - 1], codes[ends - 1]
    ideographs = per_kind[9]
    words = per_kind[4] + 1 + ideographs * 0.5
    per_kind[1] += ideographs
    sentences = per_kind[6] + per_kind[5] * 0.25
    lines = np.bincount(np.searchsorted(ends, np.flatnonzero(codes == 10), "right"), minlength=n)
    numbers = np.empty((len(NAMES), n), np.float32)
    numbers[:5] = length, words, sentences, words / (1 + per_kind[6]), lines
    numbers[5] = np.minimum(length / words, 20)
    numbers[6:14] = per_kind[1:9] / length
    numbers[14] = (last == 6) | (last == 7) | (last_code == ord(")"))
    numbers[15] = (last_code == ord(":")) | (last_code == 0xFF1A)
    numbers[16] = last == 5
    for row, kind in enumerate((2, 1, 3, 7), 17):
        numbers[row] = first == kind
    return length, words, sentences, numbers
