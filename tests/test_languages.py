"""Lines without a page: how they are read, what is learned from them, and those that the shipped model learned from."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import PAGES, copied, run
from test_stacking import FEW
from test_training import QUICK

from bodycopy import LABELS, Model
from bodycopy.model import HTML
from bodycopy.training.corpora import DataError
from bodycopy.training.languages import Lines, read_lines
from bodycopy.training.layouts import read_sources
from bodycopy.training.stacking import fit, tokens_of_lines
from bodycopy.training.train import html_examples, lines_folder

OURS = PAGES.parent / "lines"
# A language that nobody speaks.
WORDS = {"body": "melo tan virro", "promo": "zumbra kalit", "related": "ora pelin", "chrome": "sitto nabe"}


@pytest.fixture
def folder(tmp_path):
    """Some lines of that language, each of a label with one of its words."""
    rows = [f"{label}\t{word} gol {n}" for label, words in WORDS.items() for word in words.split() for n in "abc"]
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "nobodys.tsv").write_text("\n".join(rows * 3) + "\n", encoding="utf-8")
    return tmp_path / "lines"


def test_lines_come_with_their_labels_and_languages(tmp_path):
    (tmp_path / "b.tsv").write_text("promo\tKöp nu!\nb\tDet regnade\thela dagen.\n", encoding="utf-8")
    (tmp_path / "a.tsv").write_text("chrome\tInloggen\n", encoding="utf-8")
    (tmp_path / "promo.txt").write_text("Buy now!\n")
    lines = read_lines(tmp_path)
    assert lines.texts == ["Inloggen", "Köp nu!", "Det regnade\thela dagen."]
    assert [LABELS[i] for i in lines.labels] == ["chrome", "promo", "body"]
    assert lines.languages == ["a", "b"]


@pytest.mark.parametrize("wrong", ["advert\tBuy now!", "promo Buy now!", "promo\t ", ""])
def test_a_line_without_label_or_text_is_named(tmp_path, wrong):
    (tmp_path / "en.tsv").write_text(f"promo\tBuy now!\n{wrong}\nbody\tIt rained.\n")
    with pytest.raises(DataError, match=r"en\.tsv:2: a line is a label \(body, promo, related, chrome\)"):
        read_lines(tmp_path)


def test_words_that_stand_in_lines_alone_are_learned(folder, tmp_path):
    known = html_examples(read_sources([copied(FEW, tmp_path / "pages")], []))

    def scores(lines: Lines | None) -> np.ndarray:
        fitted = fit(known, QUICK, lines=lines)
        return tokens_of_lines(list(WORDS.values()), HTML) @ fitted.weights

    without, learned = scores(None), scores(read_lines(folder))
    labels = range(len(LABELS))
    assert (learned[labels, labels] > without[labels, labels] + 1).all()
    np.testing.assert_array_equal(learned[:, : len(LABELS)].argmax(1), labels)
    np.testing.assert_array_equal(learned[:, -1], without[:, -1])  # what is running text, they do not tell


def test_lines_are_taken_from_training_data_or_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("bodycopy.training.train.settings_for", lambda kind, seed, jobs: QUICK)
    pages = copied(FEW, tmp_path / "pages")
    assert run("train", pages, "--tables", tmp_path / "tables").exit_code == 0
    cards = []
    for given in ([pages, "--lines", folder], [pages], [tmp_path], [pages, "--from", tmp_path]):
        done = run("train", *given, "--kind", "html", "--jobs", 1, "--output", tmp_path / "models")
        assert done.exit_code == 0, done.output
        cards.append(Model.load(tmp_path / "models" / "html.npz").card)
        told = "81 lines without a page, by language: nobodys." in (tmp_path / "models" / "README.md").read_text()
        assert told == ("lines" in cards[-1])
    expected = {"lines": 81, "languages": ["nobodys"]}
    assert [card.get("lines") for card in cards] == [expected, None, expected, expected]
    assert cards[0]["checksum"] == cards[2]["checksum"] != cards[1]["checksum"]


def test_a_bad_line_is_told_before_anything_is_computed(folder, tmp_path):
    (folder / "en.tsv").write_text("promo\tBuy now!\nadvert\tBuy now!\n")
    pages = copied(FEW, tmp_path / "pages")
    done = run("train", pages, "--lines", folder, "--cache", tmp_path / "cache", "--output", tmp_path / "models")
    assert done.exit_code == 1
    assert "en.tsv:2: a line is a label" in done.output
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_is_no_training_data_has_no_lines_to_take(folder):
    assert lines_folder([folder, folder.parent]) is None
    (folder.parent / "tables").mkdir()
    assert lines_folder([folder, folder.parent]) == folder


@pytest.mark.parametrize("path", sorted(OURS.glob("*.tsv")), ids=lambda path: path.stem)
def test_our_lines_of_a_language_have_all_labels_and_each_once(path: Path):
    rows = path.read_text(encoding="utf-8").splitlines()
    assert min(Counter(row.partition("\t")[0] for row in rows)[label[0]] for label in LABELS) >= 50
    assert len(set(rows)) == len(rows)
    assert all(row == row.strip() for row in rows)
