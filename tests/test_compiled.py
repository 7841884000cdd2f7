"""What C does and what Python and NumPy do: the same, on everything."""

from __future__ import annotations

import importlib.util
import random
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from engines import PAGES, missing
from helpers import ODD_PAGES

import bodycopy
from bodycopy import blocks, claims, compiled, context, document, features, model, shape, tokens
from bodycopy.line_features import line_features
from bodycopy.lines import cut_text
from bodycopy.model import LABELS, load_model
from bodycopy.tokens import IN_MARKUP, IN_TEXT, Ragged, words

USERS = (tokens, shape, claims, context, features, model)  # of the loops
STRANGE = (
    "aZé9 \n-—.!?,;:'\"|/«»()[]<>&日本語かカナ한ไทยعربАяßİıǅﬀ\u0301\u200b\u00ad\ud800\U0001f600\U00010400\x01\x85\u2028"
)

if compiled.loops is None:
    missing("what is compiled: pip install . with a C compiler at hand")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without the compiled loops."""
    for user in USERS:
        monkeypatch.setattr(user, "loops", None)
    return monkeypatch


@pytest.fixture(scope="module")
def source() -> ModuleType:
    """blocks.py as it is written, whatever was compiled of it."""
    path = Path(bodycopy.__file__).with_name("blocks.py")
    spec = importlib.util.spec_from_file_location("blocks_as_written", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look it up there
    spec.loader.exec_module(module)
    return module


def strange_texts(seed: int) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(STRANGE, k=chance.choice((1, 2, 5, 40, 400)))) for _ in range(60)]


def test_what_was_installed_is_compiled():
    assert not blocks.__file__.endswith(".py")


@pytest.mark.parametrize("rich", [False, True])
def test_a_page_is_cut_the_same(monkeypatch, source, rich):
    pages = [*PAGES.values(), *(html.encode("utf-8", "replace") for html in ODD_PAGES.values())]
    before = [asdict(document.segment(page, rich=rich)) for page in pages]
    monkeypatch.setattr(document, "Segmenter", source.Segmenter)
    monkeypatch.setattr(document, "EnoughError", source.EnoughError)
    monkeypatch.setattr(document.LOCAL, "parsers", [], raising=False)
    after = [asdict(document.segment(page, rich=rich)) for page in pages]
    monkeypatch.setattr(document.LOCAL, "parsers", [])
    assert before == after


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_scored_the_same(plain, name):
    cut = document.segment(PAGES[name])
    without = features.features(cut)
    scores = load_model().score(without)
    plain.undo()
    found = features.features(cut)
    np.testing.assert_allclose(found.numbers, without.numbers, rtol=1e-6)
    for one, other in ((found.text, without.text), (found.names, without.names), (found.targets, without.targets)):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.starts.tolist() == other.starts.tolist()
    assert found.chain.tolist() == without.chain.tolist()
    again = load_model().score(found)
    np.testing.assert_allclose(again, scores, atol=1e-4)
    assert (again[:, : len(LABELS)].argmax(1) == scores[:, : len(LABELS)].argmax(1)).all()


@pytest.mark.parametrize("name", list(PAGES)[:10])
def test_a_text_is_scored_the_same(plain, name):
    lines = cut_text(bodycopy.clean(PAGES[name], keep=LABELS))
    scores = load_model(kind="text").score(line_features(lines))
    plain.undo()
    np.testing.assert_allclose(load_model(kind="text").score(line_features(lines)), scores, atol=1e-4)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("letters", [IN_TEXT, IN_MARKUP], ids=["text", "markup"])
def test_strange_texts_have_the_same_words(plain, seed, letters):
    texts = [*strange_texts(seed), "", *strange_texts(seed + 100)]
    without = words(texts, letters)
    phrases, others = tokens.phrase_buckets(without), without.bucketed("target")
    plain.undo()
    found = words(texts, letters)
    for one, other in ((found, without), (tokens.phrase_buckets(found), phrases), (found.bucketed("target"), others)):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.starts.tolist() == other.starts.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_strange_texts_have_the_same_shape(plain, seed):
    texts = strange_texts(seed)
    without = shape.shape(texts)
    plain.undo()
    found = shape.shape(texts)
    for name in ("length", "words", "sentences", "numbers"):
        assert getattr(found, name).tolist() == getattr(without, name).tolist(), name


@pytest.mark.parametrize("n", [1, 2, 9, 200])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_training_sees_is_the_same_to_the_bit(plain, n, order):
    """So that a model is the same, trained with C or without."""
    chance = np.random.RandomState(n)
    scores, x = (np.array(chance.randn(n, width) * 3, np.float32, order=order) for width in (7, 30))
    centre, scale = chance.randn(2, 30).astype(np.float32)
    where = context.Structure(
        boxes=np.array(np.sort(chance.randint(0, n + 1, (5, 2, n)), axis=1), order=order),
        alike=np.unique(chance.randint(0, 3, n), return_inverse=True)[1],
        mass=chance.rand(n).astype(np.float32) * 100,
        traits=np.zeros((n, 0), np.float32),
        heading=chance.randint(0, n, n),
    )
    without = context.context(scores, where), model.standardised(x, centre, scale)
    plain.undo()
    assert context.context(scores, where).tobytes() == without[0].tobytes()
    assert model.standardised(x, centre, scale).tobytes() == without[1].tobytes()


def test_what_lies_outside_is_refused_and_not_read():
    ids, starts = np.array([0, 5]), np.array([0, 2])
    with pytest.raises(IndexError):
        Ragged(ids, starts).sums(np.zeros((5, 2), np.float32))
    far, values = np.array([[[0], [2]]]), np.zeros((1, 1))
    with pytest.raises(IndexError):
        context.sums_within(values, far)
    scores = np.zeros((1, 1), np.float32)
    within = np.array([[[0], [1]]])
    for boxes, heading in ((far, 0), (within, 1), (within, -1)):
        where = context.Structure(boxes, np.array([0]), np.ones(1, np.float32), scores, np.array([heading]))
        with pytest.raises(IndexError):
            context.context(scores, where)
