"""What several test files need: short ways to cut a page, models that need no training, bodycopy as a command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from bodycopy.api import resolver
from bodycopy.blocks import Segments
from bodycopy.cli import main
from bodycopy.document import segment
from bodycopy.features import NAMES, features
from bodycopy.model import HTML, LABELS, OUTPUTS, TEXT, Kind, Model, Network
from bodycopy.page import Page, make_page
from bodycopy.tokens import BUCKETS

PAGES = Path(__file__).parents[1] / "training_data" / "pages"


def cut(html: bytes | str, rich: bool = False) -> Segments:
    return segment(html, rich=rich)


def texts(html: bytes | str) -> list[str]:
    return cut(html).texts


def texts_where(html: str, name: str) -> list[str]:
    """The blocks of a page whose number of that name is above a half."""
    page = cut(html)
    values = features(page).numbers[:, NAMES.index(name)]
    return [text for text, value in zip(page.texts, values, strict=True) if value > 0.5]


def assert_starts_where(html: str, name: str, starts: list[str]) -> None:
    """Those blocks begin with these texts, each with one."""
    found = texts_where(html, name)
    assert len(found) == len(starts), found
    for text, start in zip(found, starts, strict=True):
        assert text.startswith(start), text


def labelled(html: str, labels: list[str] | None = None, url: str | None = None) -> Page:
    """A Page with the given labels, by default body throughout: for what comes after the model."""
    segments = cut(html, rich=True)
    labels = labels or ["body"] * len(segments.texts)
    assert len(labels) == len(segments.texts), segments.texts
    scores = np.zeros((len(labels), len(OUTPUTS)))
    for row, label in zip(scores, labels, strict=True):
        row[LABELS.index(label)] = 1
        row[-1] = label == "body"
    return make_page(segments, scores, 0.5, url, resolver(url, segments.base))


def random_model(seed: int = 0, hidden: int = 8, kind: Kind = HTML) -> Model:
    """A model of the right shape that knows nothing. Its table survives the file's 16-bit floats."""
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return random.normal(0, 0.3, shape).astype(np.float16).astype(np.float32)

    networks = []
    for n in [kind.inputs(later) for later in (False, True)[: 1 + (kind is TEXT)]]:
        layers = [(weights(n, hidden), weights(hidden)), (weights(hidden, len(OUTPUTS)), weights(len(OUTPUTS)))]
        networks.append(Network(weights(n), np.ones(n, np.float32), layers))
    card = {"kind": kind.name, "feature_version": kind.version, "labels": list(LABELS)}
    return Model(kind, card, weights(BUCKETS * kind.groups, len(OUTPUTS)), weights(len(OUTPUTS)), networks)


def run(*arguments: object) -> Result:
    """A command of bodycopy, in this process."""
    return CliRunner().invoke(main, [str(a) for a in arguments])


def start(*arguments: object, code: str = "", **variables: str) -> subprocess.Popen[str]:
    """A command of bodycopy in a process of its own, started; ``code`` runs before it."""
    source = f"{code}\nfrom bodycopy.cli import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
    )


def copied(names: Iterable[str], folder: Path, suffixes: Iterable[str] = (".html", ".tsv")) -> Path:
    """A folder made with some of the hand-written pages, and their labels."""
    folder.mkdir(parents=True)
    for name in names:
        for suffix in suffixes:
            shutil.copy(PAGES / f"{name}{suffix}", folder)
    return folder
