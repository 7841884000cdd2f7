"""Scores → decisions: what the scores of all blocks say of each, and the body score from which a block is kept."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from bodycopy.blocks import Segments
from bodycopy.model import LABELS
from bodycopy.tokens import Floats

LOWEST_CUT, HIGHEST_CUT = 0.1, 0.5
LOWEST_TEXT_CUT, HIGHEST_TEXT_CUT, JUNK_SHARE = 0.003, 0.25, 0.065
# What the odds of body are multiplied by before, within and behind the running text.
BEFORE, WITHIN, BEHIND = 0.7, 1.15, 0.13
SURE, ENCLOSED = 0.8, 0.42  # from such a score for body on, a block amid running text has at least that core score
# A text of so many words that stands in two or three parts of a page was written once. What stands there more often, or
# twice in one part, is repeated by the text itself.
COPIED_WORDS, COPIES = 5, 3
COPY = 0.1  # what the core score of the copy is multiplied by

Twins = Sequence[tuple[int, int]]  # pairs of blocks with the same text


def twins(page: Segments, words: Floats) -> Twins:
    """Pairs of blocks, the first first, that have one text in two parts of a page; ``words`` is how long each block is.

    Pages hold a text twice for narrow and wide screens, closed and open, as quote and original. Two parts are such that
    neither block's container but two holds the other block, or that one is hidden and the other is not.
    """
    first, last, parent, hidden = page.node_first, page.node_last, page.node_parent, page.hidden
    places: defaultdict[str, list[int]] = defaultdict(list)
    for i in np.flatnonzero(words >= COPIED_WORDS).tolist():
        places[page.texts[i]].append(i)

    def alone(i: int, j: int) -> bool:
        node = page.node[i]
        for _ in range(2):
            node = parent[node] if parent[node] >= 0 else node
        return not first[node] <= j < last[node]

    return [
        (i, j)
        for group in places.values()
        if 1 < len(group) <= COPIES
        for i, j in combinations(group, 2)
        if (alone(i, j) and alone(j, i)) or (hidden[i] > 0) != (hidden[j] > 0)
    ]


def placed(scores: Floats, copied: Twins = ()) -> Floats:
    """The scores of a page's blocks, shape (blocks, 5), with what their place among the others says.

    A network judges each block by the evidence around it, but does not see its verdicts on the others. These tell where
    the page's running text begins and ends: it goes from the first to the last block whose core score is at least a
    half. What comes before it is less likely body, what stands in it likelier, and what comes behind it hardly is.
    What stands in it and is surely body mostly belongs to the core, too, though corpora differ about it: it is kept
    where the model is unsure of the page, and so the cut low (see `best_cut`).

    Of blocks that are ``copied`` (see `twins`), the later ones lose most of their core score or, where theirs is higher
    together, the earlier ones: on a page one or the other, so that the text stays in order.
    """
    scores = scores.copy()
    labels, core = scores[:, : len(LABELS)], scores[:, len(LABELS)]
    running = np.flatnonzero(core >= HIGHEST_CUT)
    if len(running):
        first, end = running[0], running[-1] + 1
        labels[:first, 0] *= BEFORE
        labels[first:end, 0] *= WITHIN
        labels[end:, 0] *= BEHIND
        labels /= labels.sum(1, keepdims=True)
        within = core[first:end]
        np.maximum(within, ENCLOSED, out=within, where=labels[first:end, 0] >= SURE)
    if copied:
        earlier, later = np.array(copied).T
        core[later if core[earlier].sum() >= core[later].sum() else earlier] *= COPY
    return scores


def best_cut(core: Floats, words: Floats) -> float:
    """The threshold on a page's core scores that promises the highest word F1.

    If the scores are probabilities, keeping the k surest blocks has an expected F1 of about
    2 * sum(core * words over those k) / (words in those k + sum(core * words over all)); the k with the highest wins
    (Lipton, Elkan and Naryanaswamy, 2014, "Optimal thresholding of classifiers to maximize F1 measure"). The cut is low
    where the model is unsure of a page, and never above a half.
    """
    order = np.argsort(-core)
    hits = np.cumsum((core * words)[order], dtype=np.float64)
    expected = 2 * hits / (np.cumsum(words[order], dtype=np.float64) + hits[-1])
    return min(max(float(core[order[np.argmax(expected)]]), LOWEST_CUT), HIGHEST_CUT)


def text_cut(core: Floats) -> float:
    """The threshold on the core scores of a plain text, shape (blocks,): the cleaner the text, the higher.

    Body is to be kept, whatever the extractor: the constants are such that nearly all of it is in the text of each of
    those that were tried. Of a whole page's text they keep less of it than of an extracted article, for there is much
    more to remove.
    """
    junk = 1 - float(core.mean())
    return LOWEST_TEXT_CUT + (HIGHEST_TEXT_CUT - LOWEST_TEXT_CUT) * math.exp(-junk / JUNK_SHARE)
