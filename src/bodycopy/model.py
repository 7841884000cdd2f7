"""Features → scores: a trained model, as data, and how numpy evaluates it.

A model is a linear stage and one or two small neural networks. The linear stage scores the tokens of each block. The
network sees those scores, the block's numbers, and the linear scores around it; it scores the four labels and, beside
them, the *core*: whether the block is running text of the piece, as the public corpora of extracted articles count it.
A second network sees what the first made of the blocks around, too.

The file is a NumPy ``.npz`` archive of plain arrays and one JSON text, the card. It is read without pickle, so it
cannot run anything, and depends on no version of scikit-learn.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy import features, line_features
from bodycopy.compiled import loops
from bodycopy.context import CONTEXT, Structure, context
from bodycopy.features import Features
from bodycopy.files import write_file
from bodycopy.line_features import LineFeatures
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
    return linear.reshape(len(linear), -1, len(OUTPUTS)).sum(1) + bias


def around(total: Floats, where: Structure) -> Floats:
    """What the network sees of the blocks around each: `context` of linear scores and of traits."""
    return context(np.hstack((squash(total), where.traits)), where)


def inputs_of(numbers: Floats, linear: Floats, surroundings: Floats) -> Floats:
    """What a network sees of each block: shape (blocks, inputs of the kind of model)."""
    return np.hstack((numbers, squash(linear), surroundings))


@dataclass(frozen=True, slots=True)
class Kind:
    """What a model is for. All else is the same for all."""

    name: str
    version: int  # of the features
    names: tuple[str, ...]  # of the numbers
    groups: int  # of tokens
    around: int  # places around a block that are looked at
    traits: int  # what is looked at there, beside the scores
    body_say: float  # how much the body label has to say about the core: a power of its probability
    sure_junk: float  # the probability of promo and related together from which a block is no running text
    tables_of: Callable[[Floats], list[Floats]]  # the token table as it is looked up in
    linear_scores: Callable[[Any, Sequence[Floats]], Floats]

    def inputs(self, later: bool) -> int:
        """The width of what the first network sees, or a later one."""
        surroundings = self.around * (len(OUTPUTS) + self.traits)
        return len(self.names) + self.groups * len(OUTPUTS) + surroundings * (2 if later else 1)


HTML = Kind(
    name="html",
    version=features.VERSION,
    names=features.NAMES,
    groups=len(features.GROUPS),
    around=len(CONTEXT) + features.HEIGHTS,
    traits=len(features.TRAITS),
    body_say=0.1,
    sure_junk=0.8,
    tables_of=features.tables_of,
    linear_scores=features.linear_scores,
)
TEXT = Kind(
    name="text",
    version=line_features.VERSION,
    names=line_features.NAMES,
    groups=len(line_features.GROUPS),
    around=len(CONTEXT) + len(line_features.BOXES),
    traits=len(line_features.TRAITS),
    body_say=1.0,
    sure_junk=0.76,
    tables_of=line_features.tables_of,
    linear_scores=line_features.linear_scores,
)
KINDS = {kind.name: kind for kind in (HTML, TEXT)}
CLIP = 4.0  # standard deviations beyond which an input counts as that many: rare pages do not run away


def archive(arrays: Mapping[str, npt.NDArray[Any]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A NumPy archive, as `numpy.load` reads it. The same arrays give the same bytes: there is no date in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), compression)
    return buffer.getvalue()


def checksum(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 of the arrays in a model file: the same for models that score the same, whatever their cards tell."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def standardised(x: Floats, centre: Floats, scale: Floats) -> Floats:
    """Inputs in deviations from their mean, CLIP of them at most."""
    if loops and x.flags.c_contiguous:  # the order in memory stays as it is: it shows in the last digits of products
        return loops.standardised(x, centre, scale, CLIP)
    x = x - centre
    x *= scale
    return np.clip(x, -CLIP, CLIP, out=x)


class Network:
    """A feed-forward network of rectified linear units (Nair and Hinton, 2010), over standardised inputs.

    ``centre`` and ``scale`` are the inputs' means and inverse deviations; each layer is weights (inputs, outputs) and
    biases. ``odds`` are what those of each label are multiplied by in the end: not all mistakes are alike.
    """

    def __init__(self, centre: Floats, scale: Floats, layers: list[tuple[Floats, Floats]], odds: Floats | None = None):
        self.odds = np.ones(len(LABELS), np.float32) if odds is None else odds
        self.centre = centre
        self.scale = scale
        self.layers = layers

    def log_odds(self, x: Floats) -> Floats:
        """What the last layer gives: shape (blocks, len(OUTPUTS)). Those of the labels hold up to a constant."""
        x = standardised(x, self.centre, self.scale)
        for weights, biases in self.layers[:-1]:
            x = x @ weights
            x += biases
            np.maximum(x, 0, out=x)
        weights, biases = self.layers[-1]
        return x @ weights + biases


def probabilities(kind: Kind, log_odds: Floats, label_odds: npt.ArrayLike) -> Floats:
    """Those of OUTPUTS: the labels' sum to 1 (softmax); the core's is logistic, times what the labels say of it.

    ``label_odds`` are what the odds of each label are multiplied by in the end; they have no say about the core.
    """
    x = log_odds.copy()
    labels = x[:, : len(LABELS)]
    labels -= labels.max(1, keepdims=True)
    np.exp(labels, out=labels)
    labels /= labels.sum(1, keepdims=True)
    core = 1 / (1 + np.exp(-np.clip(x[:, -1], -30, 30)))
    # The labels have a say about the core, too, and the last word where they are sure.
    x[:, -1] = core * labels[:, 0] ** kind.body_say
    x[labels[:, 1] + labels[:, 2] > kind.sure_junk, -1] = 0
    labels *= np.asarray(label_odds, np.float32)
    labels /= labels.sum(1, keepdims=True)
    return x


def chain(kind: Kind, networks: Sequence[Network], x: Floats, surroundings: Callable[[Floats], Floats]) -> Floats:
    """The probabilities that the last of some networks gives; each later one also sees the log odds around a block."""
    odds = networks[0].log_odds(x)
    for network in networks[1:]:
        odds = network.log_odds(np.hstack((x, surroundings(odds))))
    return probabilities(kind, odds, networks[-1].odds)


class Model:
    """A trained model. It never changes once made, so threads may share it.

    ``kind`` is what it is for, HTML or TEXT; ``card`` tells what it is: feature version, labels, corpora, scores, date.
    """

    def __init__(self, kind: Kind, card: Mapping[str, Any], table: Floats, bias: Floats, networks: Sequence[Network]):
        self.kind = kind
        self.card = dict(card)
        self._table = table
        self._tables = kind.tables_of(table)
        self._bias = bias
        self._networks = list(networks)

    def score(self, f: Features | LineFeatures) -> Floats:
        """The probabilities of OUTPUTS for each block: shape (blocks, 5)."""
        linear = self.kind.linear_scores(f, self._tables)
        x = inputs_of(f.numbers, linear, around(totals(linear, self._bias), f.structure))
        return chain(self.kind, self._networks, x, lambda odds: around(odds, f.structure))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, whole or not at all."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "table": self._table.astype(np.float16),
            "bias": self._bias,
        }  # the table is most of the file
        for n, network in enumerate(self._networks):
            arrays |= {f"centre{n}": network.centre, f"scale{n}": network.scale, f"odds{n}": network.odds}
            for i, (weights, biases) in enumerate(network.layers):
                arrays |= {f"weights{n}.{i}": weights, f"biases{n}.{i}": biases}
        told = self.card | {"kind": self.kind.name, "layers": [len(network.layers) for network in self._networks]}
        told["checksum"] = checksum(arrays)
        card = np.frombuffer(json.dumps(told, indent=1, ensure_ascii=False).encode(), np.uint8)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, archive({"card": card, **arrays}))  # packed it would be a tenth smaller, and slow to load

    @classmethod
    def load(cls, path: str | os.PathLike[str], kind: Kind | None = HTML) -> Model:
        """Read a model file, of any kind if it is None.

        Raises ModelError unless it is one for this feature version, OSError if unreadable.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                card = json.loads(file["card"].tobytes())
                stored = {name: file[name] for name in file.files if name != "card"}
            told: dict[str, Any] = dict(card)
            promised = told.pop("checksum", None)
            arrays = {name: array.astype(np.float32) for name, array in stored.items()}
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except Exception as error:  # whatever NumPy, zipfile, zlib and json make of a file that is none
            raise ModelError(f"{path} is not a bodycopy model: {error}") from error
        kind = kind or KINDS.get(told.get("kind", ""), HTML)
        expected = {"kind": kind.name, "feature_version": kind.version, "labels": list(LABELS)}
        for key, value in expected.items():
            if told.get(key) != value:
                raise ModelError(
                    f"{path} was trained for {key} {told.get(key)!r}; this bodycopy needs {value!r}. "
                    "Train it anew, or install the bodycopy version that its card names."
                )
        if promised != checksum(stored):
            raise ModelError(f"{path} is damaged: its checksum is not that of what it holds; get or train it anew")
        try:
            shapes: list[tuple[str, object, object]] = [
                ("token table", arrays["table"].shape, (BUCKETS * kind.groups, len(OUTPUTS))),
                ("biases", arrays["bias"].shape, (len(OUTPUTS),)),
            ]
            networks = []
            for n, depth in enumerate(card["layers"]):
                layers = [(arrays[f"weights{n}.{i}"], arrays[f"biases{n}.{i}"]) for i in range(depth)]
                network = Network(arrays[f"centre{n}"], arrays[f"scale{n}"], layers, arrays[f"odds{n}"])
                networks.append(network)
                inputs = kind.inputs(later=n > 0)
                widths = [inputs, *(biases.shape[0] for _, biases in layers)]
                shapes += [
                    ("odds", network.odds.shape, (len(LABELS),)),
                    ("means and scales", (network.centre.shape, network.scale.shape), ((inputs,), (inputs,))),
                    ("layers", tuple(w.shape for w, _ in layers), tuple(pairwise(widths))),
                    ("outputs", widths[-1:], [len(OUTPUTS)]),
                ]
            for name, found, needed in [*shapes, ("networks", bool(networks), True)]:
                if found != needed:
                    raise ModelError(f"{path} is damaged: its {name} measure {found}, not {needed}")
            return cls(kind, card, arrays["table"], arrays["bias"], networks)
        except (KeyError, TypeError, IndexError) as error:
            raise ModelError(f"{path} is damaged: {error!r} is missing or wrong") from error


@cache
def shipped(name: str) -> Path:
    """Where a shipped model lies: inside the installed package, or in the checkout's models/."""
    here = Path(__file__).resolve()
    for folder in (here.parent / "models", here.parents[2] / "models"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"no shipped model {name}: reinstall bodycopy")


@lru_cache(8)
def _load(path: str, kind: str) -> Model:
    return Model.load(os.path.join(path, f"{kind}.npz") if os.path.isdir(path) else path, KINDS[kind])


def load_model(path: str | os.PathLike[str] | None = None, kind: str = "html") -> Model:
    """A model from a file, or from a folder with ``html.npz`` and ``text.npz``; by default the one that a variable
    names, else the shipped one.

    ``kind``: "html", with the variable BODYCOPY_MODEL, or "text", with BODYCOPY_TEXT_MODEL. Each file is read once.
    Raises ModelError, OSError, or ValueError for another kind.
    """
    variables = {"html": "BODYCOPY_MODEL", "text": "BODYCOPY_TEXT_MODEL"}
    if kind not in variables:
        raise ValueError(f"a model is of the kind html or text, not {kind!r}")
    return _load(os.fspath(path or os.environ.get(variables[kind]) or shipped(f"{kind}.npz")), kind)
