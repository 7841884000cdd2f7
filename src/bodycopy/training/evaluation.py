"""Scores of predictions on pages that the model was not fitted on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from bodycopy.model import LABELS, best_cut
from bodycopy.tokens import Floats
from bodycopy.training.corpora import WORD
from bodycopy.training.examples import UNKNOWN, WORDS, Example


def word_f1(predicted: str, truth: str) -> float:
    """F1 over the bags of words of two texts, as WCXB scores it."""
    p, t = Counter(WORD.findall(predicted.lower())), Counter(WORD.findall(truth.lower()))
    both = (p & t).total()
    return 2 * both / (p.total() + t.total()) if p or t else 1.0


def main_text(examples: Sequence[Example], scores: Floats) -> dict[str, dict[str, Any]]:
    """Mean word F1 of the main text by corpus, and by page type where a corpus has several."""
    by_type: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    at = 0
    for e in examples:
        core = scores[at : at + len(e.texts), -1]
        at += len(e.texts)
        if e.body:
            cut = best_cut(core, np.expm1(e.numbers[:, WORDS]))
            text = "\n".join(t for t, p in zip(e.texts, core, strict=True) if p >= cut)
            by_type[e.corpus][e.type].append(word_f1(text, e.body))
    out: dict[str, dict[str, Any]] = {}
    for corpus, types in by_type.items():
        scored = [f1 for values in types.values() for f1 in values]
        out[corpus] = {"pages": len(scored), "word_f1": round(float(np.mean(scored)), 4)}
        if len(types) > 1:
            out[corpus]["by_type"] = {t: round(float(np.mean(v)), 4) for t, v in sorted(types.items())}
    return out


def block_labels(examples: Sequence[Example], scores: Floats, page_type: str | None = None) -> dict[str, Any]:
    """F1 of each label over the blocks labelled by hand, their mean, and the confusion, gold by row.

    With ``page_type``, over the pages of that type alone.
    """
    chosen = np.concatenate([(e.labels != UNKNOWN) & (e.by_hand and page_type in (None, e.type)) for e in examples])
    gold = np.concatenate([e.labels for e in examples])[chosen]
    given = scores[chosen, : len(LABELS)].argmax(1)
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
