"""What a corpus tells of its pages, and the files that tell it: pages, JSON Lines, labels.

Labels of a corpus' blocks are JSON Lines, plain or gzipped: ``corpus`` (the folder's name), ``id`` and ``blocks``, a
list of ``[label, text]`` or – where the text is not ours to keep – ``[label, digest]`` pairs, in reading order; of a
digest the first six digits are enough. A label of null is that of a block that nobody labelled. ``by_hand`` tells
whether the labels of a row are good enough to score by; if it is left out, those with texts are.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32
from zlib import error as zlib_error

from bodycopy.model import LABELS

WORD = re.compile(r"\w+")
DIGEST = re.compile("[0-9a-f]{6,8}")  # six digits tell the blocks of a page apart
CANONICAL = re.compile(
    rb"""rel=["']?canonical["']?[^>]*?href=["']?(https?://[^"'\s>]+)|"""
    rb"""property=["']og:url["'][^>]*?content=["'](https?://[^"'\s>]+)|"""
    rb"""href=["']?(https?://[^"'\s>]+)["']?[^>]*?rel=["']?canonical""",
    re.IGNORECASE,
)
# The host of an address; without a scheme, a path must follow, or the name of a file would do.
HOST = re.compile(
    r"\s*(?:(?:[a-z][a-z\d+.-]*:)?//(?:[^/?#@]*@)?([^/?#:]*)|([^/?#:]*\.[^/?#:]*)(?::\d+)?/)", re.IGNORECASE
)
BAD_GZIP = (gzip.BadGzipFile, EOFError, zlib_error)  # what reading a damaged or shortened file raises


class DataError(ValueError):
    """A data set is not what it has to be; the message names the file and, where there is one, the line."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled block, or one with "" for a label, which nobody labelled.

    ``key`` is the digest of its words, or its text; ``path`` its place in the document, if known; ``line`` where it
    stands in its file, if it has a line of its own.
    """

    label: str
    key: str
    path: str = ""
    line: int = 0


@dataclass(slots=True)
class Source:
    """A page and what its corpus knows of it."""

    corpus: str
    id: str
    site: str
    type: str
    html: bytes
    body: str | None = None  # the main text
    labels: Sequence[Labelled] | None = None
    by_hand: bool = False  # whether the labels are good enough to score by
    url: str = ""


def digest(text: str) -> str:
    """Eight hexadecimal digits that stand for the words of a block."""
    return f"{crc32(' '.join(WORD.findall(text.lower())).encode()):08x}"


def address(html: bytes) -> str:
    """The address that a page names as its own, "" if none."""
    found = CANONICAL.search(html)
    return next(g for g in found.groups() if g).decode("ascii", "ignore") if found else ""


def site_of(url: str | None, html: bytes, default: str) -> str:
    """The registrable domain, or so, of a page's address, or of the one it names itself; else the default."""
    found = HOST.match(url or address(html))
    parts = (found[1] or found[2] or "").lower().strip(".").split(".") if found else [""]
    if parts == [""]:
        return default
    second_level = len(parts) >= 3 and len(parts[-1]) == 2 and len(parts[-2]) <= 3
    return ".".join(parts[-3 if second_level else -2 :])


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file. Raises DataError for a row that is no JSON object, OSError."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = json.loads(line.decode())
                except ValueError as error:
                    raise DataError(f"{path}:{number}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise DataError(f"{path}:{number}: not a JSON object")
                yield row
    except BAD_GZIP as error:
        raise DataError(f"{path}: not a whole gzip file: {error}") from error


def text_in(row: dict[str, Any], name: str, where: str) -> str | None:
    """A field of a row, which is a text or null. Raises DataError; ``where`` is what names the row."""
    if name not in row:
        raise DataError(f"{where}: no field {name!r}")
    value = row[name]
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: the field {name!r} is no text")
    return value


def read_labels(paths: Sequence[Path]) -> dict[tuple[str, str], tuple[list[Labelled], bool]]:
    """Labels by (corpus, id), and whether they are good enough to score by; of a page labelled twice the first stands.

    A folder stands for the files in it.
    """
    labels: dict[tuple[str, str], tuple[list[Labelled], bool]] = {}
    for path in [file for p in paths for file in (sorted(p.glob("*.jsonl*")) if p.is_dir() else [p])]:
        for number, row in enumerate(read_jsonl(path), 1):
            try:
                blocks = [Labelled(label or "", key) for label, key in row["blocks"]]
                page = (row["corpus"], row["id"])
                if not all(isinstance(text, str) for text in (*page, *(block.key for block in blocks))):
                    raise TypeError("not a text")
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"{path}:{number}: a row has corpus, id and blocks, [label, text] each") from error
            for block in blocks:
                if block.label not in ("", *LABELS):
                    raise DataError(
                        f"{path}:{number}: no such label: {block.label!r}; the labels are {', '.join(LABELS)}"
                    )
            by_hand = not all(DIGEST.fullmatch(block.key) for block in blocks)
            labels.setdefault(page, (blocks, bool(row.get("by_hand", by_hand))))
    return labels


def read_bytes(path: Path) -> bytes:
    """What a file holds, unpacked if its name ends in .gz. Raises DataError, OSError."""
    data = path.read_bytes()
    try:
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except BAD_GZIP as error:
        raise DataError(f"{path}: not a whole gzip file: {error}") from error


def read_page(folder: Path, name: str, where: str) -> bytes:
    """The bytes of ``NAME.html``, plain or gzipped. Raises DataError; ``where`` is what names the page."""
    for suffix in (".html", ".html.gz"):
        path = folder / f"{name}{suffix}"
        if path.exists():
            return read_bytes(path)
    raise DataError(f"{where}: its page is missing: no {folder / name}.html, plain or .gz")


def read_text(path: Path) -> str:
    """What a file holds, less a byte-order mark, with plain newlines. Raises DataError unless it is UTF-8, OSError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error


def read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: not a JSON object")
    return found
