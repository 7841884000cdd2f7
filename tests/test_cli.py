"""The command line, in the test's own process and, where it matters, in a real one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import bodycopy
from bodycopy.cli import main

HERE = Path(__file__).parent
PAGES = sorted((HERE.parent / "training_data" / "pages").glob("*.html"))
STORY, OTHER = (PAGES[0].with_name(name) for name in ("category_listing.html", "company_blog.html"))


def run(*arguments, **options):
    return CliRunner().invoke(main, [str(a) for a in arguments], **options)


def process(*arguments, data=b"", **variables):
    command = [sys.executable, "-c", "from bodycopy.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, check=False, env=os.environ | variables)


def test_clean_writes_the_text():
    done = run("clean", STORY)
    assert done.exit_code == 0
    assert done.stdout == bodycopy.clean(STORY.read_bytes()) + "\n"
    assert done.stderr == ""


def test_clean_writes_markdown():
    done = run("clean", "--format", "markdown", STORY)
    assert done.stdout == bodycopy.label(STORY.read_bytes()).markdown + "\n"


def test_clean_writes_json_one_page_a_line():
    done = run("clean", "--format", "json", "--url", "https://example.com/", STORY, OTHER)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.pop("file") for line in lines] == [str(STORY), str(OTHER)]
    assert lines == [bodycopy.label(p.read_bytes(), "https://example.com/").to_dict() for p in (STORY, OTHER)]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--keep", "related"], {"keep": ("related",)}),
        (["--keep", "body, related"], {"keep": ("body", "related")}),
        (["--threshold", "0.8"], {"threshold": 0.8}),
        (["--threshold", "0"], {"threshold": 0}),
        (["--full"], {"full": True}),
    ],
)
def test_options_are_those_of_the_library(arguments, options):
    assert run("clean", *arguments, STORY).stdout == bodycopy.clean(STORY.read_bytes(), **options) + "\n"


def test_the_options_reach_markdown():
    page = bodycopy.label(STORY.read_bytes(), threshold=0.8)
    done = run("clean", "--format", "markdown", "--keep", "body,related", "--full", "--threshold", 0.8, STORY)
    assert done.stdout == page.render_markdown(("body", "related"), True) + "\n"


def test_several_pages_are_parted_by_an_empty_line():
    text = [bodycopy.clean(p.read_bytes()) for p in (STORY, OTHER)]
    assert run("clean", STORY, OTHER).stdout == f"{text[0]}\n\n{text[1]}\n"


def test_the_charset_of_the_header_can_be_given(tmp_path):
    (tmp_path / "a.html").write_bytes("<p>Привет, мир</p>".encode("koi8-r"))
    assert "Привет, мир" in run("label", "--encoding", "koi8-r", tmp_path / "a.html").stdout


def test_standard_input_is_read():
    data = STORY.read_bytes()
    assert run("clean", "-", input=data).stdout == bodycopy.clean(data) + "\n"
    assert process("clean", "-", data=data).stdout.decode() == bodycopy.clean(data) + "\n"


def test_output_goes_into_files(tmp_path):
    done = run("clean", "--output", tmp_path / "new" / "folder", STORY, OTHER)
    assert done.exit_code == 0
    assert done.stdout == ""
    written = {p.name: p.read_text() for p in (tmp_path / "new" / "folder").iterdir()}
    assert written == {f"{p.stem}.txt": bodycopy.clean(p.read_bytes()) + "\n" for p in (STORY, OTHER)}


@pytest.mark.parametrize(("form", "suffix"), [("text", ".txt"), ("markdown", ".md"), ("json", ".json")])
def test_a_file_has_the_suffix_of_its_format(tmp_path, form, suffix):
    run("clean", "--format", form, "--output", tmp_path, STORY)
    assert [p.name for p in tmp_path.iterdir()] == [STORY.stem + suffix]


def test_standard_input_can_be_written_to_a_file(tmp_path):
    run("clean", "--output", tmp_path, "-", input=STORY.read_bytes())
    assert [p.name for p in tmp_path.iterdir()] == ["stdin.txt"]


def test_an_existing_file_is_not_overwritten_and_the_others_are_written(tmp_path):
    (tmp_path / f"{STORY.stem}.txt").write_text("mine")
    done = run("clean", "--output", tmp_path, STORY, OTHER)
    assert done.exit_code == 1
    assert f"{STORY.stem}.txt exists" in done.stderr
    assert "--force" in done.stderr
    assert (tmp_path / f"{STORY.stem}.txt").read_text() == "mine"
    assert (tmp_path / f"{OTHER.stem}.txt").read_text() == bodycopy.clean(OTHER.read_bytes()) + "\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_force_overwrites(tmp_path):
    (tmp_path / f"{STORY.stem}.txt").write_text("old")
    assert run("clean", "--force", "--output", tmp_path, STORY).exit_code == 0
    assert (tmp_path / f"{STORY.stem}.txt").read_text() == bodycopy.clean(STORY.read_bytes()) + "\n"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_two_pages_of_one_name_never_overwrite_each_other(tmp_path, options):
    for folder, page in (("a", STORY), ("b", OTHER)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "index.html").write_bytes(page.read_bytes())
    done = run("clean", "--output", tmp_path / "out", *options, tmp_path / "a/index.html", tmp_path / "b/index.html")
    written = {p.read_text() for p in (tmp_path / "out").iterdir()}
    assert bodycopy.clean(STORY.read_bytes()) + "\n" in written
    if len(written) == 1:
        assert done.exit_code == 1
        assert "index" in done.stderr


def test_a_missing_page_is_reported_and_the_others_are_done(tmp_path):
    done = run("clean", tmp_path / "none.html", tmp_path, STORY)
    assert done.exit_code == 1
    assert "none.html: No such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == bodycopy.clean(STORY.read_bytes()) + "\n"


def test_a_missing_page_cannot_be_labelled(tmp_path):
    done = run("label", tmp_path / "none.html")
    assert done.exit_code == 1
    assert "none.html: No such file" in done.stderr
    assert done.stdout == ""


def test_label_is_parted_by_tabs_in_a_pipe():
    page = bodycopy.label(STORY.read_bytes())
    done = process("label", STORY)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    lines = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert len(lines) == len(page.blocks)
    for (label, score, core, text), block in zip(lines, page.blocks, strict=True):
        assert label == block.label
        assert float(score) == pytest.approx(block.scores[block.label], abs=1e-3)
        assert float(core.rstrip("+")) == pytest.approx(block.core, abs=1e-3)
        assert core.endswith("+") == (block.core >= page.threshold)
        assert text == " ".join(block.text.split())


def test_label_takes_a_threshold():
    lines = run("label", "--threshold", "0", STORY).stdout.splitlines()
    assert all(line.split("\t")[2].endswith("+") for line in lines)


@pytest.mark.parametrize("command", ["clean", "label"])
def test_help_shows_examples(command):
    for flag in ("--help", "-h"):
        done = run(command, flag)
        assert done.exit_code == 0
        assert "Examples:" in done.output
        assert done.output.count(f"bodycopy {command} ") >= 2


def test_help_names_the_commands_and_the_version_is_told():
    assert {"clean", "label"} <= set(run("--help").output.split())
    assert bodycopy.__version__ in run("--version").output


@pytest.mark.parametrize("keep", ["bodyy", "body,links", "", ",", "Body"])
def test_a_wrong_label_gives_a_clear_error(keep):
    done = run("clean", "--keep", keep, STORY)
    assert done.exit_code == 2
    assert "body, promo, related, chrome" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["clean"], "PAGE"),
        (["label"], "PAGE"),
        (["clean", "--threshold", "2", STORY], "threshold"),
        (["clean", "--threshold", "high", STORY], "threshold"),
        (["clean", "--format", "pdf", STORY], "markdown"),
        (["clean", "--output", STORY, OTHER], "output"),
        (["shine", STORY], "shine"),
    ],
)
def test_wrong_use_is_explained(arguments, told):
    done = run(*arguments)
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_a_model_that_cannot_be_used_is_explained(tmp_path, content):
    if content is not None:
        (tmp_path / "m.npz").write_bytes(content)
    for command in ("clean", "label"):
        done = run(command, "--model", tmp_path / "m.npz", STORY)
        assert done.exit_code == 1
        assert "m.npz" in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("data", [b"", b"<!-- x -->", b"\0\xff\xfe"])
@pytest.mark.parametrize("arguments", [["clean", "-"], ["clean", "--format", "json", "-"], ["label", "-"]])
def test_a_page_without_text_is_no_error(arguments, data):
    done = run(*arguments, input=data)
    assert done.exit_code == 0, done.exception


def test_a_stream_that_cannot_write_a_character_gets_another():
    data = "<p>Zażółć gęślą jaźń, said the sign. And 日本語 too.</p>".encode()
    for command in (["clean", "--threshold", "0", "-"], ["label", "-"]):
        done = process(*command, data=data, PYTHONIOENCODING="ascii")
        assert b"Traceback" not in done.stderr
        assert b"said the sign." in done.stdout


def test_lone_surrogates_can_be_written():
    done = process("clean", "--threshold", "0", "-", data=b"<p>before \xed\xa0\xbd after, in a sentence.</p>")
    assert done.returncode == 0
    assert b"after, in a sentence." in done.stdout


def test_a_reader_that_stops_early_sees_no_traceback():
    command = f'"{sys.executable}" -c "from bodycopy.cli import main; main()" label "{STORY}" | head -n 1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
