"""Models and labelled pages that they never saw → what each is worth, and which is better.

All figures are over blocks; intervals hold 95% and come from the bootstrap over sites (Efron, 1979, "Bootstrap
methods"; whole sites are drawn, for the pages of a site are alike), or over pages, where there are too few sites. The
result is plain data, ready for JSON.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy.api import kept_blocks, scored
from bodycopy.document import segment
from bodycopy.features import features
from bodycopy.model import LABELS, Model
from bodycopy.training.alignment import UNKNOWN, core_of
from bodycopy.training.corpora import WORD, DataError, Source, digest
from bodycopy.training.examples import fingerprint, known_labels, stored

ROUNDS = 1000  # of the bootstrap
FEW_SITES = 5  # of which fewer are not drawn from: their pages are
BINS = 10  # of the calibration
WORST = 10  # pages that are listed
SHOWN = 3  # blocks shown of each kind of mistake on them
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Scored:
    """A page as one model labels it; only blocks whose label is known."""

    source: Source
    texts: list[str]
    gold: Ints
    given: Ints
    sure: npt.NDArray[np.floating[Any]]  # the probability of the label given
    word_f1: float | None  # of the main text, where it is known

    def confusion(self) -> Ints:
        out = np.zeros((len(LABELS), len(LABELS)), np.int64)
        np.add.at(out, (self.gold, self.given), 1)
        return out


def score_page(source: Source, model: Model) -> Scored:
    """Label a page and set that beside what is known of it."""
    cut = segment(source.html, rich=True)
    if not cut.texts:
        return Scored(source, [], np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), None)
    scores, threshold = scored(cut, model, None)
    known = known_labels(source, cut)
    rows = np.flatnonzero(known != UNKNOWN)
    labels = scores[rows, : len(LABELS)]
    word_f1 = None
    if source.body:
        _, hits = core_of(cut.texts, source.body)
        kept = kept_blocks(scores, ("body",), threshold)
        words = sum(len(WORD.findall(cut.texts[i])) for i in kept) + len(WORD.findall(source.body))
        word_f1 = float(2 * hits[kept].sum() / max(1, words))
    texts = [cut.texts[i] for i in rows]
    return Scored(source, texts, known[rows].astype(np.int64), labels.argmax(1), labels.max(1), word_f1)


def seen(sources: Sequence[Source], model: Model, sites_too: bool = True) -> list[Source]:
    """The pages whose text or, with ``sites_too``, whose site a model was trained on, as far as its card tells."""
    sites, texts = (set(model.card.get(name, ())) for name in ("sites", "texts"))
    found = []
    for source in sources:
        if sites_too and digest(source.site) in sites:
            found.append(source)
            continue
        cut = segment(source.html)
        if cut.texts and fingerprint(stored(features(cut))) in texts:
            found.append(source)
    return found


def compare(sources: Sequence[Source], models: dict[str, Model], seed: int = 0) -> dict[str, Any]:
    """What each model, by its name, is worth on labelled pages, and against the first. Raises DataError without any."""
    labelled = [s for s in sources if s.labels is not None]
    if not labelled:
        raise DataError("no page is labelled: there is nothing to evaluate on")
    scored_by = {name: [score_page(s, model) for s in labelled] for name, model in models.items()}
    pages = next(iter(scored_by.values()))
    if not any(len(page.gold) for page in pages):
        raise DataError("no labelled block was found in its page: the labels are of other pages; take those of these")
    sites = sorted({s.site for s in labelled})
    units = [sites.index(s.site) for s in labelled] if len(sites) >= FEW_SITES else range(len(labelled))
    of_unit = np.array(units)
    number = int(of_unit.max()) + 1
    draws = np.random.RandomState(seed).multinomial(number, np.full(number, 1 / number), ROUNDS)
    first = next(iter(models))
    return {
        "data": {
            "pages": len(pages),
            "sites": len(sites),
            "blocks": {label: sum(int((p.gold == i).sum()) for p in pages) for i, label in enumerate(LABELS)},
        },
        "models": {name: worth(found, of_unit, draws) for name, found in scored_by.items()},
        "paired": {
            name: paired(scored_by[first], found, of_unit, draws) for name, found in scored_by.items() if name != first
        },
    }


def by_unit(pages: Sequence[Scored], of_unit: Ints) -> Ints:
    """The confusion of each site or page: shape (units, gold, given)."""
    out = np.zeros((of_unit.max() + 1, len(LABELS), len(LABELS)), np.int64)
    for page, unit in zip(pages, of_unit, strict=True):
        out[unit] += page.confusion()
    return out


def f1_of(confusion: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """F1 by label, of any number of confusions: shape (..., labels)."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return 2 * hits / np.maximum(confusion.sum(-1) + confusion.sum(-2), 1)


def f1_drawn(draws: Ints, units: Ints) -> npt.NDArray[np.float64]:
    """F1 by label of each draw that has blocks, NaN where it has none of a label: shape (draws, labels).

    Which draws these are is the same for all models.
    """
    drawn = np.tensordot(draws, units, 1)
    known = there(drawn)
    return np.where(known, f1_of(drawn), np.nan)[known.any(1)]


def interval(values: npt.NDArray[Any]) -> list[float]:
    """Where most of the values lie that are numbers; [0, 0] if none is."""
    known = values[~np.isnan(values)]
    return [round(float(x), 4) for x in np.percentile(known, (2.5, 97.5))] if len(known) else [0.0, 0.0]


def there(confusion: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which labels there are blocks of; the mean F1 is over these."""
    return confusion.sum(-1) > 0


def worth(pages: Sequence[Scored], of_unit: Ints, draws: Ints) -> dict[str, Any]:
    """All figures of one model."""
    units = by_unit(pages, of_unit)
    confusion = units.sum(0)
    f1, drawn = f1_of(confusion), f1_drawn(draws, units)
    golds, givens = confusion.sum(1), confusion.sum(0)
    known = there(confusion)
    told = {
        label: {
            "blocks": int(golds[i]),
            "precision": round(float(confusion[i, i] / max(1, givens[i])), 4),
            "recall": round(float(confusion[i, i] / max(1, golds[i])), 4),
            "f1": round(float(f1[i]), 4),
            "interval": interval(drawn[:, i]),
            "labelled_body": round(float(confusion[i, 0] / max(1, golds[i])), 4),
        }
        for i, label in enumerate(LABELS)
    }
    return {
        "labels": told,
        "macro_f1": round(float(f1[known].mean()), 4),
        "macro_f1_interval": interval(np.nanmean(drawn, 1)),
        "accuracy": round(float(np.trace(confusion) / max(1, confusion.sum())), 4),
        "confusion": confusion.tolist(),
        "calibration": calibration(pages),
        "by_type": grouped(pages, [p.source.type or "unknown" for p in pages]),
        "by_site": grouped(pages, [p.source.site for p in pages]),
        "worst": worst(pages),
    }


def calibration(pages: Sequence[Scored]) -> dict[str, Any]:
    """How often a label is right that is given with some probability, by that probability, and the mean of how far
    these lie apart: the expected calibration error (Naeini, Cooper and Hauskrecht, 2015).
    """
    sure = np.concatenate([p.sure for p in pages])
    right = np.concatenate([p.gold == p.given for p in pages])
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.digitize(sure, edges) - 1, 0, BINS - 1)
    bins, error = [], 0.0
    for i, (low, high) in enumerate(pairwise(edges)):
        inside = place == i
        if inside.any():
            mean, share = float(sure[inside].mean()), float(right[inside].mean())
            error += abs(mean - share) * inside.sum() / len(sure)
            told = {"from": low, "to": high, "blocks": int(inside.sum()), "sure": mean, "right": share}
            bins.append({name: round(value, 4) for name, value in told.items()})
    return {"bins": bins, "error": round(error, 4)}


def grouped(pages: Sequence[Scored], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Figures by group of pages."""
    groups: dict[str, list[Scored]] = defaultdict(list)
    for name, page in zip(names, pages, strict=True):
        groups[name].append(page)
    out = {}
    for name, some in sorted(groups.items()):
        confusion = np.sum([p.confusion() for p in some], axis=0)
        known = there(confusion)
        out[name] = {
            "pages": len(some),
            "blocks": int(confusion.sum()),
            "accuracy": round(float(np.trace(confusion) / max(1, confusion.sum())), 4),
            "macro_f1": round(float(f1_of(confusion)[known].mean()), 4) if known.any() else 0.0,
        }
        if of_text := [p.word_f1 for p in some if p.word_f1 is not None]:
            out[name]["word_f1"] = round(float(np.mean(of_text)), 4)
    return out


def worst(pages: Sequence[Scored]) -> list[dict[str, Any]]:
    """The pages with the largest share of wrong labels, and what went wrong on them."""
    wrong = [(float((p.gold != p.given).mean()), i) for i, p in enumerate(pages) if len(p.gold)]
    out = []
    for share, i in sorted(wrong, key=lambda pair: (-pair[0], pair[1]))[:WORST]:
        page = pages[i]
        mistakes: dict[tuple[int, int], list[str]] = defaultdict(list)
        for gold, given, text in zip(page.gold.tolist(), page.given.tolist(), page.texts, strict=True):
            if gold != given:
                mistakes[gold, given].append(" ".join(text.split())[:80])
        if mistakes:
            told = [
                {"is": LABELS[gold], "labelled": LABELS[given], "blocks": len(texts), "such_as": texts[:SHOWN]}
                for (gold, given), texts in sorted(mistakes.items(), key=lambda item: -len(item[1]))
            ]
            out.append(
                {"page": page.source.id, "site": page.source.site, "wrong": round(share, 4), "mistakes": told}
            )  # fmt: skip
    return out


def paired(a: Sequence[Scored], b: Sequence[Scored], of_unit: Ints, draws: Ints) -> dict[str, Any]:
    """How the second of two models differs from the first on the same blocks: above 0 is better."""
    units = [by_unit(pages, of_unit) for pages in (a, b)]
    known = there(units[0].sum(0))
    means = [f1_of(s.sum(0))[known].mean() for s in units]
    drawn = [np.nanmean(f1_drawn(draws, s), 1) for s in units]
    blocks: Counter[tuple[bool, bool]] = Counter()
    pages: Counter[int] = Counter()
    for x, y in zip(a, b, strict=True):
        first, second = x.gold == x.given, y.gold == y.given
        blocks.update(zip(first.tolist(), second.tolist(), strict=True))
        pages[int(np.sign(int(second.sum()) - int(first.sum())))] += 1
    return {
        "macro_f1_gained": round(float(means[1] - means[0]), 4),
        "interval": interval(drawn[1] - drawn[0]),
        "blocks_mended": blocks[False, True],
        "blocks_broken": blocks[True, False],
        "pages": {"better": pages[1], "same": pages[0], "worse": pages[-1]},
    }
