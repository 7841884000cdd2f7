"""Corpora and labels as they lie on disk.

A corpus is a folder with ``html/<id>.html`` and ``truth.jsonl``: one page a line, with ``id``, ``url``, ``type`` and
``body``, the page's main text, or null. Labels are JSON Lines, plain or gzipped: ``corpus``, ``id`` and ``blocks``, a
list of ``[label, text]`` or – where the text is not ours to keep – ``[label, digest]`` pairs, in reading order.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from bodycopy.model import LABELS

WORD = re.compile(r"\w+")
CANONICAL = re.compile(
    rb"""rel=["']?canonical["']?[^>]*?href=["']?(https?://[^"'\s>]+)|"""
    rb"""property=["']og:url["'][^>]*?content=["'](https?://[^"'\s>]+)|"""
    rb"""href=["']?(https?://[^"'\s>]+)["']?[^>]*?rel=["']?canonical""",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Source:
    """A page and what its corpus knows of it."""

    corpus: str
    id: str
    site: str
    type: str
    html: bytes
    body: str | None  # the main text
    labels: list[tuple[str, str]] | None  # (label, text or digest) by block
    by_hand: bool  # whether the labels are the corpus' own, rather than bodycopy's


def digest(text: str) -> str:
    """Eight hexadecimal digits that stand for the words of a block."""
    return f"{crc32(' '.join(WORD.findall(text.lower())).encode()):08x}"


def site_of(url: str | None, html: bytes, page_id: str) -> str:
    """The registrable domain, or so, of a page's address, or of the one it names itself; else a part of its id."""
    if not url and (found := CANONICAL.search(html)):
        url = next(g for g in found.groups() if g).decode("ascii", "ignore")
    if not url or url.count("/") < 2:
        return page_id.split("_", maxsplit=1)[0]
    parts = url.split("/")[2].lower().split(":")[0].split(".")
    second_level = len(parts) >= 3 and len(parts[-1]) == 2 and len(parts[-2]) <= 3
    return ".".join(parts[-3 if second_level else -2 :])


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file. Raises ValueError that names the file and line of a row that is no JSON object."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: not JSON: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}:{number}: not a JSON object")
            yield row


def read_labels(paths: list[Path]) -> dict[tuple[str, str], tuple[list[tuple[str, str]], bool]]:
    """Labels by (corpus, id), and whether they came with their text. Of a page labelled twice the first stands."""
    labels: dict[tuple[str, str], tuple[list[tuple[str, str]], bool]] = {}
    for path in paths:
        for number, row in enumerate(read_jsonl(path), 1):
            blocks = [(label, text) for label, text in row["blocks"]]
            for label, _ in blocks:
                if label not in LABELS:
                    raise ValueError(f"{path}:{number}: no such label: {label!r}; the labels are {', '.join(LABELS)}")
            by_hand = not all(re.fullmatch("[0-9a-f]{8}", text) for _, text in blocks)
            labels.setdefault((row["corpus"], row["id"]), (blocks, by_hand))
    return labels


def read_corpora(folders: list[Path], label_files: list[Path]) -> Iterator[Source]:
    """All pages of some corpora, with their labels where there are any."""
    labels = read_labels(label_files)
    for folder in folders:
        for row in read_jsonl(folder / "truth.jsonl"):
            html = (folder / "html" / f"{row['id']}.html").read_bytes()
            blocks, by_hand = labels.get((folder.name, row["id"]), (None, False))
            site = site_of(row["url"], html, row["id"])
            yield Source(folder.name, row["id"], site, row["type"], html, row["body"], blocks, by_hand)
