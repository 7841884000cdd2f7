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
from bodycopy.tokens import BUCKETS, MARK

PAGES = Path(__file__).parents[1] / "training_data" / "pages"
ARTICLE = """
<html><head><title>Ferry returns after storm – Harbour Post</title></head><body class="page page--story">
<nav class="main-menu"><ul><li><a href="/">Home</a></li><li><a href="/sea">Sea</a></li></ul></nav>
<main><article class="story"><h1>Ferry returns after storm</h1>
<p>The ferry is back. It had been missing for three days, said the captain, who "never worried" at all about it.</p>
<p>People on the island cheered when it came in, and the school closed early so that all could see it land.</p>
<ul><li>First point</li><li>Second point</li></ul><blockquote>It is back!</blockquote>
<h2>What next</h2><p>Short, then.</p></article>
<aside class="newsletter"><h3>Sign up</h3><form><button>Subscribe</button></form></aside></main>
<footer hidden>2024 © All rights reserved</footer></body></html>
"""
ODD_PAGES = {
    "one block": "x",
    "one character of punctuation": "<p>.</p>",
    "no words": "<p>***</p><p>– – –</p>",
    "no title": "<p>One paragraph.</p><p>And another.</p>",
    "a title that no block shares": "<title>zzz</title><p>x</p>",
    "a title of punctuation": "<title>|</title><p>x</p>",
    "only links": "".join(f"<p><a href=/{i}>Link {i}</a></p>" for i in range(30)),
    "a link without characters": "<p><a href=''></a>x</p>",
    "only headings": "<h1>a</h1><h1>b</h1><h2>c</h2>",
    "only a table": "<table><tr><td>1<td>2</table>",
    "Japanese": "<title>日本語の題</title><h1>日本語の題</h1><p>これは日本語の文章です。もう一つ、あります。</p>",
    "Arabic": "<p>هذا نص عربي، وهنا جملة أخرى؟</p>",
    "outside the basic plane": "<p>😀😀 𝒳𝒴𝒵</p>",
    "control characters": f"<p>a{MARK}b \x02 c</p><p class='{MARK}'><a href='{MARK}/x{MARK}'>link</a></p>",
    "an odd space": "<p>a\u3000b</p><p>\u00a0c</p>",
    "a long word": f"<p>{'x' * 100_000}</p>",
    "a long paragraph": f"<p>{'lorem ipsum, dolor. ' * 20_000}</p>",
    "many lines": "<pre>" + "a b\n" * 5000 + "</pre>",
    "deep": f"{'<div>' * 500}text{'</div>' * 500}<p>after</p>",
    "many classes": f"<p class='{' '.join(f'cls{i} Foo-Bar_{i}' for i in range(500))}'>x</p>",
    "hidden from the start": "<html hidden><body><p>x</p></body></html>",
    "the same text often": "<p>again</p>" * 50,
    "article": ARTICLE,
}


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
