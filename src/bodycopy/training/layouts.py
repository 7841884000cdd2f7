"""Data sets as they lie on disk → pages and what is known of each.

A data set is a folder in one of these layouts:

* *annotated*: pages and the labels of their blocks, ``NAME.html`` and ``NAME.tsv`` (see `annotation`);
* *ours*: ``html/ID.html`` and ``truth.jsonl``, a page a line: ``id``, ``url``, ``type``, ``body`` (the main text);
* *WCXB's*: ``html/ID.html.gz`` and ``ground-truth/ID.json``;
* *Scrapinghub's* article-extraction-benchmark: ``html/ID.html.gz`` and ``ground-truth.json``;
* *two folders*: ``html/NAME.html`` and the main text in ``text/NAME.txt``.

Pages may be gzipped in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from bodycopy.training.annotation import files_in, read
from bodycopy.training.corpora import (
    DataError,
    Labelled,
    Source,
    address,
    read_json,
    read_jsonl,
    read_labels,
    read_page,
    read_text,
    site_of,
    text_in,
)


def is_corpus(folder: Path) -> bool:
    """Whether a folder has one of the layouts but the first."""
    return any((folder / name).exists() for name in READERS)


def read_data(folder: Path, labels: dict[tuple[str, str], tuple[list[Labelled], bool]] | None = None) -> list[Source]:
    """All pages of a data set, with their labels where there are any; ``labels`` are those of `read_labels`.

    Raises DataError, OSError.
    """
    reader = next((read for name, read in READERS.items() if (folder / name).exists()), read_annotated)
    sources = list(reader(folder))
    if not sources:
        raise DataError(
            f"{folder}: no data set: neither NAME.html with NAME.tsv, nor html/ with truth.jsonl, ground-truth/, "
            "ground-truth.json or text/; `bodycopy annotate` makes the first"
        )
    for source in sources:
        if found := (labels or {}).get((source.corpus, source.id)):
            source.labels, source.by_hand = found
    return sources


def read_sources(
    folders: Sequence[Path], labels: Sequence[Path], say: Callable[[str], None] = lambda _: None
) -> list[Source]:
    """The pages of some data sets, with what some files of labels say of them; ``say`` is told of labels of no page.

    Raises DataError, OSError.
    """
    known = read_labels(labels)
    sources = [source for folder in folders for source in read_data(folder, known)]
    if others := sorted(known.keys() - {(s.corpus, s.id) for s in sources}):
        corpus, page = others[0]
        say(
            f"{len(others)} of {len(known)} rows of labels are of no page here, such as {page!r} of {corpus!r}: the "
            "corpus of a row is the name of its folder of pages, and its id that of its page"
        )
    return sources


def corpus_digest(sources: Sequence[Source]) -> str:
    """SHA-256 of the pages of a corpus and their main text, in the order of their ids."""
    found = sha256()
    for source in sorted(sources, key=lambda s: s.id):
        for part in (source.id.encode(), source.html, (source.body or "").encode()):
            found.update(sha256(part).digest())
    return found.hexdigest()


def read_ours(folder: Path) -> Iterator[Source]:
    for number, row in enumerate(read_jsonl(folder / "truth.jsonl"), 1):
        where = f"{folder / 'truth.jsonl'}:{number}"
        name, url, kind, body = (text_in(row, field, where) for field in ("id", "url", "type", "body"))
        if not name:
            raise DataError(f"{where}: the field 'id' is empty")
        html = read_page(folder / "html", name, where)
        site = site_of(url, html, name.split("_", maxsplit=1)[0])
        yield Source(folder.name, name, site, kind or "", html, body, url=url or "")


def read_wcxb(folder: Path) -> Iterator[Source]:
    for path in sorted((folder / "ground-truth").glob("*.json")):
        row = read_json(path)
        html = read_page(folder / "html", path.stem, str(path))
        truth = row.get("ground_truth")
        if not isinstance(truth, dict):
            raise DataError(f"{path}: no field 'ground_truth' with an object")
        body = text_in(truth, "main_content", f"{path}: ground_truth")
        kind = ((row.get("_internal") or {}).get("page_type") or {}).get("primary") or "article"
        url = row.get("url") or ""
        site = site_of(url, html, path.stem)
        yield Source(folder.name, path.stem, site, kind, html, body, url=url)


def read_scrapinghub(folder: Path) -> Iterator[Source]:
    path = folder / "ground-truth.json"
    for name, row in read_json(path).items():
        where = f"{path}: {name}"
        if not isinstance(row, dict):
            raise DataError(f"{where}: not a JSON object")
        body = text_in(row, "articleBody", where)
        html = read_page(folder / "html", name, where)
        url = row.get("url") or ""
        yield Source(folder.name, name, site_of(url, html, name), "article", html, body, url=url)


def read_two_folders(folder: Path) -> Iterator[Source]:
    for path in sorted((folder / "text").glob("*.txt")):
        html = read_page(folder / "html", path.stem, str(path))
        site = site_of(None, html, path.stem)
        yield Source(folder.name, path.stem, site, "", html, read_text(path), url=address(html))


def read_annotated(folder: Path) -> Iterator[Source]:
    """Pages without an address are taken to be of one site, named as the folder is: they may well be."""
    here = folder.resolve().name
    for path in files_in(folder):
        found = read(path)
        html = read_page(folder, path.stem, str(path))
        told = found.told
        url = told.get("url", "")
        yield Source(
            told.get("corpus", here),
            told.get("id", path.stem),
            site_of(url, html, here),
            told.get("type", ""),
            html,
            labels=found.blocks,
            by_hand=True,
            url=url,
        )


READERS = {
    "truth.jsonl": read_ours,
    "ground-truth": read_wcxb,
    "ground-truth.json": read_scrapinghub,
    "text": read_two_folders,
}
