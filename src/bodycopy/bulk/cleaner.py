"""What the options of the command line make of a page: its output, and how much of it was kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bodycopy.api import core_of, core_of_text, label, label_text
from bodycopy.bulk.sources import Content, End, Opened
from bodycopy.document import decode
from bodycopy.model import LABELS, Model, ModelError, load_model
from bodycopy.page import Page
from bodycopy.shape import shape
from bodycopy.sniff import begins_as_page, is_html

Tally = tuple[int, ...]  # words kept; blocks of each label; words of each label
NO_TALLY: Tally = (0,) * (1 + 2 * len(LABELS))


class Done(NamedTuple):
    """What became of a document: its output, or the reason why it has none."""

    output: bytes | dict[str, Any] | None = None
    tally: Tally = NO_TALLY
    reason: str = ""


def tally(texts: list[str], labels: Iterable[str], kept: Collection[int]) -> Tally:
    """How many blocks and words there are of each label. ``texts``: the blocks; ``kept``: the numbers of those kept."""
    if not texts:
        return NO_TALLY
    blocks, words, kept_words = dict.fromkeys(LABELS, 0), dict.fromkeys(LABELS, 0.0), 0.0
    chosen = set(kept)
    for i, (name, length) in enumerate(zip(labels, shape(texts).words.tolist(), strict=True)):
        blocks[name] += 1
        words[name] += length
        kept_words += length * (i in chosen)
    return (round(kept_words), *blocks.values(), *map(round, words.values()))


@dataclass(frozen=True, slots=True)
class Cleaner:
    """The options of `clean` that say how a page is read, and what of it is kept; a model is loaded when needed."""

    kind: str = "auto"
    encoding: str | None = None
    url: str | None = None
    keep: tuple[str, ...] = ("body",)
    threshold: float | None = None
    full: bool = False
    model: str | None = None
    text_model: str | None = None

    def opened(self, data: bytes | str, encoding: str | None = None) -> tuple[str, bytes | str, Model]:
        """What a page holds, "html" or "text", the page, and the model for it. Raises ModelError."""
        kind, data = input_of(data, self.kind, self.encoding or encoding)
        try:
            return kind, data, load_model(self.model if kind == "html" else self.text_model, kind)
        except OSError as error:
            raise ModelError(str(error)) from error

    def label(self, data: bytes | str, url: str | None = None, encoding: str | None = None) -> tuple[str, Page]:
        """What a page holds, "html" or "text", and the page, labelled."""
        kind, data, model = self.opened(data, encoding)
        if kind == "html":
            encoding = self.encoding or encoding
            return kind, label(data, url or self.url, encoding=encoding, threshold=self.threshold, model=model)
        assert isinstance(data, str)
        return kind, label_text(data, threshold=self.threshold, model=model)

    def clean(self, data: bytes | str, encoding: str | None = None) -> tuple[str, Tally]:
        """The core content as text, and what it was taken from."""
        kind, data, model = self.opened(data, encoding)
        if kind == "html":
            core = core_of(data, self.encoding or encoding, self.keep, self.threshold, self.full, model)
        else:
            assert isinstance(data, str)
            core = core_of_text(data, self.keep, self.threshold, model)
        labels = [LABELS[best] for best in core.scores[:, : len(LABELS)].argmax(1)]
        return core.text, tally(core.blocks, labels, core.kept)


class Cleaned(NamedTuple):
    """The core content of a page, and what else is asked for."""

    text: str
    tally: Tally
    page: Page | None = None  # for JSON
    removed: str = ""
    labels: Sequence[list[str]] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done with each document.

    ``form``: text, markdown or json. ``target``: what the output goes into: "text"; "lines" of JSON; a "table";
    or a "folder", where it is what goes with the kind of input. The fields are those of the objects to be cleaned.
    """

    cleaner: Cleaner
    form: str = "text"
    target: str = "text"
    field: str = ""
    url_field: str | None = None
    removed_field: str | None = None
    labels_field: str | None = None

    def do(self, file: str, content: Content) -> Done:
        """The output of one document. Whatever is wrong with it becomes the reason; raises ModelError alone."""
        if isinstance(content, End):
            return Done()
        try:
            opened = content.opened(self.field, self.url_field)
            target = content.into if self.target == "folder" else self.target
            done = self.cleaned(opened)
            if opened.row is not None:
                output = opened.row | {self.field: done.text} | self.more_fields(done)
            elif target == "text" and self.form != "json":
                return Done(encoded(done.text if done.text.endswith("\n") else done.text + "\n"), done.tally)
            else:
                output = {"file": file} | ({"id": opened.id} if opened.id or target == "table" else {})
                output |= done.page.to_dict() if done.page else {"url": opened.url, "text": done.text}
            if target == "table":
                return Done(output, done.tally)
            return Done(encoded(json.dumps(output, ensure_ascii=False, default=str) + "\n"), done.tally)
        except ModelError:
            raise
        except OSError as error:
            return Done(reason=error.strerror or str(error))
        except ValueError as error:
            return Done(reason=str(error))
        except Exception as error:  # a page must not end a run, whatever it does
            return Done(reason=f"{type(error).__name__}: {error}")

    def cleaned(self, opened: Opened) -> Cleaned:
        """The core content of what was opened; labelled where only a labelled page has what is asked for."""
        cleaner = self.cleaner
        if self.form == "text" and not (self.removed_field or self.labels_field):
            return Cleaned(*cleaner.clean(opened.data, opened.encoding))
        kind, page = cleaner.label(opened.data, opened.url, opened.encoding)
        full = cleaner.full and kind == "html"
        ids = set(map(id, page.select(cleaner.keep, full)))
        kept = [i for i, block in enumerate(page.blocks) if id(block) in ids]
        texts = [block.text for block in page.blocks]
        counted = tally(texts, [block.label for block in page.blocks], kept)
        if self.form == "json":
            return Cleaned("", counted, page)
        render = page.render_markdown if self.form == "markdown" else page.render_text
        removed = "\n".join(b.text for b in page.blocks if id(b) not in ids)
        return Cleaned(render(cleaner.keep, full), counted, None, removed, [[b.label, b.text] for b in page.blocks])

    def more_fields(self, done: Cleaned) -> dict[str, Any]:
        """The fields that an object gets beside the cleaned one."""
        asked = {self.removed_field: done.removed, self.labels_field: done.labels}
        return {name: value for name, value in asked.items() if name}


def input_of(data: bytes | str, kind: str, encoding: str | None) -> tuple[str, bytes | str]:
    """What a page holds, "html" or "text", and the page: HTML as it came, text decoded."""
    if kind == "html" or (kind == "auto" and isinstance(data, bytes) and begins_as_page(data)):
        return "html", data
    text = data if isinstance(data, str) else decode(data, encoding)
    return ("html", data) if kind == "auto" and is_html(text) else ("text", text)


def encoded(text: str) -> bytes:
    """UTF-8, with a question mark for a lone surrogate, which no stream can write."""
    return text.encode("utf-8", "replace")
