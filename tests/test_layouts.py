"""Data sets in all their layouts, good and bad: what is wrong is named with its file and, if it has one, its line."""

import gzip
import json

import pytest
from helpers import copied, run

from bodycopy.training.corpora import DataError, read_labels, site_of
from bodycopy.training.layouts import read_data, read_sources
from bodycopy.training.texts import read_texts, stock_of, text_examples

FEW = ("endless_scroll", "french_article")
URL = "https://orla.example/harbour/tides"
PAGE = f'<link rel="canonical" href="{URL}"><p>High water is at six.</p>'.encode()
BODY = "High water is at six."
ROW = {"id": "tides", "url": URL, "type": "article", "body": BODY}
WCXB = {"url": URL, "ground_truth": {"main_content": BODY}, "_internal": {"page_type": {"primary": "article"}}}


def make(folder, layout, suffix=".html"):
    """A data set of one page."""
    (folder / "html").mkdir(parents=True)
    (folder / "html" / f"tides{suffix}").write_bytes(gzip.compress(PAGE) if suffix == ".html.gz" else PAGE)
    if layout == "ours":
        (folder / "truth.jsonl").write_text(json.dumps(ROW) + "\n")
    elif layout == "WCXB's":
        (folder / "ground-truth").mkdir()
        (folder / "ground-truth" / "tides.json").write_text(json.dumps(WCXB))
    elif layout == "Scrapinghub's":
        (folder / "ground-truth.json").write_text(json.dumps({"tides": {"url": URL, "articleBody": BODY}}))
    else:
        (folder / "text").mkdir()
        (folder / "text" / "tides.txt").write_text(BODY)
    return folder


@pytest.mark.parametrize("suffix", [".html", ".html.gz"])
@pytest.mark.parametrize("layout", ["ours", "WCXB's", "Scrapinghub's", "two folders"])
def test_a_page_is_read_with_its_main_text(tmp_path, layout, suffix):
    (page,) = read_data(make(tmp_path / "town", layout, suffix))
    assert (page.corpus, page.id, page.site, page.url) == ("town", "tides", "orla.example", URL)
    assert (page.html, page.body, page.labels) == (PAGE, BODY, None)
    assert page.type == ("" if layout == "two folders" else "article")


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.orla.example/news/story1.html", "orla.example"),
        ("www.orla.example/news/story1.html", "orla.example"),
        ("orla.example:8080/news/", "orla.example"),
        ("//www.orla.example/news", "orla.example"),
        ("https://WWW.Orla.example.:443/news", "orla.example"),
        ("https://orla.example?page=https://tides.example/a/b", "orla.example"),
        ("https://me:secret@orla.example/", "orla.example"),
        ("https://taz.de/!1/", "taz.de"),
        ("https://www.bbc.co.uk/news", "bbc.co.uk"),
        ("https://news.abc.net.au/a", "abc.net.au"),
        ("https://co.uk/", "co.uk"),
        ("http://localhost/a", "localhost"),
        ("http://", "folder"),
        ("file:///home/me/story.html", "folder"),
        ("story.html", "folder"),
        ("../news/story.html", "folder"),
        ("news/2024/story.html", "folder"),
    ],
)
def test_the_site_of_an_address_is_its_registered_domain(url, site):
    assert site_of(url, b"", "folder") == site


@pytest.mark.parametrize("packed", [False, True])
def test_annotated_pages_are_read_with_their_labels(tmp_path, packed):
    folder = copied(FEW, tmp_path / "labelled")
    if packed:
        for page in folder.glob("*.html"):
            page.with_suffix(".html.gz").write_bytes(gzip.compress(page.read_bytes()))
            page.unlink()
    pages = read_data(folder)
    assert [(p.corpus, p.id, p.site) for p in pages] == [
        ("labelled", "endless_scroll", "endless-scroll.example"),
        ("labelled", "french_article", "french-article.example"),
    ]
    assert all(p.by_hand and p.labels and p.body is None for p in pages)


def test_labels_of_a_corpus_go_to_its_pages(tmp_path):
    folder = make(tmp_path / "town", "ours")
    rows = [{"corpus": c, "id": "tides", "blocks": [["body" if c == "town" else "promo", BODY]]} for c in ("x", "town")]
    (tmp_path / "labels.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    (page,) = read_data(folder, read_labels([tmp_path / "labels.jsonl.gz"]))
    assert page.labels is not None
    assert [(b.label, b.key) for b in page.labels] == [("body", BODY)]
    assert page.by_hand


def test_labels_of_no_page_are_told_of(tmp_path):
    folder = make(tmp_path / "town", "ours")
    rows = [{"corpus": c, "id": "tides", "blocks": [["body", BODY]]} for c in ("tonw", "town")]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    said: list[str] = []
    read_sources([folder], [tmp_path / "labels.jsonl"], said.append)
    assert len(said) == 1
    assert "1 of 2 rows of labels are of no page here, such as 'tides' of 'tonw'" in said[0]
    done = run("evaluate", folder, "--labels", tmp_path / "labels.jsonl", "--seen", "allow")
    assert f"bodycopy: {said[0]}" in done.stderr


def test_a_main_text_that_is_null_is_unknown(tmp_path):
    folder = make(tmp_path / "town", "ours")
    (folder / "truth.jsonl").write_text(json.dumps(ROW | {"body": None, "url": None, "type": None}) + "\n")
    (page,) = read_data(folder)
    assert (page.body, page.url, page.type, page.site) == (None, "", "", "orla.example")


def without(row, name):
    return json.dumps({key: value for key, value in row.items() if key != name})


@pytest.mark.parametrize(
    ("layout", "file", "content", "said"),
    [
        ("ours", "truth.jsonl", f"{json.dumps(ROW)}\n{{oh", r"truth.jsonl:2: not JSON"),
        ("ours", "truth.jsonl", "[1]", r"truth.jsonl:1: not a JSON object"),
        ("ours", "truth.jsonl", json.dumps(ROW).encode() + b'\n{"id": "\xff"}', r"truth.jsonl:2: not JSON: 'utf-8'"),
        ("ours", "truth.jsonl", without(ROW, "url"), r"truth.jsonl:1: no field 'url'"),
        ("ours", "truth.jsonl", json.dumps(ROW | {"id": 7}), r"truth.jsonl:1: the field 'id' is no text"),
        ("ours", "truth.jsonl", json.dumps(ROW | {"id": None}), r"truth.jsonl:1: the field 'id' is empty"),
        ("ours", "truth.jsonl", json.dumps(ROW | {"body": ["x"]}), r"truth.jsonl:1: the field 'body' is no text"),
        (
            "ours",
            "truth.jsonl",
            json.dumps(ROW | {"id": "gone"}),
            r"truth.jsonl:1: its page is missing: no .*gone.html",
        ),
        ("WCXB's", "ground-truth/tides.json", "{oh", r"tides.json: not JSON"),
        ("WCXB's", "ground-truth/tides.json", "[1]", r"tides.json: not a JSON object"),
        ("WCXB's", "ground-truth/tides.json", without(WCXB, "ground_truth"), r"tides.json: no field 'ground_truth'"),
        ("WCXB's", "ground-truth/tides.json", '{"ground_truth": {}}', r"tides.json: .*no field 'main_content'"),
        ("WCXB's", "ground-truth/gone.json", json.dumps(WCXB), r"gone.json: its page is missing"),
        ("Scrapinghub's", "ground-truth.json", '{"tides": 1}', r"ground-truth.json: tides: not a JSON object"),
        ("Scrapinghub's", "ground-truth.json", '{"tides": {}}', r"ground-truth.json: tides: no field 'articleBody'"),
        ("Scrapinghub's", "ground-truth.json", '{"gone": {"articleBody": ""}}', r"ground-truth.json: gone: its page"),
        ("two folders", "text/gone.txt", "x", r"gone.txt: its page is missing"),
        ("two folders", "text/tides.txt", b"caf\xe9", r"tides.txt: not UTF-8: .* at byte 3"),
        ("ours", "html/tides.html.gz", gzip.compress(PAGE)[:-6], r"tides.html.gz: not a whole gzip file"),
        ("ours", "html/tides.html.gz", gzip.compress(PAGE)[:20] + b"damaged" * 9, r"tides.html.gz: not a whole gzip"),
        ("ours", "html/tides.html.gz", b"<p>plain", r"tides.html.gz: not a whole gzip file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, layout, file, content, said):
    folder = make(tmp_path / "town", layout)
    if file.endswith(".gz"):
        (folder / "html" / "tides.html").unlink()
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=said):
        read_data(folder)
    done = run("train", folder, "--output", tmp_path / "models")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {folder / file}")
    assert list((tmp_path).glob("models/*")) == []


def test_a_folder_of_nothing_says_what_there_could_be(tmp_path):
    with pytest.raises(DataError, match=r"no data set: neither NAME.html with NAME.tsv.*bodycopy annotate"):
        read_data(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        '{"corpus":1,"id":"a","blocks":[]}',
        '{"corpus":"c","id":["a"],"blocks":[]}',
        '{"corpus":"c","id":"a","blocks":[["body",1]]}',
    ],
)
def test_labels_that_are_no_text_are_named(tmp_path, row):
    (tmp_path / "labels.jsonl").write_text(row)
    with pytest.raises(DataError, match=r"labels.jsonl:1: a row has corpus, id and blocks"):
        read_labels([tmp_path / "labels.jsonl"])


@pytest.mark.parametrize("damage", [lambda data: data[:-7], lambda data: data[:30] + b"damaged" + data[37:]])
def test_labels_cut_short_are_named(tmp_path, damage):
    rows = "".join(f'{{"corpus": "c", "id": "{n}", "blocks": []}}\n' for n in range(99))
    (tmp_path / "labels.jsonl.gz").write_bytes(damage(gzip.compress(rows.encode())))
    with pytest.raises(DataError, match=r"labels.jsonl.gz(:\d+)?: not"):
        read_labels([tmp_path / "labels.jsonl.gz"])


TEXT = {"corpus": "town", "id": "tides", "source": "x", "text": BODY}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (without(TEXT, "source"), "no field 'source'"),
        (json.dumps(TEXT | {"text": 3}), "the field 'text' is no text"),
        (json.dumps(TEXT | {"blocks": [["ad", BODY]]}), r"no label with its line: \['ad', .*; the labels are body"),
        (json.dumps(TEXT | {"blocks": [["body"]]}), r"blocks are \[label, line\] each"),
        (json.dumps(TEXT | {"blocks": 1}), r"blocks are \[label, line\] each"),
    ],
)
def test_a_bad_row_of_texts_is_named(tmp_path, row, said):
    (tmp_path / "texts.jsonl").write_text(f"{json.dumps(TEXT)}\n{row}\n")
    with pytest.raises(DataError, match=f"texts.jsonl:2: {said}"):
        read_texts([tmp_path / "texts.jsonl"])


@pytest.mark.parametrize("missing", ["promo.txt", "related.txt"])
def test_made_up_texts_need_neither_appeals_nor_headings(tmp_path, missing):
    lines = tmp_path / "lines"
    lines.mkdir()
    for name in ("promo.txt", "related.txt"):
        (lines / name).write_text("" if name == missing else "Read it all\nOr else\n")
    pages = read_data(copied(FEW, tmp_path / "labelled"))
    made = [e for seed in range(8) for e in text_examples(pages, {}, None, stock_of(lines, pages), seed=seed)]
    assert len(made) == 8 * 2 * len(FEW)
