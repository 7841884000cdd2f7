"""Examples ↔ feature tables on disk: what training needs of the corpora, without their pages.

A table holds the examples of one corpus, those of its pages and those of the texts made of them. Texts have most of
their blocks in common with their page, and with each other: what the words of a block alone tell – the columns of
`shape.NAMES` and its tokens, as buckets of hashes without their order – is stored once a page for all blocks with the
same text.

A table is a NumPy archive of plain arrays, packed with LZMA; the same examples give the same bytes. Integers other than
buckets are stored as differences, which are mostly 0 or 1, numbers by column: so they pack to a tenth.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy import features, line_features
from bodycopy.features import Features
from bodycopy.files import write_file
from bodycopy.line_features import LineFeatures
from bodycopy.model import archive
from bodycopy.shape import NAMES as SHAPE
from bodycopy.tokens import Ragged
from bodycopy.training.corpora import DataError
from bodycopy.training.examples import WORDS, Example

VERSION = 1
BUCKETED = "_ids"  # ends the names of arrays of token buckets
BASE = len(SHAPE)  # columns that depend on the words of a block alone; they come first in all kinds of features
Array = npt.NDArray[Any]


class Columns:
    """Arrays in the making, joined in the end."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Array]] = {}

    def add(self, name: str, values: npt.ArrayLike) -> None:
        self.parts.setdefault(name, []).append(np.asarray(values))

    def joined(self) -> dict[str, Array]:
        return {name: pack(name, np.concatenate(parts, axis=-1)) for name, parts in self.parts.items()}


def pack(name: str, values: Array) -> Array:
    """An array as it is stored: floats and buckets in 16 bits, other integers as differences along the last axis."""
    if values.dtype.kind == "f":
        return values.astype(np.float16)
    if name.endswith(BUCKETED):
        return values.astype(np.uint16)
    steps = np.diff(values.astype(np.int64), axis=-1, prepend=0)
    width = next(t for t in (np.int8, np.int16, np.int32) if np.abs(steps).max(initial=0) <= np.iinfo(t).max)
    return steps.astype(width)


def unpack(name: str, values: Array) -> Array:
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    if name.endswith(BUCKETED):
        return values.astype(np.int64)
    return np.cumsum(values, axis=-1, dtype=np.int64)


def write_table(path: Path, examples: Sequence[Example]) -> None:
    """Write the examples of one corpus, which must have their texts, to a file, whole or not at all.

    Examples of one page must follow each other.
    """
    columns = Columns()
    told: list[list[Any]] = []
    for _, of_page in groupby(examples, key=lambda e: e.id):
        strings: dict[str, int] = {}
        for e in of_page:
            assert e.texts is not None
            told.append([e.kind.name, e.id, e.site, e.type, bool(e.by_hand), len(e), e.body_words])
            add_example(columns, e, e.texts, strings)
    about = {
        "version": VERSION,
        "features": {"html": features.VERSION, "text": line_features.VERSION},
        "corpus": examples[0].corpus,
        "examples": told,
    }
    card = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), np.uint8)
    write_file(path, archive({"about": card, **columns.joined()}, zipfile.ZIP_LZMA))


def add_example(columns: Columns, e: Example, texts: list[str], strings: dict[str, int]) -> None:
    """Add one example to the columns; ``strings`` numbers the texts of its page's blocks so far, and grows."""
    f, kind = e.features, e.kind.name
    new = len(strings)
    of_block = np.array([strings.setdefault(text, len(strings)) for text in texts])
    _, first = np.unique(of_block, return_index=True)
    fresh = first[of_block[first] >= new]
    columns.add("shape", f.numbers[fresh, :BASE].T)
    add_ragged(columns, "tokens", f.text.take(fresh))
    columns.add(f"{kind}_string", of_block)
    columns.add(f"{kind}_numbers", f.numbers[:, BASE:].T)
    columns.add(f"{kind}_boxes", f.structure.boxes.reshape(-1, len(f.numbers)))
    columns.add(f"{kind}_alike", f.structure.alike)
    columns.add(f"{kind}_heading", f.structure.heading)
    for name in ("labels", "core", "words", "hits"):
        columns.add(f"{kind}_{name}", getattr(e, name))
    if isinstance(f, Features):
        columns.add("chain", f.chain)
        columns.add("kinds", [len(f.names.counts())])
        add_ragged(columns, "names", f.names)
        add_ragged(columns, "targets", f.targets)


def add_ragged(columns: Columns, name: str, ragged: Ragged) -> None:
    columns.add(f"{name}_count", ragged.counts())
    columns.add(f"{name}_ids", ragged.ids)


class Reader:
    """Takes arrays apart again, from the front."""

    def __init__(self, arrays: dict[str, Array]):
        self.arrays = arrays
        self.at = dict.fromkeys(arrays, 0)

    def take(self, name: str, count: int) -> Array:
        start = self.at[name]
        self.at[name] = start + count
        found = self.arrays[name][..., start : start + count]
        if found.shape[-1] != count:
            raise IndexError(f"{name} is short")
        return found

    def ragged(self, name: str, count: int) -> Ragged:
        starts = np.zeros(count + 1, np.int64)
        np.cumsum(self.take(f"{name}_count", count), out=starts[1:])
        return Ragged(self.take(f"{name}_ids", int(starts[-1])), starts)


def read_table(path: Path) -> list[Example]:
    """The examples in a file, without their texts. Raises DataError, OSError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            arrays = {name: unpack(name, file[name]) for name in file.files if name != "about"}
        told = (about["version"], about["features"])
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # whatever NumPy, zipfile, lzma and json make of a file that is none
        raise DataError(f"{path} is no feature table, or damaged: {error}") from error
    needed = (VERSION, {"html": features.VERSION, "text": line_features.VERSION})
    if told != needed:
        raise DataError(f"{path} holds features of versions {told}; this bodycopy needs {needed}: make it anew")
    try:
        return list(read_examples(about, Reader(arrays)))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error!r}") from error


def read_examples(about: dict[str, Any], reader: Reader) -> Iterator[Example]:
    for _, of_page in groupby(about["examples"], key=lambda row: row[1]):
        # What is known of the texts of the page's blocks so far.
        shape = np.zeros((BASE, 0), np.float32)
        tokens = Ragged(np.zeros(0, np.int64), np.zeros(1, np.int64))
        for kind, page, site, page_type, by_hand, n, body_words in of_page:
            string = reader.take(f"{kind}_string", n)
            fresh = max(0, int(string.max()) + 1 - shape.shape[1])
            shape = np.hstack((shape, reader.take("shape", fresh)))
            tokens = joined(tokens, reader.ragged("tokens", fresh))
            numbers = np.ascontiguousarray(np.vstack((shape[:, string], reader.take(f"{kind}_numbers", n))).T)
            boxes = reader.take(f"{kind}_boxes", n).reshape(-1, 2, n)
            alike, heading = reader.take(f"{kind}_alike", n), reader.take(f"{kind}_heading", n)
            text = tokens.take(string)
            f: Features | LineFeatures
            if kind == "html":
                chain = reader.take("chain", n)
                names = reader.ragged("names", int(reader.take("kinds", 1)[0]))
                targets = reader.ragged("targets", n)
                structure = features.structure_of(numbers, boxes, alike, heading)
                f = Features(numbers, text, names, targets, np.expm1(numbers[:, WORDS]), chain, structure)
            else:
                f = LineFeatures(numbers, text, line_features.structure_of(numbers, boxes, alike, heading))
            labels, core = (reader.take(f"{kind}_{name}", n).astype(np.int8) for name in ("labels", "core"))
            words, hits = (reader.take(f"{kind}_{name}", n).astype(np.int32) for name in ("words", "hits"))
            yield Example(
                about["corpus"], page, site, page_type, by_hand, labels, core, f, words, hits, body_words
            )  # fmt: skip


def joined(a: Ragged, b: Ragged) -> Ragged:
    return Ragged(np.concatenate((a.ids, b.ids)), np.concatenate((a.starts, a.starts[-1] + b.starts[1:])))
