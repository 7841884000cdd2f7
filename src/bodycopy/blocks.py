"""Events → blocks: cut a document into runs of text that a reader sees as a line or a paragraph.

One pass over the elements and texts, in reading order. Block-level elements become *nodes* (the containers whose
contents the features describe); the text between two block boundaries becomes a *block*. Inline elements never cut:
their text and the text after them join up as a browser would show them.

What a reader never sees as text is left out: scripts, styles, vector graphics, media fallbacks, ``<template>``. A
``<noscript>`` counts if it holds paragraphs (forums put whole threads there), not if it holds an image or a plea to
switch scripts on. Inline elements that are not displayed are left out. What is in a container that is hidden
(``hidden``, ``display:none``, ``aria-hidden``) stays, marked: sites hide articles behind a "read more" button as often
as they hide menus, so the model decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# What an element does to the text around it. Anything not listed is inline and does nothing.
BLOCK, SKIP, BREAK, LINK, TITLE, FORMAT, NOSCRIPT = range(1, 8)
INERT = 0  # an open element that does nothing, or whose content is skipped

KINDS: dict[str, int] = dict.fromkeys(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li listing main menu nav ol "
    "p plaintext pre search section summary table tbody td tfoot th thead tr ul xmp".split(),
    BLOCK,
)
KINDS |= dict.fromkeys(
    "annotation annotation-xml applet area audio base basefont bgsound canvas col colgroup datalist embed frame iframe "
    "link map meta noembed noframes object param picture script select source style svg template textarea track "
    "video".split(),
    SKIP,
)
KINDS |= dict.fromkeys("b strong i em code kbd samp del s sub sup".split(), FORMAT)
KINDS |= {"br": BREAK, "a": LINK, "title": TITLE, "noscript": NOSCRIPT}
PREFORMATTED = frozenset({"pre", "listing", "plaintext", "xmp"})

# Attributes whose words tell what a container is for.
NAMING = frozenset({"class", "id", "role", "itemprop", "data-testid", "data-component", "data-module", "aria-label"})
HIDING = frozenset({"style", "hidden", "aria-hidden"})
INVISIBLE = "\u00ad\u200b\u2060\ufeff"  # soft hyphen and characters of no width
DOCUMENT_TAGS = frozenset({"p", "li", "article", "h1"})  # a <noscript> with one of these holds a piece of the page
# Limits, so that no page takes long: what comes after so many blocks, nodes, or links in one block is left out, and
# elements within so many others still part blocks, but are no nodes and no steps of a path.
MOST_BLOCKS, MOST_NODES, MOST_LINKS, MOST_DEPTH = 20_000, 150_000, 50_000, 256
BREAK_MARK = "\0"  # no parsed tree can hold a NUL

Token = tuple[str, str]  # ("text", characters), ("open" | "close", tag), ("link" | "unlink", href)


@dataclass(slots=True)
class Segments:
    """A document cut into blocks, as parallel lists: one entry a block, and one entry a node (block-level container).

    ``node_first[n]:node_last[n]`` is the range of blocks inside node ``n``; ``node_parent`` of the root is -1.
    ``paths``, ``list_starts`` and ``inline`` are filled only when the document was cut with ``rich=True``.
    """

    texts: list[str] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    link_chars: list[int] = field(default_factory=list)
    n_links: list[int] = field(default_factory=list)
    href: list[str] = field(default_factory=list)  # the last link's target
    lead: list[str] = field(default_factory=list)  # tag and class of the first inline element

    node_tag: list[str] = field(default_factory=list)
    node_parent: list[int] = field(default_factory=list)
    node_names: list[str] = field(default_factory=list)
    node_hidden: list[int] = field(default_factory=list)  # 0 shown, 1 aria-hidden, 2 not displayed
    node_first: list[int] = field(default_factory=list)
    node_last: list[int] = field(default_factory=list)

    title: str = ""
    base: str = ""  # the target of <base>
    paths: list[str] = field(default_factory=list)  # XPath of the element that the block starts in
    list_starts: dict[int, int] = field(default_factory=dict)  # node of an ordered list → its first number
    inline: list[list[Token]] = field(default_factory=list)  # the block's text with its inline markup


def visibility(name: str, value: str) -> int:
    """How far one attribute hides its element: 0 not at all, 1 from assistive technology, 2 from everybody."""
    if name == "style":
        style = value.replace(" ", "").lower()
        return 2 if "display:none" in style or "visibility:hidden" in style else 0
    if name == "hidden":
        return 2
    return 1 if name == "aria-hidden" and value.strip().lower() == "true" else 0


def fold(text: str) -> str:
    """White space folded to single spaces, characters of no width removed."""
    if not text.isascii():
        for character in INVISIBLE:
            if character in text:
                text = text.replace(character, "")
    return " ".join(text.split())


def folded_length(parts: list[str]) -> int:
    """How many characters some parts of a block come to, white space folded."""
    return len(" ".join("".join(parts).split()))


class EnoughError(Exception):
    """A document passes a limit: the Segmenter wants no more of it."""


def hides(attributes: Mapping[str, str]) -> bool:
    """Whether an inline element is not displayed; there is no node to remember it by, so its text is dropped."""
    return "hidden" in attributes or ("style" in attributes and visibility("style", attributes["style"]) > 0)


class Segmenter:
    """Cuts a document into blocks while its elements and texts come by: a target for lxml's parsers.

    ``rich`` also records each block's path and inline markup; ``namespaced`` makes the paths those of a tree whose
    elements have a namespace. `close` gives the Segments.
    """

    __slots__ = (
        "began",
        "blocks",
        "break_at",
        "counts",
        "current",
        "href",
        "in_link",
        "invisible",
        "kinds",
        "last",
        "lead",
        "link_end",
        "link_from",
        "linked",
        "n_links",
        "namespaced",
        "nodes",
        "out",
        "parts",
        "rich",
        "skip_from",
        "steps",
        "tags",
        "targets",
        "titling",
        "tokens",
        "verbatim",
        "waiting",
    )

    def __init__(self, rich: bool = False, namespaced: bool = False):
        self.rich = rich
        self.namespaced = namespaced
        self.out = Segments()
        # Finished blocks: text, node, characters in links, links, last target, first inline element.
        self.blocks: list[tuple[str, int, int, int, str, str]] = []
        # Nodes: tag, parent, names, how hidden, first block. The last block is known at a node's end.
        self.nodes: list[tuple[str, int, str, int, int]] = []
        self.last: list[int] = []
        self.current = -1  # the open node
        self.invisible = 0  # how hidden it is
        # The open elements: their tags, and what was made of them.
        self.tags: list[str] = []
        self.kinds: list[int] = []
        self.skip_from = -1  # how many elements are open around the one whose content is skipped, -1 for none
        self.waiting = False  # whether that is a <noscript> that may yet turn out to hold a piece of the page
        self.titling = False  # whether it is the <title>
        self.verbatim = 0  # preformatted elements that are open
        # The open block.
        self.parts: list[str] = []
        self.began = ""  # the path of the element that it begins in
        self.linked = self.n_links = self.in_link = self.break_at = self.link_end = self.link_from = 0
        self.href = self.lead = ""
        self.tokens: list[Token] = []
        self.targets: list[str] = []  # the open links' targets
        self.steps: list[str] = []  # the open elements, as steps of an XPath
        self.counts: list[dict[str, int]] = [{}]  # for each open element, how many children of each tag were seen

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        kind = KINDS.get(tag)
        if len(self.tags) >= MOST_DEPTH:
            self.tags.append(tag)
            self.kinds.append(INERT)
            if kind == SKIP and self.skip_from < 0:
                self.skip_from = len(self.kinds) - 1
            elif kind == BLOCK and self.parts:
                self.flush()
            return
        if self.rich:
            self.step_into(tag)
        self.tags.append(tag)
        if self.skip_from >= 0:
            if not (self.waiting and tag in DOCUMENT_TAGS):
                self.kinds.append(INERT)
                return
            self.skip_from, self.waiting = -1, False
        if kind == BLOCK:
            if self.parts:
                self.flush()
            elif self.lead:  # an element without text, an icon say, ends here too
                self.lead, self.n_links = "", 0
            if len(self.blocks) >= MOST_BLOCKS or len(self.nodes) >= MOST_NODES:
                raise EnoughError
            name = ""
            hidden = self.invisible
            for key, value in attributes.items():
                if key in NAMING:
                    name = f"{name} {value}" if name else value
                elif key in HIDING and hidden < 2:
                    hidden = max(hidden, visibility(key, value))
            self.nodes.append((tag, self.current, name, hidden, len(self.blocks)))
            self.current = len(self.last)
            self.last.append(0)
            self.invisible = hidden
            if tag in PREFORMATTED:
                self.verbatim += 1
            elif self.rich and tag == "ol" and attributes.get("start", "").isdecimal():
                self.out.list_starts[self.current] = int(attributes["start"][:9])
        elif ("style" in attributes or "hidden" in attributes) and kind in (None, FORMAT, LINK) and hides(attributes):
            self.skip_from = len(self.kinds)
            kind = INERT
        elif kind is None or kind == FORMAT:
            if kind is None:
                kind = INERT
            elif self.rich:
                self.tokens.append(("open", tag))
            if not self.lead:
                self.lead = f"{tag} {attributes['class']}" if "class" in attributes else tag
        elif kind == LINK:
            if "href" in attributes:
                self.n_links += 1
                if self.n_links > MOST_LINKS:
                    raise EnoughError
                parts = self.parts
                # Two links with nothing between them are two words, whatever the style sheet would do.
                if parts and self.link_end == len(parts) and not parts[-1][-1:].isspace():
                    self.data(" ")
                self.href = attributes["href"]
            if "href" not in attributes or self.in_link:
                kind = INERT
            else:
                self.in_link = 1
                self.link_from = len(self.parts)
                if self.rich:
                    self.targets.append(self.href)
                    self.tokens.append(("link", self.href))
            if not self.lead:
                self.lead = f"a {attributes['class']}" if "class" in attributes else "a"
        elif kind == BREAK:
            if self.break_at and not self.verbatim and not "".join(self.parts[self.break_at :]).strip():
                self.flush()  # an empty line parts paragraphs
            elif self.parts:
                self.parts.append(BREAK_MARK)
                self.break_at = len(self.parts)
                if self.rich:
                    self.tokens.append(("text", BREAK_MARK))
        else:
            self.skip_from = len(self.kinds)
            self.waiting = kind == NOSCRIPT
            self.titling = kind == TITLE and not self.out.title
            if tag == "base":
                self.out.base = self.out.base or attributes.get("href", "")
        self.kinds.append(kind)

    def data(self, text: str) -> None:
        """A run of text comes by; one text may come in several."""
        if self.skip_from >= 0:
            if self.titling:
                self.out.title += text
            return
        if not self.parts and not self.verbatim and text.isspace():
            return
        if self.rich:
            if not self.parts:
                self.began = "/" + "/".join(self.steps)
            self.tokens.append(("text", text))
        self.parts.append(text)

    def end(self, tag: str) -> None:
        """An element ends, and with it those left open inside."""
        tags = self.tags
        if tags[-1] != tag:
            if tag not in tags:
                return
            while tags[-1] != tag:
                self.end(tags[-1])
        tags.pop()
        kind = self.kinds.pop()
        if self.rich and len(tags) < MOST_DEPTH:
            self.steps.pop()
            self.counts.pop()
        if self.skip_from >= 0:
            if len(tags) <= self.skip_from:
                self.skip_from, self.waiting, self.titling = -1, False, False
        elif kind == BLOCK:
            if self.parts:
                self.flush()
            elif self.lead:
                self.lead, self.n_links = "", 0
            self.last[self.current] = len(self.blocks)
            self.current = self.nodes[self.current][1]
            self.invisible = self.nodes[self.current][3] if self.current >= 0 else 0
            if tag in PREFORMATTED:
                self.verbatim -= 1
        elif kind == LINK:
            self.in_link = 0
            self.link_end = len(self.parts)
            self.linked += folded_length(self.parts[self.link_from :])
            if self.rich:
                self.tokens.append(("unlink", self.targets.pop()))
        elif kind == FORMAT and self.rich:
            self.tokens.append(("close", tag))

    def flush(self) -> None:
        """End the open block, and keep it if there is text in it."""
        parts = self.parts
        if self.in_link:
            self.linked += folded_length(parts[self.link_from :])
        text = "".join(parts) if len(parts) > 1 else parts[0]
        if self.verbatim or BREAK_MARK in text:
            lines = text.replace(BREAK_MARK, "\n").split("\n") if self.verbatim else map(fold, text.split(BREAK_MARK))
            text = "\n".join(lines).strip("\n")
            if text.isspace():
                text = ""
        else:
            text = fold(text)
        if text and len(self.blocks) < MOST_BLOCKS:
            self.blocks.append((text, self.current, self.linked, self.n_links or self.in_link, self.href, self.lead))
            if self.rich:
                self.out.paths.append(self.began)
                self.out.inline.append(self.tokens + [("unlink", t) for t in reversed(self.targets)])
        parts.clear()
        if self.rich:
            self.tokens = [("link", t) for t in self.targets]
        self.linked = self.n_links = self.break_at = self.link_end = self.link_from = 0
        self.lead = ""
        if not self.in_link:
            self.href = ""

    def step_into(self, tag: str) -> None:
        """Note an element's place among its siblings of the same tag."""
        seen = self.counts[-1]
        seen[tag] = seen.get(tag, 0) + 1
        name = tag if tag.isalnum() and tag.isascii() and not self.namespaced else f"*[local-name()='{tag}']"
        self.steps.append(f"{name}[{seen[tag]}]")
        self.counts.append({})

    def close(self) -> Segments:
        """The document is over, or has passed a limit."""
        del self.tags[len(self.kinds) :], self.steps[len(self.kinds) :]  # of an element whose start passed a limit
        while self.tags:
            self.end(self.tags[-1])
        if self.parts:
            self.flush()
        out = self.out
        out.title = fold(out.title)
        if self.blocks:
            columns = map(list, zip(*self.blocks, strict=True))
            out.texts, out.node, out.link_chars, out.n_links, out.href, out.lead = columns
        if self.nodes:
            columns = map(list, zip(*self.nodes, strict=True))
            out.node_tag, out.node_parent, out.node_names, out.node_hidden, out.node_first = columns
        out.node_last = self.last
        return out
