"""What the shipped models are made of is there, fits together, and is no more than it may be."""

import gzip
import json
import tomllib
from pathlib import Path

import pytest

import bodycopy
from bodycopy.model import HTML, TEXT
from bodycopy.training.alignment import UNKNOWN
from bodycopy.training.corpora import DIGEST
from bodycopy.training.languages import read_lines
from bodycopy.training.layouts import corpus_digest, read_data
from bodycopy.training.tables import read_table
from bodycopy.training.train import card_of, of_kind, settings_for

FOLDER = Path(__file__).parents[1] / "training_data"
SOURCES = tomllib.loads((FOLDER / "sources.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tables():
    return {name: read_table(FOLDER / "tables" / f"{name}.npz") for name in SOURCES}


def test_there_is_a_table_for_each_source_and_no_other():
    assert {path.stem for path in (FOLDER / "tables").iterdir()} == set(SOURCES)
    for source in SOURCES.values():
        assert set(source) >= {"title", "origin", "licence", "split", "pages", "digest"}


def test_all_of_it_together_is_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 40e6


def test_the_tables_hold_the_pages_of_their_sources_with_the_labels(tables):
    for name, source in SOURCES.items():
        pages = {e.id: e for e in of_kind(tables[name], HTML)}
        labelled = sum((e.labels != UNKNOWN).any() for e in pages.values())
        assert 0.95 * source["pages"] <= len(pages) <= source["pages"]  # not those without text, and the longest
        assert labelled == source["labelled"] + source["labelled_before"]
        assert len(of_kind(tables[name], TEXT)) > len(pages)


def test_the_pages_written_by_hand_are_those_that_the_sources_name():
    assert corpus_digest(read_data(FOLDER / "pages")) == SOURCES["pages"]["digest"]


def test_the_labels_of_public_corpora_hold_no_text():
    for path in (FOLDER / "labels").iterdir():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        source = SOURCES[path.name.partition(".")[0]]
        assert len(rows) == source["labelled"] + source["labelled_before"]
        assert sum(row.get("by_hand", False) for row in rows) == source["labelled_before"]
        assert all(DIGEST.fullmatch(key) for row in rows for _, key in row["blocks"])


@pytest.mark.parametrize("kind", [HTML, TEXT], ids=lambda kind: kind.name)
def test_the_shipped_models_were_trained_on_these_tables(tables, kind):
    known = [e for name in sorted(tables) for e in of_kind(tables[name], kind)]
    card = bodycopy.load_model(kind=kind.name).card
    lines = read_lines(FOLDER / "lines") if kind is HTML else None
    expected = card_of(known, kind, settings_for(kind), lines=lines)
    for name in ("corpora", "sites", "texts", "features", "lines"):
        assert card.get(name) == expected.get(name), name
    settings = json.loads(json.dumps(expected["settings"]))
    assert card["settings"] == settings


def test_the_models_card_is_that_of_the_models():
    from bodycopy.card import card_text

    told = (FOLDER.parent / "models" / "README.md").read_text(encoding="utf-8")
    assert told == "\n".join(card_text(bodycopy.load_model(kind=kind)) for kind in ("html", "text"))
