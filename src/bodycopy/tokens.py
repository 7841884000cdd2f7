"""Strings → tokens: the words of texts and of markup, hashed into buckets, all of a page at once.

A token has no name, only a bucket: 16 bits of a hash ("the hashing trick", Weinberger et al., 2009, "Feature hashing
for large scale multitask learning").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bodycopy.compiled import loops

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

BUCKETS = 1 << 16  # rows of the token table for each group
MARK = "\x01"  # parts texts
HEAD, TAIL = 120, 60  # characters of a text whose words are read

# Classes of characters, by code point: 0 other, then the rows below.
CHARACTERS = (
    "lower",
    "upper",
    "digit",
    "space",
    "comma",
    "stop",
    "quote",
    "mark",
)  # and ideographs, which count as lower


CASED = (*range(0x20, 0x250), *range(0x370, 0x530), *range(0x1E00, 0x1F00))


def character_table() -> npt.NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    for code in CASED:
        c = chr(code)
        table[code] = 1 if c.islower() else 2 if c.isupper() else 3 if c.isdigit() else 0
    table[0x300:0x370] = 1  # accents that stand alone
    table[0x530:0x1E00] = 1  # scripts without case
    table[0x1F00:0x2000] = 1
    table[0x2C00:0x2E00] = 1
    table[0x3040:0xD7B0] = 9
    table[0x0E00:0x0E80] = 9
    for row, characters in (
        (4, " \n\t\u00a0"),
        (5, ",;،、，؛"),
        (6, ".!?…。！？؟।"),
        (7, "\"'«»„“”‘’‹›「」『』"),
        (8, "|/›»>·•#@&+©®™*→:-–—"),
    ):
        for c in characters:
            table[ord(c)] = row
    return table


CHARACTER = character_table()
UPPER, IDEOGRAPH = 2, 9


@dataclass(slots=True)
class Letters:
    """The characters that words are made of, by code point: their class, and what stands for them in a hash; else 0.

    What stands for a letter is its lower case, for all digits the same.
    """

    kinds: npt.NDArray[np.uint8]
    folded: npt.NDArray[np.uint64]
    capitals_begin: bool  # whether a word also begins at a capital; such words count from two letters


def letters(classes: list[int], also: str = "", capitals_begin: bool = False) -> Letters:
    kinds = np.where(np.isin(CHARACTER, classes), CHARACTER, 0).astype(np.uint8)
    kinds[[ord(c) for c in also]] = 1
    folded = np.arange(0x10000, dtype=np.uint64)
    for code in CASED:
        folded[code] = ord("0") if CHARACTER[code] == 3 else ord(chr(code).lower()[0])
    folded[kinds == 0] = 0
    return Letters(kinds, folded, capitals_begin)


IN_TEXT = letters([1, 2, 3, 9])
IN_MARKUP = letters([1, 2], also="<", capitals_begin=True)

# Salts keep the same word apart in different roles.
SALT = {"word": 1, "pair": 0x9E3779B1, "first": 0x85EBCA6B, "phrase": 0xC2B2AE35, "target": 0x27D4EB2F}


def buckets(salted: Ints) -> Ints:
    """Hashes, multiplied by the salts of their roles, brought into buckets."""
    mixed = salted & 0xFFFFFFFF
    return (mixed ^ (mixed >> 15)) & (BUCKETS - 1)


def integers(values: list[int]) -> Ints:
    """Some integers as an array."""
    return loops.integers(values) if loops else np.array(values, np.int64)


@dataclass(slots=True)
class Ragged:
    """Token buckets of many items in one array: item i holds ``ids[starts[i]:starts[i + 1]]``."""

    ids: Ints
    starts: Ints

    def sums(self, table: Floats) -> Floats:
        """The sum of each item's rows of ``table``: shape (items, columns)."""
        if loops:
            return loops.sums(self.ids, self.starts, table)
        n = len(self.starts) - 1
        out = np.zeros((n, table.shape[1]), np.float32)
        filled = np.flatnonzero(self.starts[1:] > self.starts[:-1])
        if len(filled):
            out[filled] = np.add.reduceat(table.take(self.ids, 0), self.starts[filled], axis=0)
        return out

    def counts(self) -> Ints:
        return self.starts[1:] - self.starts[:-1]

    def owners(self) -> Ints:
        """The item that each token belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), self.counts())

    def weights(self) -> Floats:
        """What each token weighs in its item's average (see `averaged`)."""
        counts = self.counts()
        return np.repeat((1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32), counts)

    def hits(self, among: Ints) -> Ints:
        """How many tokens of each item are among some few others."""
        if loops:
            return loops.hits(self.ids, self.starts, among)
        found = (self.ids == among[:, None]).any(0)
        return np.bincount(self.owners()[found], minlength=len(self.starts) - 1)

    def split(self, n: int) -> tuple[Ragged, Ragged]:
        """The first ``n`` items, and the rest."""
        at = self.starts[n]
        return Ragged(self.ids[:at], self.starts[: n + 1]), Ragged(self.ids[at:], self.starts[n:] - at)

    def sorted(self) -> Ragged:
        """The same items, each in ascending order: what a bag of tokens is, whatever their order was."""
        return Ragged(self.ids[np.lexsort((self.ids, self.owners()))], self.starts)

    def take(self, items: Ints) -> Ragged:
        """Some of the items, in that order."""
        counts = self.counts()[items]
        starts = np.zeros(len(items) + 1, np.int64)
        np.cumsum(counts, out=starts[1:])
        places = np.arange(starts[-1]) + np.repeat(self.starts[items] - starts[:-1], counts)
        return Ragged(self.ids[places], starts)

    def bucketed(self, role: str) -> Ragged:
        """Hashes brought into buckets."""
        if loops:
            return Ragged(loops.bucketed(self.ids, SALT[role]), self.starts)
        return Ragged(buckets(self.ids * SALT[role]), self.starts)


class Powers:
    """The first powers of an odd number and of its inverse, modulo 2**64."""

    BASE = 0x9E3779B97F4A7C15

    def __init__(self, count: int):
        inverse = pow(self.BASE, -1, 1 << 64)
        self.up = np.cumprod(np.full(count, self.BASE, np.uint64))
        self.down = np.cumprod(np.full(count, inverse, np.uint64))


POWERS = Powers(1 << 15)


def in_one(texts: list[str]) -> str:
    """Some texts in one, with a mark behind each, and no other."""
    whole = MARK.join([*texts, ""])
    if whole.count(MARK) != len(texts):
        whole = MARK.join([*(t.replace(MARK, " ") for t in texts), ""])
    return whole


def marked(texts: list[str]) -> tuple[Ints, Ints]:
    """Some texts in one, as code points, with a mark behind each, and where the marks stand."""
    codes = np.frombuffer(in_one(texts).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    return codes, np.flatnonzero(codes == 1)


def words(texts: list[str], letters: Letters) -> Ragged:
    """Hashes of the words in some texts, 32 bits each. Of scripts without spaces each character is a word.

    A hash is polynomial (Karp and Rabin, 1987), so that those of all words come out of two passes over the characters.
    """
    if loops:
        return Ragged(*loops.words(texts, letters.kinds, letters.folded, letters.capitals_begin, Powers.BASE))
    codes, ends = marked(texts)
    kinds = letters.kinds.take(codes, mode="clip")
    inside = kinds > 0
    values = letters.folded.take(codes, mode="clip")
    # The last character is a mark: the arrays' ends need no care.
    begins = inside.copy()
    if letters.capitals_begin:
        begins[1:] &= ~inside[:-1] | ((kinds[1:] == UPPER) & (kinds[:-1] != UPPER))
        single = np.flatnonzero(begins[:-1] & ~inside[1:])
        begins[single] = False
        values[single] = 0
    else:
        begins[1:] &= ~inside[:-1]
        if (alone := kinds == IDEOGRAPH).any():
            begins[1:] |= inside[1:] & (alone[1:] | alone[:-1])
    at = np.flatnonzero(begins)
    starts = np.zeros(len(ends) + 1, np.int64)
    starts[1:] = np.searchsorted(at, ends)
    if not len(at):
        return Ragged(at, starts)
    powers = POWERS if len(codes) <= len(POWERS.up) else Powers(len(codes))
    values *= powers.up[: len(codes)]
    hashes = np.add.reduceat(values, at) * powers.down[at]
    return Ragged((hashes * np.uint64(Powers.BASE) >> np.uint64(32)).astype(np.int64), starts)


def excerpts(texts: list[str]) -> list[str]:
    """The part of each text whose words are read: the beginning and the end of a long one."""
    return [t if len(t) <= HEAD + TAIL else f"{t[:HEAD]} {t[-TAIL:]}" for t in texts]


def averaged(sums: Floats, counts: Ints | Floats) -> Floats:
    """Sums over tokens, divided by the root of their number: so a long block is no surer than its words are."""
    roots: Floats = np.sqrt(np.maximum(counts, 1), dtype=np.float32)
    return sums / roots[:, None]


def phrase_buckets(words: Ragged) -> Ragged:
    """Words, pairs of words, the first word and, of blocks of up to 6 words, the whole as one."""
    if loops:
        salts = (SALT[role] for role in ("word", "pair", "first", "phrase"))
        return Ragged(*loops.phrase_buckets(words.ids, words.starts, *salts))
    n_blocks = len(words.starts) - 1
    counts = words.counts()
    owner = words.owners()
    place = np.arange(len(words.ids)) - words.starts[:-1][owner]
    ids = words.ids
    pairs = np.flatnonzero((place > 0) & (place < 16))
    firsts = words.starts[:-1][counts > 0]
    short = (counts > 0) & (counts <= 6)
    in_short = short[owner]
    phrase = np.zeros(n_blocks, np.int64)
    # float64 sums of the weighted hashes would round: bincount is exact below 2**53.
    phrase += np.bincount(owner[in_short], ((ids * (2 * place + 3)) & 0xFFFFFFFF)[in_short], n_blocks).astype(np.int64)
    whole = np.flatnonzero(short)
    owners = np.concatenate((owner, owner[pairs], owner[firsts], whole))
    salted = np.concatenate(
        (
            ids * SALT["word"],
            ((ids[pairs] + 31 * ids[pairs - 1]) & 0xFFFFFFFF) * SALT["pair"],
            ids[firsts] * SALT["first"],
            (phrase[whole] & 0xFFFFFFFF) * SALT["phrase"],
        )
    )
    order = np.argsort(owners, kind="stable")
    starts = np.zeros(n_blocks + 1, np.int64)
    np.cumsum(np.bincount(owners, minlength=n_blocks), out=starts[1:])
    return Ragged(buckets(salted[order]), starts)
