"""Runs of the command line that are killed at random moments and gone on with.

python tests/kill.py [--kills 20] [--pages 6000]    kills runs into each kind of output, and compares what they made
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bulk import write_lines, write_pages, write_warc


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "bodycopy", "clean", "--quiet", *map(str, arguments)]


def killed_and_resumed(arguments: list[str], kills: int, chance: random.Random, within: tuple[float, float]) -> int:
    """Kill a run that many times, each so many seconds after its start, and let it end; how many kills met a run."""
    met = 0
    for _ in range(kills):
        process = subprocess.Popen([*arguments, "--resume"], stderr=subprocess.PIPE)
        time.sleep(chance.uniform(*within))
        met += process.poll() is None
        process.kill()
        process.communicate()
    done = subprocess.run([*arguments, "--resume"], stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return met


def tree(path: Path) -> dict[str, bytes]:
    """All files below a path, hidden ones, too, or the file that it is; and the errors beside it."""
    files = [path, *(path.rglob("*") if path.is_dir() else ())]
    files += path.parent.glob(f"{path.name}.errors*")
    files += path.parent.glob(f".{path.name}.*")
    return {
        str(file.relative_to(path.parent)).replace(path.name, "OUT", 1): file.read_bytes()
        for file in files
        if file.is_file()
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--pages", type=int, default=6000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", default="abcdef", help="the kinds of output to try (default: all)")
    args = arguments.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        os.chdir(here)
        warc = write_warc(here / "made.warc.gz", args.pages)
        rows = write_lines(here / "made.jsonl", args.pages)
        with open(rows, "a", encoding="utf-8") as file:
            file.write('[1]\n{"html": 3}\n')
        write_pages(here / "made", args.pages)
        for name, options in {
            "a.jsonl": [warc],
            "b.jsonl.gz": ["--field", "html", rows, warc],
            "c.parquet": ["--field", "html", rows],
            "d.txt": [here / "made"],
            "e": [here / "made", here / "made.warc.gz"],
            "f": ["--field", "html", rows],
        }.items():
            if name[0] not in args.only:
                continue
            whole, broken = here / f"whole_{name}", here / f"broken_{name}"
            start = time.monotonic()
            subprocess.run(command(*options, "--output", whole), stderr=subprocess.DEVNULL, check=False)
            seconds = time.monotonic() - start
            span = (0.15, 0.6 + 1.5 * seconds / args.kills)
            met = killed_and_resumed(command(*options, "--output", broken), args.kills, chance, span)
            same = tree(whole) == tree(broken)
            print(
                f"{name}: {met} of {args.kills} kills met the run; {'the same' if same else 'NOT THE SAME'}", flush=True
            )
            if not same:
                a, b = tree(whole), tree(broken)
                print(sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))[:10])


if __name__ == "__main__":
    main()
