"""Scrapy: a pipeline that cleans the pages that items hold, and a helper that labels a response.

>>> class Stories(scrapy.Spider):
...     custom_settings = {"ITEM_PIPELINES": {"bodycopy.integrations.scrapy.BodycopyPipeline": 300}}
...
...     def parse(self, response):
...         yield {"url": response.url, "html": response.text}
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

import bodycopy
from bodycopy.api import check_threshold
from bodycopy.integrations import extra
from bodycopy.model import Model, load_model
from bodycopy.page import Page, check_keep

with extra("scrapy"):
    from itemadapter import ItemAdapter
    from scrapy.crawler import Crawler
    from scrapy.http import Response, TextResponse

logger = logging.getLogger(__name__)

OUTPUTS: dict[str, Callable[[Page, Collection[str], bool], Any]] = {
    "text": Page.render_text,
    "markdown": Page.render_markdown,
    "title": lambda page, keep, full: page.title,
    "related": lambda page, keep, full: [{"title": title, "url": url} for title, url in page.related],
    "blocks": lambda page, keep, full: [block.to_dict() for block in page.blocks],
}


class BodycopyPipeline:
    """Adds to each item what bodycopy makes of the page in it. Items of all kinds that Scrapy knows.

    Settings, none of them required:

    - ``BODYCOPY_FIELD``: the field that holds the page, str or bytes; "html". Items without it pass through.
    - ``BODYCOPY_URL_FIELD``: the field that holds its address, for absolute links; "url".
    - ``BODYCOPY_FIELDS``: what goes into which field; {"text": "text"}. What there is: text, markdown, title, related,
      blocks. A field may be that of the page, which is then replaced.
    - ``BODYCOPY_KEEP``: the labels to keep in text and markdown; ["body"].
    - ``BODYCOPY_THRESHOLD``, ``BODYCOPY_FULL``, ``BODYCOPY_MODEL``: as `bodycopy.clean` takes them.

    An item whose page cannot be cleaned is passed on as it is, with a warning in the log. The stats are
    ``bodycopy/cleaned``, ``bodycopy/without_page`` and ``bodycopy/failed``, also by type of error.

    Settings that make no sense raise ValueError, TypeError or OSError when the crawl starts.
    """

    def __init__(self, crawler: Crawler):
        settings = crawler.settings
        self.stats = crawler.stats
        self.field = settings.get("BODYCOPY_FIELD", "html")
        self.url_field = settings.get("BODYCOPY_URL_FIELD", "url")
        self.fields = settings.getdict("BODYCOPY_FIELDS", {"text": "text"})
        self.keep = settings.getlist("BODYCOPY_KEEP", ["body"])
        threshold = settings.get("BODYCOPY_THRESHOLD")
        self.threshold = None if threshold is None else float(threshold)  # a string on the command line
        self.full = settings.getbool("BODYCOPY_FULL")
        self.model: Model = load_model(settings.get("BODYCOPY_MODEL"))
        check_keep(self.keep)
        check_threshold(self.threshold)
        if unknown := set(self.fields.values()) - set(OUTPUTS):
            raise ValueError(f"BODYCOPY_FIELDS asks for {sorted(unknown)}; there are {', '.join(OUTPUTS)}")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> BodycopyPipeline:
        return cls(crawler)

    def process_item(self, item: Any) -> Any:
        """The item with its new fields, or as it is where it holds no page, or none that can be cleaned."""
        fields = ItemAdapter(item)
        if self.field not in fields:
            self.stats.inc_value("bodycopy/without_page")
            return item
        url = fields.get(self.url_field)
        try:
            page = bodycopy.label(fields[self.field], url, threshold=self.threshold, model=self.model)
        except Exception as error:  # whatever it is, the rest of the item was worth crawling
            self.stats.inc_value("bodycopy/failed")
            self.stats.inc_value(f"bodycopy/failed/{type(error).__name__}")
            logger.warning("not cleaned: %s: %s", url, error)
            return item
        for name, output in self.fields.items():
            fields[name] = OUTPUTS[output](page, self.keep, self.full)
        self.stats.inc_value("bodycopy/cleaned")
        return item


def label_response(response: Response, **options: Any) -> Page:
    """The labelled Page of a response, decoded as Scrapy decodes it, its links absolute.

    ``options``: the threshold and model of `bodycopy.label`. Raises TypeError for a response that is not text, such as
    an image, and what `bodycopy.label` raises.
    """
    if not isinstance(response, TextResponse):
        raise TypeError(f"a page is a response of text, not a {type(response).__name__}: {response.url}")
    return bodycopy.label(response.text, response.url, **options)
