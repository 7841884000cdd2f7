"""The README's walk-through of retraining, as a new user would go it, on a site that the shipped model gets wrong.

The twelve pages in ``site/`` were written for this and are in no training data. To be quick, the models are trained on
a part of the shipped features; the figures of the whole are in the README.
"""

import json
import shutil
from pathlib import Path

import pytest
from test_cli import run

from bodycopy.training.annotation import read

SITE = Path(__file__).parent / "site"
DATA = Path(__file__).parents[1] / "training_data"
NAMES = sorted(path.stem for path in SITE.glob("*.html"))
TRAINED_ON, HELD_OUT = NAMES[:8], NAMES[8:]


def ran(*arguments):
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    return done


def correct(path):
    """What a person does in an editor: put the right label into the first column."""
    truth = iter(read(SITE / path.name).blocks)
    lines = path.read_text().split("\n")
    path.write_text(
        "\n".join(
            line if line.startswith("#") or not line else next(truth).label + "\t" + line.partition("\t")[2]
            for line in lines
        )
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The walk, up to the two models."""
    here = tmp_path_factory.mktemp("walk")
    for folder, names in (("labelled", TRAINED_ON), ("held-out", HELD_OUT)):
        pages = here / f"pages-{folder}"
        pages.mkdir()
        for name in names:
            shutil.copy(SITE / f"{name}.html", pages)
        ran("annotate", pages, "--output", here / folder)
        for path in (here / folder).glob("*.tsv"):
            correct(path)
        ran("annotate", "--check", here / folder)
    part = ("--sample", "0.1", "--kind", "html")
    ran("train", DATA, *part, "--output", here / "ours")
    ran("train", here / "labelled", "--from", DATA, *part, "--output", here / "mine")
    return here


def compared(here, data, *options):
    """The two models on some pages."""
    ran(
        "evaluate", data, "--model", here / "ours", "--model", here / "mine", *options, "--json", here / "report.json"
    )  # fmt: skip
    return json.loads((here / "report.json").read_text())


def test_the_shipped_model_gets_the_site_wrong(tmp_path):
    ran("evaluate", SITE, "--json", tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["models"]["shipped"]["accuracy"] < 0.8


def test_eight_labelled_pages_mend_the_other_four(here):
    told = compared(here, here / "held-out", "--seen", "same-site")
    assert told["paired"][str(here / "mine")]["interval"][0] > 0.05
    assert told["paired"][str(here / "mine")]["pages"]["better"] == len(HELD_OUT)


def test_other_sites_do_not_suffer(here):
    told = compared(here, DATA / "pages", "--seen", "skip")
    assert told["data"]["pages"] >= 40
    assert told["paired"][str(here / "mine")]["macro_f1_gained"] > -0.02
