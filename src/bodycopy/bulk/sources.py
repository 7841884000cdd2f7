"""Where documents come from: files, folders, patterns and standard input, of pages, JSON Lines, Parquet and WARC.

All of it is read as it is asked for. What cannot be read becomes a document with a fault, in its place.
"""

from __future__ import annotations

import glob
import io
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NamedTuple, Protocol

from bodycopy.sniff import is_html

PAGES = (".html", ".htm", ".xhtml", ".txt")
ARCHIVES = (".warc", ".warc.gz")
LINES = tuple(name + packed for name in (".jsonl", ".ndjson") for packed in ("", ".gz", ".zst"))
TABLES = (".parquet",)
KINDS = {"page": PAGES, "archive": ARCHIVES, "lines": LINES, "table": TABLES}

EXTRAS = {"fastwarc": "warc", "pyarrow": "parquet", "zstandard": "zst"}
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
RECORD = re.compile(rb"(\x1f\x8b\x08)|\r\n\r\n(?=WARC/1\.)")  # what a WARC record may begin with
BLOCK = 1 << 20  # bytes read at once where a damaged archive is searched for its next record
HTML_TYPES = ("text/html", "application/xhtml+xml")
PAGE_SIZE = 16_000  # bytes: the size of a page that has not been read yet, for want of a better guess
ROWS = 256  # of a Parquet file, read at once


class InputError(ValueError):
    """A document cannot be had; the message says why."""


class Opened(NamedTuple):
    """A page and what is known of it."""

    data: bytes | str
    url: str | None = None
    encoding: str | None = None
    id: str | None = None
    row: dict[str, Any] | None = None  # the object that the page is a field of


class Content(Protocol):
    """What a document holds, as it travels to the worker that opens it."""

    @property
    def into(self) -> str:
        """What its output is in a folder: a "text", "lines" of JSON or a "table"."""

    def opened(self, field: str, url_field: str | None) -> Opened:
        """Read it. Raises InputError or OSError."""


class PageFile(NamedTuple):
    path: str
    into: str = "text"

    def opened(self, field: str, url_field: str | None) -> Opened:
        return Opened(Path(self.path).read_bytes())


class PageData(NamedTuple):
    data: bytes
    into: str = "text"

    def opened(self, field: str, url_field: str | None) -> Opened:
        return Opened(self.data)


class WebPage(NamedTuple):
    """The response in a WARC record."""

    body: bytes
    url: str | None
    id: str | None
    encoding: str | None
    coding: str  # Transfer-Encoding and Content-Encoding
    into: str = "lines"

    def opened(self, field: str, url_field: str | None) -> Opened:
        return Opened(decoded(self.body, self.coding), self.url, self.encoding, self.id)


class Line(NamedTuple):
    """A line of JSON Lines."""

    line: bytes
    into: str = "lines"

    def opened(self, field: str, url_field: str | None) -> Opened:
        try:
            row = json.loads(self.line)
        except ValueError as error:
            raise InputError(f"not JSON: {error}") from None
        if not isinstance(row, dict):
            raise InputError("not a JSON object")
        return open_row(row, field, url_field)


class Row(NamedTuple):
    """A row of a Parquet file."""

    row: dict[str, Any]
    into: str = "table"

    def opened(self, field: str, url_field: str | None) -> Opened:
        return open_row(self.row, field, url_field)


class Fault(NamedTuple):
    """Something that could not be read."""

    reason: str
    into: str = "text"

    def opened(self, field: str, url_field: str | None) -> Opened:
        raise InputError(self.reason)


class End(NamedTuple):
    """Where a file of many documents has been read to its end."""

    into: str

    def opened(self, field: str, url_field: str | None) -> Opened:
        raise NotImplementedError


class Source(NamedTuple):
    """A file of input."""

    name: str  # as messages name it
    kind: str = "page"
    place: PurePath = PurePath("stdin")  # its path within the folder or pattern that it was found by
    fault: str = ""  # why it cannot be read


class Document(NamedTuple):
    source: Source
    number: int  # of the source among all, from 0
    item: int  # number of the document in its source, from 0
    position: str  # in its source, as messages name it; "" where it is the whole of it
    content: Content
    size: int  # in bytes, roughly
    read: int  # bytes of the source that have been read, of many a document at once


def open_row(row: dict[str, Any], field: str, url_field: str | None) -> Opened:
    """The page in a field of an object. Raises InputError."""
    page, url = row.get(field), row.get(url_field) if url_field else None
    if isinstance(page, bytes):
        return Opened(page, url, row=row)
    if not isinstance(page, str):
        raise InputError(f"no text in the field {field!r}" if page is None else f"{field!r} is no text")
    if url is not None and not isinstance(url, str):
        raise InputError(f"{url_field!r} is no text")
    return Opened(page, url, row=row)


def sources(names: Iterable[str], fields: bool, kind: str, avoid: Path | None = None) -> Iterator[Source]:
    """The files that are meant by some names: of files, folders, patterns, or - for standard input.

    ``fields``: pages are fields of objects, in JSON Lines and Parquet; otherwise they are files, or in WARC. ``kind``:
    what a file is said to hold, "auto", "html" or "text". ``avoid``: a folder or file that is left out, the output.
    Sorted, so that the order is the same each time. Of a folder, files of no known kind are left out.
    """
    for name in names:
        if name == "-":
            yield Source(name, "lines" if fields else "archive" if is_archive(head_of(sys.stdin.buffer)) else "page")
        elif os.path.isdir(name):
            yield from folder(Path(name), PurePath(), fields, avoid)
        elif not os.path.lexists(name) and glob.has_magic(name):
            yield from matches(name, fields, kind, avoid)
        else:
            yield file(name, PurePath(Path(name).name), fields, kind)


def folder(path: Path, below: PurePath, fields: bool, avoid: Path | None) -> Iterator[Source]:
    """The files in a folder, and in those in it."""
    known = LINES + TABLES if fields else PAGES + ARCHIVES
    some = False
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        yield Source(str(path), fault=error.strerror or str(error))
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if avoid is None or not is_same(entry, avoid):
                some = True
                yield from folder(path / entry.name, below / entry.name, fields, avoid)
        elif entry.name.lower().endswith(known) and not (avoid and entry.name == avoid.name and is_same(entry, avoid)):
            some = True
            yield file(str(path / entry.name), below / entry.name, fields, "auto")
    if not some and below == PurePath():
        yield Source(str(path), fault=f"no files in this folder that end in {', '.join(known)}")


def is_same(entry: os.DirEntry[str], other: Path) -> bool:
    """Whether an entry of a folder is some other folder or file, which need not be there."""
    return other.exists() and os.path.samefile(entry.path, other)


def matches(pattern: str, fields: bool, kind: str, avoid: Path | None) -> Iterator[Source]:
    """The files that match a pattern, named from the first part of it that has a wildcard."""
    parts = PurePath(pattern).parts
    base = PurePath(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
    found = sorted(glob.iglob(pattern, recursive=True))
    within = None if avoid is None else avoid.resolve()
    for name in found:
        if not os.path.isdir(name) and not (within and Path(name).resolve().is_relative_to(within)):
            yield file(name, PurePath(name).relative_to(base), fields, kind)
    if not found:
        yield Source(pattern, fault="no such file, and nothing matches it as a pattern")


def file(name: str, place: PurePath, fields: bool, kind: str) -> Source:
    """A file, with its kind by its name."""
    told = next((kind for kind, ends in KINDS.items() if name.lower().endswith(ends)), "page")
    if fields:
        if told == "archive":
            return Source(name, fault="a WARC file has no fields: leave --field out")
        return Source(name, "table" if told == "table" else "lines", place)
    if told in ("lines", "table") and kind == "auto":
        return Source(name, fault="which field of it holds the pages? Name it with --field")
    return Source(name, "archive" if told == "archive" and kind != "text" else "page", place)


def documents(
    found: Iterable[Source], field: str, claim: Callable[[Source], str], skip: tuple[int, int] = (0, 0)
) -> Iterator[Document]:
    """The documents of some sources.

    ``claim``: says why a source is not to be read, or nothing. ``skip``: a number of sources, and of documents of the
    one after them, that are passed over.
    """
    for number, source in enumerate(found):
        usable = source._replace(fault=source.fault or claim(source))
        if number < skip[0]:
            continue
        for item, (position, content, size, read) in enumerate(contents(usable, field)):
            if (number, item) >= skip:
                yield Document(usable, number, item, position, content, size, read)


Found = tuple[str, Content, int, int]  # position, content, size, bytes read


def contents(source: Source, field: str) -> Iterator[Found]:
    """What is in a source: position, content, size, and bytes read so far."""
    try:
        if source.fault:
            yield "", Fault(source.fault), 0, 0
        elif source.kind == "table":
            yield from table(source.name, field)
        elif source.kind == "page" and source.name != "-":
            yield "", PageFile(source.name), PAGE_SIZE, 0
        else:
            with opened(source.name) as data:
                if source.kind == "lines":
                    yield from lines(data)
                elif source.kind == "archive":
                    yield from archive(data)
                else:
                    page = data.read()
                    yield "", PageData(page), len(page), len(page)
    except OSError as error:
        yield "", Fault(error.strerror or str(error)), 0, 0
    except ModuleNotFoundError as error:
        yield "", Fault(missing(error)), 0, 0


def opened(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if name == "-" else open(name, "rb")


def missing(error: ModuleNotFoundError) -> str:
    """What to do about a module that is not there."""
    name = (error.name or "").partition(".")[0]
    if name not in EXTRAS:
        raise error
    return f"this needs {name}: pip install 'bodycopy[{EXTRAS[name]}]'"


def head_of(data: Any) -> bytes:
    """The first bytes, which are left to be read."""
    if data.seekable():
        at = data.tell()
        head: bytes = data.read(512)
        data.seek(at)
        return head
    return data.peek(512)


def is_archive(head: bytes) -> bool:
    """Whether something is a WARC file, by its first bytes."""
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(31).decompress(head, 8)
        except zlib.error:
            return False
    return head.startswith(b"WARC/")


class Tape:
    """Bytes that are read once, from first to last, counted: all that FastWARC needs of a pipe."""

    def __init__(self, data: BinaryIO, start: int = 0):
        self.data = data
        self.count = start

    def read(self, size: int = -1) -> bytes:
        block = self.data.read(size)
        self.count += len(block)
        return block

    def tell(self) -> int:
        return self.count

    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation("seek")

    def close(self) -> None:
        """Whoever opened the data closes it."""


class Unpacked(io.RawIOBase):
    """The bytes of a Zstandard file, frame after frame. One that ends within a frame raises EOFError at its end."""

    def __init__(self, data: Tape):
        import zstandard

        self.data = data
        self.start = zstandard.ZstdDecompressor().decompressobj
        self.frame: Any = None
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.rest:
            block = (self.frame.unused_data if self.frame and self.frame.eof else b"") or self.data.read(1 << 16)
            if not block:
                if self.frame and not self.frame.eof:
                    raise EOFError("it ends before its end-of-stream marker")
                return 0
            if self.frame is None or self.frame.eof:
                self.frame = self.start()
            self.rest = self.frame.decompress(block)
        some, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(some)] = some
        return len(some)


def unpacked(data: BinaryIO, tape: Tape) -> Any:
    """The lines of a file that may be packed, by its first bytes."""
    head = head_of(data)
    if head.startswith(GZIP):
        import gzip

        return gzip.GzipFile(fileobj=tape, mode="rb")
    if head.startswith(ZSTD):
        return io.BufferedReader(Unpacked(tape), 1 << 16)
    return nullcontext(data)


def lines(data: BinaryIO) -> Iterator[Found]:
    """The lines of JSON Lines, as positions and contents; empty ones are passed over."""
    tape = Tape(data)
    number = read = 0
    with unpacked(data, tape) as rows:
        packed = rows is not data
        try:
            for number, line in enumerate(rows, 1):
                read = tape.count if packed else read + len(line)
                if line.strip():
                    yield str(number), Line(line), len(line), read
        except OSError as error:
            yield str(number + 1), Fault(f"cannot be read on from here: {error.strerror or error}"), 0, read
        except Exception as error:  # whatever zlib and zstandard make of a file that is damaged or ends too early
            if not packed:
                raise
            yield str(number + 1), Fault(f"the packed file is damaged from here on: {error}"), 0, read
    yield "", End("lines"), 0, read


def table(name: str, field: str) -> Iterator[Found]:
    """The rows of a Parquet file. A damaged row group is left out."""
    import pyarrow
    from pyarrow import parquet

    if name == "-":
        raise OSError("Parquet cannot be read from standard input")
    try:
        opened = parquet.ParquetFile(name, pre_buffer=False)
    except pyarrow.ArrowInvalid as error:
        yield "", Fault(f"not a Parquet file: {error}"), 0, 0
        return
    with closing(opened) as rows:
        if field not in rows.schema_arrow.names:
            yield "", Fault(f"no column {field!r}; there are: {', '.join(rows.schema_arrow.names)}"), 0, 0
            return
        number = 0
        size = os.path.getsize(name) / max(1, rows.metadata.num_rows)  # of a row, in bytes
        for group in range(rows.num_row_groups):
            behind = number + rows.metadata.row_group(group).num_rows
            try:
                for batch in rows.iter_batches(ROWS, row_groups=[group], use_threads=False):
                    weight = batch.nbytes // max(1, batch.num_rows)
                    for row in batch.to_pylist():
                        number += 1
                        yield f"row {number}", Row(row), weight, int(number * size)
            except (OSError, pyarrow.ArrowException, ValueError) as error:
                fault = f"rows {number + 1} to {behind} cannot be read: {str(error).splitlines()[0]}"
                yield f"row {number + 1}", Fault(fault), 0, int(behind * size)
                number = behind
    yield "", End("table"), 0, int(number * size)


def archive(data: BinaryIO) -> Iterator[Found]:
    """The HTML of a WARC file's responses. Behind a damaged record it goes on with the next that can be read."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    start: int | None = 0
    fault: tuple[int, str] | None = None  # one that the next record, or the end, shows to be all
    while start is not None:
        if start:
            data.seek(start)
        tape = Tape(data, start)
        last, whole = None, False
        try:
            for record in ArchiveIterator(tape, record_types=WarcRecordType.response, fsspec_args=False):
                if fault:
                    yield f"byte {fault[0]}", Fault(fault[1]), 0, tape.count
                    fault = None
                last = record.stream_pos
                content = web_page(record)
                whole = not isinstance(content, Fault)
                if content:
                    yield f"byte {last}", content, record.content_length, tape.count
            if whole and last is not None and data.seekable() and ends_early(data, last):
                yield f"byte {last}", Fault("the file ends too early: what follows this record is cut short"), 0, 0
            break
        except OSError as error:
            at = start if last is None else last
            if last is None:
                yield f"byte {at}", Fault(f"damaged: {error}"), 0, tape.count
            else:
                fault = last, f"what follows this record is damaged: {error}"
            start = next_record(data, at + 1) if data.seekable() else None
    if fault:
        yield f"byte {fault[0]}", Fault(fault[1]), 0, 0
    yield "", End("lines"), 0, 0


def web_page(record: Any) -> WebPage | Fault | None:
    """The page in a record; None where it holds something else."""
    if not (record.headers.get("Content-Length") or "").strip().isdigit():
        return Fault("damaged: the record does not say how long it is")
    kind = (record.http_content_type or "").lower()
    if kind and kind not in HTML_TYPES:
        return None
    body = record.reader.read()
    if len(body) < record.content_length:
        return Fault(f"cut short: {len(body)} of {record.content_length} bytes are there")
    if not kind and not is_html(body[:4096].decode("latin-1")):
        return None
    http = record.http_headers
    coding = " ".join(http.get(name) or "" for name in ("Transfer-Encoding", "Content-Encoding")) if http else ""
    url = (record.headers.get("WARC-Target-URI") or "").strip("<>")
    return WebPage(body, url or None, (record.record_id or "").strip("<>") or None, record.http_charset, coding.lower())


def decoded(body: bytes, coding: str) -> bytes:
    """The body of a response without what packed it; as it is where it was unpacked before it was stored."""
    if not coding.strip():
        return body
    from fastwarc import stream_io

    if "chunked" in coding:
        body = read_or(body, stream_io.ChunkedReader)
    if body.startswith(GZIP):
        return stream_io.GzipReader(io.BytesIO(body)).read()
    if "deflate" in coding:
        for bits in (15, -15):  # with the header that the standard asks for, and without, as some servers have it
            with suppress(zlib.error):
                return zlib.decompress(body, bits)
    if "br" in coding.split():
        return read_or(body, stream_io.BrotliReader)
    return body


def read_or(body: bytes, reader: Callable[[Any], Any]) -> bytes:
    """What a reader makes of a body, or the body where it is nothing for that reader."""
    try:
        return reader(io.BytesIO(body)).read()
    except OSError:
        return body


def ends_early(data: BinaryIO, start: int) -> bool:
    """Whether the gzip members from some place on are not complete."""
    data.seek(start)
    member = zlib.decompressobj(31)
    if not data.read(2).startswith(GZIP):
        return False
    data.seek(start)
    block = data.read(BLOCK)
    while block:
        try:
            member.decompress(block)
        except zlib.error:
            return False
        block = data.read(BLOCK) if not member.unused_data else member.unused_data
        if member.eof and block:
            member = zlib.decompressobj(31)
    return not member.eof


def next_record(data: BinaryIO, start: int) -> int | None:
    """Where the next WARC record begins that looks whole, from some place on."""
    while True:
        data.seek(start)
        block = data.read(BLOCK)
        for mark in RECORD.finditer(block):
            at = start + (mark.start() if mark[1] else mark.end())
            data.seek(at)
            if is_archive(data.read(512)):
                return at
        if len(block) < BLOCK:
            return None
        start += BLOCK - 16  # more than a mark's length, for one may lie across the end
