"""python -m bodycopy.training: corpora and labels in, a model file out, with its cross-validated scores."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click

import bodycopy
from bodycopy.features import NAMES, VERSION
from bodycopy.model import HTML, LABELS, Model
from bodycopy.training.corpora import read_corpora
from bodycopy.training.evaluation import block_labels, main_text
from bodycopy.training.examples import examples
from bodycopy.training.stacking import Settings, fit, predict, site_folds


@click.command()
@click.argument("corpora", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--labels",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Labelled blocks of pages in the corpora.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The model file to write."
)
@click.option("--jobs", default=2, show_default=True, help="Processes that read pages.")
@click.option("--seed", default=0, show_default=True)
@click.option("--holdout", is_flag=True, help="Write no model: fit on four fifths of the sites and score the rest.")
def main(
    corpora: tuple[Path, ...], labels: tuple[Path, ...], output: Path, jobs: int, seed: int, holdout: bool
) -> None:
    """Train a model on CORPORA and write it, with its cross-validated scores in its card.

    The scores are cross-validated: those of networks on sites that they were not fitted on. The stage before them has
    seen those sites, as stacking has it; ``--holdout`` scores pages that no stage has seen.
    """
    sources = list(read_corpora(list(corpora), list(labels)))
    click.echo(f"{len(sources)} pages, {sum(s.labels is not None for s in sources)} of them labelled", err=True)
    known = examples(sources, jobs)
    settings = Settings(seed=seed, jobs=jobs)
    if holdout:
        fold = site_folds(known, settings.folds, settings.seed)
        fitted = fit([e for e, k in zip(known, fold, strict=True) if k], settings, progress)
        rest = [e for e, k in zip(known, fold, strict=True) if not k]
        scores = predict(fitted, rest)
        click.echo(json.dumps({"main_text": main_text(rest, scores), "labels": block_labels(rest, scores)}, indent=1))
        return
    fitted = fit(known, settings, progress)
    measured = {"main_text": main_text(known, fitted.scores), "labels": block_labels(known, fitted.scores)}
    card = {
        "bodycopy_version": bodycopy.__version__,
        "feature_version": VERSION,
        "date": date.today().isoformat(),
        "labels": list(LABELS),
        "features": list(NAMES),
        "corpora": {
            c.name: {
                "pages": sum(e.corpus == c.name for e in known),
                "labelled": sum(e.corpus == c.name and bool((e.labels >= 0).any()) for e in known),
            }
            for c in corpora
        },
        "settings": {name: getattr(settings, name) for name in Settings.__slots__},
        "cross_validated": measured,
    }
    Model(HTML, card, fitted.weights, fitted.bias, fitted.network).save(output)
    click.echo(json.dumps(measured, indent=1))


def progress(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
