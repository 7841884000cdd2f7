"""The command line on plain text and on JSON Lines."""

import json

import pytest
from test_cli import STORY, run
from test_text import HEADLINE, PARAGRAPHS, leaking_article

import bodycopy

CLEAN = "\n".join([HEADLINE, *PARAGRAPHS]) + "\n"


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "leaks.txt"
    path.write_text(leaking_article(), encoding="utf-8")
    return path


def rows_file(tmp_path, *lines):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def test_text_is_known_as_text(text_file):
    done = run("clean", text_file)
    assert (done.exit_code, done.stdout, done.stderr) == (0, CLEAN, "")
    assert run("clean", "--input", "text", text_file).stdout == CLEAN


def test_text_without_a_last_line_end_gets_one_on_the_terminal(tmp_path):
    (tmp_path / "a.txt").write_text(CLEAN.rstrip("\n"))
    assert run("clean", tmp_path / "a.txt").stdout == CLEAN


def test_html_can_be_read_as_text_if_told(tmp_path):
    (tmp_path / "a").write_text("<p>One tag, and a paragraph in it that goes on for a while.</p>")
    assert "<p>" not in run("clean", "--threshold", "0", tmp_path / "a").stdout
    assert "<p>" in run("clean", "--threshold", "0", "--input", "text", tmp_path / "a").stdout


def test_windows_line_ends_stay_in_a_folder_of_output(tmp_path):
    text = leaking_article().replace("\n", "\r\n").encode()
    (tmp_path / "a.txt").write_bytes(text)
    assert run("clean", "--output", tmp_path / "out", tmp_path / "a.txt").exit_code == 0
    assert (tmp_path / "out" / "a.txt").read_bytes() == CLEAN.replace("\n", "\r\n").encode()


def test_label_shows_the_blocks_of_text(text_file):
    rows = [line.split("\t") for line in run("label", text_file).stdout.splitlines()]
    page = bodycopy.label_text(leaking_article())
    assert [row[0] for row in rows] == [b.label for b in page.blocks]
    assert [row[2].endswith("+") for row in rows] == [b.core >= page.threshold for b in page.blocks]


def test_json_of_text_has_line_numbers(text_file):
    told = json.loads(run("clean", "--format", "json", text_file).stdout)
    assert told["blocks"][1]["lines"] == [2, 2]
    assert told["text"] == CLEAN


def test_a_field_of_json_lines_is_cleaned_and_the_others_pass_through(tmp_path):
    first = {"id": 1, "text": leaking_article(), "meta": {"ünï": [1, None]}}
    second = {"text": STORY.read_text(encoding="utf-8"), "id": 2}
    done = run("clean", "--field", "text", rows_file(tmp_path, first, "\n", second))
    assert (done.exit_code, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows == [first | {"text": CLEAN}, second | {"text": bodycopy.clean(STORY.read_bytes())}]
    assert list(rows[1]) == ["text", "id"]


def test_what_was_removed_and_the_labels_can_be_kept(tmp_path):
    path = rows_file(tmp_path, {"text": leaking_article()})
    done = run("clean", "--field", "text", "--removed-field", "gone", "--labels-field", "labels", path)
    row = json.loads(done.stdout)
    assert row["text"] == CLEAN
    assert row["text"] + row["gone"] + "\n" == leaking_article()
    assert row["labels"][0] == ["body", HEADLINE]
    assert len(row["labels"]) == 18


def test_bad_rows_are_named_and_left_out_and_the_rest_is_done(tmp_path):
    path = rows_file(tmp_path, {"text": "One."}, "{not json\n", "[1]\n", {"other": 1}, {"text": 3}, {"text": "Two."})
    done = run("clean", "--field", "text", "--threshold", "0", path)
    assert done.exit_code == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"text": "One."}, {"text": "Two."}]
    complaints = done.stderr.splitlines()
    assert [c.split(":")[2] for c in complaints] == ["2", "3", "4", "5"]
    for complaint, part in zip(complaints, ("not JSON", "not a JSON object", "no text in", "is no text"), strict=True):
        assert part in complaint


def test_json_lines_go_into_a_folder_and_overwrite_nothing(tmp_path):
    path = rows_file(tmp_path, {"text": leaking_article()})
    arguments = ("clean", "--field", "text", "--output", tmp_path / "out", path)
    assert run(*arguments).exit_code == 0
    written = (tmp_path / "out" / "rows.jsonl").read_text()
    assert json.loads(written) == {"text": CLEAN}
    again = run(*arguments)
    assert again.exit_code == 1
    assert "--force" in again.stderr
    missing = run("clean", "--field", "text", "--output", tmp_path / "out", tmp_path / "none.jsonl")
    assert missing.exit_code == 1
    assert "none.jsonl" in missing.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["rows.jsonl"]


def test_options_that_do_not_go_together_are_refused(text_file):
    assert run("clean", "--removed-field", "x", text_file).exit_code == 2
    assert run("clean", "--field", "text", "--removed-field", "text", text_file).exit_code == 2
    assert run("clean", "--field", "text", "--removed-field", "x", "--labels-field", "x", text_file).exit_code == 2
    assert run("clean", "--field", "text", "--format", "json", text_file).exit_code == 2


def test_a_text_model_that_is_none_is_named(text_file):
    done = run("clean", "--text-model", text_file, text_file)
    assert done.exit_code == 1
    assert "cannot use the model" in done.stderr
