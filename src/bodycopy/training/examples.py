"""Pages → examples: what each block is, as far as the corpora tell.

Texts are aligned word by word (longest common subsequence), so it does not matter how a corpus cuts its blocks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed

from bodycopy.context import Structure
from bodycopy.document import segment
from bodycopy.features import GROUPS, features, token_rows
from bodycopy.lines import Lines
from bodycopy.model import LABELS
from bodycopy.shape import NAMES as SHAPE
from bodycopy.tokens import BUCKETS, Floats
from bodycopy.training.corpora import WORD, Source, digest

UNKNOWN = -1
WORDS = SHAPE.index("words")  # the column with the logarithm of a block's length


@dataclass(slots=True)
class Example:
    """A page as the model trains on it. ``labels`` are places in LABELS, ``core`` is 0 or 1; UNKNOWN where untold."""

    corpus: str
    id: str
    site: str
    type: str
    body: str | None
    by_hand: bool
    texts: list[str]
    labels: npt.NDArray[np.int8]
    core: npt.NDArray[np.int8]
    numbers: Floats
    structure: Structure
    tokens: sp.csr_matrix  # (blocks, rows of the token table)
    lines: Lines | None = None  # of plain text, where the blocks stand


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
    from rapidfuzz.distance import LCSseq

    pairs: list[tuple[int, int]] = []
    for op in LCSseq.opcodes(a, b):
        if op.tag == "equal":
            pairs += zip(range(op.src_start, op.src_end), range(op.dest_start, op.dest_end), strict=True)
    return pairs


def core_of(texts: list[str], body: str) -> npt.NDArray[np.int8]:
    """Which blocks are in a page's main text: more than half of a block's words must stand there, in order.

    Short blocks match by chance: those of up to four words must match as one piece, and be a line of the main text
    alone or stand beside a longer block that matches.
    """
    words, owner = owned_words(texts)
    lines = [line for line in body.split("\n") if line.strip()]
    body_words, line_of = owned_words(lines)
    total, in_line = Counter(owner), Counter(line_of)
    hits: Counter[int] = Counter()
    span: dict[int, tuple[int, int]] = {}
    for i, j in matches(words, body_words):
        b = owner[i]
        hits[b] += 1
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
    return core


def labels_of(texts: list[str], labelled: list[tuple[str, str]], by_hand: bool) -> npt.NDArray[np.int8]:
    """Labels carried over from blocks that were cut otherwise: by words, or by digests of whole blocks."""
    number = {label: i for i, label in enumerate(LABELS)}
    out = np.full(len(texts), UNKNOWN, np.int8)
    if not by_hand:
        found = SequenceMatcher(None, [digest(t) for t in texts], [d for _, d in labelled], autojunk=False)
        for a, b, size in found.get_matching_blocks():
            out[a : a + size] = [number[label] for label, _ in labelled[b : b + size]]
        return out
    words, owner = owned_words(texts)
    theirs, their_owner = owned_words([text for _, text in labelled])
    votes = [Counter[int]() for _ in texts]
    for i, j in matches(words, theirs):
        votes[owner[i]][number[labelled[their_owner[j]][0]]] += 1
    for b, vote in enumerate(votes):
        if vote:
            out[b] = vote.most_common(1)[0][0]
    return out


def example(source: Source) -> Example | None:
    """One page, or None where it has no text or nothing is known of it."""
    cut = segment(source.html)
    if not cut.texts or (source.body is None and source.labels is None):
        return None
    n = len(cut.texts)
    f = features(cut)
    blocks, columns, values = token_rows(f)
    unknown = np.full(n, UNKNOWN, np.int8)
    return Example(
        source.corpus,
        source.id,
        source.site,
        source.type,
        source.body,
        source.by_hand,
        cut.texts,
        labels_of(cut.texts, source.labels, source.by_hand) if source.labels else unknown,
        core_of(cut.texts, source.body) if source.body else unknown,
        f.numbers,
        f.structure,
        sp.csr_matrix((values, (blocks.astype(np.int32), columns.astype(np.int32))), (n, BUCKETS * len(GROUPS))),
    )


def examples(sources: list[Source], jobs: int = 1) -> list[Example]:
    """All pages of which something is known."""
    made = Parallel(n_jobs=jobs, batch_size=16)(delayed(example)(s) for s in sources)
    return [e for e in made if e is not None]
