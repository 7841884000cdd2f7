"""Features → scores: a trained model, as data, and how numpy evaluates it.

A model is a linear stage and a small neural network. The linear stage scores the tokens of each block. The network sees
those scores, the block's numbers, and the linear scores around it; it scores the four labels and, beside them, the
*core*: whether the block is running text of the piece, as the public corpora of extracted articles count it.

The file is a NumPy ``.npz`` archive of plain arrays and one JSON text, the card. It is read without pickle, so it
cannot run anything, and depends on no version of scikit-learn.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bodycopy.features import (
    CONTEXT,
    GROUPS,
    NAMES,
    VERSION,
    Features,
    Structure,
    context,
    linear_scores,
    side_by_side,
)
from bodycopy.tokens import BUCKETS, Floats

LABELS = ("body", "promo", "related", "chrome")
OUTPUTS = (*LABELS, "core")


class ModelError(ValueError):
    """A file is not a model, or not one that this version of bodycopy can use."""


def squash(scores: Floats) -> Floats:
    """Linear scores, brought into (-1, 1): the form in which the networks see them."""
    return np.tanh(scores * 0.25)


def totals(linear: Floats, bias: Floats) -> Floats:
    """Linear scores by group, summed over the groups: shape (blocks, len(OUTPUTS))."""
    return linear.reshape(len(linear), len(GROUPS), len(OUTPUTS)).sum(1) + bias


def around(total: Floats, where: Structure) -> Floats:
    """What the network sees of the blocks around each: `context` of linear scores and of likeness to the title."""
    return context(np.hstack((squash(total), where.likeness[:, None])), where)


def inputs_of(numbers: Floats, linear: Floats, surroundings: Floats) -> Floats:
    """What a network sees of each block: shape (blocks, INPUTS)."""
    return np.hstack((numbers, squash(linear), surroundings))


INPUTS = len(NAMES) + len(GROUPS) * len(OUTPUTS) + len(CONTEXT) * (len(OUTPUTS) + 1)
LOWEST_CUT, HIGHEST_CUT = 0.15, 0.5
BODY_SAY = 0.1  # how much the body label has to say about the core
CLIP = 4.0  # standard deviations beyond which an input counts as that many: rare pages do not run away


class Network:
    """A feed-forward network of rectified linear units (Nair and Hinton, 2010), over standardised inputs.

    ``centre`` and ``scale`` are the inputs' means and inverse deviations; each layer is weights (inputs, outputs) and
    biases.
    """

    def __init__(self, centre: Floats, scale: Floats, layers: list[tuple[Floats, Floats]]):
        self.centre = centre
        self.scale = scale
        self.layers = layers

    def __call__(self, x: Floats) -> Floats:
        """Probabilities of OUTPUTS: the labels' sum to 1 (softmax), the core's stands alone (logistic)."""
        x = (x - self.centre) * self.scale
        np.clip(x, -CLIP, CLIP, out=x)
        for weights, biases in self.layers[:-1]:
            x = x @ weights
            x += biases
            np.maximum(x, 0, out=x)
        weights, biases = self.layers[-1]
        x = x @ weights + biases
        labels = x[:, : len(LABELS)]
        labels -= labels.max(1, keepdims=True)
        np.exp(labels, out=labels)
        labels /= labels.sum(1, keepdims=True)
        core = 1 / (1 + np.exp(-np.clip(x[:, -1], -30, 30)))
        # A block that is surely not body is less of the running text, too: the labels have the last word.
        x[:, -1] = core * labels[:, 0] ** BODY_SAY
        return x


def best_cut(core: Floats, words: Floats) -> float:
    """The threshold on a page's core scores that promises the highest word F1.

    If the scores are probabilities, keeping the k surest blocks has an expected F1 of about
    2 * sum(core * words over those k) / (words in those k + sum(core * words over all)); the k with the highest wins
    (Lipton, Elkan and Naryanaswamy, 2014, "Optimal thresholding of classifiers to maximize F1 measure"). The cut is low
    where the model is unsure of a page, and never above a half.
    """
    order = np.argsort(-core)
    hits = np.cumsum((core * words)[order], dtype=np.float64)
    expected = 2 * hits / (np.cumsum(words[order], dtype=np.float64) + hits[-1])
    return float(np.clip(core[order[np.argmax(expected)]], LOWEST_CUT, HIGHEST_CUT))


class Model:
    """A trained model. It never changes once made, so threads may share it.

    ``card`` tells what it is: feature version, labels, corpora, scores, date.
    """

    def __init__(self, card: Mapping[str, Any], table: Floats, bias: Floats, network: Network):
        self.card = dict(card)
        self._table = table
        self._names_table = side_by_side(table)
        self._bias = bias
        self._network = network

    def score(self, f: Features) -> Floats:
        """The probabilities of OUTPUTS for each block: shape (blocks, 5)."""
        linear = linear_scores(f, self._table, self._names_table)
        surroundings = around(totals(linear, self._bias), f.structure)
        return self._network(inputs_of(f.numbers, linear, surroundings))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, whole or not at all."""
        arrays = {"table": self._table, "bias": self._bias}
        arrays |= {"centre": self._network.centre, "scale": self._network.scale}
        for i, (weights, biases) in enumerate(self._network.layers):
            arrays |= {f"weights{i}": weights, f"biases{i}": biases}
        arrays["table"] = arrays["table"].astype(np.float16)  # most of the file
        told = self.card | {"layers": len(self._network.layers)}
        card = np.frombuffer(json.dumps(told, indent=1, ensure_ascii=False).encode(), np.uint8)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(draft, "wb") as file:
                np.savez_compressed(file, card=card, **arrays)  # type: ignore[arg-type]
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a model file. Raises ModelError if it is no model of this feature version, OSError if unreadable."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                card = json.loads(archive["card"].tobytes())
                arrays = {name: archive[name].astype(np.float32) for name in archive.files if name != "card"}
            told = dict(card)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except Exception as error:  # whatever NumPy, zipfile, zlib and json make of a file that is none
            raise ModelError(f"{path} is not a bodycopy model: {error}") from error
        expected = {"kind": "html", "feature_version": VERSION, "labels": list(LABELS)}
        for key, value in expected.items():
            if told.get(key) != value:
                raise ModelError(
                    f"{path} was trained for {key} {told.get(key)!r}; this bodycopy needs {value!r}. "
                    "Train it anew, or install the bodycopy version that its card names."
                )
        try:
            layers = [(arrays[f"weights{i}"], arrays[f"biases{i}"]) for i in range(card["layers"])]
            network = Network(arrays["centre"], arrays["scale"], layers)
            widths = [INPUTS, *(biases.shape[0] for _, biases in layers)]
            shapes = [
                ("token table", arrays["table"].shape, (BUCKETS * len(GROUPS), len(OUTPUTS))),
                ("biases", arrays["bias"].shape, (len(OUTPUTS),)),
                ("means and scales", (network.centre.shape, network.scale.shape), ((INPUTS,), (INPUTS,))),
                ("layers", tuple(w.shape for w, _ in layers), tuple(pairwise(widths))),
                ("outputs", widths[-1:], [len(OUTPUTS)]),
            ]
            for name, found, needed in shapes:
                if found != needed:
                    raise ModelError(f"{path} is damaged: its {name} measure {found}, not {needed}")
            return cls(card, arrays["table"], arrays["bias"], network)
        except (KeyError, TypeError, IndexError) as error:
            raise ModelError(f"{path} is damaged: {error!r} is missing or wrong") from error


def shipped(name: str) -> Path:
    """Where a shipped model lies: inside the installed package, or in the checkout's models/."""
    here = Path(__file__).resolve()
    for folder in (here.parent / "models", here.parents[2] / "models"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"no shipped model {name}: reinstall bodycopy")


@lru_cache(8)
def _load(path: str) -> Model:
    return Model.load(path)


def load_model(path: str | os.PathLike[str] | None = None) -> Model:
    """A model from a file; by default the one that the variable BODYCOPY_MODEL names, else the shipped one.

    Each file is read once. Raises ModelError or OSError.
    """
    return _load(os.fspath(path or os.environ.get("BODYCOPY_MODEL") or shipped("html.npz")))
