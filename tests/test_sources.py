"""Big inputs on the command line: files, folders, patterns, JSON Lines, Parquet and WARC, good and bad."""

import gzip
import json
import sys

import pyarrow
import pytest
import zstandard
from bulk import PAGES, made_pages, web_record, write_lines, write_warc
from pyarrow import parquet
from test_cli import STORY, process, run

import bodycopy

TEXT = bodycopy.clean(STORY.read_bytes())
HTML = STORY.read_text(encoding="utf-8")


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def failures(output):
    return [(row["position"], row["reason"]) for row in rows_of(output.with_name(output.name + ".errors.jsonl"))]


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def site(tmp_path):
    for name in ("index.html", "news/a.htm", "news/b.xhtml", "news/deep/c.html", "news/logo.png"):
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(STORY.read_bytes())
    return tmp_path / "site"


def test_a_folder_is_read_to_its_depth_and_mirrored(tmp_path, site):
    assert run("clean", "--output", tmp_path / "out", site).exit_code == 0
    assert tree(tmp_path / "out") == ["index.txt", "news/a.txt", "news/b.txt", "news/deep/c.txt"]
    assert (tmp_path / "out/news/deep/c.txt").read_text() == TEXT + "\n"


def test_a_pattern_is_mirrored_from_its_first_wildcard(tmp_path, site):
    assert run("clean", "--output", tmp_path / "out", site / "**" / "*.html").exit_code == 0
    assert tree(tmp_path / "out") == ["index.txt", "news/deep/c.txt"]
    nothing = run("clean", "--output", tmp_path / "out", site / "*.asp")
    assert nothing.exit_code == 1
    assert "nothing matches" in nothing.stderr


def test_output_inside_the_input_is_not_read_again(site):
    assert run("clean", "--output", site / "out", site).exit_code == 0
    assert run("clean", "--force", "--output", site / "out", site).exit_code == 0
    assert len(tree(site / "out")) == 4


@pytest.mark.parametrize("pages", [".", "**/*"])
def test_an_output_file_inside_the_input_is_not_read_again(site, monkeypatch, pages):
    def made():
        run("clean", "--force", "--output", "all.txt", pages)
        return (site / "all.txt").read_text()

    monkeypatch.chdir(site)
    assert made() == made()


@pytest.mark.parametrize(("inside", "output"), [("out", "."), ("out/deep", "..")])
def test_output_into_the_folder_one_is_in(tmp_path, site, monkeypatch, inside, output):
    (tmp_path / inside).mkdir(parents=True)
    (site / "broken.html").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path / inside)
    assert run("clean", "--output", output, site).exit_code == 1
    assert "index.txt" in tree(tmp_path / "out")
    assert (tmp_path / "out.errors.jsonl").exists()


def test_a_folder_with_nothing_to_read_is_a_failure(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    done = run("clean", tmp_path)
    assert done.exit_code == 1
    assert ".html" in done.stderr


def test_one_file_collects_all_pages(tmp_path, site):
    for name in ("a.jsonl", "b.txt", "c.md", "d.parquet"):
        assert run("clean", "--output", tmp_path / name, "--url", "https://example.com/", site).exit_code == 0
    rows = rows_of(tmp_path / "a.jsonl")
    assert [row["file"] for row in rows] == [str(site / name) for name in tree(site) if "logo" not in name]
    assert {row["text"] for row in rows} == {TEXT}
    assert (tmp_path / "b.txt").read_text() == "\n".join([TEXT + "\n"] * 4)
    assert (tmp_path / "c.md").read_text() == "\n".join(
        [bodycopy.label(HTML, "https://example.com/").markdown + "\n"] * 4
    )
    table = parquet.read_table(tmp_path / "d.parquet")
    assert table.column_names == ["file", "id", "url", "text"]
    assert table["text"].to_pylist() == [TEXT] * 4


@pytest.mark.parametrize("end", ["", ".gz", ".zst"])
def test_json_lines_may_be_packed_on_both_sides(tmp_path, end):
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[end]
    unpack = {
        "": bytes,
        ".gz": gzip.decompress,
        ".zst": lambda data: zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read(),
    }[end]
    path = tmp_path / f"rows.jsonl{end}"
    lines = [json.dumps({"n": n, "html": HTML}).encode() + b"\n" for n in range(3)]
    path.write_bytes(b"".join(map(pack, lines)))  # a member or frame each
    for output, made in ((tmp_path / f"one.jsonl{end}", ""), (tmp_path / "folder", f"rows.jsonl{end}")):
        assert run("clean", "--field", "html", "--output", output, path).exit_code == 0
        rows = [json.loads(line) for line in unpack((output / made).read_bytes()).splitlines()]
        assert rows == [{"n": n, "html": TEXT} for n in range(3)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_a_packed_file_that_is_cut_short_gives_what_is_in_it(tmp_path, pack):
    path = write_lines(tmp_path / "rows.jsonl", 100)
    whole = pack(path.read_bytes())
    for name, data in (
        ("cut.jsonl", whole[:-100]),
        ("bad.jsonl", whole[:3000] + b"\0" * 99 + whole[3099:]),
    ):
        (tmp_path / name).write_bytes(data)
        done = run("clean", "--field", "html", "--output", tmp_path / f"out_{name}", tmp_path / name)
        assert done.exit_code == 1
        *garbled, (position, reason) = failures(tmp_path / f"out_{name}")
        assert "damaged from here on" in reason
        assert f"{name}:{position}: the packed file is damaged" in done.stderr
        rows = rows_of(tmp_path / f"out_{name}")
        assert int(position) == len(rows) + len(garbled) + 1
    assert len(rows_of(tmp_path / "out_cut.jsonl")) > 5


def test_bad_rows_are_recorded_by_line_and_the_others_are_done(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        f'{json.dumps({"html": HTML})}\n\n[1]\n{{"other": 1}}\n{json.dumps({"html": HTML})}\n'
    )
    done = run("clean", "--field", "html", "--output", tmp_path / "out.jsonl", tmp_path / "rows.jsonl")
    assert done.exit_code == 1
    assert failures(tmp_path / "out.jsonl") == [("3", "not a JSON object"), ("4", "no text in the field 'html'")]
    assert rows_of(tmp_path / "out.jsonl") == [{"html": TEXT}] * 2


def test_an_address_in_a_field_makes_links_absolute(tmp_path):
    story = f"<p>{'A sentence with <a href=/x>a link</a> in it, of the story. ' * 4}</p>"
    (tmp_path / "rows.jsonl").write_text(json.dumps({"html": story, "at": "https://example.com/a"}))
    arguments = ("clean", "--field", "html", "--threshold", 0, "--format", "markdown", tmp_path / "rows.jsonl")
    assert "(https://example.com/x)" in run(*arguments, "--url-field", "at").stdout
    assert "(/x)" in run(*arguments).stdout


@pytest.fixture
def table(tmp_path):
    schema = pyarrow.schema(
        [("n", pyarrow.int16()), ("html", pyarrow.large_string()), ("tags", pyarrow.list_(pyarrow.string()))]
    )
    rows = [{"n": n, "html": HTML, "tags": ["a", None]} for n in range(5)] + [{"n": None, "html": None, "tags": None}]
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema), tmp_path / "pages.parquet", row_group_size=2)
    return tmp_path / "pages.parquet"


@pytest.mark.parametrize("output", ["out.parquet", "folder"])
def test_parquet_keeps_its_columns(tmp_path, table, output):
    done = run(
        "clean",
        "--field",
        "html",
        "--removed-field",
        "gone",
        "--labels-field",
        "labels",
        "--output",
        tmp_path / output,
        table,
    )
    assert done.exit_code == 1
    assert failures(tmp_path / output) == [("row 6", "no text in the field 'html'")]
    path = tmp_path / output / "pages.parquet" if output == "folder" else tmp_path / output
    made, given = parquet.read_table(path), parquet.read_table(table)
    assert [made.schema.field(name).type for name in given.column_names] == list(given.schema.types)
    assert made.select(["n", "tags"]) == given.select(["n", "tags"]).slice(0, 5)
    assert made["html"].to_pylist() == [TEXT] * 5
    assert made["labels"].to_pylist()[0] == [[b.label, b.text] for b in bodycopy.label(HTML).blocks]
    assert "Our free newsletter" in made["gone"].to_pylist()[0]


def test_parquet_can_become_json_lines(tmp_path, table):
    run("clean", "--field", "html", "--output", tmp_path / "out.jsonl", table)
    assert rows_of(tmp_path / "out.jsonl") == [{"n": n, "html": TEXT, "tags": ["a", None]} for n in range(5)]


def test_json_lines_can_become_parquet(tmp_path):
    rows = [
        {"html": HTML, "n": n, "share": n or 0.5, "yes": True, "meta": {"a": [n]}, "id": n or "x"} for n in range(70)
    ]
    bad = [{"html": HTML, "n": "seventy"}, {"html": HTML, "new": 1}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows + bad))
    assert run("clean", "--field", "html", "--output", tmp_path / "o.parquet", tmp_path / "rows.jsonl").exit_code == 1
    made = parquet.read_table(tmp_path / "o.parquet")
    assert dict(zip(made.column_names, map(str, made.schema.types), strict=True)) == {
        **{"html": "string", "n": "int64", "share": "double", "yes": "bool", "meta": "string", "id": "string"}
    }
    assert made.to_pylist() == [
        row | {"html": TEXT, "meta": json.dumps(row["meta"]), "id": str(row["id"])} for row in rows
    ]
    (first, why), (second, reason) = failures(tmp_path / "o.parquet")
    assert (first, second) == ("71", "72")
    assert "does not fit" in why
    assert "no column 'new'" in reason


def test_parquet_that_is_none_or_lacks_the_column_is_explained(tmp_path, table):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    done = run("clean", "--field", "text", tmp_path / "bad.parquet", table)
    assert done.exit_code == 1
    assert "bad.parquet: not a Parquet file" in done.stderr
    assert "no column 'text'; there are: n, html, tags" in done.stderr


def test_a_damaged_row_group_is_left_out(tmp_path):
    rows = [{"html": f"<p>Of page {n}: {'a long sentence, with all its words. ' * 5}</p>"} for n in range(6)]
    path = tmp_path / "p.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=2, compression="gzip")
    chunk = parquet.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)
    assert run("clean", "--field", "html", "--threshold", 0, "--output", tmp_path / "o.jsonl", path).exit_code == 1
    assert [row["html"][8] for row in rows_of(tmp_path / "o.jsonl")] == ["0", "1", "4", "5"]
    [(position, reason)] = failures(tmp_path / "o.jsonl")
    assert position == "row 3"
    assert "rows 3 to 4 cannot be read" in reason


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_the_html_of_a_warc_file_is_cleaned(tmp_path, name):
    russian = f"<p>{'Паром вернулся на остров после девяти лет, и весь посёлок вышел на берег. ' * 3}</p>"
    records = [
        web_record("https://example.com/1", HTML.encode()),
        web_record("https://example.com/2", russian.encode("koi8-r"), "Content-Type: text/html; charset=koi8-r"),
        web_record("https://example.com/3.png", b"\x89PNG", "Content-Type: image/png"),
        web_record("https://example.com/4", b"GET /4", kind="request"),
        web_record("https://example.com/5", HTML.encode(), "Server: none that tells a type"),
        web_record(
            "https://example.com/6", gzip.compress(HTML.encode()), "Content-Type: text/html\r\nContent-Encoding: gzip"
        ),
        web_record(
            "https://example.com/7",
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(HTML.encode()), HTML.encode()),
            "Content-Type: text/html\r\nTransfer-Encoding: chunked",
        ),
        web_record(
            "https://example.com/8",
            HTML.encode(),
            "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\nContent-Encoding: br",
        ),
    ]
    pack = gzip.compress if name.endswith("gz") else bytes
    (tmp_path / name).write_bytes(b"".join(map(pack, records)))
    assert run("clean", "--threshold", 0.1, "--output", tmp_path / "out", tmp_path / name).exit_code == 0
    rows = rows_of(tmp_path / "out" / "a.jsonl")
    assert [row["url"][-1] for row in rows] == ["1", "2", "5", "6", "7", "8"]
    assert rows[0]["id"].startswith("urn:uuid:")
    assert rows[0]["file"] == str(tmp_path / name)
    assert "Паром вернулся" in rows[1]["text"]
    assert {row["text"] for row in rows} == {rows[0]["text"], rows[1]["text"]}
    piped = process("clean", "--threshold", 0.1, "-", data=(tmp_path / name).read_bytes())
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert piped.stdout.decode() == "\n".join(row["text"].rstrip("\n") + "\n" for row in rows)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_behind_a_damaged_warc_record_it_goes_on(tmp_path, pack):
    records = [pack(web_record(url, html.encode())) for url, html in made_pages(7)]
    records[2] = (
        records[2].replace(b"WARC/1.1", b"WURC/1.1")
        if pack is bytes
        else records[2][:300] + b"\0" * 60 + records[2][360:]
    )
    records[4] = records[4][: len(records[4]) // 2]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(records))
    done = run("clean", "--output", tmp_path / "out.jsonl", path)
    assert done.exit_code == 1
    read = [row["url"][-1] for row in rows_of(tmp_path / "out.jsonl")]
    assert {"0", "1", "3", "6"} <= set(read)
    assert "2" not in read
    places = [int(position.removeprefix("byte ")) for position, _ in failures(tmp_path / "out.jsonl")]
    starts = [sum(map(len, records[:n])) for n in range(7)]
    assert any(starts[1] <= place <= starts[2] for place in places)
    assert any(starts[3] <= place <= starts[4] for place in places)
    assert f"{path}:byte {places[0]}:" in done.stderr


@pytest.mark.parametrize("cut", [5, 12, 150, 400])
def test_a_warc_file_that_is_cut_short_is_noticed(tmp_path, cut):
    records = [gzip.compress(web_record(url, html.encode())) for url, html in made_pages(3)]
    (tmp_path / "a.warc.gz").write_bytes(records[0] + records[1] + records[2][:cut])
    assert run("clean", "--output", tmp_path / "out.jsonl", tmp_path / "a.warc.gz").exit_code == 1
    assert len(rows_of(tmp_path / "out.jsonl")) == 2
    assert len(failures(tmp_path / "out.jsonl")) == 1


def test_what_is_no_warc_is_told(tmp_path):
    (tmp_path / "a.warc").write_bytes(STORY.read_bytes())
    done = run("clean", tmp_path / "a.warc")
    assert done.exit_code == 1
    assert "a.warc:byte 0: damaged" in done.stderr


def test_files_that_need_a_field_or_have_none_are_told(tmp_path):
    (tmp_path / "a.jsonl").write_text("{}")
    write_warc(tmp_path / "a.warc", 1)
    assert "--field" in run("clean", tmp_path / "a.jsonl").stderr
    assert "leave --field out" in run("clean", "--field", "x", tmp_path / "a.warc").stderr
    assert run("clean", "--input", "text", tmp_path / "a.jsonl").exit_code == 0


@pytest.mark.parametrize(
    ("module", "extra", "arguments"),
    [
        ("fastwarc", "warc", ["made.warc"]),
        ("pyarrow", "parquet", ["--field", "html", "p.parquet"]),
        ("pyarrow", "parquet", ["--output", "out.parquet", STORY]),
        ("zstandard", "zst", ["--field", "html", "made.jsonl.zst"]),
        ("zstandard", "zst", ["--output", "out.jsonl.zst", STORY]),
    ],
)
def test_without_an_optional_library_the_error_says_what_to_install(tmp_path, monkeypatch, module, extra, arguments):
    monkeypatch.chdir(tmp_path)
    write_warc(tmp_path / "made.warc", 1)
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    (tmp_path / "made.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(b"{}"))
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    done = run("clean", *arguments)
    assert done.exit_code == 1
    assert f"pip install 'bodycopy[{extra}]'" in done.stderr
    assert not (tmp_path / "out.parquet").exists()
    assert run("clean", STORY).exit_code == 0


def test_the_pages_of_the_tests_are_there():
    assert len(PAGES) == 16
