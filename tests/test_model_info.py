"""`bodycopy model info`: what a model says of itself, and what is said of files that are none."""

import json

import numpy as np
import pytest
from helpers import random_model, run

from bodycopy.model import TEXT, load_model, shipped
from bodycopy.training.evaluation import label_scores


@pytest.fixture
def models(tmp_path):
    """A folder with a model of each kind."""
    random_model().save(tmp_path / "models" / "html.npz")
    random_model(kind=TEXT).save(tmp_path / "models" / "text.npz")
    return tmp_path / "models"


@pytest.mark.parametrize("kind", ["html", "text"])
def test_a_file_says_what_it_is(models, kind):
    done = run("model", "info", models / f"{kind}.npz")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"# Model for {kind}\n")
    assert "labels: body, promo, related, chrome" in done.stdout
    (models / f"{kind}.npz").rename(models / "mine")
    assert run("model", "info", models / "mine").stdout == done.stdout


def test_a_folder_tells_of_all_its_models(models):
    both = run("model", "info", models).stdout
    one = [run("model", "info", models, "--kind", kind).stdout for kind in ("html", "text")]
    assert both == "".join(one)
    (models / "html.npz").unlink()
    assert run("model", "info", models).stdout == one[1]


def test_the_card_comes_as_json(models):
    done = run("model", "info", "--json", models / "text.npz")
    assert json.loads(done.stdout)["kind"] == "text"


def test_the_shipped_models_say_what_went_into_them_and_what_they_score():
    if "examples" not in next(iter(load_model().card["corpora"].values())):
        pytest.skip("the shipped models are of before cards were written this way: they are to be trained anew")
    done = run("model", "info", shipped("html.npz").parent)
    assert done.exit_code == 0
    assert done.stdout.count("## What went into it") == 2
    assert done.stdout.count("## What it scores") == 2
    assert done.stdout.count("## Where it fails") == 2


def test_a_card_of_another_version_is_a_clear_error(tmp_path):
    model = random_model()
    model.card["corpora"] = ["town"]
    model.save(tmp_path / "m.npz")
    done = run("model", "info", tmp_path / "m.npz")
    assert done.exit_code == 1
    assert "the card is not as this version of bodycopy writes it" in done.stderr
    assert "--json" in done.stderr
    assert json.loads(run("model", "info", "--json", tmp_path / "m.npz").stdout)["corpora"] == ["town"]


def test_a_card_without_blocks_labelled_by_hand_has_no_table_of_labels(tmp_path):
    model = random_model()
    nothing = label_scores(np.zeros(0, int), np.zeros(0, int))
    main_text = {"town": {"pages": 9, "word_f1": 0.5, "by_type": {"forum": 0.4}}}
    model.card["settings"] = {"folds": 5}
    model.card["cross_validated"] = {"folds": 5, "main_text": main_text, "labels": {"all": nothing}}
    model.save(tmp_path / "m.npz")
    told = run("model", "info", tmp_path / "m.npz").stdout
    assert "| town | 9 | 0.500 |" in told
    assert "blocks of" not in told
    assert told.endswith("## Where it fails\n\n- forum pages of town: word F1 0.40\n\n")


def damaged(folder):
    path = folder / "html.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def foreign(folder):
    np.savez(folder / "html.npz", weights=np.zeros(3))
    return folder / "html.npz"


def written(data):
    def write(folder):
        (folder / "html.npz").write_bytes(data)
        return folder / "html.npz"

    return write


def empty(folder):
    (folder / "empty").mkdir()
    return folder / "empty"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (damaged, "html.npz is not a bodycopy model: "),
        (foreign, "html.npz is not a bodycopy model: "),
        (written(b""), "html.npz is not a bodycopy model: "),
        (written(b"<p>A page.</p>"), "html.npz is not a bodycopy model: "),
        (empty, "empty: no model in there, neither html.npz nor text.npz"),
        (lambda folder: (folder / "text.npz").replace(folder / "html.npz").parent, "trained for kind 'text'; this"),
    ],
    ids=["damaged", "foreign", "empty", "page", "empty folder", "wrong name"],
)
def test_what_is_no_model_is_a_clear_error(models, make, said):
    done = run("model", "info", make(models))
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stdout == ""


def test_a_kind_that_a_file_is_not_is_a_clear_error(models):
    done = run("model", "info", "--kind", "text", models / "html.npz")
    assert (done.exit_code, "was trained for kind 'html'" in done.stderr) == (1, True)
