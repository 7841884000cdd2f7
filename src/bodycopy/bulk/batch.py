"""A whole run: documents in, output, errors and a summary out; it can be broken off and gone on with."""

from __future__ import annotations

import glob
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from bodycopy.bulk.cleaner import NO_TALLY, Done, Job, Tally
from bodycopy.bulk.sinks import RefusedError, Sink, writing
from bodycopy.bulk.sources import Document, End, Source, documents
from bodycopy.model import LABELS

FEW = 32  # documents that are done in this process, for starting others takes longer
STEP = 64  # documents from one entry in the journal to the next
TIMEOUT = 60.0  # seconds for a page
TOLD = 20  # failures that are told one by one where a file has them all


class ResumeError(Exception):
    """A run cannot be gone on with; the message says why."""


class PoolError(Exception):
    """Worker processes cannot work; the message says why."""


@dataclass(slots=True)
class Count:
    """How much was done."""

    pages: int = 0
    failed: int = 0
    tally: list[int] = field(default_factory=lambda: list(NO_TALLY))

    def add(self, tally: Tally) -> None:
        self.pages += 1
        self.tally = [a + b for a, b in zip(self.tally, tally, strict=True)]

    def kept(self) -> str:
        words = sum(self.tally[1 + len(LABELS) :])
        return f"{self.tally[0] / words:.0%} kept" if words else ""

    def summary(self, done: int, seconds: float) -> str:
        """For people: the pages, the blocks and words by label, the failures. ``done``: the pages in those seconds."""
        blocks, words = self.tally[1 : 1 + len(LABELS)], self.tally[1 + len(LABELS) :]
        head = f"{self.pages:,} pages, {self.failed:,} failed, {done / max(seconds, 1e-3):,.0f} a second"
        rows = [
            ("", "blocks", "words"),
            *((a, f"{b:,}", f"{c:,}") for a, b, c in zip(LABELS, blocks, words, strict=True)),
        ]
        table = "\n".join(f"  {name:8}{block:>15}{word:>15}" for name, block, word in rows)
        return f"{head}\n{table}\n  kept    {'':15}{self.tally[0]:>15,}"


class Journal:
    """A file beside the output with what is needed to go on, for as long as the output is not complete.

    ``options``: what the run was asked for; it can be gone on with only by the same.
    """

    def __init__(self, path: Path, options: dict[str, Any]):
        self.path, self.draft = path, path.with_name(path.name + ".new")
        self.options = options

    @classmethod
    def beside(cls, output: Path, folder: bool, options: dict[str, Any]) -> Journal:
        """The journal of a run into a file, or into a ``folder``."""
        return cls(output / ".bodycopy.journal" if folder else output.with_name(f".{output.name}.journal"), options)

    def discard(self, output: Path) -> None:
        """Remove what a run left that was broken off, but for what is complete."""
        with suppress(OSError, ValueError, KeyError, TypeError):  # a journal that cannot be read leads nowhere
            run = glob.escape(json.loads(self.path.read_bytes())["run"])
            drafts = self.path.parent.rglob(f".*.{run}*") if output.is_dir() else output.parent.glob(f".*.{run}*")
            for draft in drafts:
                draft.unlink()
        self.remove()

    def read(self) -> dict[str, Any] | None:
        """What was saved last; None where there is none. Raises ResumeError where it is of another run."""
        try:
            told: dict[str, Any] = json.loads(self.path.read_bytes())
            before = told["options"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResumeError(f"cannot read {self.path}: {error}; --force starts anew") from error
        options = json.loads(json.dumps(self.options))
        if different := [name for name in options | before if options.get(name) != before.get(name)]:
            raise ResumeError(
                f"the run that was broken off had other options ({', '.join(different)}): "
                "give the same to go on, or --force to start anew"
            )
        return told

    def save(self, **state: Any) -> None:
        """Note how far the run is, whole or not at all."""
        told = {"options": self.options, "process": os.getpid()} | state
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.draft.write_text(json.dumps(told), encoding="utf-8")
            os.replace(self.draft, self.path)

    def running(self) -> int | None:
        """The process that is still at work, if there is one."""
        try:
            process: int = json.loads(self.path.read_bytes())["process"]
            if os.name != "posix" or process == os.getpid():
                return None
            os.kill(process, 0)  # asks whether it is there
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return process

    def remove(self) -> None:
        for path in (self.path, self.draft):
            path.unlink(missing_ok=True)


class Errors:
    """Failures: told on standard error, and written to a file as JSON Lines, if there is to be one."""

    def __init__(self, path: Path | None, tell: Callable[[str], None]):
        self.path, self.tell = path, tell
        self.told = 0
        self.known: set[int] = set()  # hashes of lines
        self.length = path.stat().st_size if path and path.exists() else 0

    def remember(self) -> None:
        """Do not add what is there already: the run before may have been killed when it was complete."""
        if self.path and self.path.exists():
            with writing(self.path), open(self.path, "rb") as file:
                self.known = set(map(hash, file))

    def rewind(self, length: int) -> None:
        """Forget what was written after a place."""
        self.length = length
        if self.path and self.path.exists():
            with writing(self.path):
                os.truncate(self.path, length)

    def add(self, document: Document, reason: str) -> None:
        name, position = document.source.name, document.position
        self.told += 1
        if self.path is None or self.told <= TOLD:
            self.tell(f"bodycopy: {name}:{f'{position}:' if position else ''} {reason}")
        elif self.told == TOLD + 1:
            self.tell(f"bodycopy: further failures are in {self.path} alone")
        line = json.dumps({"file": name, "position": position, "reason": reason}, ensure_ascii=False) + "\n"
        data = line.encode("utf-8", "replace")
        if self.path and hash(data) not in self.known:
            with writing(self.path), open(self.path, "ab") as file:
                self.length += file.write(data)


class Progress:
    """A bar on standard error: of the bytes of input, for nobody knows how many pages there are."""

    def __init__(self, counted: Count):
        self.count, self.already, self.start = counted, counted.pages, time.monotonic()
        self.drawn = 0.0
        self.source, self.before, self.read = -1, 0, 0  # bytes of earlier sources, and of this one
        self.bar: Any = None

    def show(self, total: int) -> None:
        """Begin to draw. ``total``: bytes of input, 0 if that is not known."""
        length: dict[str, Any] = {"length": total} if total else {"iterable": itertools.count()}
        self.bar = click.progressbar(**length, file=sys.stderr, width=20, item_show_func=lambda _: self.text())
        self.bar.render_progress()

    def text(self) -> str:
        speed = (self.count.pages - self.already) / max(time.monotonic() - self.start, 1e-3)
        return f"{self.count.pages:,} pages  {speed:,.0f}/s  {self.count.kept()}"

    def at(self, document: Document) -> None:
        """Draw, now and then, that a document is done."""
        if self.bar is None:
            return
        if document.number != self.source:
            self.source, self.before, self.read = document.number, self.before + self.read, 0
        self.read = max(self.read, document.read or size_of(document.source))
        if time.monotonic() - self.drawn >= 0.1:
            self.drawn = time.monotonic()
            step = self.before + self.read - self.bar.pos
            if step > 0:
                self.bar.update(step)
            else:
                self.bar.render_progress()

    def tell(self, message: str) -> None:
        """Say something where the bar is."""
        if self.bar is not None:
            click.echo("\r\x1b[K", nl=False, err=True)
        click.echo(message, err=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.render_finish()


class Run:
    """Documents in, output out.

    ``found``: gives the sources, the same ones each time. ``journal``: where to note how far it is; None where the run
    cannot be gone on with. ``errors``: a file for the failures, if there is to be one. ``jobs``: processes.
    ``timeout``: seconds for a page; None for no limit, where the pages are few, and for `TIMEOUT`, where they are many.
    ``bar``: whether to draw one.
    """

    def __init__(
        self,
        job: Job,
        found: Callable[[], Iterable[Source]],
        sink: Sink,
        journal: Journal | None = None,
        errors: Path | None = None,
        jobs: int = 1,
        timeout: float | None = None,
        bar: bool = False,
    ):
        self.job, self.found, self.sink, self.jobs, self.timeout, self.bar = job, found, sink, jobs, timeout, bar
        self.journal = journal
        self.name = os.urandom(4).hex()  # of its drafts
        self.count = Count()
        self.kept = 0  # pages up to the last entry in the journal
        self.progress = Progress(self.count)
        self.errors = Errors(errors, self.progress.tell)
        self.many = False

    def __call__(self, resume: bool = False) -> None:
        """Do it or, with ``resume``, go on with what was broken off, if anything was.

        Raises OutputError, ResumeError, ModelError or PoolError where it cannot go on, BrokenPipeError where nobody
        reads its output, and KeyboardInterrupt. What is done then is kept as the journal has it.
        """
        state = self.journal.read() if self.journal and resume else None
        if state:
            self.go_back(state)
        elif resume:
            self.errors.remember()
        self.sink.begin(self.name, state["sink"] if state else None)
        try:
            todo = self.documents(state["at"] if state else None) if not (state and state["complete"]) else iter(())
            first = list(itertools.islice(todo, FEW + 1))
            self.many = len(first) > FEW
            if self.journal and not (self.many or state):
                self.journal = None
            if not state:
                self.note()
            if self.bar and self.many:
                rest = itertools.islice(self.found(), state["at"][0] if state else 0, None)
                self.progress.show(sum(map(size_of, rest)))
            with closing(self.results(itertools.chain(first, todo))) as results:
                for document, done in results:
                    self.take(document, done)
            self.note(complete=True)
            self.sink.finish()
            if self.journal:
                self.journal.remove()
        finally:
            self.sink.leave(keep=self.journal is not None)
            self.progress.close()

    def summary(self, seconds: float) -> str:
        """What was done, for people; in so many seconds, but for what was done before."""
        told = self.count.summary(self.count.pages - self.progress.already, seconds)
        return f"{told}\n  failures are in {self.errors.path}" if self.count.failed and self.errors.path else told

    def left(self) -> str:
        """What a run that was broken off leaves, in words."""
        return f"; {self.kept:,} pages are done and kept: --resume goes on behind them" if self.journal else ""

    def go_back(self, state: dict[str, Any]) -> None:
        """To where the journal ends."""
        self.name = state["run"]
        self.count.pages, self.count.failed, self.count.tally = state["count"]
        self.progress.already = self.kept = self.count.pages
        self.errors.rewind(state["errors"])

    def documents(self, at: tuple[int, int, str] | None) -> Iterator[Document]:
        """The documents from some place on."""
        if at is None:
            return documents(self.found(), self.job.field, self.sink.claim)
        number, item, name = at
        return documents(same(self.found(), number, name), self.job.field, self.sink.claim, (number, item))

    def results(self, todo: Iterator[Document]) -> Generator[tuple[Document, Done], None, None]:
        """The documents with what became of them: done here where they are few, and in other processes otherwise."""
        if not self.many and self.timeout is None:
            return ((document, self.job.do(document.source.name, document.content)) for document in todo)
        from bodycopy.bulk.pool import in_order

        return in_order(todo, self.job, self.jobs, self.timeout or TIMEOUT)

    def take(self, document: Document, done: Done) -> None:
        """Write what became of a document."""
        if isinstance(document.content, End):
            # Noted first: what was complete stays so, whenever the run is killed.
            self.note(document.number, document.item, document.source.name)
            try:
                self.sink.end(document.source)
            except RefusedError as error:
                self.fail(document, str(error))
            return
        if not done.reason:
            try:
                assert done.output is not None
                self.sink.put(document, done.output)
            except RefusedError as error:
                done = Done(reason=str(error))
        if done.reason:
            self.fail(document, done.reason)
        else:
            self.count.add(done.tally)
        if (self.count.pages - self.kept) >= STEP:
            self.note(document.number, document.item + 1, document.source.name)
        self.progress.at(document)

    def fail(self, document: Document, reason: str) -> None:
        self.errors.add(document, reason)
        self.count.pages += 1
        self.count.failed += 1

    def note(self, number: int = 0, item: int = 0, name: str | None = None, complete: bool = False) -> None:
        """In the journal: all is done before a document, by its number in the source of a number and name."""
        if self.journal is None:
            return
        self.kept = self.count.pages
        self.journal.save(
            run=self.name,
            at=(number, item, name),
            complete=complete,
            sink=self.sink.cut(),
            errors=self.errors.length,
            count=(self.count.pages, self.count.failed, self.count.tally),
        )


def same(found: Iterable[Source], number: int, name: str | None) -> Iterator[Source]:
    """The sources. Raises ResumeError unless the one of a number has the name that it had."""
    seen = -1
    for seen, source in enumerate(found):
        if seen == number and name not in (None, source.name):
            break
        yield source
    else:
        if seen >= number:
            return
    raise ResumeError(f"the files of input are not those that they were: {name} was the next; --force starts anew")


def size_of(source: Source) -> int:
    """The bytes of a source; 0 where that cannot be known."""
    try:
        return 0 if source.name == "-" or source.fault else os.path.getsize(source.name)
    except OSError:
        return 0
