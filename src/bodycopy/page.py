"""Labels → output: a labelled page and what can be had from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from bodycopy.blocks import Segments, Token, fold
from bodycopy.lines import Lines, kept_text
from bodycopy.model import LABELS
from bodycopy.render import Place, layout, to_markdown, to_text


@dataclass(frozen=True, slots=True)
class Block:
    """One run of text that a reader sees as a line or a paragraph."""

    text: str  #: of HTML, with white space folded; of plain text, as it stands there
    label: str  #: one of LABELS, the one with the highest score
    scores: dict[str, float]  #: a probability for each of LABELS; they sum to 1
    core: float  #: the body score that the threshold is compared with, 0 to 1: is this running text of the piece?
    tag: str = ""  #: the block-level element that the text stands in; "" in plain text
    path: str = ""  #: XPath of the element that the text begins in; "" in plain text
    links: list[tuple[str, str]] = field(default_factory=list)  #: (text, target) of the links in it; none in plain text
    lines: tuple[int, int] | None = None  #: its first and last line in plain text, from 1; None in HTML
    _tokens: list[Token] = field(default_factory=list, repr=False, compare=False)
    _place: Place = field(default_factory=Place, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON: of plain text without what only a document tree can tell."""
        told = {
            "label": self.label,
            "text": self.text,
            "scores": {k: round(v, 4) for k, v in self.scores.items()},
            "core": round(self.core, 4),
        }
        if self.lines is not None:
            return told | {"lines": list(self.lines)}
        links = [{"text": text, "url": url} for text, url in self.links]
        return told | {"tag": self.tag, "path": self.path, "links": links}


def wanted(label: str, core: float, keep: Collection[str], threshold: float, full: bool) -> bool:
    """Whether a block is kept: body by its core score (``full``: or its label), the other labels by label."""
    if "body" in keep and (core >= threshold or (full and label == "body")):
        return True
    return label != "body" and label in keep


def check_keep(keep: Collection[str]) -> None:
    """Raise TypeError or ValueError unless ``keep`` holds labels."""
    if isinstance(keep, str):
        raise TypeError(f"keep is a collection of labels, such as ({keep!r},), not a string")
    if isinstance(keep, bytes) or not isinstance(keep, Collection):
        raise TypeError(f'keep is a collection of labels, such as ("body",), not {keep!r}')
    if unknown := set(keep) - set(LABELS):
        raise ValueError(f"no such label: {', '.join(sorted(map(str, unknown)))}; the labels are {', '.join(LABELS)}")


@dataclass(frozen=True, slots=True)
class Page:
    """A labelled page or plain text: its blocks in reading order, and the texts made of them.

    Plain text has no title, no url, and no links, so `related` is empty; `markdown` is the text as it is.
    """

    blocks: list[Block]
    threshold: float  #: core score from which a block counts as running text
    title: str = ""  #: the document's <title>
    url: str | None = None
    _plain: Lines | None = field(default=None, repr=False, compare=False)

    def select(self, keep: Collection[str] = ("body",), full: bool = False) -> list[Block]:
        """The blocks of some labels, in reading order.

        Body blocks are those whose core score reaches the threshold; with ``full``, also the others that are labelled
        body: headline, standfirst, captions.
        """
        check_keep(keep)
        return [b for b in self.blocks if wanted(b.label, b.core, keep, self.threshold, full)]

    @property
    def text(self) -> str:
        """The core content as plain text: what `clean` or `clean_text` returns."""
        return self.render_text()

    def render_text(self, keep: Collection[str] = ("body",), full: bool = False) -> str:
        """The blocks that `select` gives, as plain text; those of plain text as they stand in it."""
        kept = self.select(keep, full)
        if self._plain is None:
            return to_text([b.text for b in kept], [b._place for b in kept])
        ids = set(map(id, kept))
        return kept_text(self._plain, [i for i, b in enumerate(self.blocks) if id(b) in ids])

    @property
    def markdown(self) -> str:
        """The core content in Markdown: headings, lists, quotes, tables, code and links kept."""
        return self.render_markdown()

    def render_markdown(self, keep: Collection[str] = ("body",), full: bool = False) -> str:
        """The blocks that `select` gives, in Markdown; those of plain text as they stand in it."""
        if self._plain is not None:
            return self.render_text(keep, full)
        kept = self.select(keep, full)
        return to_markdown([b._tokens for b in kept], [b._place for b in kept])

    @property
    def related(self) -> list[tuple[str, str]]:
        """The teasers of other pieces as (title, url), each url once, in reading order."""
        titles: dict[str, tuple[bool, int, str]] = {}
        here = (self.url or "").partition("#")[0]
        for block in self.blocks:
            if block.label != "related":
                continue
            for text, url in block.links:
                # Of a card's texts a heading is the title, else the longest.
                rank = (block.tag in ("h1", "h2", "h3", "h4", "h5", "h6"), len(text), text)
                elsewhere = url.partition("#")[0] not in ("", here) and not url.strip().lower().startswith(
                    "javascript:"
                )
                if text and elsewhere and rank[:2] > titles.get(url, (False, 0, ""))[:2]:
                    titles[url] = rank
        return [(title, url) for url, (_, _, title) in titles.items()]

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "url": self.url,
            "title": self.title,
            "text": self.text,
            "threshold": self.threshold,
            "blocks": [b.to_dict() for b in self.blocks],
            "related": [{"title": title, "url": url} for title, url in self.related],
        }


def link_pairs(tokens: list[Token]) -> list[tuple[str, str]]:
    """(text, target) of the links among a block's tokens."""
    links: list[tuple[str, str]] = []
    open_links: list[list[str]] = []
    for kind, value in tokens:
        if kind == "text":
            for parts in open_links:
                parts.append(value)
        elif kind == "link":
            open_links.append([])
        elif kind == "unlink" and open_links:
            links.append((fold("".join(open_links.pop()).replace("\0", " ")), value))
    return links


def label_and_scores(row: Any) -> dict[str, Any]:
    """A block's label, scores and core score from its row of scores, shape (5,)."""
    values = [float(x) for x in row]
    best = max(range(len(LABELS)), key=values.__getitem__)
    return {
        "label": LABELS[best],
        "scores": dict(zip(LABELS, values, strict=False)),
        "core": values[len(LABELS)],
    }


def make_page(cut: Segments, scores: Any, threshold: float, url: str | None, absolute: Any) -> Page:
    """A Page of the blocks of ``cut`` (made with ``rich=True``) and their scores, shape (blocks, 5).

    ``absolute`` turns a link's target into what the page gives out.
    """
    places = layout(cut)
    blocks = []
    for i, text in enumerate(cut.texts):
        tokens = [(kind, absolute(value) if kind in ("link", "unlink") else value) for kind, value in cut.inline[i]]
        blocks.append(
            Block(
                text=text,
                **label_and_scores(scores[i]),
                tag=cut.node_tag[cut.node[i]],
                path=cut.paths[i],
                links=link_pairs(tokens),
                _tokens=tokens,
                _place=places[i],
            )
        )
    return Page(blocks, threshold, cut.title, url)


def make_text_page(lines: Lines, scores: Any, threshold: float) -> Page:
    """A Page of the blocks of a plain text and their scores, shape (blocks, 5)."""
    blocks = []
    number, at = 1, 0
    for (a, _), text, row in zip(lines.spans, lines.texts(), scores, strict=True):
        number += lines.text.count("\n", at, a)
        height = text.count("\n")
        blocks.append(Block(text=text, **label_and_scores(row), lines=(number, number + height)))
        at = a
    return Page(blocks, threshold, _plain=lines)
