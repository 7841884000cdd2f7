"""Pages → files that a person corrects, and back: `bodycopy annotate`, in this process and in real ones."""

import gzip
import json
import os
import random
import re
import subprocess
import sys
import time

import pytest
from helpers import PAGES, copied, run, start

import bodycopy
from bodycopy.files import write_file
from bodycopy.training import annotation
from bodycopy.training.annotation import UNSURE, Annotation, add_page, problems, read, write
from bodycopy.training.corpora import Labelled, Source, digest, read_labels

FEW = ("endless_scroll", "french_article", "japanese_article")
STORY = PAGES / "french_article.html"
PLAIN = b"<title>Tides</title><h1>Tides at Orla</h1><p>High water is at six, they say on the quay.</p><p>Sign up!</p>"


@pytest.fixture
def labelled(tmp_path):
    """A folder with some labelled pages."""
    return copied(FEW, tmp_path / "labelled")


def replace_in(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_page_becomes_itself_and_a_file_of_labels(tmp_path):
    done = run("annotate", STORY, "--output", tmp_path / "out")
    assert done.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["french_article.html", "french_article.tsv"]
    assert (tmp_path / "out" / STORY.name).read_bytes() == STORY.read_bytes()
    found = read(tmp_path / "out" / "french_article.tsv")
    blocks = bodycopy.label(STORY.read_bytes()).blocks
    assert [(b.label, b.key, b.path) for b in found.blocks] == [(b.label, digest(b.text), b.path) for b in blocks]
    assert all(" ".join(b.text.split()).startswith(text) for b, (_, _, text) in zip(blocks, found.guesses, strict=True))
    assert f"{len(blocks)} blocks, {found.unsure} unsure" in done.stdout


def test_the_head_names_the_unsure_lines_and_the_least_sure_first(tmp_path):
    run("annotate", STORY, "--output", tmp_path)
    lines = (tmp_path / "french_article.tsv").read_text(encoding="utf-8").splitlines()
    named = next(line for line in lines if line.startswith("# unsure")).partition("lines ")[2]
    scores = {int(number): float(lines[int(number) - 1].split("\t")[2]) for number in named.split(", ")}
    assert list(scores.values()) == sorted(scores.values())
    unsure = {n for n, line in enumerate(lines, 1) if not line.startswith("#") and "?" in line.split("\t")[1]}
    assert unsure == set(scores)
    assert all(score <= UNSURE for score in scores.values())


@pytest.mark.parametrize("change", ["letters", "capitals", "mark", "windows", "comment"])
def test_what_editors_and_people_make_of_a_file_is_read(labelled, change):
    path = labelled / "french_article.tsv"
    text, before = path.read_text(encoding="utf-8"), read(path).blocks
    if change in ("letters", "capitals"):
        text = re.sub(r"^(\w)\w*(?=\t)", lambda m: m[1] if change == "letters" else m[0].title(), text, flags=re.M)
    if change == "comment":
        text = f"# checked twice\n{text}\n\n"
    data = text.replace("\n", "\r\n") if change == "windows" else text
    path.write_bytes((b"\xef\xbb\xbf" if change == "mark" else b"") + data.encode())
    found = read(path).blocks
    assert [(b.label, b.key, b.path) for b in found] == [(b.label, b.key, b.path) for b in before]
    assert read(path).told["id"] == "french_article"


def test_a_line_end_in_the_name_of_an_element_parts_no_line(tmp_path):
    html = "<x\u2028y><p>Somebody pasted a line end into a tag.</p></x\u2028y><p>And nobody saw.</p>".encode()
    add_page(tmp_path, "odd", Source("", "odd", "", "", html))
    assert "\u2028" in read(tmp_path / "odd.tsv").blocks[0].path
    assert problems(tmp_path / "odd.tsv") == []
    assert run("annotate", tmp_path / "odd.html", "--output", tmp_path, "--review").exit_code == 0


def test_an_address_with_line_ends_and_a_name_that_is_no_text_are_written(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    add_page(tmp_path, name, Source("", name, "", "", PLAIN, url="https://orla.example/\nbody\tx"))
    assert problems(tmp_path / f"{name}.tsv") == []
    assert read(tmp_path / f"{name}.tsv").told["url"] == "https://orla.example/ body x"


def test_labels_that_are_there_stay(labelled):
    replace_in(labelled / "french_article.tsv", "body\t", "promo\t")
    before = {p.name: p.read_bytes() for p in labelled.iterdir()}
    done = run("annotate", *(PAGES / f"{name}.html" for name in FEW), "--output", labelled)
    assert done.exit_code == 0
    assert done.stdout.count("is labelled already, left as it is") == len(FEW)
    assert {p.name: p.read_bytes() for p in labelled.iterdir()} == before


def test_another_page_of_a_name_is_refused_and_the_others_are_done(labelled, tmp_path):
    (tmp_path / "french_article.html").write_bytes(PLAIN)
    before = (labelled / "french_article.html").read_bytes()
    done = run("annotate", tmp_path / "french_article.html", PAGES / "table_layout.html", "--output", labelled)
    assert done.exit_code == 1
    assert "french_article.html exists and is another page; give this one another name" in done.stderr
    assert (labelled / "french_article.html").read_bytes() == before
    assert (labelled / "table_layout.tsv").exists()


def test_what_cannot_be_labelled_is_reported_and_the_rest_is_done(tmp_path):
    (tmp_path / "empty.html").write_bytes(b"<!-- nothing -->")
    (tmp_path / "short.html.gz").write_bytes(gzip.compress(PLAIN)[:-9])
    (tmp_path / "folder").mkdir()
    bad = [tmp_path / name for name in ("empty.html", "short.html.gz", "folder", "none.html")]
    done = run("annotate", *bad, STORY, "--output", tmp_path / "out")
    assert done.exit_code == 1
    for said in ("empty: a page without text", "short.html.gz: not a whole gzip", "folder: no .html", "none.html"):
        assert said in done.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["french_article.html", "french_article.tsv"]


def test_gzipped_pages_and_folders_of_pages_are_read(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "tides.html.gz").write_bytes(gzip.compress(PLAIN))
    (tmp_path / "in" / "story.html").write_bytes(STORY.read_bytes())
    (tmp_path / "in" / "story.review.html").write_bytes(PLAIN)
    assert run("annotate", tmp_path / "in", "--output", tmp_path / "out").exit_code == 0
    assert {p.name for p in (tmp_path / "out").glob("*.html")} == {"tides.html", "story.html"}
    assert (tmp_path / "out" / "tides.html").read_bytes() == PLAIN


def test_pages_without_doubt_are_well(labelled):
    done = run("annotate", "--check", labelled)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "3 pages are well" in done.stderr


def test_check_needs_no_model(labelled, monkeypatch):
    monkeypatch.setenv("BODYCOPY_MODEL", "gone.npz")
    assert run("annotate", "--check", labelled).exit_code == 0


def test_check_names_the_file_and_line_of_a_block_that_is_lost(labelled):
    path = labelled / "french_article.tsv"
    lost = next(b for b in read(path).blocks if b.label == "body" and b.path.endswith("p[3]"))
    text = path.read_text(encoding="utf-8").splitlines()[lost.line - 1].split("\t")[3]
    html = (labelled / "french_article.html").read_text(encoding="utf-8")
    start_of = html.index(" ".join(text.split()[:4]))
    open_tag, close_tag = html.rindex("<p", 0, start_of), html.index("</p>", start_of) + 4
    (labelled / "french_article.html").write_text(html[:open_tag] + html[close_tag:], encoding="utf-8")
    done = run("annotate", "--check", labelled)
    assert done.exit_code == 1
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == [f"{path}:{lost.line}"]
    assert "this block is lost" in done.stdout
    assert text[:30] in done.stdout


def test_a_block_whose_words_changed_is_found_by_its_place(labelled):
    html = (labelled / "french_article.html").read_text(encoding="utf-8")
    (labelled / "french_article.html").write_text(html.replace("<h1>", "<h1>Vu : ", 1), encoding="utf-8")
    assert problems(labelled / "french_article.tsv") == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda p: replace_in(p, "\nbody\t", "\nbdy\t"),
            r"french_article.tsv:\d+: no such label: 'bdy'; the labels are",
        ),
        (
            lambda p: replace_in(p, "\nbody\t", "\nbody "),
            r"french_article.tsv:\d+: (no such label|not a line of a block)",
        ),
        (
            lambda p: p.with_suffix(".html").unlink(),
            r"french_article.tsv: its page is missing: no .*french_article.html",
        ),
        (lambda p: p.write_bytes(p.read_bytes() + b"\xff\n"), r"french_article.tsv: not UTF-8: .* at byte \d+"),
        (lambda p: p.write_text("# nothing\n"), "french_article.tsv: no block has a label"),
        (lambda p: p.with_suffix(".html").rename(p.with_suffix(".html.gz")), "html.gz: not a whole gzip file"),
    ],
)
def test_check_names_what_is_wrong_and_where(labelled, spoil, said):
    spoil(labelled / "french_article.tsv")
    done = run("annotate", "--check", labelled)
    assert done.exit_code == 1
    assert re.search(said, done.stdout)
    assert "2 pages are well" in done.stderr


def test_check_of_a_folder_without_labels_fails(tmp_path):
    done = run("annotate", "--check", tmp_path)
    assert done.exit_code == 1
    assert "no labels" in done.stderr


def test_exported_labels_are_read_again_and_hold_no_text(labelled, tmp_path):
    for name in ("a.jsonl.gz", "b.jsonl.gz", "c.jsonl"):
        assert run("annotate", labelled, "--export", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    known = read_labels([tmp_path / "a.jsonl.gz"])
    assert known == read_labels([tmp_path / "c.jsonl"])
    for name in FEW:
        blocks, by_hand = known["labelled", name]
        assert by_hand
        assert [(b.label, b.key) for b in blocks] == [(b.label, b.key) for b in read(labelled / f"{name}.tsv").blocks]
    words = set(re.findall(r"\w{9,}", (tmp_path / "c.jsonl").read_text()))
    assert words <= set(FEW)
    run("annotate", labelled, "--skip", tmp_path / "c.jsonl", "--output", tmp_path / "rest")
    assert not (tmp_path / "rest").exists()


def test_export_never_overwrites_and_needs_labels(labelled, tmp_path):
    target = tmp_path / "labels.jsonl"
    target.write_text("mine")
    done = run("annotate", labelled, "--export", target)
    assert (done.exit_code, target.read_text()) == (1, "mine")
    assert "File exists" in done.stderr
    (tmp_path / "empty").mkdir()
    assert run("annotate", tmp_path / "empty", "--export", tmp_path / "none.jsonl").exit_code == 1
    assert not (tmp_path / "none.jsonl").exists()


def test_pages_of_a_corpus_are_taken_by_doubt_and_without_those_skipped(tmp_path):
    corpus = tmp_path / "town"
    (corpus / "html").mkdir(parents=True)
    rows = [
        {"id": name, "url": None, "type": "article", "body": "High water is at six, they say on the quay."}
        for name in ("a", "b", "c")
    ]
    (corpus / "truth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, html in (("a", PLAIN), ("b", STORY.read_bytes()), ("c", b"<p>One line alone of plain words.</p>")):
        (corpus / "html" / f"{name}.html").write_bytes(html)
    (tmp_path / "done.jsonl").write_text('{"corpus": "town", "id": "b", "blocks": []}\n')
    assert run("annotate", corpus, "--take", 1, "--output", tmp_path / "one").exit_code == 0
    assert [p.name for p in (tmp_path / "one").glob("*.tsv")] == ["town__b.tsv"]
    run("annotate", corpus, "--skip", tmp_path / "done.jsonl", "--output", tmp_path / "rest")
    assert {p.name for p in (tmp_path / "rest").glob("*.tsv")} == {"town__a.tsv", "town__c.tsv"}
    found = read(tmp_path / "rest" / "town__a.tsv")
    assert found.told["corpus"] == "town"
    assert any("*" in marks and "High water" in text for marks, _, text in found.guesses)
    (tmp_path / "done.jsonl").write_text("no JSON\n")
    done = run("annotate", corpus, "--skip", tmp_path / "done.jsonl", "--output", tmp_path / "rest")
    assert (done.exit_code, "done.jsonl:1: not JSON" in done.stderr) == (1, True)


@pytest.mark.parametrize("options", [[], ["--check", "--output", "x"], ["--export", "a", "--check"]])
def test_one_thing_is_done_at_a_time(options):
    done = run("annotate", STORY, *options)
    assert done.exit_code == 2
    assert "one of --output, --check and --export" in done.stderr


def test_a_session_killed_at_any_moment_loses_nothing(tmp_path):
    out = tmp_path / "out"
    corrected: dict[str, bytes] = {}
    chance = random.Random(4)
    for _ in range(3):
        process = start("annotate", PAGES, "--output", out)
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 15)):  # pages done, then somewhere in the next one
            process.stdout.readline()
        time.sleep(chance.random() * 0.01)
        process.kill()
        process.communicate()
        assert {name: (out / name).read_bytes() for name in corrected} == corrected
        for path in out.glob("*.tsv"):
            assert problems(path) == []
        path = chance.choice(sorted(out.glob("*.tsv")))
        path.write_text(write(read(path), path.stem).replace("\nchrome\t", "\npromo\t"), encoding="utf-8")
        corrected[path.name] = path.read_bytes()
    assert run("annotate", PAGES, "--output", out).exit_code == 0
    assert {p.stem for p in out.glob("*.tsv")} == {p.stem for p in PAGES.glob("*.html")}
    assert {name: (out / name).read_bytes() for name in corrected} == corrected


def test_a_draft_left_by_a_killed_process_of_the_same_number_does_no_harm(tmp_path):
    path = tmp_path / "page.tsv"
    path.write_text("corrected")
    os.link(path, tmp_path / f".page.tsv.{os.getpid()}")
    with pytest.raises(FileExistsError):
        write_file(path, b"guessed", new=True)
    assert path.read_text() == "corrected"


def test_two_sessions_in_one_folder_at_once_are_as_good_as_one(tmp_path):
    both = [start("annotate", PAGES, "--output", tmp_path / "out", "--review") for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    for page in PAGES.glob("*.html"):
        assert (tmp_path / "out" / page.name).read_bytes() == page.read_bytes()
        assert read(tmp_path / "out" / f"{page.stem}.tsv").blocks
    assert len(list((tmp_path / "out").iterdir())) == 3 * len(list(PAGES.glob("*.html")))


def test_another_process_that_is_quicker_with_the_labels_wins(tmp_path, monkeypatch):
    def quicker(source, model):
        guess = annotate(source, model)
        (tmp_path / "tides.html").write_bytes(PLAIN)
        (tmp_path / "tides.tsv").write_text("theirs")
        return guess

    annotate = annotation.annotate
    monkeypatch.setattr(annotation, "annotate", quicker)
    assert add_page(tmp_path, "tides", Source("", "tides", "", "", PLAIN)) is None
    assert (tmp_path / "tides.tsv").read_text() == "theirs"


def test_there_is_more_to_learn_from_a_page_of_unsure_guesses():
    sure, unsure = (Annotation([Labelled("body", "0" * 8)] * 50, [("", score, "")] * 50) for score in (0.99, 0.6))
    assert unsure.doubt > sure.doubt


@pytest.mark.parametrize(
    "code",
    [
        "import bodycopy.cli",
        f"run('clean', {str(STORY)!r})",
        f"run('annotate', {str(STORY)!r}, '--output', 'out')",
        "run('annotate', '--check', 'out')",
        "run('train', '--help')",
    ],
)
def test_scikit_learn_and_joblib_are_imported_by_training_alone(code, tmp_path):
    lines = [
        "import sys",
        "from bodycopy.cli import main",
        "def run(*arguments): main(arguments, standalone_mode=False)",
        f"try: {code}",
        "except SystemExit: pass",
        "print(*({'sklearn', 'joblib', 'scipy', 'rapidfuzz'} & set(sys.modules)), file=sys.stderr)",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stderr.splitlines()[-1] == ""
