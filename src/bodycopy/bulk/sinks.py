"""Where output goes: standard output, one file, or a folder with a file for each file of input.

A file is written under another name beside its place until it is complete. Between two `cut`s its length may change; up
to the last of them it stays, so that a run that was broken off can go on from there.
"""

from __future__ import annotations

import errno
import filecmp
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NamedTuple, Protocol

import click

from bodycopy.bulk.cleaner import Job, encoded
from bodycopy.bulk.sources import KINDS, Document, Source

SUFFIXES = {"text": ".txt", "markdown": ".md", "json": ".json"}
PACKED = (".gz", ".zst")
# What a file's name says of what goes into it: the target of a Job.
FILES = {".txt": "text", ".md": "text", ".jsonl": "lines", ".ndjson": "lines", ".parquet": "table"}
# What is wrong with one name rather than with the disk.
OF_A_NAME = {
    *(errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL),
    errno.ELOOP,
}
State = dict[str, Any]
Output = bytes | dict[str, Any]
ROW_GROUP = 8_000_000  # bytes of a row group in a Parquet file


class OutputError(Exception):
    """Nothing more can be written; the message says why."""


class RefusedError(Exception):
    """One document's output cannot be written, which need not concern the others."""


class Sink(Protocol):
    """Where output goes. All but `claim` raise OutputError where nothing more can be written."""

    target: str  #: of a Job: text, lines, table, folder

    def begin(self, run: str, state: State | None) -> None:
        """Start, or go on from what `cut` returned. ``run``: what names the drafts of this run."""

    def claim(self, source: Source) -> str:
        """Reserve the place for a source's output; says why it cannot be had, or nothing."""

    def put(self, document: Document, output: Output) -> None:
        """Write a document's output. Raises RefusedError."""

    def cut(self) -> State:
        """Write out all there is; returns what is needed to go on from here."""

    def end(self, source: Source) -> None:
        """Complete the output of a source of many documents. Raises RefusedError."""

    def finish(self) -> None:
        """Complete the output."""

    def leave(self, keep: bool) -> None:
        """Close what is not complete: to go on with it later or, unless ``keep``, for good."""


class Name(NamedTuple):
    """What the name of an output file says."""

    target: str
    packed: str  # "", ".gz" or ".zst"
    form: str | None  # the format that it must be in, if any


def told_by(path: Path) -> Name | None:
    """What the name of an output says; None where it names a folder."""
    name = path.name.lower()
    packed = next((end for end in PACKED if name.endswith(end)), "")
    end = os.path.splitext(name.removesuffix(packed))[1]
    if end not in FILES or (packed and FILES[end] == "table") or path.is_dir():
        return None
    return Name(FILES[end], packed, {".txt": "text", ".md": "markdown"}.get(end))


class Draft:
    """A file that is not complete. ``length``: of one that is gone on with, up to its last cut."""

    def __init__(self, target: Path, run: str, length: int | None = None):
        self.target = target
        self.path = target.with_name(f".{target.name}.{run}")
        self.resumed = length is not None
        # Killed behind the last step, the run before this one left the file in its place.
        self.published = self.resumed and not self.path.exists() and target.exists()
        self.length = length or 0
        if self.published:
            return
        if length is not None:
            if not self.path.exists() or self.path.stat().st_size < length:
                raise OutputError(f"{self.path} is not what it was: --force starts anew")
            os.truncate(self.path, length)
        self.file: BinaryIO = open(self.path, "wb" if length is None else "ab")  # noqa: SIM115
        self.packer: Any = None  # of the member that is being written, where the file is packed

    def write(self, data: Any) -> None:
        """Add bytes."""
        if self.packer is None:
            self.packer = self.member()
        self.packer.write(data)

    def member(self) -> Any:
        """What packs the bytes up to the next cut."""
        if self.target.name.endswith(".gz"):
            import gzip

            return gzip.GzipFile("", "wb", 6, self.file, mtime=0)
        if self.target.name.endswith(".zst"):
            import zstandard

            return zstandard.ZstdCompressor().stream_writer(self.file, closefd=False)
        return self.file

    @property
    def empty(self) -> bool:
        return self.length == 0 and self.packer is None

    def cut(self) -> int:
        """Write out all there is; returns the length of the file."""
        if self.published:
            return self.length
        if self.packer is not None and self.packer is not self.file:
            self.packer.close()
        self.packer = None
        self.file.flush()
        self.length = self.file.tell()
        return self.length

    def publish(self, force: bool) -> None:
        """Give the file its name. Raises FileExistsError unless ``force``."""
        if self.published:
            return
        self.cut()
        os.fsync(self.file.fileno())
        self.file.close()
        self.place(self.path, force)

    def place(self, path: Path, force: bool) -> None:
        if force:
            os.replace(path, self.target)
            return
        try:
            os.link(path, self.target)  # fails where the file exists, even if it came to be just now
        except FileExistsError:
            # Killed behind this line, the run before this one left both.
            if not (self.resumed and filecmp.cmp(path, self.target, shallow=False)):
                raise
        path.unlink()

    def leave(self, keep: bool) -> None:
        if not self.published:
            with suppress(OSError):  # a full disk, say: what counts was written at the last cut
                self.file.close()
            if not keep:
                self.path.unlink(missing_ok=True)


class Table(Draft):
    """A Parquet file that is not complete: so far an Arrow stream, for Parquet cannot be gone on with.

    ``schema``: of the rows, if known; otherwise it is that of the first rows, up to the first cut, with all that is
    neither text, number nor truth value as JSON in text.
    """

    def __init__(self, target: Path, run: str, length: int | None = None, schema: Any = None):
        super().__init__(target, run, length)
        self.schema = schema
        self.rows: list[dict[str, Any]] = []
        self.batches: list[Any] = []
        if not self.published and self.length:
            from pyarrow import ipc

            with ipc.open_stream(self.path) as stream:
                self.schema = stream.schema

    @property
    def empty(self) -> bool:
        return False

    def write(self, row: Any) -> None:
        """Add a row. Raises RefusedError where it does not fit the table."""
        if self.schema is None:
            self.rows.append(row)
        else:
            self.batches.append(self.batch(row))

    def batch(self, row: dict[str, Any]) -> Any:
        import pyarrow

        if strange := row.keys() - set(self.schema.names):
            raise RefusedError(
                f"the table has no column {', '.join(map(repr, sorted(strange)))}: the first rows had none"
            )
        told = {name: as_column(value, self.schema.field(name).type) for name, value in row.items()}
        try:
            return pyarrow.RecordBatch.from_pylist([told], self.schema)
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise RefusedError(
                f"does not fit the table's columns, which are those of its first rows: {error}"
            ) from error

    def cut(self) -> int:
        import pyarrow

        if self.rows:
            self.schema = schema_of(self.rows)
            self.batches = [self.batch(row) for row in self.rows]
            self.rows = []
        if self.batches:
            if self.length == 0:
                self.file.write(self.schema.serialize())
            table = pyarrow.Table.from_batches(self.batches).combine_chunks()
            for batch in table.to_batches():
                self.file.write(batch.serialize())
            self.batches = []
        return super().cut()

    def publish(self, force: bool) -> None:
        if self.published:
            return
        self.cut()
        self.file.close()
        table = self.path.with_name(f"{self.path.name}.parquet")
        table.unlink(missing_ok=True)
        self.convert(table)
        self.place(table, force)
        self.path.unlink()

    def convert(self, path: Path) -> None:
        """Write the rows as Parquet."""
        import pyarrow
        from pyarrow import ipc, parquet

        if not self.length:
            parquet.write_table((self.schema or pyarrow.schema([])).empty_table(), path)
            return
        with ipc.open_stream(self.path) as stream, parquet.ParquetWriter(path, stream.schema) as writer:
            group: list[Any] = []
            size = 0
            for batch in stream:
                group.append(batch)
                size += batch.nbytes
                if size >= ROW_GROUP:
                    writer.write_table(pyarrow.Table.from_batches(group))
                    group, size = [], 0
            if group:
                writer.write_table(pyarrow.Table.from_batches(group))


def schema_of(rows: list[dict[str, Any]]) -> Any:
    """A schema for some objects."""
    import pyarrow

    def column(values: list[Any]) -> Any:
        kinds = {type(value) for value in values}
        exact = all(abs(value) < 2**53 for value in values if type(value) is int)
        if kinds == {bool}:
            return pyarrow.bool_()
        if kinds == {int} and exact:
            return pyarrow.int64()
        return pyarrow.float64() if kinds and kinds <= {int, float} and exact else pyarrow.string()

    names = dict.fromkeys(name for row in rows for name in row)
    return pyarrow.schema([(name, column([row[name] for row in rows if row.get(name) is not None])) for name in names])


def as_column(value: Any, kind: Any) -> Any:
    """A value as it goes into a column: into one of text as text, what is no text as JSON."""
    import pyarrow

    if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)) or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return encoded(text).decode()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within, what is wrong with the disk is an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Within, what is wrong with the disk is an OutputError, and what is wrong with the name alone a RefusedError."""
    try:
        with writing(path):
            yield
    except OutputError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in OF_A_NAME:
            raise RefusedError(str(error)) from error.__cause__
        raise


class Printer:
    """Standard output. Raises BrokenPipeError where nobody reads it any more."""

    def __init__(self, target: str, parted: bool):
        self.target, self.parted = target, parted
        self.printed = False

    def begin(self, run: str, state: State | None) -> None:
        pass

    def claim(self, source: Source) -> str:
        return ""

    def put(self, document: Document, output: Output) -> None:
        assert isinstance(output, bytes)
        try:
            click.echo(("\n" if self.parted and self.printed else "") + output.decode(), nl=False)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error
        self.printed = True

    def cut(self) -> State:
        return {}

    def end(self, source: Source) -> None:
        pass

    def finish(self) -> None:
        pass

    def leave(self, keep: bool) -> None:
        pass


class OneFile:
    """A file for all output. ``parted``: an empty line between two documents. ``schema``: of a table, if known."""

    def __init__(self, path: Path, target: str, force: bool, parted: bool, schema: Any = None):
        self.path, self.target, self.force, self.parted, self.schema = path, target, force, parted, schema
        self.draft: Draft | None = None

    def begin(self, run: str, state: State | None) -> None:
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.draft = draft(self.target, self.path, run, state["length"] if state else None, self.schema)

    def claim(self, source: Source) -> str:
        return ""

    def put(self, document: Document, output: Output) -> None:
        assert self.draft
        with writing(self.path):
            if self.parted and not self.draft.empty:
                self.draft.write(b"\n")
            self.draft.write(output)

    def cut(self) -> State:
        assert self.draft
        with writing(self.path):
            return {"length": self.draft.cut()}

    def end(self, source: Source) -> None:
        pass

    def finish(self) -> None:
        assert self.draft
        try:
            with writing(self.path):
                self.draft.publish(self.force)
        except OutputError as error:
            if isinstance(error.__cause__, FileExistsError):
                raise OutputError(f"{self.path} came to be meanwhile: move it, and go on with --resume") from error
            raise

    def leave(self, keep: bool) -> None:
        if self.draft:
            self.draft.leave(keep)


class Folder:
    """A folder: a file for each file of input, in the tree that they come from.

    Of two files of input with one name below it, the second is refused, even with ``force``. ``resumed``: a file that
    is there already, just as it would be written, is of the run before. ``schemas``: gives the schema of a table.
    """

    target = "folder"

    def __init__(self, path: Path, form: str, force: bool, resumed: bool, schemas: Callable[[Source], Any]):
        self.path, self.form, self.force, self.resumed, self.schemas = path, form, force, resumed, schemas
        self.claimed: set[int] = set()  # hashes of the names that are taken, for there may be millions
        self.run = ""
        self.state: State = {}
        self.draft: Draft | None = None

    def begin(self, run: str, state: State | None) -> None:
        self.run, self.state = run, state or {}
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self.inside = self.path.resolve()

    def place(self, source: Source) -> Path:
        """Where the output for a source goes."""
        name = source.place.name
        end = max((end for end in KINDS[source.kind] if name.lower().endswith(end)), key=len, default="")
        if source.kind == "page":
            return self.path / source.place.with_name(PurePath(name).stem + SUFFIXES[self.form])
        stem = name.removesuffix(name[len(name) - len(end) :]) if end else PurePath(name).stem
        kept = end if end and source.kind != "archive" else ".jsonl"
        return self.path / source.place.with_name(stem + kept)

    def claim(self, source: Source) -> str:
        place = self.place(source)
        known = hash(place)
        if known in self.claimed:
            return f"{place} is for an earlier file of that name"
        self.claimed.add(known)
        if not place.parent.resolve().is_relative_to(self.inside):
            return f"{place} would lie outside the output folder"
        if os.path.lexists(place) and not (self.force or self.resumed):
            return f"{place} exists; --force overwrites it"
        return ""

    def put(self, document: Document, output: Output) -> None:
        source = document.source
        if self.draft is None:
            self.draft = self.opened(source)
        with writing(self.draft.target):
            self.draft.write(output)
        if source.kind == "page":
            self.end(source)

    def opened(self, source: Source) -> Draft:
        """The draft for a source, of the run that was broken off if there is one."""
        place = self.place(source)
        length = self.state.pop("length", None) if self.state.get("place") == str(place) else None
        with naming(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            kind = source.kind if source.kind == "table" else "text"
            return draft(kind, place, self.run, length, self.schemas(source) if kind == "table" else None)

    def cut(self) -> State:
        if self.draft is None:
            return self.state
        with writing(self.draft.target):
            return {"place": str(self.draft.target), "length": self.draft.cut()}

    def end(self, source: Source) -> None:
        done = self.draft = self.draft or self.opened(source)
        done.resumed |= self.resumed
        try:
            with naming(done.target):
                done.publish(self.force)
        except RefusedError as error:
            done.leave(False)
            self.draft = None
            if isinstance(error.__cause__, FileExistsError):
                raise RefusedError(f"{done.target} exists; --force overwrites it") from error
            raise
        self.draft = None

    def finish(self) -> None:
        pass

    def leave(self, keep: bool) -> None:
        if self.draft:
            self.draft.leave(keep)


def draft(target: str, path: Path, run: str, length: int | None, schema: Any) -> Draft:
    return Table(path, run, length, schema) if target == "table" else Draft(path, run, length)


def table_schema(source: Source, job: Job) -> Any:
    """The columns of a table with what a job makes of a source; None where the rows themselves have to show them."""
    import pyarrow
    from pyarrow import parquet

    text = pyarrow.string()
    if not job.field:
        return pyarrow.schema([(name, text) for name in ("file", "id", "url", "text")])
    if source.kind != "table" or source.fault:
        return None
    try:
        schema = parquet.read_schema(source.name)
    except (OSError, pyarrow.ArrowException):  # which is told when it is read
        return None
    more = {job.field: text, job.removed_field: text, job.labels_field: pyarrow.list_(pyarrow.list_(text))}
    for name, kind in more.items():
        at = schema.get_field_index(name) if name else None
        if at is not None and not (name == job.field and pyarrow.types.is_large_string(schema.field(at).type)):
            column = pyarrow.field(name, kind)
            schema = schema.append(column) if at < 0 else schema.set(at, column)
    return schema
