"""Big inputs on the command line: pages a second, what more jobs bring, overhead, memory. No test asserts a time.

    python tests/benchmark_scale.py [--pages 20000] [--memory] [--jobs 2]

The pages are made of the hand-written ones of the tests, 5 KB each, which is little: on larger ones the overhead is a
smaller share. The library's own time is that of `bodycopy.clean` on the same pages, in one process that has loaded all.
With --memory, each run is also done with a tenth of the pages, and the peaks of all its processes are summed: their
proportional set sizes, sampled.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bulk import made_pages, write_lines, write_warc

import bodycopy


def library(number: int) -> tuple[float, float]:
    """Seconds that the library takes for that many pages, and those of the processor."""
    pages = [html.encode() for _, html in made_pages(min(number, 2000))]
    for page in pages[:100]:
        bodycopy.clean(page)
    start, busy = time.perf_counter(), time.process_time()
    for page in pages:
        bodycopy.clean(page)
    scale = number / len(pages)
    return (time.perf_counter() - start) * scale, (time.process_time() - busy) * scale


def memory_of(process: int) -> int:
    """The memory of a process and those that it started, in bytes, what they share counted once."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if process in (int(folder.name), parent):
                lines = (folder / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
        except (OSError, IndexError, ValueError):
            pass
    return total


def busy() -> float:
    """Seconds of the processor that ended processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(arguments: list[object], sample: bool = False) -> tuple[float, float, float]:
    """Seconds of a run, those of the processor in all its processes and, if ``sample``, its peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bodycopy", "clean", "--quiet", *map(str, arguments)]
        command += ["--output", str(Path(folder) / "out.jsonl")]
        start, before = time.perf_counter(), busy()
        process = subprocess.Popen(command)
        peak = 0
        while sample and process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.05)
        if process.wait():
            raise SystemExit("the run failed")
        return time.perf_counter() - start, busy() - before, peak / 1e6


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pages", type=int, default=20_000)
    arguments.add_argument("--jobs", type=int, default=2, help="to compare with one (default: 2)")
    arguments.add_argument(
        "--times", type=int, default=2, help="runs of each, of which the fastest counts (default: 2)"
    )
    arguments.add_argument("--memory", action="store_true")
    args = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = {}
        for number in (args.pages // 10, args.pages):
            inputs[number] = {
                "WARC": [write_warc(Path(folder) / f"{number}.warc.gz", number)],
                "JSON Lines": ["--field", "html", write_lines(Path(folder) / f"{number}.jsonl", number)],
            }
        own, own_busy = map(min, zip(*(library(args.pages) for _ in range(args.times)), strict=True))
        print(f"bodycopy.clean: {args.pages / own:,.0f} pages/s")
        for name, given in inputs[args.pages].items():
            runs = {jobs: [] for jobs in (1, args.jobs)}
            for _ in range(args.times):  # in turn, so that what else runs on the machine meets both
                for jobs, found in runs.items():
                    found.append(run([*given, "--jobs", jobs]))
            (one, one_busy), (more, _) = ([min(r[i] for r in found) for i in (0, 1)] for found in runs.values())
            print(f"{name}, 1 job: {args.pages / one:,.0f} pages/s, {one / own - 1:+.0%} over bodycopy.clean")
            print(f"{name}, 1 job: {one_busy / own_busy - 1:+.0%} over bodycopy.clean in seconds of the processor")
            print(f"{name}, {args.jobs} jobs: {args.pages / more:,.0f} pages/s, {one / more:.2f} times as many")
            if args.memory:
                peaks = {n: run([*inputs[n][name], "--jobs", args.jobs], sample=True)[2] for n in inputs}
                told = ", ".join(f"{peak:.0f} MB with {n:,} pages" for n, peak in peaks.items())
                print(f"{name}, {args.jobs} jobs: peak {told}")


if __name__ == "__main__":
    main()
