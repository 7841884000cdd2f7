"""Scores of predictions on pages that the model was not fitted on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy.decide import best_cut
from bodycopy.model import LABELS
from bodycopy.tokens import Floats
from bodycopy.training.alignment import UNKNOWN
from bodycopy.training.corpora import WORD
from bodycopy.training.examples import WORDS, Example


def by_example(examples: Sequence[Example], scores: Floats) -> list[Floats]:
    """The scores of the blocks of each example."""
    return np.split(scores, np.cumsum([len(e) for e in examples])[:-1])


def aligned_f1(kept: npt.NDArray[np.bool_], e: Example) -> float:
    """F1 of the words in the blocks kept, against the page's main text, each word of which counts in one block only.

    That is a little less than `word_f1`, where a text stands in a page twice, but needs no texts.
    """
    return 2 * int(e.hits[kept].sum()) / max(1, int(e.words[kept].sum()) + e.body_words)


def word_f1(kept: npt.NDArray[np.bool_], e: Example) -> float:
    """F1 over the bags of words of the blocks kept and the page's main text, as WCXB scores it."""
    assert e.texts is not None
    assert e.body is not None
    found = Counter(WORD.findall("\n".join(t for t, k in zip(e.texts, kept, strict=True) if k).lower()))
    truth = Counter(WORD.findall(e.body.lower()))
    return 2 * (found & truth).total() / max(1, found.total() + truth.total())


def main_text(
    examples: Sequence[Example],
    scores: Floats,
    f1: Callable[[npt.NDArray[np.bool_], Example], float],
) -> dict[str, dict[str, Any]]:
    """Mean F1 of the main text by corpus, and by page type where a corpus has several."""
    by_type: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for e, core in zip(examples, by_example(examples, scores[:, -1]), strict=True):
        if e.body_words:
            kept = core >= best_cut(core, np.expm1(e.features.numbers[:, WORDS]))
            by_type[e.corpus][e.type].append(f1(kept, e))
    out: dict[str, dict[str, Any]] = {}
    for corpus, types in by_type.items():
        scored = [f1 for values in types.values() for f1 in values]
        out[corpus] = {"pages": len(scored), "word_f1": round(float(np.mean(scored)), 4)}
        if len(types) > 1:
            out[corpus]["by_type"] = {t: round(float(np.mean(v)), 4) for t, v in sorted(types.items())}
    return out


def block_labels(examples: Sequence[Example], scores: Floats) -> dict[str, Any]:
    """F1 of each label over the blocks labelled by hand, their mean, and the confusion, gold by row; of all examples
    and, where there are several, by corpus.
    """
    out: dict[str, Any] = {}
    corpora = sorted({e.corpus for e in examples if e.by_hand})
    for corpus in ("", *corpora) if len(corpora) > 1 else ("",):
        chosen = np.concatenate(
            [(e.labels != UNKNOWN) & (e.by_hand and corpus in ("", e.corpus)) for e in examples]
        )  # fmt: skip
        gold = np.concatenate([e.labels for e in examples])[chosen]
        out[corpus or "all"] = label_scores(gold, scores[chosen, : len(LABELS)].argmax(1))
    return out


def label_scores(gold: npt.NDArray[Any], given: npt.NDArray[Any]) -> dict[str, Any]:
    """F1 of each label, their mean, what share of each is labelled body, and the confusion, gold by row."""
    confusion = np.zeros((len(LABELS), len(LABELS)), int)
    np.add.at(confusion, (gold, given), 1)
    hits, golds, givens = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    f1 = 2 * hits / np.maximum(golds + givens, 1)
    return {
        "blocks": int(confusion.sum()),
        "f1": {label: round(float(f), 4) for label, f in zip(LABELS, f1, strict=True)},
        "macro_f1": round(float(f1.mean()), 4),
        "labelled_body": {label: round(float(confusion[i, 0] / max(1, golds[i])), 4) for i, label in enumerate(LABELS)},
        "confusion": confusion.tolist(),
    }


def line_scores(examples: Sequence[Example], kept: Sequence[npt.NDArray[np.bool_]]) -> dict[str, dict[str, float]]:
    """By extractor, over the texts labelled by hand: the shares of body lines kept, of junk lines removed, and of words
    lost on texts without junk; ``kept`` says of each text which blocks are.
    """
    counts: dict[str, npt.NDArray[np.float64]] = {}
    for e, stays in zip(examples, kept, strict=True):
        if not e.by_hand:
            continue
        body, junk = e.labels == 0, e.labels > 0
        clean = not junk.any()
        counts.setdefault(e.type, np.zeros(6))
        counts[e.type] += [
            int((body & stays).sum()), int(body.sum()), int((junk & ~stays).sum()), int(junk.sum()),
            int(e.words[~stays].sum()) if clean else 0, int(e.words.sum()) if clean else 0,
        ]  # fmt: skip
    names = ("body_kept", "junk_removed", "clean_words_lost")
    return {
        source: {
            name: round(float(part / max(1, whole)), 4)
            for name, part, whole in zip(names, c[::2], c[1::2], strict=True)
        }
        for source, c in sorted(counts.items())
    }
