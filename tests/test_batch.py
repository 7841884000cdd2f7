"""Many pages on the command line: in order, on several cores, broken off and gone on with, and what is left behind."""

import json
import os
import pty
import random
import resource
import signal
import subprocess
import sys
import time

import pytest
from bulk import PAGES, made_pages, write_lines, write_pages, write_warc
from kill import command, killed_and_resumed, tree
from test_cli import STORY, run
from test_sources import failures, rows_of

import bodycopy
from bodycopy.bulk.cleaner import Cleaner, Job
from bodycopy.bulk.pool import ONE_THREAD, in_order
from bodycopy.bulk.sources import Document, InputError, Line, Opened, Source

NUMBER = 150  # pages: more than are done without workers, and some entries in the journal


class Odd:
    """Content that does what a page must not do; it travels to the workers."""

    into = "text"

    def __init__(self, deed):
        self.deed = deed

    def opened(self, field, url_field):
        if self.deed == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.deed == "hang":
            time.sleep(60)
        if self.deed == "fail":
            raise RuntimeError("of its own")
        if self.deed == "tell":
            Cleaner().clean("<p>A page, so that all is loaded that is needed.</p>")
            threads = [os.environ.get(name) for name in ONE_THREAD]
            raise InputError(json.dumps([threads, sorted({"sklearn", "joblib", "scipy"} & set(sys.modules))]))
        return Opened(f"<p>{'This is one good sentence of the page. ' * 9}{self.deed}</p>")


def worked(deeds, jobs=2, timeout=20.0):
    documents = [Document(Source("odd"), 0, i, str(i), Odd(deed), 1, 0) for i, deed in enumerate(deeds)]
    return [done for _, done in in_order(documents, Job(Cleaner(threshold=0)), jobs, timeout)]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_lines(tmp_path_factory.mktemp("made") / "rows.jsonl", NUMBER)


def test_results_come_in_order_whatever_the_jobs(tmp_path, rows):
    expected = [{"url": url, "html": bodycopy.clean(html)} for url, html in made_pages(NUMBER)]
    for jobs in (1, 3):
        output = tmp_path / f"{jobs}.jsonl"
        assert run("clean", "--field", "html", "--jobs", jobs, "--output", output, rows).exit_code == 0
        assert rows_of(output) == expected


def test_a_page_that_hangs_dies_or_fails_is_told_and_the_others_are_done():
    done = worked(["a", "hang", "b", "die", "fail", "c", "hang", *"d" * 70], timeout=1.0)
    reasons = [d.reason for d in done]
    assert reasons[:7] == [
        *("", "took longer than 1 seconds", "", "the worker process died: SIGKILL", "RuntimeError: of its own", ""),
        "took longer than 1 seconds",
    ]
    assert not any(reasons[7:])
    assert [d.output.split()[-1] for d in done if d.output] == [b"a", b"b", b"c", *[b"d"] * 70]


def test_workers_use_one_thread_and_load_no_training_library():
    before = dict(os.environ)
    [done] = worked(["tell"], jobs=1)
    assert json.loads(done.reason) == [["1", "1", "1"], []]
    assert dict(os.environ) == before


def test_a_page_that_takes_too_long_is_recorded(tmp_path):
    os.mkfifo(tmp_path / "slow.html")  # nobody ever writes into it
    (tmp_path / "z.html").write_bytes(STORY.read_bytes())
    done = run("clean", "--timeout", "1.5", "--output", tmp_path / "out.jsonl", tmp_path)
    assert done.exit_code == 1
    assert failures(tmp_path / "out.jsonl") == [("", "took longer than 1.5 seconds")]
    assert [row["text"] for row in rows_of(tmp_path / "out.jsonl")] == [bodycopy.clean(STORY.read_bytes())]


def test_a_model_that_cannot_be_used_ends_a_big_run_too(tmp_path, rows):
    (tmp_path / "m.npz").write_bytes(b"not a model")
    done = run("clean", "--field", "html", "--model", tmp_path / "m.npz", rows)
    assert done.exit_code == 1
    assert done.output.count("cannot use the model") == 1


def test_the_summary_counts_blocks_and_words_by_label(tmp_path, rows):
    told = run("clean", "--field", "html", "--output", tmp_path / "out.jsonl", rows).stderr.replace(",", "").split("\n")
    counted = dict.fromkeys(bodycopy.LABELS, 0)
    for _, html in made_pages(NUMBER):
        for block in bodycopy.label(html).blocks:
            counted[block.label] += 1
    assert told[0].startswith(f"{NUMBER} pages 0 failed")
    shown = {line.split()[0]: list(map(int, line.split()[1:])) for line in told[2:7]}
    assert {label: shown[label][0] for label in bodycopy.LABELS} == counted
    assert shown["body"][1] > shown["promo"][1] > 0
    assert 0.9 < shown["kept"][0] / shown["body"][1] < 1.1
    quiet = run("clean", "--quiet", "--field", "html", "--output", tmp_path / "q.jsonl", rows)
    assert quiet.stderr == ""


@pytest.mark.parametrize("name", ["out.jsonl.gz", "out.parquet", "folder"])
def test_a_run_that_is_killed_can_be_gone_on_with(tmp_path, name):
    pages = write_pages(tmp_path / "pages", 400)
    warc = write_warc(tmp_path / "made.warc.gz", 400)
    with open(warc, "ab") as file:
        file.write(b"\x1f\x8bno more")
    whole, broken = (tmp_path / part / name for part in ("whole", "broken"))
    start = time.monotonic()
    assert subprocess.run(command("--output", whole, pages, warc), capture_output=True, check=False).returncode == 1
    span = (0.2, 0.8 * (time.monotonic() - start))  # the first kill meets the run, however fast the machine is
    met = killed_and_resumed(command("--output", broken, pages, warc), 3, random.Random(name), span)
    assert met
    assert tree(broken) == tree(whole)
    assert len(failures(whole)) == 1


def started(output, *arguments):
    """A run that has begun to write."""
    # What a shell starts in the background ignores Ctrl-C, and so would what it starts in turn.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command("--output", output, *arguments), stderr=subprocess.PIPE, text=True)
    journal = output.with_name(f".{output.name}.journal")
    while not (journal.exists() and json.loads(journal.read_bytes())["count"][0]):
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    return write_warc(tmp_path_factory.mktemp("made") / "long.warc", 1500)


def test_ctrl_c_ends_cleanly_and_what_is_done_is_kept(tmp_path, long):
    process = started(tmp_path / "out.jsonl", long)
    children = subprocess.check_output(["ps", "--ppid", str(process.pid), "-o", "pid="], text=True)
    for pid in [process.pid, *map(int, children.split())]:  # as a terminal does
        os.kill(pid, signal.SIGINT)
    told = process.communicate()[1]
    assert process.returncode == 130
    assert told.startswith("bodycopy: stopped; ")
    assert len(told.splitlines()) == 1
    kept = int(told.split()[2])
    assert kept >= 64
    assert not (tmp_path / "out.jsonl").exists()
    again = run("clean", "--output", tmp_path / "out.jsonl", long)
    assert again.exit_code == 1
    assert "--resume" in again.stderr
    done = run("clean", "--resume", "--output", tmp_path / "out.jsonl", long)
    assert done.exit_code == 0
    assert "1,500 pages, 0 failed" in done.stderr
    assert [row["url"] for row in rows_of(tmp_path / "out.jsonl")] == [f"https://example.com/{i}" for i in range(1500)]
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_run_is_gone_on_with_by_the_same_options_and_input_alone(tmp_path, long):
    process = started(tmp_path / "out.jsonl", long, STORY)
    process.kill()
    process.communicate()
    other = run("clean", "--resume", "--full", "--output", tmp_path / "out.jsonl", long, STORY)
    assert other.exit_code == 1
    assert "cleaner" in other.stderr
    assert "--force" in other.stderr
    forced = run("clean", "--force", "--output", tmp_path / "out.jsonl", STORY)
    assert forced.exit_code == 0
    assert len(rows_of(tmp_path / "out.jsonl")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_input_that_changed_meanwhile_is_noticed(tmp_path):
    pages = write_pages(tmp_path / "pages", 900)
    process = started(tmp_path / "out.jsonl", pages)
    process.kill()
    process.communicate()
    (pages / "000" / "00000.html").unlink()
    done = run("clean", "--resume", "--output", tmp_path / "out.jsonl", pages)
    assert done.exit_code == 1
    assert "not those that they were" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_with_nothing_to_go_on_with_resume_starts_or_says_so(tmp_path):
    output = tmp_path / "out.jsonl"
    assert run("clean", "--resume", "--output", output, STORY).exit_code == 0
    before = output.read_bytes()
    done = run("clean", "--resume", "--output", output, STORY, PAGES[1])
    assert done.exit_code == 0
    assert "nothing to do" in done.stderr
    assert output.read_bytes() == before
    assert run("clean", "--resume", STORY).exit_code == 2


def test_going_on_with_a_complete_folder_changes_nothing(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"html": "<p>One.</p>"}) + "\n[1]\n")
    for _ in range(2):
        done = run("clean", "--resume", "--field", "html", "--output", tmp_path / "out", tmp_path / "rows.jsonl")
        assert done.exit_code == 1
        assert "exists" not in done.stderr
        assert len(failures(tmp_path / "out")) == 1
    (tmp_path / "out/rows.jsonl").write_text("mine")
    done = run("clean", "--resume", "--field", "html", "--output", tmp_path / "out", tmp_path / "rows.jsonl")
    assert "--force overwrites it" in done.stderr
    assert (tmp_path / "out/rows.jsonl").read_text() == "mine"


def test_a_run_that_is_still_going_on_is_left_alone(tmp_path, long):
    process = started(tmp_path / "out.jsonl", long)
    for option in ("--resume", "--force"):
        done = run("clean", option, "--output", tmp_path / "out.jsonl", long)
        assert done.exit_code == 1
        assert f"still going on, in process {process.pid}" in done.stderr
    assert process.wait() == 0
    assert len(rows_of(tmp_path / "out.jsonl")) == 1500


def test_a_file_of_output_that_exists_is_refused_before_anything_is_done(tmp_path):
    (tmp_path / "out.jsonl").write_text("mine")
    done = run("clean", "--output", tmp_path / "out.jsonl", STORY)
    assert done.exit_code == 1
    assert "--force" in done.stderr
    assert (tmp_path / "out.jsonl").read_text() == "mine"
    assert run("clean", "--force", "--output", tmp_path / "out.jsonl", STORY).exit_code == 0
    assert len(rows_of(tmp_path / "out.jsonl")) == 1


def test_a_file_that_comes_to_be_meanwhile_is_not_overwritten(tmp_path, long):
    process = started(tmp_path / "out.jsonl", long)
    (tmp_path / "out.jsonl").write_text("mine")
    told = process.communicate()[1]
    assert process.returncode == 1
    assert "out.jsonl came to be meanwhile" in told
    assert (tmp_path / "out.jsonl").read_text() == "mine"
    (tmp_path / "out.jsonl").unlink()
    assert run("clean", "--resume", "--output", tmp_path / "out.jsonl", long).exit_code == 0
    assert len(rows_of(tmp_path / "out.jsonl")) == 1500


def test_a_disk_that_is_full_ends_the_run_and_it_can_be_gone_on_with(tmp_path, rows):
    output = tmp_path / "out.jsonl"
    arguments = command("--field", "html", "--output", output, rows)
    size = 400_000

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(arguments, capture_output=True, text=True, check=False, preexec_fn=little_room)
    assert done.returncode == 1
    assert f"cannot write {output}: File too large; 64 pages are done and kept: --resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert subprocess.run([*arguments, "--resume"], check=False).returncode == 0
    assert [row["url"] for row in rows_of(output)] == [url for url, _ in made_pages(NUMBER)]


def test_standard_output_that_is_full_is_a_failure(rows):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command("--field", "html", rows), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"cannot write to standard output: No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_has_enough_is_no_failure(rows):
    process = subprocess.Popen(command("--field", "html", rows), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert json.loads(process.stdout.readline())["url"] == "https://example.com/0"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_a_file_that_cannot_be_read_is_recorded_and_the_others_are_done(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/gone.html").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in/page.html").write_bytes(STORY.read_bytes())
    done = run("clean", "--output", tmp_path / "out", tmp_path / "in")
    assert done.exit_code == 1
    [failure] = rows_of(tmp_path / "out.errors.jsonl")
    assert failure == {
        **{"file": str(tmp_path / "in/gone.html"), "position": "", "reason": "No such file or directory"}
    }
    assert list(tree(tmp_path / "out")) == ["OUT/page.txt", "OUT.errors.jsonl"]


def test_nothing_is_written_outside_the_output_folder(tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in/sub/page.html").write_bytes(STORY.read_bytes())
    (tmp_path / "out/sub").symlink_to(tmp_path / "elsewhere")
    done = run("clean", "--output", tmp_path / "out", tmp_path / "in", tmp_path / "in/sub/../sub/page.html")
    assert done.exit_code == 1
    assert "outside the output folder" in done.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "out/page.txt").exists()


def test_failures_can_go_into_a_file_of_choice_which_is_added_to(tmp_path):
    (tmp_path / "errors").write_text('{"mine": 1}\n')
    for _ in range(2):
        run("clean", "--errors", tmp_path / "errors", tmp_path / "none.html")
    lines = rows_of(tmp_path / "errors")
    assert [line.get("reason") for line in lines] == [None, "No such file or directory", "No such file or directory"]


def test_many_failures_are_not_all_told_where_a_file_has_them(tmp_path):
    (tmp_path / "rows.jsonl").write_text("[]\n" * 100)
    done = run("clean", "--quiet", "--field", "x", "--output", tmp_path / "out.jsonl", tmp_path / "rows.jsonl")
    assert len(done.stderr.splitlines()) == 21
    assert "out.jsonl.errors.jsonl alone" in done.stderr
    assert len(failures(tmp_path / "out.jsonl")) == 100
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_terminal_shows_a_bar_and_a_pipe_none(tmp_path, rows):
    shown = []

    def read(end):
        shown.append(os.read(end, 10_000))
        return shown[-1]

    status = pty.spawn(
        [a for a in command("--field", "html", "--output", tmp_path / "a.jsonl", rows) if a != "--quiet"], read
    )
    assert status == 0
    bar = b"".join(shown)
    assert b"pages" in bar
    assert b"% kept" in bar
    assert b"/s" in bar
    arguments = [a for a in command("--field", "html", "--output", tmp_path / "b.jsonl", rows) if a != "--quiet"]
    assert b"[" not in subprocess.run(arguments, capture_output=True, check=True).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--format", "json", "--output", "a.txt"], "text"),
        (["--format", "text", "--output", "a.md"], "markdown"),
        (["--format", "json", "--output", "a.parquet"], ".jsonl"),
        (["--field", "x", "--output", "a.txt"], ".jsonl"),
        (["--url-field", "x"], "--field"),
        (["--output", "/dev/null"], "--output"),
        (["--jobs", "0"], "--jobs"),
        (["--timeout", "0"], "--timeout"),
    ],
)
def test_options_that_make_no_sense_together_are_explained(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = run("clean", *arguments, STORY)
    assert done.exit_code == 2
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_few_pages_start_no_process_and_load_nothing_heavy():
    code = (
        "import sys; from bodycopy.cli import main\n"
        f"try: main(['clean', {str(STORY)!r}])\n"
        "finally: print(sorted(set(sys.argv) & set(sys.modules)))"
    )
    heavy = ["multiprocessing", "pyarrow", "fastwarc", "zstandard", "sklearn", "joblib"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_line_knows_what_is_wrong_with_it():
    with pytest.raises(InputError, match="'at' is no text"):
        Line(b'{"x": "<p>", "at": 3}').opened("x", "at")
