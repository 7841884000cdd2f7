"""What models are worth on pages that they never saw: the figures, the report, and what is refused."""

import json
import re
import shutil
import sys

import numpy as np
import pytest
from test_cli import run
from test_pages import FOLDER, NAMES

import bodycopy
from bodycopy import LABELS
from bodycopy.model import HTML
from bodycopy.training.annotation import read
from bodycopy.training.comparison import compare, f1_drawn, f1_of, interval, seen
from bodycopy.training.corpora import DataError, Labelled, digest
from bodycopy.training.layouts import read_data, read_sources
from bodycopy.training.stacking import Settings
from bodycopy.training.train import html_examples, train

TRAINED_ON, HELD_OUT = NAMES[:10], NAMES[10:18]
QUICK = Settings(folds=2, hidden=4, bag=1, bag_hidden=4, doubt=1)


def folder_of(names, folder):
    folder.mkdir()
    for name in names:
        for suffix in (".html", ".tsv"):
            shutil.copy(FOLDER / f"{name}{suffix}", folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two folders of labelled pages, and models trained on the first: a poor one and a poorer one."""
    here = tmp_path_factory.mktemp("data")
    folder_of(HELD_OUT, here / "held-out")
    known = html_examples(read_sources([folder_of(TRAINED_ON, here / "train")], []))
    for name, settings in (("poor", QUICK), ("poorer", Settings(folds=2, hidden=1, bag=1, bag_hidden=1, doubt=1))):
        train(known, HTML, settings).save(here / name / "html.npz")
    return here


@pytest.fixture(scope="module")
def result(data):
    models = {name: bodycopy.load_model(data / name) for name in ("poor", "poorer")}
    return compare(read_data(data / "held-out"), models)


def test_the_confusion_is_that_of_the_labels_given(data, result):
    expected = np.zeros((4, 4), int)
    for name in HELD_OUT:
        page = bodycopy.label((FOLDER / f"{name}.html").read_bytes(), model=data / "poor")
        for block, truth in zip(page.blocks, read(FOLDER / f"{name}.tsv").blocks, strict=True):
            expected[LABELS.index(truth.label), LABELS.index(block.label)] += 1
    assert result["models"]["poor"]["confusion"] == expected.tolist()
    assert result["data"]["blocks"] == dict(zip(LABELS, expected.sum(1).tolist(), strict=True))


def test_precision_recall_and_f1_follow_from_it(result):
    for of in result["models"].values():
        confusion = np.array(of["confusion"])
        for i, label in enumerate(LABELS):
            told = of["labels"][label]
            assert told["precision"] == pytest.approx(confusion[i, i] / max(1, confusion[:, i].sum()), abs=1e-4)
            assert told["recall"] == pytest.approx(confusion[i, i] / confusion[i].sum(), abs=1e-4)
            assert told["f1"] == pytest.approx(f1_of(confusion)[i], abs=1e-4)
            assert told["interval"][0] <= told["f1"] <= told["interval"][1]
        assert of["macro_f1"] == pytest.approx(np.mean([t["f1"] for t in of["labels"].values()]), abs=1e-4)


def test_sites_types_and_bins_each_hold_all_blocks(result):
    for of in result["models"].values():
        total = np.sum(of["confusion"])
        for groups in (of["by_type"].values(), of["by_site"].values(), of["calibration"]["bins"]):
            assert sum(group["blocks"] for group in groups) == total
    assert len(of["by_site"]) == result["data"]["sites"] == len(HELD_OUT)


def test_the_second_model_is_set_against_the_first_block_by_block(result):
    a, b = (result["models"][name] for name in ("poor", "poorer"))
    told = result["paired"]["poorer"]
    assert told["macro_f1_gained"] == pytest.approx(b["macro_f1"] - a["macro_f1"], abs=2e-4)
    assert told["interval"][0] <= told["macro_f1_gained"] <= told["interval"][1]
    assert told["blocks_mended"] - told["blocks_broken"] == np.trace(b["confusion"]) - np.trace(a["confusion"])
    assert sum(told["pages"].values()) == len(HELD_OUT)


def test_a_model_against_itself_gains_nothing(data):
    model = bodycopy.load_model(data / "poor")
    told = compare(read_data(data / "held-out"), {"a": model, "b": model})["paired"]["b"]
    assert (told["macro_f1_gained"], told["blocks_mended"], told["blocks_broken"]) == (0, 0, 0)
    assert told["interval"] == [0, 0]


def test_the_worst_pages_come_first_with_their_mistakes(data, result):
    worst = result["models"]["poor"]["worst"]
    assert [page["wrong"] for page in worst] == sorted((page["wrong"] for page in worst), reverse=True)
    first = worst[0]
    page = bodycopy.label((FOLDER / f"{first['page']}.html").read_bytes(), model=data / "poor")
    truths = [block.label for block in read(FOLDER / f"{first['page']}.tsv").blocks]
    wrong = {(t, b.label, " ".join(b.text.split())[:80]) for b, t in zip(page.blocks, truths, strict=True)}
    for mistake in first["mistakes"]:
        assert mistake["is"] != mistake["labelled"]
        for text in mistake["such_as"]:
            assert (mistake["is"], mistake["labelled"], text) in wrong


def test_the_same_draws_give_the_same_intervals(data, result):
    models = {name: bodycopy.load_model(data / name) for name in ("poor", "poorer")}
    assert compare(read_data(data / "held-out"), models) == result


def test_pages_that_a_model_was_trained_on_are_known_by_site_and_by_text(data, tmp_path):
    model = bodycopy.load_model(data / "poor")
    assert len(seen(read_data(data / "train"), model)) == len(TRAINED_ON)
    assert seen(read_data(data / "held-out"), model) == []
    moved = folder_of(TRAINED_ON[:1], tmp_path / "moved")
    for path in moved.iterdir():
        path.write_text(re.sub(r"https?://[^/\"\s]+", "https://elsewhere.example", path.read_text()))
    assert len(seen(read_data(moved), model)) == 1
    same_site = folder_of(HELD_OUT[:1], tmp_path / "same-site")
    site = re.search(r"# url: (https?://[^/\s]+)", (data / "train" / f"{TRAINED_ON[0]}.tsv").read_text())[1]
    for path in same_site.iterdir():
        path.write_text(re.sub(r"https?://[^/\"\s]+", site, path.read_text()))
    assert len(seen(read_data(same_site), model)) == 1
    assert seen(read_data(same_site), model, sites_too=False) == []


def test_of_a_single_site_pages_are_drawn(data):
    sources = read_data(data / "held-out")
    for source in sources:
        source.site = "one.example"
    low, high = compare(sources, {"a": bodycopy.load_model(data / "poor")})["models"]["a"]["macro_f1_interval"]
    assert low < high


def test_pages_without_labels_are_nothing_to_evaluate_on(data):
    sources = read_data(data / "held-out")
    for source in sources:
        source.labels = None
    with pytest.raises(DataError, match="no page is labelled"):
        compare(sources, {"a": bodycopy.load_model(data / "poor")})


def test_the_command_refuses_pages_that_were_trained_on_unless_told(data):
    done = run("evaluate", data / "train", data / "held-out", "--model", data / "poor")
    assert done.exit_code == 1
    assert "10 of 18 pages" in done.stderr
    assert "--seen skip" in done.stderr
    skipped = run("evaluate", data / "train", data / "held-out", "--model", data / "poor", "--seen", "skip")
    assert skipped.exit_code == 0
    assert skipped.stdout.startswith(f"# {len(HELD_OUT)} pages")
    allowed = run("evaluate", data / "train", data / "held-out", "--model", data / "poor", "--seen", "allow")
    assert allowed.stdout.startswith("# 18 pages")


def test_pages_of_one_name_in_two_folders_are_two_pages(data, tmp_path):
    other = folder_of(HELD_OUT[:1], tmp_path / "train")
    for suffix in (".html", ".tsv"):
        (other / f"{HELD_OUT[0]}{suffix}").rename(other / f"{TRAINED_ON[0]}{suffix}")
    for path in other.glob("*.tsv"):
        path.write_text(re.sub("# (corpus|id): .*\n", "", path.read_text()))
    done = run("evaluate", data / "train", other, "--model", data / "poor", "--seen", "skip")
    assert done.stdout.startswith("# 1 pages")


def test_skipping_all_pages_says_so(data):
    done = run("evaluate", data / "train", "--model", data / "poor", "--seen", "skip")
    assert done.exit_code == 1
    assert "--seen skip leaves out all 10 pages" in done.stderr


def test_labels_that_no_page_has_are_nothing_to_evaluate_on(data):
    sources = read_data(data / "held-out")[:1]
    sources[0].labels = [Labelled("body", digest("A story of another page"))]
    with pytest.raises(DataError, match="no labelled block was found in its page"):
        compare(sources, {"a": bodycopy.load_model(data / "poor")})


def test_draws_without_any_block_of_a_label_tell_nothing_of_it():
    first = np.diag([5, 3, 0, 0])  # of two sites, labelled without any mistake; the second has no promo
    second = np.diag([5, 0, 0, 0])
    drawn = f1_drawn(np.array([[1, 1], [2, 0], [0, 2]]), np.array([first, second]))
    np.testing.assert_array_equal(drawn[:, 0], [1, 1, 1])
    np.testing.assert_array_equal(drawn[:, 1], [1, 1, np.nan])
    assert interval(drawn[:, 1]) == [1, 1]
    assert interval(drawn[:, 2]) == [0, 0]


def test_a_seed_is_no_negative_number(data):
    done = run("evaluate", data / "held-out", "--seed", -1)
    assert done.exit_code == 2
    assert "--seed" in done.stderr


@pytest.mark.parametrize("command", ["evaluate", "annotate", "train"])
def test_what_has_to_be_installed_is_named(command, tmp_path, monkeypatch):
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "a.html").write_text("<p>High water is at six.</p>")
    row = {"id": "a", "url": None, "type": None, "body": "High water is at six."}
    (tmp_path / "truth.jsonl").write_text(json.dumps(row) + "\n")
    labels = {"corpus": tmp_path.name, "id": "a", "blocks": [["body", "High water is at six."]]}
    (tmp_path / "labels.jsonl").write_text(json.dumps(labels) + "\n")
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    options = {"evaluate": ["--labels", tmp_path / "labels.jsonl"], "train": ["--jobs", 1]}.get(command, [])
    done = run(command, tmp_path, *options, *([] if command == "evaluate" else ["--output", tmp_path / "out"]))
    assert done.exit_code == 1
    assert "pip install 'bodycopy[train]'" in done.stderr


def test_the_command_writes_the_same_figures_as_text_json_and_html(data, result, tmp_path):
    files = ("--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    models = ("--model", data / "poor", "--model", data / "poorer")
    done = run("evaluate", data / "held-out", *models, *files)
    assert done.exit_code == 0, done.stderr
    told = json.loads((tmp_path / "r.json").read_text())
    assert list(told["models"].values()) == list(result["models"].values())
    figure = f"{result['models']['poor']['labels']['promo']['f1']:.3f}"
    html = (tmp_path / "r.html").read_text()
    assert f"| {figure} |" in done.stdout
    assert f"<td>{figure}</td>" in html
    assert html.count("<svg") == 2
    assert not re.search(r"<(script|link|img)|url\(", html)  # it needs nothing else


def test_shipped_is_the_shipped_model_whatever_model_is_set_for_cleaning(data, monkeypatch):
    usual = run("evaluate", data / "held-out", "--seen", "allow")
    monkeypatch.setenv("BODYCOPY_MODEL", str(data / "poor"))
    assert run("evaluate", data / "held-out", "--seen", "allow").stdout == usual.stdout
    assert usual.stdout.startswith(f"# {len(HELD_OUT)} pages")


def test_a_folder_that_is_no_data_set_and_a_file_that_is_no_model_are_named(data, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("evaluate", tmp_path / "empty")
    assert done.exit_code == 1
    assert "empty: no data set" in done.stderr
    (tmp_path / "m.npz").write_text("no model")
    done = run("evaluate", data / "held-out", "--model", tmp_path / "m.npz")
    assert done.exit_code == 1
    assert "m.npz is not a bodycopy model" in done.stderr
