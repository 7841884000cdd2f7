"""`bodycopy train`: what comes out is the same each time, and whatever happens on the way, what was there stays."""

import json
import os
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import PAGES, copied, random_model, run, start
from test_training import QUICK

import bodycopy
from bodycopy import Model, features
from bodycopy.line_features import LineFeatures
from bodycopy.model import TEXT
from bodycopy.training import train as steps
from bodycopy.training.corpora import DataError
from bodycopy.training.layouts import read_sources
from bodycopy.training.tables import read_table

FEW = ("endless_scroll", "french_article", "german_article", "japanese_article", "paywalled", "utility_classes")
# The same quick settings for a process of its own.
QUICKLY = f"""
from dataclasses import replace
from bodycopy.training import train
from bodycopy.training.stacking import Settings
train.settings_for = lambda kind, seed, jobs: replace({QUICK!r}, seed=seed, jobs=jobs)
"""
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(steps, "settings_for", lambda kind, seed, jobs: replace(QUICK, seed=seed, jobs=jobs))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return copied(FEW, tmp_path_factory.mktemp("data") / "pages")


@pytest.fixture(scope="module")
def texts(pages):
    """What an extractor made of the pages, more or less."""
    rows = []
    for name in FEW:
        text = bodycopy.clean((pages / f"{name}.html").read_bytes(), keep=("body", "promo", "related"))
        rows.append({"corpus": "pages", "id": name, "source": "somebody's", "text": text})
    path = pages.parent / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def held(folder):
    """All files of a folder, drafts, too, with what they hold."""
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def trained(*arguments):
    done = run("train", "--jobs", 1, *arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def test_training_twice_gives_the_same_bytes_whatever_the_process_and_its_threads(pages, tmp_path):
    trained(pages, "--output", tmp_path / "a")
    process = start(
        "train", pages, "--output", tmp_path / "b", "--jobs", 2, code=QUICKLY, PYTHONHASHSEED="7", OMP_NUM_THREADS="2"
    )
    _, told = process.communicate()
    assert process.returncode == 0, told
    assert "Warning" not in told  # few pages are fewer blocks than a batch, which is nobody's concern
    assert held(tmp_path / "a") == held(tmp_path / "b")
    assert set(held(tmp_path / "a")) == {"html.npz", "README.md"}
    card = Model.load(tmp_path / "a" / "html.npz").card
    assert card["date"] == "2023-11-14"
    assert card["corpora"]["pages"]["pages"] == len(FEW)
    assert card["checksum"] in (tmp_path / "a" / "README.md").read_text()


def test_another_seed_gives_another_model(pages, tmp_path):
    for seed in (0, 1):
        trained(pages, "--output", tmp_path / str(seed), "--seed", seed)
    assert (tmp_path / "0" / "html.npz").read_bytes() != (tmp_path / "1" / "html.npz").read_bytes()


def test_the_model_that_was_there_is_kept(pages, tmp_path):
    models = []
    for seed in (0, 1, 2):
        told = trained(pages, "--output", tmp_path, "--seed", seed).stdout
        assert ("the old one is kept as html.npz.old" in told) == (seed > 0)
        models.append((tmp_path / "html.npz").read_bytes())
    assert (tmp_path / "html.npz.old").read_bytes() == models[1]
    assert set(held(tmp_path)) == {"html.npz", "html.npz.old", "README.md"}


def test_the_readme_tells_of_all_models_in_the_folder(pages, tmp_path):
    random_model(kind=TEXT).save(tmp_path / "text.npz")
    trained(pages, "--output", tmp_path)
    readme = (tmp_path / "README.md").read_text()
    assert readme.index("# Model for html") < readme.index("# Model for text")
    (tmp_path / "text.npz").write_bytes(b"damaged")
    told = trained(pages, "--output", tmp_path)
    assert "README.md leaves out a model" in told.stderr
    assert "# Model for text" not in (tmp_path / "README.md").read_text()


def test_a_readme_of_somebody_else_is_not_overwritten(pages, tmp_path):
    (tmp_path / "README.md").write_text("# My project")
    done = run("train", pages, "--output", tmp_path)
    assert done.exit_code == 1
    assert "README.md would be overwritten, and is not one that `train` wrote: move it" in done.stderr
    assert held(tmp_path) == {"README.md": b"# My project"}


def test_tables_stand_in_for_pages_and_texts(pages, texts, tmp_path):
    both = ("--kind", "html", "--kind", "text")
    trained(pages, "--texts", texts, *both, "--output", tmp_path / "direct")
    trained(pages, "--texts", texts, *both, "--tables", tmp_path / "data" / "tables")
    trained(tmp_path / "data", *both, "--output", tmp_path / "from-tables")
    assert set(held(tmp_path / "direct")) == {"html.npz", "text.npz", "README.md"}
    assert held(tmp_path / "direct") == held(tmp_path / "from-tables")


def test_the_shipped_model_labels_pages_for_texts_whatever_model_is_set_for_cleaning(tmp_path, monkeypatch):
    sources = read_sources([copied(FEW[:2], tmp_path / "pages")], [])
    for source in sources:
        source.labels = None
    usual = steps.examples_of_texts(sources, [], None)
    random_model().save(tmp_path / "html.npz")
    monkeypatch.setenv("BODYCOPY_MODEL", str(tmp_path))
    for one, other in zip(steps.examples_of_texts(sources, [], None), usual, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)


def test_tables_written_twice_are_the_same_bytes(pages, texts, tmp_path):
    for name in ("a", "b"):
        trained(pages, "--texts", texts, "--tables", tmp_path / name)
    assert held(tmp_path / "a") == held(tmp_path / "b")
    assert set(held(tmp_path / "a")) == {"pages.npz"}


def test_tables_are_made_of_pages_alone(pages, tmp_path):
    trained(pages, "--tables", tmp_path / "data" / "tables")
    done = run("train", tmp_path / "data", "--tables", tmp_path / "again")
    assert done.exit_code == 1
    assert "has them already" in done.stderr
    assert not (tmp_path / "again").exists()


def test_a_damaged_table_is_a_clear_error(pages, tmp_path):
    tables = tmp_path / "data" / "tables"
    trained(pages, "--tables", tables)
    data = (tables / "pages.npz").read_bytes()
    chance = random.Random(0)
    refused = []
    for _ in range(30):
        at = chance.randrange(len(data))
        harm = chance.choice((data[:at], data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :], data[at:], b""))
        (tables / "pages.npz").write_bytes(harm)
        try:
            read_table(tables / "pages.npz")  # dates and the like may change without harm
        except DataError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert all(str(tables / "pages.npz") in said for said in refused)
    (tables / "pages.npz").write_bytes(data[: len(data) // 2])
    done = run("train", tmp_path / "data", "--output", tmp_path / "models")
    assert done.exit_code == 1
    assert "pages.npz is no feature table, or damaged" in done.stderr
    assert not (tmp_path / "models").exists()


def test_a_table_of_another_version_is_a_clear_error(pages, tmp_path, monkeypatch):
    trained(pages, "--tables", tmp_path / "data" / "tables")
    monkeypatch.setattr(features, "VERSION", features.VERSION + 1)
    done = run("train", tmp_path / "data", "--output", tmp_path / "models")
    assert done.exit_code == 1
    assert f"pages.npz holds features of versions (1, {{'html': {features.VERSION - 1}" in done.stderr
    assert "make it anew" in done.stderr


def test_a_folder_without_tables_and_a_file_that_is_none_are_clear_errors(tmp_path):
    (tmp_path / "tables").mkdir()
    assert "no feature tables" in run("train", tmp_path, "--output", tmp_path / "models").stderr
    np.savez(tmp_path / "tables" / "other.npz", weights=np.zeros(3))
    assert "other.npz is no feature table" in run("train", tmp_path, "--output", tmp_path / "models").stderr


def test_the_shipped_table_of_our_pages_is_what_they_give():
    table = PAGES.parent / "tables" / "pages.npz"
    if not table.exists():
        pytest.skip("no table of our pages is shipped yet")
    shipped = [e for e in read_table(table) if not isinstance(e.features, LineFeatures)]
    made = steps.html_examples(read_sources([PAGES], []))
    assert [e.id for e in shipped] == [e.id for e in made]
    for one, other in zip(shipped, made, strict=True):
        assert (one.corpus, one.site, one.type, one.by_hand) == (other.corpus, other.site, other.type, other.by_hand)
        for name in ("labels", "core", "words", "hits"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=f"{one.id} {name}")
        np.testing.assert_array_equal(one.features.numbers, other.features.numbers, err_msg=one.id)
        for name in ("text", "names", "targets"):
            mine, theirs = getattr(one.features, name), getattr(other.features, name)
            np.testing.assert_array_equal(mine.ids, theirs.ids, err_msg=f"{one.id} {name}")
            np.testing.assert_array_equal(mine.starts, theirs.starts, err_msg=f"{one.id} {name}")


def test_own_pages_count_more_beside_the_shipped_ones(pages, tmp_path):
    trained(pages, "--tables", tmp_path / "ours" / "tables")
    own = copied(["documentation", "live_blog"], tmp_path / "own")
    trained(own, "--from", tmp_path / "ours", "--weight", 3, "--output", tmp_path / "models")
    card = Model.load(tmp_path / "models" / "html.npz").card
    assert card["own_weight"] == 3
    assert {name: of["pages"] for name, of in card["corpora"].items()} == {"own": 2, "pages": len(FEW)}


def test_own_pages_in_a_folder_of_the_name_of_ours_weigh_as_any_own_pages(pages, tmp_path):
    trained(pages, "--tables", tmp_path / "ours" / "tables")
    for name in ("pages", "stories"):
        own = copied(["documentation", "live_blog"], tmp_path / name)
        trained(own, "--from", tmp_path / "ours", "--output", tmp_path / "models" / name)
    one, other = (Model.load(tmp_path / "models" / name / "html.npz") for name in ("pages", "stories"))
    np.testing.assert_array_equal(one._table, other._table)
    assert one.card["corpora"]["pages"]["pages"] == len(FEW) + 2


def test_cross_validated_scores_stand_in_the_card(pages, tmp_path):
    trained(pages, "--cross-validate", "--output", tmp_path)
    assert "What it scores" in (tmp_path / "README.md").read_text()
    assert Model.load(tmp_path / "html.npz").card["cross_validated"]["labels"]["all"]["blocks"] > 200


def test_pages_without_a_promo_block_are_not_enough(pages, tmp_path):
    folder = copied(FEW, tmp_path / "own")
    for path in folder.glob("*.tsv"):
        path.write_text(path.read_text(encoding="utf-8").replace("\npromo\t", "\nchrome\t"), encoding="utf-8")
    done = run("train", folder, "--output", tmp_path / "models")
    assert done.exit_code == 1
    assert "no block is labelled promo; label some, or add the shipped features (--from)" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "either --output FOLDER"),
        (["--output", "a", "--tables", "b"], "either --output FOLDER"),
        (["--output", "a", "--jobs", "0"], "--jobs"),
        (["--output", "a", "--seed", "-1"], "--seed"),
        (["--output", "a", "--sample", "0"], "--sample"),
        (["--output", "a", "--kind", "pdf"], "--kind"),
    ],
)
def test_wrong_use_is_explained(pages, options, said):
    done = run("train", pages, *options)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("until", ["linear stage", "network 1", "html.npz"])
def test_a_training_that_is_killed_leaves_the_old_model_in_place(pages, tmp_path, until):
    random_model().save(tmp_path / "html.npz")
    old = held(tmp_path)
    process = start("train", pages, "--jobs", 1, "--output", tmp_path, code=QUICKLY)
    assert process.stderr is not None
    assert process.stdout is not None
    for line in process.stdout if until == "html.npz" else process.stderr:
        if until in line:
            break
    process.kill()
    process.communicate()
    now = held(tmp_path)
    if until == "linear stage":
        assert now == old
    else:  # the new one is about to come, or has come just now
        assert old["html.npz"] in (now["html.npz"], now.get("html.npz.old"))
        assert Model.load(tmp_path / "html.npz").card["kind"] == "html"


def test_a_process_killed_while_it_replaces_models_leaves_a_whole_one(tmp_path):
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from helpers import random_model
from bodycopy.training.train import put_model
models = [random_model(seed) for seed in (0, 1)]
while True:
    for model in models:
        put_model(model, Path({str(tmp_path / "html.npz")!r}))
        print("put", flush=True)
"""
    chance = random.Random(1)
    for _ in range(3):
        process = start(code=code)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() * 0.3)
        process.kill()
        process.communicate()
        assert Model.load(tmp_path / "html.npz").card["kind"] == "html"


def test_a_full_disk_leaves_the_old_model_and_the_one_before(pages, tmp_path):
    for seed in (0, 1):
        steps.put_model(random_model(seed), tmp_path / "html.npz")
    old = held(tmp_path)
    assert set(old) == {"html.npz", "html.npz.old"}
    process = start("train", pages, "--jobs", 1, "--output", tmp_path, code=QUICKLY + FULL_DISK)
    _, told = process.communicate()
    assert process.returncode == 1
    assert "File too large; what was there stays" in told.splitlines()[-1]
    assert str(tmp_path / "html.npz") in told.splitlines()[-1]
    assert held(tmp_path) == old


@pytest.mark.parametrize("command", ["train", "annotate"])
def test_a_full_disk_gives_an_error_and_no_half_files(command, pages, tmp_path):
    options = ("--tables", tmp_path) if command == "train" else ("--output", tmp_path)
    limit = FULL_DISK.replace("20_000", "2_000")
    process = start(command, pages, *options, *(["--jobs", "1"] if command == "train" else []), code=limit)
    _, told = process.communicate()
    assert process.returncode == 1
    assert "File too large" in told
    assert str(tmp_path / ("pages.npz" if command == "train" else f"{FEW[0]}.html")) in told
    assert "Traceback" not in told
    assert held(tmp_path) == {}


def test_trainings_at_once_and_killed_ones_do_not_harm_their_cache(tmp_path):
    many = copied(sorted(p.stem for p in PAGES.glob("*.html"))[::3], tmp_path / "many")
    trained(many, "--tables", tmp_path / "alone")
    expected = held(tmp_path / "alone")
    arguments = ("train", many, "--cache", tmp_path / "cache", "--jobs", 1, "--tables")
    killed = start(*arguments, tmp_path / "killed")
    both = [start(*arguments, tmp_path / f"{n}") for n in range(2)]
    entries = tmp_path / "cache" / "joblib"
    while len(list(entries.rglob("output.pkl"))) < 5 and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    for process in both:
        _, told = process.communicate()
        assert process.returncode == 0, told
    trained(*arguments[1:], tmp_path / "warm")
    for name in ("0", "1", "warm"):
        assert held(tmp_path / name) == expected


def test_a_damaged_cache_is_made_anew(pages, tmp_path):
    arguments = (pages, "--cache", tmp_path / "cache", "--tables")
    trained(*arguments, tmp_path / "a")
    kept = sorted((tmp_path / "cache").rglob("output.pkl"))
    assert len(kept) == len(FEW)
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    kept[1].write_bytes(os.urandom(100))
    kept[2].unlink()
    trained(*arguments, tmp_path / "b")
    assert held(tmp_path / "a") == held(tmp_path / "b")
