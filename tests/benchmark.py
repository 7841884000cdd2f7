"""Speed, start-up, size and memory, side by side with what they are measured against. No test asserts a time.

    python tests/benchmark.py CORPUS_DIR... [--limit N] [--peers] [--texts TEXTS.jsonl.gz]

CORPUS_DIR holds html/*.html. One thread, one process. On each page bare lxml runs three times, then bodycopy; the best
of each counts. With --peers, Trafilatura (if it is installed) runs on the same pages. With --texts, JSON Lines
with a field "text", it cleans the first 3,000 characters of each, and counts the texts that a second cleaning changes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lxml import etree

import bodycopy
from bodycopy.compiled import loops
from bodycopy.model import shipped

MEMORY = """
import resource
import bodycopy
text = "Some words of a paragraph, and <a href='/x'>a link</a>. " * 20
page = f"<div class='story'><h2>Heading</h2><p>{text}</p></div>" * 4300
bodycopy.clean(page.encode())
print(len(page) / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of several calls."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def start_up(command: list[str]) -> float:
    return best(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), 7)


def time_texts(path: Path) -> None:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"][:3000] for line in file]
    bodycopy.clean_text("The first call loads the model.")
    seconds = best(lambda: [bodycopy.clean_text(text) for text in texts])
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    print(f"clean_text: {size / seconds / 1e6:.2f} MB/s, {1000 * seconds / len(texts):.2f} ms a text of {len(texts)}")
    cleaned = [bodycopy.clean_text(text) for text in texts]
    print(f"cleaning twice changes {sum(bodycopy.clean_text(text) != text for text in cleaned)} of them")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpora", nargs="+", type=Path)
    arguments.add_argument("--limit", type=int, default=200, help="pages a corpus (default: 200)")
    arguments.add_argument("--peers", action="store_true")
    arguments.add_argument("--texts", type=Path)
    args = arguments.parse_args()

    # First of all: a process begins with the peak of the one that starts it.
    size, peak = subprocess.run(
        [sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True
    ).stdout.split()

    ours, bare, theirs, sizes = [], [], [], []
    paths = []
    for folder in args.corpora:
        found = sorted((folder / "html").glob("*.html"))
        paths += found[:: max(1, len(found) // args.limit)][: args.limit]
    bodycopy.clean("<p>The first call loads the model.</p>")
    for path in paths:
        html = path.read_bytes()
        sizes.append(len(html))
        bare.append(best(lambda html=html: etree.fromstring(html, etree.HTMLParser())))
        ours.append(best(lambda html=html: bodycopy.clean(html)))
        if args.peers:
            import trafilatura

            theirs.append(best(lambda html=html: trafilatura.extract(html, include_comments=False), 1))
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    print(f"{len(paths)} pages, median {statistics.median(sizes) / 1000:.0f} KB; compiled: {loops is not None}")
    print(f"clean: median {1000 * statistics.median(ours):.2f} ms, mean {1000 * statistics.mean(ours):.2f} ms")
    print(f"clean / bare lxml parse: median {statistics.median(ratios):.2f}")
    if theirs:
        print(f"Trafilatura / clean, total time: {sum(theirs) / sum(ours):.1f}")

    if args.texts:
        time_texts(args.texts)
    example = paths[len(paths) // 2]
    base = start_up([sys.executable, "-c", "import numpy, lxml.html"])
    command = start_up([sys.executable, "-m", "bodycopy", "clean", str(example)])
    print(f"bodycopy clean / import numpy, lxml.html: {command / base:.2f} ({1000 * command:.0f} ms)")
    for name in ("html.npz", "text.npz"):
        print(f"model file {name}: {shipped(name).stat().st_size / 1e6:.2f} MB")
    print(f"peak memory on a page of {float(size):.1f} MB: {float(peak):.0f} MB")


if __name__ == "__main__":
    main()
