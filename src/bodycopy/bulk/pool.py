"""Documents → what becomes of them, on several cores and in order; a page that hangs or crashes takes nothing along."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

from bodycopy.bulk.batch import PoolError
from bodycopy.bulk.cleaner import Done, Job
from bodycopy.bulk.sources import Document
from bodycopy.model import ModelError

CHUNK_SIZE, CHUNK_LENGTH = 256_000, 64  # bytes and documents that a worker gets at once, at most
AHEAD = 4  # chunks a worker that are read before the first of them is written
IDLE = -1.0
# NumPy's libraries would start a thread a core in each worker.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

context = multiprocessing.get_context("spawn")  # the same on all systems; a fork would inherit threads' locks


@dataclass(slots=True)
class Chunk:
    """Some documents, and what became of them once that is known."""

    documents: list[Document]
    lost: dict[int, str] = field(default_factory=dict)  # why the documents of these numbers are not to be tried again
    results: list[Done] | None = None

    def message(self) -> Any:
        work = [(document.source.name, document.content) for document in self.documents]
        return ForkingPickler.dumps((work, self.lost))


class Worker:
    """A process that does a job, chunk by chunk."""

    def __init__(self, job: Job):
        self.job = job
        self.chunk: Chunk | None = None
        self.start()

    def start(self) -> None:
        self.link, far = context.Pipe()
        # The document that it is at, and since when: plain memory, for a message a page would cost too much.
        self.beat = context.RawArray("d", (IDLE, 0.0))
        self.process = context.Process(target=serve, args=(self.job, far, self.beat), daemon=True)
        with quiet_start():
            self.process.start()
        far.close()

    def give(self, chunk: Chunk) -> None:
        self.chunk = chunk
        with suppress(OSError):  # it is gone, which its end of the pipe will show
            self.link.send_bytes(chunk.message())

    def take(self) -> None:
        """Receive the results of its chunk; where it is gone, replace it and give it the chunk again."""
        assert self.chunk is not None
        try:
            results = self.link.recv()
        except (EOFError, OSError):
            self.process.join()
            self.replace(f"the worker process died: {died(self.process.exitcode)}")
            return
        if isinstance(results, ModelError):
            raise results
        self.chunk.results, self.chunk = results, None

    def overdue(self, timeout: float) -> bool:
        at, since = self.beat
        return at != IDLE and time.monotonic() - since > timeout

    def replace(self, reason: str) -> None:
        """Start anew with the same chunk, but for the document that was the end of it."""
        assert self.chunk is not None
        at = int(self.beat[0])
        if at == IDLE:
            raise PoolError(reason)
        self.stop()
        self.chunk.lost[at] = reason
        self.start()
        self.give(self.chunk)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.link.close()


def in_order(
    documents: Iterable[Document], job: Job, jobs: int, timeout: float
) -> Generator[tuple[Document, Done], None, None]:
    """Each document with what became of it, in their order; at most a few chunks are in memory.

    ``jobs``: processes. ``timeout``: seconds for a page, behind which it is given up. Raises ModelError, and PoolError
    where processes do not start.
    """
    chunks = chunked(documents)
    queue: deque[Chunk] = deque()  # in order: done, being done, and to be done
    todo: deque[Chunk] = deque()
    workers: list[Worker] = []
    reading = True
    try:
        while reading or queue:
            if reading and len(queue) < jobs * AHEAD:
                chunk = next(chunks, None)
                if chunk is None:
                    reading = False
                else:
                    queue.append(chunk)
                    todo.append(chunk)
                    if len(workers) < jobs:
                        workers.append(Worker(job))
            collect(workers, todo, timeout, patient=not reading or len(queue) >= jobs * AHEAD)
            while queue and queue[0].results is not None:
                done = queue.popleft()
                yield from zip(done.documents, done.results or (), strict=True)
    finally:
        for worker in workers:
            worker.stop()


def collect(workers: list[Worker], todo: deque[Chunk], timeout: float, patient: bool) -> None:
    """Take what is done and give out what is to be done; if ``patient``, wait a while for the first of it."""
    for worker in workers:
        if worker.chunk is None and todo:
            worker.give(todo.popleft())
    busy = {worker.link: worker for worker in workers if worker.chunk}
    for link in wait(list(busy), min(1.0, timeout / 4) if patient else 0):
        worker = busy[link]  # type: ignore[index]
        worker.take()
        if worker.chunk is None and todo:
            worker.give(todo.popleft())
    for worker in workers:
        if worker.chunk and worker.overdue(timeout):
            worker.replace(f"took longer than {timeout:g} seconds")


def chunked(documents: Iterable[Document]) -> Iterator[Chunk]:
    """Documents, some at a time."""
    some: list[Document] = []
    size = 0
    for document in documents:
        some.append(document)
        size += document.size
        if size >= CHUNK_SIZE or len(some) >= CHUNK_LENGTH:
            yield Chunk(some)
            some, size = [], 0
    if some:
        yield Chunk(some)


def serve(job: Job, link: Connection[Any, Any], beat: Any) -> None:
    """What a worker does until it is stopped or the other end of the pipe is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that it works for
    warnings.simplefilter("ignore")
    try:
        while True:
            work, lost = link.recv()
            results = []
            for i, (name, content) in enumerate(work):
                if i in lost:
                    results.append(Done(reason=lost[i]))
                    continue
                beat[1] = time.monotonic()  # first: else the document would seem to run since the one before began
                beat[0] = i
                results.append(job.do(name, content))
            beat[0] = IDLE
            link.send(results)
    except ModelError as error:
        beat[0] = IDLE
        link.send(error)
    except (EOFError, OSError):
        pass


@contextmanager
def quiet_start() -> Iterator[None]:
    """Processes that start within have one thread, and leave Ctrl-C alone until they can say so themselves."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    masks = hasattr(signal, "pthread_sigmask")  # not on Windows
    if masks:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def died(code: int | None) -> str:
    """Why a process ended, in words."""
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
