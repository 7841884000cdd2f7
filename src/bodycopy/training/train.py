"""Data sets → examples → a model with its card: all that `bodycopy train` does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np

import bodycopy
from bodycopy.api import settled
from bodycopy.decide import placed, text_cut
from bodycopy.features import Features, unclaimed, unnamed
from bodycopy.model import HTML, LABELS, Kind, Model, load_model, shipped
from bodycopy.tokens import Floats
from bodycopy.training.alignment import UNKNOWN
from bodycopy.training.corpora import DataError, Source, digest
from bodycopy.training.evaluation import aligned_f1, block_labels, by_example, line_scores, main_text, word_f1
from bodycopy.training.examples import Example, examples, fingerprint
from bodycopy.training.languages import Lines
from bodycopy.training.stacking import Progress, Settings, check_classes, check_folds, fit, fit_without_each, predict
from bodycopy.training.tables import read_table, write_table
from bodycopy.training.texts import TEXT_SETTINGS, read_texts, stock_of, text_examples

THRESHOLDS = (None, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # for text, that the card tells of; None: chosen for each
# Each such page is also learned from as if it said nothing of itself, for many come without their head, or as if its
# classes and ids were a machine's, as they are on more and more sites.
SILENT, NAMELESS = 6, 2
CACHED = 4 << 30  # bytes of features that are kept for the next time


def is_training_data(folder: Path) -> bool:
    """Whether a folder is laid out as ours is, with feature tables."""
    return (folder / "tables").is_dir()


def lines_folder(folders: Iterable[Path]) -> Path | None:
    """The folder with lines in the first of some folders that is training data and has one."""
    found = (folder / "lines" for folder in folders if is_training_data(folder))
    return next((folder for folder in found if folder.is_dir()), None)


def of_kind(known: Iterable[Example], kind: Kind) -> list[Example]:
    return [e for e in known if e.kind is kind]


def read_tables(folder: Path) -> list[Example]:
    """The examples in the tables of a folder with training data. Raises DataError, OSError."""
    paths = sorted((folder / "tables").glob("*.npz"))
    if not paths:
        raise DataError(f"{folder / 'tables'}: no feature tables (NAME.npz) in there")
    return [e for path in paths for e in read_table(path)]


def html_examples(sources: Sequence[Source], jobs: int = 1, cache: Path | None = None) -> list[Example]:
    """The pages of which something is known; ``cache`` is a folder to keep them in for the next time."""
    if cache is None:
        return examples(sources, jobs)
    from joblib import Memory

    memory = Memory(cache, verbose=0)
    memory.reduce_size(CACHED)
    return examples(sources, jobs, memory)


def examples_of_texts(
    sources: Sequence[Source],
    texts: Sequence[Path],
    lines: Path | None,
    teacher: Model | None = None,
    jobs: int = 1,
    seed: int = 0,
) -> list[Example]:
    """What texts were made, and could be made, of some pages, corpus by corpus; ``teacher`` labels unlabelled ones, by
    default the shipped model, whatever model is set for cleaning.
    """
    read = read_texts(texts)
    teacher = teacher or load_model(shipped("html.npz"))
    known: list[Example] = []
    for _, of_corpus in groupby(sources, key=lambda s: s.corpus):
        some = list(of_corpus)
        known += text_examples(some, read, teacher, stock_of(lines, some), jobs, seed)
    return known


def sampled(known: Sequence[Example], share: float, seed: int) -> list[Example]:
    """The examples of a share of the sites."""
    sites = sorted({e.site for e in known})
    kept = set(np.random.RandomState(seed).permutation(sites)[: max(1, round(share * len(sites)))].tolist())
    return [e for e in known if e.site in kept]


def write_tables(folder: Path, known: Sequence[Example]) -> list[Path]:
    """Write one feature table a corpus; gives the files."""
    written = []
    by_corpus: dict[str, dict[str, list[Example]]] = {}
    for e in known:  # the page before its texts, whatever order they come in
        by_corpus.setdefault(e.corpus, {}).setdefault(e.id, []).append(e)
    folder.mkdir(parents=True, exist_ok=True)
    for corpus, pages in sorted(by_corpus.items()):
        written.append(folder / f"{corpus}.npz")
        write_table(written[-1], [e for of_page in pages.values() for e in of_page])
    return written


def settings_for(kind: Kind, seed: int = 0, jobs: int = 1) -> Settings:
    """The settings that the shipped models were fitted with."""
    return replace(Settings() if kind is HTML else TEXT_SETTINGS, seed=seed, jobs=jobs)


def train(
    known: Sequence[Example],
    kind: Kind,
    settings: Settings,
    say: Progress = lambda _: None,
    folds: int = 0,
    own: Sequence[Example] = (),
    weight: int = 1,
    final: Any = None,
    lines: Lines | None = None,
) -> Model:
    """Fit a model on examples of one kind; its card tells of them and, if cross-validated, of its scores.

    ``own`` are examples that count ``weight`` times each, beside the others. ``folds`` is how many to cross-validate
    by, or 0; each costs another fit, from the first stage to the last. ``final`` and ``lines`` are those of
    `stacking.fit`, whose errors are raised.
    """
    known = sorted(known, key=lambda e: (e.corpus, e.id))  # from pages and from tables alike
    # Settings weigh our corpora by their names, whatever a user's folder is called.
    others = [replace(e, corpus="") for e in own]
    together = [*known, *others, *(e for e in others for _ in range(weight - 1))]
    if not together:
        raise DataError(f"nothing to train a model for {kind.name} on")
    if kind is HTML:
        together += [replace(e, features=unclaimed(cast(Features, e.features))) for e in known[::SILENT]]
        nameless = enumerate(known[1::NAMELESS])
        together += [replace(e, features=unnamed(cast(Features, e.features), seed)) for seed, e in nameless]
    folds = min(folds, len({e.site for e in together}))
    if folds:  # what cannot be cross-validated is to be told of now, and not after hours
        check_classes(together, settings)
        check_folds(together, folds, settings)
    fitted = fit(together, settings, say, final, lines)
    card = card_of([*known, *own], kind, settings, weight if own else 1, final, lines)
    if folds:
        once = [*known, *own]
        by_page: dict[int, tuple[Floats, Model]] = {}
        for stages, left_out in fit_without_each(together, folds, settings, say, final, lines):
            places = [int(i) for i in left_out if i < len(once)]
            some = [once[i] for i in places]
            model = stages.model(kind, {})
            by_page |= {i: (s, model) for i, s in zip(places, by_example(some, predict(stages, some)), strict=True)}
        of_page = [by_page[i] for i in range(len(once))]
        decided = [placed(s, e.copied) if kind is HTML else s for e, (s, _) in zip(once, of_page, strict=True)]
        scores = np.concatenate(decided)
        card["cross_validated"] = {"folds": folds} | measured(once, scores, [model for _, model in of_page])
        if kind is HTML:
            say("mean word F1: " + json.dumps(card["cross_validated"]["main_text"]))
    return fitted.model(kind, card)


def put_model(model: Model, path: Path) -> bool:
    """Write a model in the place of another, which is kept as ``NAME.old``; says whether there was one.

    Raises OSError, with all as it was before.
    """
    draft = path.with_name(f".{path.name}.new.{os.getpid()}")
    try:
        model.save(draft)
        there = path.exists()
        if there:
            old = path.with_name(f"{path.name}.old")
            old.unlink(missing_ok=True)
            os.link(path, old)
        os.replace(draft, path)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}; what was there stays", str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return there


def card_of(
    known: Sequence[Example],
    kind: Kind,
    settings: Settings,
    weight: int = 1,
    final: Any = None,
    lines: Lines | None = None,
) -> dict[str, Any]:
    """What a model tells of where it comes from."""
    corpora: dict[str, dict[str, int]] = {}
    pages: dict[str, set[str]] = {}
    for e in known:
        told = corpora.setdefault(e.corpus, {"pages": 0, "examples": 0, "blocks": 0, "labelled": 0})
        pages.setdefault(e.corpus, set()).add(e.id)
        told["pages"] = len(pages[e.corpus])
        told["examples"] += 1
        told["blocks"] += len(e)
        told["labelled"] += int((e.labels != UNKNOWN).sum())
    fitted = asdict(settings)
    del fitted["jobs"]  # how many there were changes nothing
    return (
        {
            "bodycopy_version": bodycopy.__version__,
            "feature_version": kind.version,
            "date": today().isoformat(),
            "labels": list(LABELS),
            "features": list(kind.names),
            "corpora": corpora,
            # By these a page that the model was trained on is known, when the model is evaluated.
            "sites": sorted({digest(e.site) for e in known}),
            "texts": sorted({fingerprint(e.features) for e in known}),
            "settings": fitted,
        }
        | ({"own_weight": weight} if weight > 1 else {})
        | ({"final": repr(final)} if final is not None else {})
        | ({"lines": {"lines": len(lines.texts), "languages": lines.languages}} if lines and lines.texts else {})
    )


def today() -> date:
    """The date, or that of SOURCE_DATE_EPOCH, by which builds are made reproducible."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC).date() if epoch else date.today()


def measured(known: Sequence[Example], scores: Floats, models: Sequence[Model]) -> dict[str, Any]:
    """What the scores of some examples are worth; ``models`` are those that never saw the site of each.

    Texts that stand with their examples are also cleaned by these models, as `clean_text` does it, until nothing goes.
    """
    if known[0].kind is HTML:
        f1 = word_f1 if all(e.texts for e in known if e.body_words) else aligned_f1
        return {"main_text": main_text(known, scores, f1), "labels": block_labels(known, scores)}
    cores = by_example(known, scores[:, -1])

    def once(threshold: float | None) -> list[Any]:
        return [core >= (text_cut(core) if threshold is None else threshold) for core in cores]

    def settle(e: Example, model: Model, threshold: float | None) -> Any:
        if e.lines is None:
            return np.zeros(len(e), bool)
        core, cut = settled(e.lines, model, threshold)
        return core[:, -1] >= cut

    named = [(str(t or "default"), t) for t in THRESHOLDS]
    out: dict[str, Any] = {"lines": {name: line_scores(known, once(t)) for name, t in named}}
    if all(e.lines for e in known if e.by_hand):
        out["cleaned"] = {
            name: line_scores(known, [settle(e, m, t) for e, m in zip(known, models, strict=True)]) for name, t in named
        }
    sources = sorted({e.type for e in known if e.by_hand})
    of_block = np.repeat(np.arange(len(known)), [len(e) for e in known])
    out["labels"] = {}
    for source in sources:
        chosen = [e.type == source and e.by_hand for e in known]
        some = scores[np.array(chosen)[of_block]]
        out["labels"][source] = block_labels([e for e, c in zip(known, chosen, strict=True) if c], some)["all"]
    return out
