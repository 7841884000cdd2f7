"""Blocks of plain text → features: what the text model knows of a block. It sees words, shape and order only.

The same two kinds of evidence as for HTML: *tokens*, hashed words for the linear stage, and *numbers*, the columns of
``NAMES``. Shape stands in for markup: bullets, blank lines, runs of short blocks, headings by their looks. And so does
the subject: how many of a block's words come up in the long blocks elsewhere in the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bodycopy.context import Structure, heading_above, long_around
from bodycopy.lines import BULLET, Lines
from bodycopy.shape import NAMES as SHAPE
from bodycopy.shape import shape
from bodycopy.tokens import IN_TEXT, Floats, Ints, Ragged, averaged, excerpts, phrase_buckets, words

VERSION = 1  # of everything in this module and of `lines`: a model of another version is refused

GROUPS = ("text",)
NEAR = 5  # blocks to either side that make up a neighbourhood
LEAD_IN = re.compile(r"\W*\w[^:.!?]{0,24}[:：]\s*\S")  # "See also: ..."
LINKED = re.compile(r"\]\(|://|@\w+\.\w|\bwww\.")  # Markdown's links, addresses
ENDS_SENTENCE, STARTS_UPPER = SHAPE.index("ends_sentence"), SHAPE.index("starts_upper")

TRAITS = ("long", "ends_sentence", "bullet", "length", "blank_before", "subject")
BOXES = ("near", "run", "section", "together")
NAMES = (
    *SHAPE,
    *("bullet", "heading_mark", "quote_mark", "bar", "linked", "lead_in", "blank_before", "blank_after", "heading"),
    *("repeats", "seen", "subject", "in_headline", "of_headline"),
    *("index", "index_from_end", "long_before", "long_after", "to_long_before", "to_long_after"),
    *("place", "mass_before", "share_of_longest"),
    *("page_blocks", "page_mass", "page_longest", "page_long", "page_blanks", "page_bullets"),
    *(f"{what}_{box}" for box in BOXES for what in ("blocks", "mass", "long", "place")),
)
OF_TRAITS = [NAMES.index(n) for n in ("words", "sentences", "ends_sentence", "bullet", "blank_before", "subject")]


@dataclass(slots=True)
class LineFeatures:
    numbers: Floats  # (blocks, len(NAMES))
    text: Ragged  # token buckets by block
    structure: Structure


def line_features(lines: Lines) -> LineFeatures:
    """The features of all blocks of a text that has at least one."""
    texts = lines.texts()
    n = len(texts)
    index = np.arange(n)
    looks = shape(texts)
    length, ends_sentence = looks.words, looks.numbers[ENDS_SENTENCE] > 0
    is_long = (length >= 20) & (looks.sentences >= 1)
    numbers = [*looks.numbers]

    # Marks, and the blank lines around.
    initial = [t[0] for t in texts]
    bullet = np.array([BULLET.match(t) is not None for t in texts])
    spans = lines.spans
    breaks = np.array([lines.text.count("\n", a[1], b[0]) for a, b in pairwise(spans)], np.int64)
    blank = np.concatenate(([2], breaks, [2])) - 1
    heading = ~ends_sentence & (length <= 14) & ~bullet
    heading[:-1] &= (length[1:] > length[:-1]) | bullet[1:]
    numbers += [
        bullet,
        np.array([c == "#" for c in initial]),
        np.array([c == ">" for c in initial]),
        np.array(["|" in t for t in texts]),
        np.array([LINKED.search(t) is not None for t in texts]),
        np.array([LEAD_IN.match(t) is not None for t in texts]),
        np.clip(blank[:-1], 0, 3),
        np.clip(blank[1:], 0, 3),
        heading,
    ]

    # Words that come up elsewhere: at all, and in a few blocks only, as those of the subject do.
    word_ids = words(excerpts(texts), IN_TEXT)
    counts = word_ids.counts()
    owner = np.repeat(index, counts)
    different, word = np.unique(word_ids.ids, return_inverse=True)
    pairs = np.unique(word * n + owner)
    of_pair = pairs % n
    in_long = np.bincount((pairs // n)[is_long[of_pair]], minlength=len(different))[word] - is_long[owner]
    seen = np.bincount(owner[in_long > 0], minlength=n) / np.maximum(counts, 1)
    telling = (in_long > 0) & (in_long <= max(1, 0.3 * is_long.sum()))
    subject = np.bincount(owner[telling], minlength=n) / np.maximum(counts, 1)
    top = int(np.argmax(length[:3] < 30))
    of_top = np.isin(word_ids.ids, word_ids.ids[word_ids.starts[top] : word_ids.starts[top + 1]])
    hits = np.bincount(owner[of_top], minlength=n)
    times = Counter(texts)
    numbers += [
        np.log([times[t] for t in texts]),
        seen,
        subject,
        hits / np.maximum(counts, 1),
        np.minimum(hits / max(1, counts[top]), 1),
    ]

    # The place in the text.
    total, longest = max(1.0, float(length.sum())), float(length.max())
    numbers += [
        *np.log1p((index, n - index, *long_around(is_long))),
        index / n,
        (np.cumsum(length) - length) / total,
        length / longest,
    ]
    whole = (np.log1p(n), np.log1p(total), np.log1p(longest), is_long.mean(), (blank > 0).mean(), bullet.mean())
    numbers += [np.full(n, value) for value in whole]

    sums = np.zeros((2, n + 1))
    np.cumsum((length, is_long), axis=1, out=sums[:, 1:])
    boxes = np.array(
        [
            (np.maximum(index - NEAR, 0), np.minimum(index + NEAR + 1, n)),
            runs(is_long[1:] != is_long[:-1]),
            runs(heading[1:]),
            runs(blank[1:-1] > 0),
        ]
    )
    for a, z in boxes:
        inside = sums[:, z] - sums[:, a]
        numbers += [*np.log1p((z - a, *inside)), (index - a) / (z - a)]

    size = np.minimum(np.log2(length), 6).astype(np.int64)
    kind = size + 8 * ends_sentence + 16 * bullet + 32 * (looks.numbers[STARTS_UPPER] > 0)
    alike = np.unique(kind, return_inverse=True)[1]
    columns = np.ascontiguousarray(np.array(numbers, np.float32).T)
    return LineFeatures(columns, phrase_buckets(word_ids), structure_of(columns, boxes, alike, heading_above(heading)))


def structure_of(numbers: Floats, boxes: Ints, alike: Ints, heading: Ints) -> Structure:
    """The structure of a text, what can be had from its numbers, shape (blocks, len(NAMES)), filled in."""
    words, sentences, ends_sentence, bullet, blank, subject = numbers[:, OF_TRAITS].T
    # The bounds lie below whole numbers, for numbers may be rounded: 20 words, 1 sentence.
    is_long = (words >= np.log1p(19.75)) & (sentences >= np.log1p(0.98))
    traits = (is_long, ends_sentence, bullet, words / 8, np.minimum(blank, 2) / 2, subject)
    return Structure(boxes, alike, np.expm1(words), np.array(traits, np.float32).T, heading)


def runs(begins: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """The first and the last (exclusive) of the run that each of some items is in; ``begins`` tells it of all but the
    first item.
    """
    number = np.concatenate(([0], np.cumsum(begins)))
    edges = np.concatenate(([0], np.flatnonzero(begins) + 1, [len(number)]))
    return edges[number], edges[number + 1]


def linear_scores(f: LineFeatures, tables: Sequence[Floats]) -> Floats:
    """What the linear stage makes of the tokens: shape (blocks, outputs)."""
    return averaged(f.text.sums(tables[0]), f.text.counts())


def tables_of(table: Floats) -> list[Floats]:
    return [table]


def token_rows(f: LineFeatures) -> tuple[Ints, Ints, Floats]:
    """The same tokens as a sparse matrix for training: block numbers, buckets and values, one entry a token."""
    return f.text.owners(), f.text.ids, f.text.weights()
