"""Every block of Python in RECIPES.md, run as it stands, from a file of its own, in a folder of its own."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from engines import PAGES, need, need_program, served, write_warc

import bodycopy

DOCUMENT = (Path(__file__).parents[1] / "RECIPES.md").read_text()
STORY, RECIPE = PAGES["french_article"], PAGES["recipe"]
TEXTS = {name: bodycopy.clean(page, keep=bodycopy.LABELS, full=True) for name, page in PAGES.items()}
SCRIPTED = b"""<!doctype html><html lang=en>
<head><meta charset=utf-8><title>The bell of Saint Orrin</title></head><body>
<nav><a href=/>Home</a> <a href=/towns>Towns</a> <a href=/sea>Sea</a></nav>
<main><article id=story><h1>The bell of Saint Orrin</h1></article></main>
<aside><h2>Our newsletter</h2><p>Sign up to get the week in your inbox. No spam, ever.</p></aside>
<footer><p>Copyright 2024 The Orrin Post. <a href=/privacy>Privacy</a></p></footer>
<script>
const paragraphs = [
  "For the first time since the storm of 1987, the bell of Saint Orrin rang on Sunday, and half of the town came out.",
  "It had lain in the mud of the harbour for a generation, until two divers found it last spring beside the old pier.",
  "The founders needed eight months to mend the crack, said the parish, and the sum was raised by sales of cake alone.",
];
for (const text of paragraphs) {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  document.getElementById("story").append(paragraph);
}
</script></body></html>"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


def blocks():
    """The blocks of Python by heading and number, such as "Scrapy 2"."""
    found = {}
    for section in DOCUMENT.split("\n## ")[1:]:
        heading = section.partition("\n")[0]
        for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", section, re.M | re.S), 1):
            found[f"{heading} {number}"] = code
    return found


RECIPES = blocks()


@pytest.fixture(scope="module")
def site():
    # As the web is: one page leaves its charset to its head, the other's header wins over its head.
    recipe = RECIPE.decode().encode("cp1252")
    with served({"story": STORY, "scripted": SCRIPTED}, recipe=("text/html; charset=windows-1252", recipe)) as address:
        yield address


@pytest.fixture
def paste(site, tmp_path):
    """Runs a block in an empty folder, and gives what it prints."""

    def run(name, *patch):
        code = RECIPES[name].replace("https://example.com", site)
        if patch:
            assert code.count(patch[0]) == 1
            code = code.replace(*patch)
        (tmp_path / "pasted.py").write_text(code)
        settings = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONUTF8": "1"}
        command = [sys.executable, "pasted.py"]
        done = subprocess.run(
            command, cwd=tmp_path, env=settings, capture_output=True, encoding="utf-8", timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def json_lines(folder):
    """The objects in the files of a folder, gzipped or not."""
    files = [path.read_bytes() for path in folder.glob("*.json*")]
    lines = [
        line for data in files for line in (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).splitlines()
    ]
    return [json.loads(line) for line in lines]


def test_requests(paste):
    need("requests", "recipes")
    assert paste("requests 1") == bodycopy.clean(STORY) + "\n"


def test_requests_minds_the_charset_of_the_header(paste):
    need("requests", "recipes")
    assert paste("requests 1", "story.html", "recipe.html") == bodycopy.clean(RECIPE) + "\n"


@pytest.mark.parametrize("name", ["httpx and asyncio 1", "httpx and asyncio 2"])
def test_httpx(paste, name):
    need("httpx", "recipes")
    assert paste(name) == f"{bodycopy.clean(STORY)}\n{bodycopy.clean(RECIPE)}\n"


def test_playwright_gives_what_the_page_s_script_wrote(paste):
    need("playwright", "recipes")
    launch = f"launch(executable_path={need_program('chromium')!r}, args={FLAGS})"
    text = paste("Playwright 1", "launch()", launch)
    assert "the bell of Saint Orrin rang on Sunday" in text
    assert "raised by sales of cake alone." in text
    assert "inbox" not in text
    assert "rang on Sunday" not in bodycopy.clean(SCRIPTED)


def test_scrapy_pipeline(paste, site, tmp_path):
    need("scrapy", "scrapy")
    paste("Scrapy 1")
    page = bodycopy.label(STORY, f"{site}/story.html")
    (item,) = json_lines(tmp_path)
    related = [{"title": title, "url": url} for title, url in page.related]
    assert item == {"url": page.url, "text": page.text, "html": page.markdown, "related": related}


def test_scrapy_helper(paste, site, tmp_path):
    need("scrapy", "scrapy")
    paste("Scrapy 2")
    page = bodycopy.label(STORY, f"{site}/story.html")
    (item,) = json_lines(tmp_path)
    promos = [block.text for block in page.blocks if block.label == "promo"]
    assert promos
    assert item == {"url": page.url, "text": page.text, "promos": promos, "related": list(map(list, page.related))}


@pytest.mark.parametrize(("name", "module"), [("LangChain 1", "langchain_core"), ("LlamaIndex 1", "llama_index.core")])
def test_loaders_of_documents(paste, site, name, module):
    need(module, "recipes")
    page = bodycopy.label(STORY, f"{site}/story.html")
    assert paste(name) == f"{page.title}\n{page.markdown}\n"


def test_langchain_transformer(paste, tmp_path):
    need("langchain_core", "recipes")
    text = TEXTS["french_article"]
    (tmp_path / "extracted.txt").write_text(text, encoding="utf-8")
    assert paste("LangChain 2") == bodycopy.clean_text(text) + "\n"


def test_datatrove_extractor(paste, tmp_path):
    need("datatrove", "datatrove")
    need("warcio", "datatrove")
    write_warc(tmp_path / "warcs/a.warc.gz", {"story": STORY})
    write_warc(tmp_path / "warcs/b.warc.gz", {"recipe": RECIPE})
    paste("datatrove 1")
    texts = {doc["metadata"]["url"]: doc["text"] for doc in json_lines(tmp_path / "cleaned")}
    assert texts == {
        "https://example.com/story": bodycopy.clean(STORY),
        "https://example.com/recipe": bodycopy.clean(RECIPE),
    }


def test_datatrove_formatter(paste, tmp_path):
    need("datatrove", "datatrove")
    (tmp_path / "texts").mkdir()
    for name in ("news_article", "recipe"):
        (tmp_path / f"texts/{name}.jsonl").write_text(json.dumps({"id": name, "text": TEXTS[name]}))
    paste("datatrove 2")
    texts = {doc["id"]: doc["text"] for doc in json_lines(tmp_path / "cleaned")}
    assert texts == {name: bodycopy.clean_text(TEXTS[name]) for name in ("news_article", "recipe")}


def parquet(path, **columns):
    pa = need("pyarrow", "spark")
    need("pyarrow.parquet", "spark").write_table(pa.table(columns), path)


def rows(path):
    need("pyarrow", "spark")
    return need("pyarrow.parquet", "spark").read_table(path).to_pylist()


def test_spark_over_pages(paste, tmp_path):
    need("pyspark", "spark")
    need_program("java")
    parquet(tmp_path / "pages.parquet", name=[*PAGES, "none"], html=[*PAGES.values(), None])
    paste("Spark 1")
    cleaned = {row.pop("name"): row for row in rows(tmp_path / "cleaned.parquet")}
    assert cleaned.pop("none")["error"].startswith("TypeError")
    assert cleaned == {name: {"body": bodycopy.clean(page), "error": None} for name, page in PAGES.items()}


def test_spark_over_texts(paste, tmp_path):
    need("pyspark", "spark")
    need_program("java")
    parquet(tmp_path / "texts.parquet", text=list(TEXTS.values()))
    paste("Spark 2")
    cleaned = {row["text"]: row for row in rows(tmp_path / "cleaned.parquet")}
    expected = {text: bodycopy.clean_text(text, threshold=0.03) for text in TEXTS.values()}
    assert cleaned == {text: {"text": text, "core": core, "why_not": None} for text, core in expected.items()}


def test_every_recipe_is_tested():
    tests = Path(__file__).read_text()
    assert [name for name in RECIPES if f'"{name}"' not in tests] == []
    assert len(RECIPES) == DOCUMENT.count("```python")
