"""Texts that were cut in two ways → which block of one is which of the other.

Texts are aligned word by word (longest common subsequence), so it does not matter how a corpus cuts its blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

from bodycopy.model import LABELS
from bodycopy.training.corpora import WORD, Labelled, digest

UNKNOWN = -1
NUMBER = {label: i for i, label in enumerate(LABELS)} | {"": UNKNOWN}


def owned_words(texts: list[str]) -> tuple[list[str], list[int]]:
    """The words of all texts, and the number of the text that each came from."""
    words: list[str] = []
    owners: list[int] = []
    for i, text in enumerate(texts):
        found = WORD.findall(text.lower())
        words += found
        owners += [i] * len(found)
    return words, owners


def matches(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Pairs of places where two lists of words agree, on a longest common subsequence."""
    try:
        from rapidfuzz.distance import LCSseq
    except ImportError as error:
        raise ImportError("aligning texts needs rapidfuzz: pip install 'bodycopy[train]'") from error

    pairs: list[tuple[int, int]] = []
    for op in LCSseq.opcodes(a, b):
        if op.tag == "equal":
            pairs += zip(range(op.src_start, op.src_end), range(op.dest_start, op.dest_end), strict=True)
    return pairs


def core_of(texts: list[str], body: str) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    """Which blocks are in a page's main text: more than half of a block's words must stand there, in order.

    Also gives the number of words of each block that are there, each word of the main text counted once: those that
    stand there in order, then, from the blocks that do so the most, those that stand there anyhow.

    Short blocks match by chance: those of up to four words must match as one piece, and be a line of the main text
    alone or stand beside a longer block that matches.
    """
    words, owner = owned_words(texts)
    lines = [line for line in body.split("\n") if line.strip()]
    body_words, line_of = owned_words(lines)
    total, in_line = Counter(owner), Counter(line_of)
    hits: Counter[int] = Counter()
    rest, left = Counter(body_words), [Counter[str]() for _ in texts]
    for word, b in zip(words, owner, strict=True):
        left[b][word] += 1
    span: dict[int, tuple[int, int]] = {}
    for i, j in matches(words, body_words):
        b = owner[i]
        hits[b] += 1
        rest[words[i]] -= 1
        left[b][words[i]] -= 1
        lo, hi = span.get(b, (j, j))
        span[b] = (min(lo, j), max(hi, j))

    def long_match(b: int) -> bool:
        return total[b] > 4 and hits[b] > 0.7 * total[b]

    core = np.full(len(texts), UNKNOWN, np.int8)
    for b in range(len(texts)):
        if not total[b]:
            continue
        core[b] = hits[b] > total[b] / 2
        if core[b] and total[b] <= 4:
            lo, hi = span[b]
            alone = sum(in_line[line] for line in {line_of[lo], line_of[hi]}) <= total[b] + 2
            beside = any(long_match(k) and span[k][0] <= hi + 3 and span[k][1] >= lo - 3 for k in (b - 1, b + 1))
            core[b] = hi - lo < total[b] + 1 and (alone or beside)
    found = np.array([hits[b] for b in range(len(texts))], np.int32)
    for b in sorted(range(len(texts)), key=lambda b: -hits[b] / max(1, total[b])):
        if also := rest & left[b]:
            rest -= also
            found[b] += also.total()
    return core, found


def labels_of(texts: list[str], labelled: Sequence[tuple[str, str]]) -> npt.NDArray[np.int8]:
    """Labels carried over, word by word, from texts that were cut otherwise: (label, text) pairs."""
    out = np.full(len(texts), UNKNOWN, np.int8)
    words, owner = owned_words(texts)
    theirs, their_owner = owned_words([text for _, text in labelled])
    votes = [Counter[int]() for _ in texts]
    for i, j in matches(words, theirs):
        votes[owner[i]][NUMBER[labelled[their_owner[j]][0]]] += 1
    for b, vote in enumerate(votes):
        if vote:
            out[b] = vote.most_common(1)[0][0]
    return out


def located(
    texts: list[str], paths: Sequence[str], labelled: Sequence[Labelled]
) -> tuple[npt.NDArray[np.int8], list[int]]:
    """Labels carried over by the digests of whole blocks and, where a page is cut otherwise by now, by their paths.

    Also gives the numbers of the labelled blocks that are lost: of which nothing is there any more. ``paths`` are those
    of the texts, or none. A labelled block without a path is found by its digest alone.
    """
    out = np.full(len(texts), UNKNOWN, np.int8)
    digits = min((len(b.key) for b in labelled), default=0)
    keys = [b.key[:digits] for b in labelled]
    found = SequenceMatcher(None, [digest(t)[:digits] for t in texts], keys, autojunk=False)
    lost = set(range(len(labelled)))
    kept: set[int] = set()
    matched: set[int] = set()
    for a, b, size in found.get_matching_blocks():
        out[a : a + size] = [NUMBER[block.label] for block in labelled[b : b + size]]
        lost -= set(range(b, b + size))
        matched |= set(range(a, a + size))
    placed = [(j, labelled[j].path) for j in lost if labelled[j].path]
    for i, path in enumerate(paths):
        if i in matched:  # a block that nobody labelled stays without a label
            continue
        near = [j for j, known in placed if known == path] or [
            j for j, known in placed if f"{path}/".startswith(f"{known}/") or known.startswith(f"{path}/")
        ]
        if len(agreed := {labelled[j].label for j in near}) == 1:
            out[i] = NUMBER[agreed.pop()]
            kept.update(near)
    return out, sorted(lost - kept)
