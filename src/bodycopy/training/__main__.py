"""python -m bodycopy.training: corpora and labels in, a model file out, with its cross-validated scores."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click

import bodycopy
from bodycopy.features import NAMES, VERSION
from bodycopy.model import LABELS, Model
from bodycopy.training.corpora import read_corpora
from bodycopy.training.evaluation import block_labels, main_text
from bodycopy.training.examples import examples
from bodycopy.training.stacking import Settings, fit


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
def main(corpora: tuple[Path, ...], labels: tuple[Path, ...], output: Path, jobs: int, seed: int) -> None:
    """Train a model on CORPORA and write it, with its cross-validated scores in its card.

    The scores are those of each stage's networks on sites that they were not fitted on.
    """
    sources = list(read_corpora(list(corpora), list(labels)))
    click.echo(f"{len(sources)} pages, {sum(s.labels is not None for s in sources)} of them labelled", err=True)
    known = examples(sources, jobs)
    settings = Settings(seed=seed, jobs=jobs)
    fitted = fit(known, settings, say=lambda text: click.echo(text, err=True))
    scores = {"main_text": main_text(known, fitted.scores), "labels": block_labels(known, fitted.scores)}
    card = {
        "kind": "html",
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
        "cross_validated": scores,
    }
    Model(card, fitted.weights, fitted.bias, fitted.network).save(output)
    click.echo(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()
