"""Scrapy: a real spider over a local server, and the pipeline with all kinds of items."""

import dataclasses
import json
import subprocess
import sys

import pytest
from engines import PAGES, need, served
from helpers import random_model

import bodycopy

scrapy = need("scrapy", "scrapy")
from itemadapter import ItemAdapter  # noqa: E402
from scrapy.crawler import Crawler  # noqa: E402
from scrapy.http import HtmlResponse, Response  # noqa: E402
from scrapy.statscollectors import StatsCollector  # noqa: E402

from bodycopy.integrations.scrapy import BodycopyPipeline, label_response  # noqa: E402

STORY = PAGES["news_article"]
SPIDER = """
import json
import scrapy
from bodycopy.integrations.scrapy import label_response
from bodycopy.model import _load

class Stories(scrapy.Spider):
    name = "stories"
    custom_settings = {"ITEM_PIPELINES": {"bodycopy.integrations.scrapy.BodycopyPipeline": 300}}

    async def start(self):
        for address in self.addresses.split(","):
            yield scrapy.Request(address)

    def parse(self, response):
        if "bad" in response.url:
            yield {"url": response.url, "html": 5}
        elif "other" in response.url:
            yield {"url": response.url}
        else:
            yield {"url": response.url, "html": response.text, "helped": label_response(response).text}

    def closed(self, reason):
        stats = {k: v for k, v in self.crawler.stats.get_stats().items() if k.startswith("bodycopy/")}
        with open("stats.json", "w") as file:
            json.dump(stats | {"model files read": _load.cache_info().misses}, file)
"""


def crawl(folder, address, names, *options):
    """What a spider brings from pages of a server: items by the page's name, stats, log."""
    (folder / "spider.py").write_text(SPIDER)
    addresses = ",".join(f"{address}/{name}.html" for name in names)
    command = [sys.executable, "-m", "scrapy", "runspider", "spider.py", "-o", "items.jsonl", "-a"]
    done = subprocess.run(
        [*command, f"addresses={addresses}", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    by_name = {item["url"].removeprefix(f"{address}/").removesuffix(".html"): item for item in items}
    return by_name, json.loads((folder / "stats.json").read_text()), done.stderr


def pipeline(**settings):
    crawler = Crawler(scrapy.Spider, settings)
    crawler.stats = StatsCollector(crawler)
    return BodycopyPipeline.from_crawler(crawler)


def test_a_spider_gets_what_the_library_gives_and_reads_the_model_once(tmp_path):
    with served(PAGES) as address:
        items, stats, _ = crawl(tmp_path, address, PAGES)
    assert {name: item["text"] for name, item in items.items()} == {n: bodycopy.clean(p) for n, p in PAGES.items()}
    assert all(item["helped"] == item["text"] for item in items.values())
    assert all(item["html"].encode() == PAGES[name] for name, item in items.items())
    assert stats == {"bodycopy/cleaned": len(PAGES), "model files read": 1}


def test_settings_can_be_given_on_the_command_line(tmp_path):
    fields = '{"html": "markdown", "title": "title", "links": "related", "parts": "blocks"}'
    options = ("-s", f"BODYCOPY_FIELDS={fields}", "-s", "BODYCOPY_KEEP=body,related", "-s", "BODYCOPY_THRESHOLD=0.9")
    with served({"story": STORY}) as address:
        items, _, _ = crawl(tmp_path, address, ["story"], *options, "-s", "BODYCOPY_FULL=1")
    page = bodycopy.label(STORY, f"{address}/story.html", threshold=0.9)
    item = items["story"]
    assert item["html"] == page.render_markdown(("body", "related"), full=True)
    assert item["title"] == page.title
    assert item["links"] == page.to_dict()["related"] != []
    assert all(link["url"].startswith("http") for link in item["links"])
    assert item["parts"] == page.to_dict()["blocks"]
    assert "text" not in item


def test_a_page_that_cannot_be_cleaned_is_kept_counted_and_logged_and_the_crawl_goes_on(tmp_path):
    with served({"bad": STORY, "story": STORY, "other": STORY}) as address:
        items, stats, log = crawl(tmp_path, address, ["bad", "other", "story"], "-s", "CONCURRENT_REQUESTS=1")
    assert items["bad"] == {"url": f"{address}/bad.html", "html": 5}
    assert items["other"] == {"url": f"{address}/other.html"}
    assert items["story"]["text"] == bodycopy.clean(STORY)
    counts = {"failed": 1, "failed/TypeError": 1, "without_page": 1, "cleaned": 1}
    assert stats == {f"bodycopy/{name}": n for name, n in counts.items()} | {"model files read": 1}
    (warning,) = [line for line in log.splitlines() if "WARNING" in line and "bodycopy" in line]
    assert "/bad.html" in warning
    assert "int" in warning


class Story(scrapy.Item):
    page = scrapy.Field()
    address = scrapy.Field()
    body = scrapy.Field()


@dataclasses.dataclass
class StoryData:
    page: str
    address: str
    body: str = ""


@pytest.mark.parametrize("kind", [dict, Story, StoryData])
def test_items_of_all_kinds_get_the_text_into_the_field_that_is_named(kind):
    item = kind(page=STORY, address="https://example.com/")
    cleaner = pipeline(
        BODYCOPY_FIELD="page", BODYCOPY_URL_FIELD="address", BODYCOPY_FIELDS={"body": "text"}, BODYCOPY_KEEP=["promo"]
    )
    assert cleaner.process_item(item) is item
    assert ItemAdapter(item)["body"] == bodycopy.clean(STORY, keep=["promo"]) != ""
    assert ItemAdapter(item)["page"] == STORY


def test_the_model_is_the_one_of_the_settings_or_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("BODYCOPY_MODEL", raising=False)
    path = tmp_path / "m.npz"
    random_model().save(path)
    expected = bodycopy.label(STORY, model=path).to_dict()["blocks"]
    assert expected != bodycopy.label(STORY).to_dict()["blocks"]

    def blocks(**settings):
        return pipeline(BODYCOPY_FIELDS={"b": "blocks"}, **settings).process_item({"html": STORY})["b"]

    assert blocks() != expected
    assert blocks(BODYCOPY_MODEL=str(path)) == expected
    monkeypatch.setenv("BODYCOPY_MODEL", str(path))
    assert blocks() == expected


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"BODYCOPY_KEEP": ["bodyy"]}, ValueError, "body, promo, related, chrome"),
        ({"BODYCOPY_THRESHOLD": 1.5}, ValueError, "between 0 and 1"),
        ({"BODYCOPY_THRESHOLD": "high"}, ValueError, "high"),
        ({"BODYCOPY_FIELDS": {"text": "txt"}}, ValueError, "txt.*text, markdown, title, related, blocks"),
        ({"BODYCOPY_MODEL": "nowhere.npz"}, OSError, "nowhere.npz"),
    ],
)
def test_settings_that_make_no_sense_end_the_crawl_at_its_start(settings, error, message):
    with pytest.raises(error, match=message):
        pipeline(**settings)


def test_a_response_is_labelled_in_its_encoding_with_absolute_links():
    html = "<p>Кафе на пристани открывается в шесть, и <a href=/menu>меню</a> в нём короткое.</p>"
    response = HtmlResponse(
        "https://example.com/a", body=html.encode("koi8-r"), headers={"Content-Type": "text/html; charset=koi8-r"}
    )
    page = label_response(response, threshold=0)
    assert page == bodycopy.label(html, "https://example.com/a", threshold=0)
    assert page.blocks[0].links == [("меню", "https://example.com/menu")]


def test_a_response_that_is_not_text_is_a_type_error_that_names_it():
    with pytest.raises(TypeError, match=r"not a Response: https://example\.com/a\.png"):
        label_response(Response("https://example.com/a.png", body=b"\x89PNG"))
