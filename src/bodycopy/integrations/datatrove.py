"""datatrove: an extractor of HTML, where Trafilatura would stand, and a formatter of extracted text.

>>> pipeline = [WarcReader("warcs"), BodycopyExtractor(), JsonlWriter("clean")]
>>> pipeline = [JsonlReader("texts"), BodycopyFormatter(), JsonlWriter("clean")]
"""

from __future__ import annotations

import os
from collections.abc import Collection

import bodycopy
from bodycopy.api import check_threshold
from bodycopy.integrations import extra
from bodycopy.model import load_model
from bodycopy.page import check_keep

with extra("datatrove"):
    from datatrove.data import DocumentsPipeline
    from datatrove.pipeline.extractors.base import BaseExtractor
    from datatrove.pipeline.formatters.base import BaseFormatter
    from datatrove.utils.logging import logger
    from datatrove.utils.typeshelper import StatHints


class BodycopyExtractor(BaseExtractor):
    """The core content of each document's HTML: documents of which nothing is left are dropped.

    ``keep``, ``threshold`` and ``full`` are those of `bodycopy.clean`. ``model``: the path of a model on the machines
    that run the tasks. ``markdown``: Markdown in place of plain text. ``timeout``: seconds for one page, which is
    extracted in a process of its own, as in all of datatrove's extractors.

    A page that cannot be cleaned (not str), takes longer, or breaks the process is dropped and counted in the stats
    (``clean_error``, ``timeout``, ``broken_process``).

    Raises TypeError or ValueError for bad options. A bad model ends the task with ModelError or OSError.
    """

    name = "🧹 bodycopy"

    def __init__(
        self,
        *,
        keep: Collection[str] = ("body",),
        threshold: float | None = None,
        full: bool = False,
        markdown: bool = False,
        model: str | os.PathLike[str] | None = None,
        timeout: float = 5,
    ):
        super().__init__(timeout)
        check_keep(keep)
        check_threshold(threshold)
        self.keep = keep
        self.threshold = threshold
        self.full = full
        self.markdown = markdown
        self.model = model

    def extract(self, text: str) -> str | Exception:
        """The core content of a page; "" where there is none; the error where it cannot be cleaned.

        datatrove raises an error that comes back, and counts it; one raised here costs the process, and the timeout.
        """
        try:
            if not self.markdown:
                return bodycopy.clean(text, keep=self.keep, threshold=self.threshold, full=self.full, model=self.model)
            page = bodycopy.label(text, threshold=self.threshold, model=self.model)
            return page.render_markdown(self.keep, self.full)
        except Exception as error:
            return error

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        # Here, and not in the process that extracts: that one is forked with the model, however often it breaks, and a
        # model that cannot be read ends the task, in place of costing every page.
        load_model(self.model)
        yield from super().run(data, rank, world_size)


class BodycopyFormatter(BaseFormatter):
    """The core content of each document's text, as some extractor made it: without "Read also" and lists of teasers.

    ``keep`` and ``threshold`` are those of `bodycopy.clean_text`. ``model``: the path of a text model on the machines
    that run the tasks. Documents of which nothing is left are dropped, and so are those that cannot be cleaned (not
    str); both are counted in the stats (``dropped``, ``clean_error``).

    Raises TypeError or ValueError for bad options. A bad model ends the task with ModelError or OSError.
    """

    name = "🧹 bodycopy"

    def __init__(
        self,
        *,
        keep: Collection[str] = ("body",),
        threshold: float | None = None,
        model: str | os.PathLike[str] | None = None,
    ):
        super().__init__()
        check_keep(keep)
        check_threshold(threshold)
        self.keep = keep
        self.threshold = threshold
        self.model = model

    def format(self, text: str) -> str:
        """The core content of a text; "" where there is none. Raises TypeError for anything but str."""
        return bodycopy.clean_text(text, keep=self.keep, threshold=self.threshold, model=self.model)

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        load_model(self.model, "text")
        for doc in data:
            self.stat_update(StatHints.total)
            with self.track_time():
                try:
                    doc.text = self.format(doc.text)
                except Exception as error:  # one bad document never ends a job
                    self.stat_update("clean_error")
                    logger.warning(f"not cleaned, left out: {doc.id}: {error}")
                    continue
            if not doc.text:
                self.stat_update(StatHints.dropped)
                continue
            self.stat_update(StatHints.forwarded)
            self.update_doc_stats(doc)
            yield doc
