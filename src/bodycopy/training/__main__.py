"""python -m bodycopy.training: corpora and labels in, a model file out, with its cross-validated scores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

import bodycopy
from bodycopy.model import HTML, LABELS, TEXT, Model
from bodycopy.tokens import Floats
from bodycopy.training.corpora import read_corpora
from bodycopy.training.evaluation import block_labels, main_text
from bodycopy.training.examples import Example, examples
from bodycopy.training.stacking import Settings, fit, predict, site_folds
from bodycopy.training.texts import TEXT_SETTINGS, line_scores, read_texts, stock_of, text_examples

THRESHOLDS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5)  # for text, that the card tells of


@click.command()
@click.argument("corpora", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--labels",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Labelled blocks of pages in the corpora.",
)
@click.option(
    "--texts",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Train the text model instead, on what extractors made of the pages.",
)
@click.option(
    "--lines",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("training_data/lines"),
    show_default=True,
    help="Folder of promo.txt and related.txt, which texts are embellished with.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The model file to write.")
@click.option("--jobs", default=2, show_default=True, help="Threads and processes to work with.")
@click.option("--seed", default=0, show_default=True)
@click.option("--holdout", is_flag=True, help="Write no model: fit on four fifths of the sites and score the rest.")
def main(
    corpora: tuple[Path, ...],
    labels: tuple[Path, ...],
    texts: tuple[Path, ...],
    lines: Path,
    output: Path | None,
    jobs: int,
    seed: int,
    holdout: bool,
) -> None:
    """Train a model on CORPORA and write it, with its cross-validated scores in its card.

    The scores are cross-validated: those of networks on sites that they were not fitted on. The stage before them has
    seen those sites, as stacking has it; ``--holdout`` scores pages that no stage has seen.
    """
    if (output is None) != holdout:
        raise click.UsageError("either --output or --holdout")
    sources = list(read_corpora(list(corpora), list(labels)))
    click.echo(f"{len(sources)} pages, {sum(s.labels is not None for s in sources)} of them labelled", err=True)
    if texts:
        kind, settings = TEXT, TEXT_SETTINGS
        known = text_examples(sources, read_texts(texts), bodycopy.load_model(), stock_of(lines, sources), jobs, seed)
    else:
        kind, settings = HTML, Settings()
        known = examples(sources, jobs)
    settings = Settings(**asdict(settings) | {"seed": seed, "jobs": jobs})
    if holdout:
        fold = site_folds(known, settings.folds, settings.seed)
        fitted = fit([e for e, k in zip(known, fold, strict=True) if k], settings, progress)
        rest = [e for e, k in zip(known, fold, strict=True) if not k]
        models = [fitted.model(kind, {})] * len(rest)
        click.echo(json.dumps(measured(rest, predict(fitted, rest), models), indent=1))
        return
    assert output is not None
    fitted = fit(known, settings, progress)
    models = [stages.model(kind, {}) for stages in fitted.folds]
    folds = site_folds(known, settings.folds, settings.seed)
    scores = measured(known, fitted.scores, [models[k] for k in folds])
    card = {
        "bodycopy_version": bodycopy.__version__,
        "feature_version": kind.version,
        "date": date.today().isoformat(),
        "labels": list(LABELS),
        "features": list(kind.names),
        "corpora": {
            c.name: {
                "pages": len({e.id for e in known if e.corpus == c.name}),
                "labelled": sum(s.corpus == c.name and s.labels is not None for s in sources),
            }
            for c in corpora
        },
        "settings": asdict(settings),
        "cross_validated": scores,
    }
    fitted.model(kind, card).save(output)
    click.echo(json.dumps(scores, indent=1))


def measured(known: Sequence[Example], scores: Floats, models: Sequence[Model]) -> dict[str, Any]:
    """What the scores of some examples are worth; ``models`` are those that never saw the site of each."""
    if any(e.body for e in known):
        return {"main_text": main_text(known, scores), "labels": block_labels(known, scores)}
    sources = sorted({e.type for e in known if e.by_hand})
    return {
        "lines": {str(t or "default"): line_scores(known, models, t) for t in (None, *THRESHOLDS)},
        "labels": {source: block_labels(known, scores, source) for source in sources},
    }


def progress(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
