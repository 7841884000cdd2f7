"""Events → blocks: cut a document into runs of text that a reader sees as a line or a paragraph.

One pass over the elements and texts, in reading order. Block-level elements become *nodes* (the containers whose
contents the features describe); the text between two block boundaries becomes a *block*. Inline elements never cut:
their text and the text after them join up as a browser would show them.

What a reader never sees as text is left out: scripts, styles, vector graphics, media fallbacks, ``<template>``. A
``<noscript>`` counts if it holds paragraphs (forums put whole threads there), not if it holds an image or a plea to
switch scripts on. Inline elements that are not displayed are left out. What is in a container that is hidden
(``hidden``, ``display:none``, ``aria-hidden``) stays, marked: sites hide articles behind a "read more" button as often
as they hide menus, so the model decides. Of elements without text, what they tell is noted: where pictures and form
fields stand, and what the head says of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

# What an element does to the text around it; those up to PART part blocks. PART and INERT are no element's kind: they
# stand for one that does only that, and for one that does nothing, or whose content is skipped.
BLOCK, VERBATIM, PART, SKIP, BREAK, TITLE, NOSCRIPT, LINK, FORMAT, THING, INLINE, INERT = range(12)

PREFORMATTED = frozenset({"pre", "listing", "plaintext", "xmp"})
KINDS: dict[str, int] = dict.fromkeys(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol p search "
    "section summary table tbody td tfoot th thead tr ul".split(),
    BLOCK,
)
KINDS |= dict.fromkeys(
    "annotation annotation-xml applet area audio base basefont bgsound canvas col colgroup datalist embed frame iframe "
    "link map meta noembed noframes object param picture script select source style svg template textarea track "
    "video".split(),
    SKIP,
)
KINDS |= dict.fromkeys("b strong i em code kbd samp del s sub sup".split(), FORMAT)
KINDS |= dict.fromkeys("img amp-img input".split(), THING)
KINDS |= dict.fromkeys(PREFORMATTED, VERBATIM)
KINDS |= {"br": BREAK, "a": LINK, "title": TITLE, "noscript": NOSCRIPT}
INLINE_KINDS = frozenset({BREAK, LINK, FORMAT, THING, INLINE})

# Attributes whose words tell what a container is for.
NAMING = frozenset({"class", "id", "role", "itemprop", "data-testid", "data-component", "data-module", "aria-label"})
# Elements without text that tell of the blocks around them, and the text fields among the inputs.
PICTURES = frozenset({"img", "amp-img", "picture", "video", "iframe", "object", "embed"})
FIELDS = frozenset({"input", "textarea", "select"})
TYPED = frozenset({"", "text", "email", "search", "tel"})
INVISIBLE = "\u00ad\u200b\u2060\ufeff"  # soft hyphen and characters of no width
# White space that hardly any page has, or is no single space, and what is invisible.
UNUSUAL = (
    "\v\f\r\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028"
    f"\u2029\u202f\u205f\u3000{INVISIBLE}"
)
BLANK = f" \n\t{UNUSUAL}"
DOCUMENT_TAGS = frozenset({"p", "li", "article", "h1"})  # a <noscript> with one of these holds a piece of the page
# Limits, so that no page takes long: what comes after so many blocks, nodes, or links in one block is left out, and
# elements within so many others still part blocks, but are no nodes and no steps of a path.
MOST_BLOCKS, MOST_NODES, MOST_LINKS, MOST_DEPTH = 20_000, 150_000, 50_000, 256
# With each tag the parser may look through all elements that are open: so many tags times open elements take a second.
MOST_SEARCHED = 500_000_000
BREAK_MARK = "\0"  # no parsed tree can hold a NUL

Event = Mapping[str, str] | str | None  # an element with such attributes begins; text; what began last ends
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
    hidden: list[int] = field(default_factory=list)  # 0 shown, 1 aria-hidden, 2 not displayed

    node_tag: list[str] = field(default_factory=list)
    node_parent: list[int] = field(default_factory=list)
    node_kind: list[int] = field(default_factory=list)  # its place in `kinds`, -1 where it holds no block
    node_first: list[int] = field(default_factory=list)
    node_last: list[int] = field(default_factory=list)

    kinds: list[str] = field(default_factory=list)  # tag and names of nodes, each once
    pictures: list[int] = field(default_factory=list)  # the block that each belongs to (see `beside`)
    fields: list[int] = field(default_factory=list)  # of forms, the same
    email_fields: list[int] = field(default_factory=list)

    title: str = ""
    base: str = ""  # the target of <base>
    address: str = ""  # the page's own, as it gives it
    metadata: dict[str, str] = field(default_factory=dict)  # the contents of <meta>, by name in small letters
    linked_data: list[str] = field(default_factory=list)  # the text of all JSON-LD, in pieces
    paths: list[str] = field(default_factory=list)  # XPath of the element that the block starts in
    list_starts: dict[int, int] = field(default_factory=dict)  # node of an ordered list → its first number
    inline: list[list[Token]] = field(default_factory=list)  # the block's text with its inline markup


def visibility(attributes: Mapping[str, str]) -> int:
    """How far an element is hidden by its attributes: 0 not at all, 1 from assistive technology, 2 from everybody."""
    if "hidden" in attributes:
        return 2
    style = attributes.get("style", "").replace(" ", "").lower()
    if "display:none" in style or "visibility:hidden" in style:
        return 2
    return int(attributes.get("aria-hidden", "").strip().lower() == "true")


def naming(attributes: Mapping[str, str]) -> str:
    """What an element's attributes call it, a space before each."""
    name = ""
    for key, value in attributes.items():
        if key in NAMING and (value or name):
            name = f"{name} {value}"
    return name


def fold(text: str) -> str:
    """White space folded to single spaces, characters of no width removed."""
    if not text.isascii():
        for character in INVISIBLE:
            if character in text:
                text = text.replace(character, "")
    return " ".join(text.split())


def fold_all(texts: list[str]) -> None:
    """`fold` many texts without BLANK characters around them. Most have nothing to fold, which is found out quickly."""
    whole = "".join(texts)
    unusual = [character for character in UNUSUAL if character in whole]
    for i, text in enumerate(texts):
        if "\n" in text or "  " in text or "\t" in text:
            texts[i] = " ".join(text.split())
    if unusual:
        for i, text in enumerate(texts):
            if any([character in text for character in unusual]):  # a generator would take twice as long
                texts[i] = fold(text)


def lines_of(text: str, verbatim: bool) -> str:
    """A block's text with its lines: as they are where it is preformatted, else folded and parted by breaks."""
    lines = text.replace(BREAK_MARK, "\n").split("\n") if verbatim else map(fold, text.split(BREAK_MARK))
    text = "\n".join(lines).strip("\n")
    return "" if text.isspace() else text


class EnoughError(Exception):
    """A document passes a limit: no more of it is wanted."""


class Segmenter:
    """Cuts a document into blocks while its elements and texts come by: a target for lxml's parsers.

    It only notes what comes, and has it cut when told to: one loop is quicker than as many calls. Each document is
    begun and finished; the next may follow.
    """

    __slots__ = ("cutter", "data", "events", "tags")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.tags: list[str] = []  # of the elements that begin
        self.data = self.events.append
        self.cutter: Cutter | None = None

    def begin(self, rich: bool = False, namespaced: bool = False, source: bytes = b"") -> None:
        """A document begins. ``rich`` also records each block's path and inline markup; ``namespaced`` makes the paths
        those of a tree whose elements have a namespace; ``source`` is what the parser reads, if there is one.
        """
        self.cutter = Cutter(rich, namespaced, source)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self.tags.append(tag)
        self.events.append(attributes)

    def end(self, tag: str) -> None:
        """The element that began last ends."""
        self.events.append(None)

    def close(self) -> None:
        """The parser is done."""

    def cut(self) -> None:
        """Cut what has come so far. Raises EnoughError when the document passes a limit."""
        assert self.cutter is not None
        try:
            self.cutter.cut(self.events, self.tags)
        finally:
            self.events.clear()
            self.tags.clear()
        if self.cutter.enough:
            raise EnoughError

    def finish(self) -> Segments:
        """The document is over, or has passed a limit: its blocks. Nothing of it stays here."""
        with suppress(EnoughError):
            self.cut()
        assert self.cutter is not None
        out = self.cutter.finish()
        self.cutter = None
        return out


class Cutter:
    """Cuts the events of one document. What types its variables have in C, if it is compiled, is told in blocks.pxd."""

    def __init__(self, rich: bool, namespaced: bool, source: bytes) -> None:
        self.rich, self.namespaced, self.source = rich, namespaced, source
        self.out = Segments()
        self.enough = False  # a limit is passed: what comes is left out
        self.attributes: list[Mapping[str, str]] = []  # of the nodes
        self.lined: dict[int, str] = {}  # texts that have lines, by block: they are not folded with the others
        self.current = -1  # the open node
        self.kinds: list[int] = []  # what was made of the open elements
        self.most_open = 0  # elements, when known
        self.skip_from = -1  # how many elements are open around the one whose content is skipped, -1 for none
        self.waiting = False  # whether that is a <noscript> that may yet turn out to hold a piece of the page
        self.heard: list[str] | None = None  # where its text is noted all the same, if it is
        self.title: list[str] = []
        self.verbatim = 0  # how many preformatted elements are open

        # The block that is open.
        self.parts: list[str] = []
        self.began = ""  # the path of the element that it begins in
        self.linked = self.n_links = self.in_link = self.break_at = 0
        self.link_from = self.link_end = 0  # parts before and up to the last link
        self.href = self.lead = ""
        self.tokens: list[Token] = []
        self.formats: list[str] = []  # the open format elements
        self.targets: list[str] = []  # the open links' targets
        self.steps: list[str] = []  # the open elements, as steps of an XPath
        self.counts: list[dict[str, int]] = [{}]  # for each open element, how many children of each tag were seen

    def cut(self, events: list[Any], begun: list[str]) -> None:
        """Fill ``out`` from some more events, unless a limit is passed. ``begun``: the tags of elements that begin.

        One function, with all that most events need in variables of its own, which are quick to reach: this is the
        hottest loop of all.
        """
        out, rich = self.out, self.rich
        texts, nodes, links, link_chars = out.texts, out.node, out.n_links, out.link_chars
        hrefs, leads = out.href, out.lead
        tags, parents, first, last = out.node_tag, out.node_parent, out.node_first, out.node_last
        all_attributes, kinds_of = self.attributes, KINDS
        kinds, parts, current, verbatim = self.kinds, self.parts, self.current, self.verbatim
        skip_from, waiting, heard = self.skip_from, self.waiting, self.heard
        linked, n_links, in_link, break_at = self.linked, self.n_links, self.in_link, self.break_at
        link_from, link_end, href, lead = self.link_from, self.link_end, self.href, self.lead
        most_blocks, most_nodes, most_links, most_depth = MOST_BLOCKS, MOST_NODES, MOST_LINKS, MOST_DEPTH

        at = 0  # how many elements have begun
        for event in events:
            if event.__class__ is str:  # quicker than isinstance
                if skip_from < 0:
                    if parts or not event.isspace() or verbatim:
                        if rich:
                            if not parts:
                                self.began = "/" + "/".join(self.steps)
                            self.tokens.append(("text", event))
                        parts.append(event)
                elif heard is not None:
                    heard.append(event)
                continue
            if event is None:
                kind = kinds.pop() if kinds else PART
                if rich and len(kinds) < most_depth and self.steps:
                    self.steps.pop()
                    self.counts.pop()
                if skip_from >= 0:
                    if len(kinds) <= skip_from:
                        skip_from, waiting, heard = -1, False, None
                    continue
            else:
                tag, attributes = begun[at], event
                at += 1
                kind = kinds_of.get(tag, INLINE)
                if not kinds and kind in INLINE_KINDS:
                    kind = BLOCK  # the root of a tree may be any element
                if len(kinds) >= most_depth:
                    self.most_open = self.most_open or most_depth + MOST_SEARCHED // (1 + self.source.count(b"<"))
                    if len(kinds) >= self.most_open:
                        self.enough = True
                        break
                    if kind == SKIP and skip_from < 0:
                        skip_from = len(kinds)
                    kind = PART if kind <= VERBATIM else INERT
                else:
                    if rich:
                        step_into(tag, self.steps, self.counts, self.namespaced)
                    if skip_from >= 0:
                        if waiting and tag in DOCUMENT_TAGS:
                            skip_from, waiting = -1, False
                        else:
                            kind = INERT
                    elif kind >= LINK:
                        # There is no node to remember it by, so the text of what is not displayed is dropped.
                        if ("style" in attributes or "hidden" in attributes) and visibility(attributes) == 2:
                            skip_from = len(kinds)
                            kind = INERT
                    elif kind == BREAK and break_at and not verbatim and not "".join(parts[break_at:]).strip():
                        kind = PART  # an empty line parts paragraphs
                kinds.append(kind)

            if kind <= PART:
                if parts:
                    text = "".join(parts)
                    has_lines = verbatim or BREAK_MARK in text
                    text = lines_of(text, verbatim > 0) if has_lines else text.strip(BLANK)
                    if text and len(texts) < most_blocks:
                        if has_lines:
                            self.lined[len(texts)], text = text, ""
                        if in_link:
                            linked += folded_length(parts[link_from:])
                        texts.append(text)
                        nodes.append(current)
                        link_chars.append(linked)
                        links.append(n_links or in_link)
                        hrefs.append(href)
                        leads.append(lead)
                        if rich:
                            out.paths.append(self.began)
                            out.inline.append(self.tokens + [("unlink", t) for t in reversed(self.targets)])
                    parts.clear()
                    if rich:
                        self.tokens = [("link", t) for t in self.targets]
                    linked = n_links = break_at = link_end = link_from = 0
                    lead = ""
                    if not in_link:
                        href = ""
                elif lead:  # an element without text, an icon say, ends here too
                    lead, n_links = "", 0
                if kind == PART:
                    if event is not None and len(texts) >= most_blocks:
                        self.enough, kinds[-1] = True, INERT
                        break
                    continue
                if event is None:
                    last[current] = len(texts)
                    current = parents[current]
                    if kind == VERBATIM:
                        verbatim -= 1
                    continue
                if len(texts) >= most_blocks or len(last) >= most_nodes:
                    self.enough, kinds[-1] = True, INERT
                    break
                tags.append(tag)
                parents.append(current)
                all_attributes.append(attributes)
                first.append(len(texts))
                current = len(last)
                last.append(0)  # known at the node's end
                if kind == VERBATIM:
                    verbatim += 1
                elif rich and tag == "ol" and attributes.get("start", "").isdecimal():
                    out.list_starts[current] = int(attributes["start"][:9])
            elif kind == LINK:
                if event is None:
                    in_link = 0
                    link_end = len(parts)
                    linked += folded_length(parts[link_from:])
                    if rich:
                        self.shut(("unlink", self.targets.pop()))
                    continue
                if not lead:
                    lead = f"a {attributes['class']}" if "class" in attributes else "a"
                if "href" in attributes:
                    n_links += 1
                    if n_links > most_links:
                        self.enough, kinds[-1] = True, INERT
                        break
                    href = attributes["href"]
                    # Two links with nothing between them are two words, whatever the style sheet would do.
                    if parts and link_end == len(parts) and not parts[-1][-1:].isspace():
                        parts.append(" ")
                        if rich:
                            self.tokens.append(("text", " "))
                if "href" not in attributes or in_link:
                    kinds[-1] = INERT
                else:
                    in_link = 1
                    link_from = len(parts)
                    if rich:
                        self.targets.append(href)
                        self.tokens.append(("link", href))
            elif kind == INERT:
                pass
            elif kind >= FORMAT:
                if event is not None:
                    if not lead:
                        lead = f"{tag} {attributes['class']}" if "class" in attributes else tag
                    if kind == THING:
                        notice(out, tag, attributes, current, parts)
                    elif rich and kind == FORMAT:
                        self.tokens.append(("open", tag))
                        self.formats.append(tag)
                elif rich and kind == FORMAT:
                    self.shut(("close", self.formats.pop()))
            elif event is None:
                pass
            elif kind == BREAK:
                if parts:
                    parts.append(BREAK_MARK)
                    break_at = len(parts)
                    if rich:
                        self.tokens.append(("text", BREAK_MARK))
            else:
                skip_from = len(kinds) - 1
                waiting = kind == NOSCRIPT
                if kind == SKIP:
                    notice(out, tag, attributes, current, parts)
                    if tag == "script" and "ld+json" in attributes.get("type", "").lower():
                        heard = out.linked_data
                elif kind == TITLE and not self.title:
                    heard = self.title

        self.current, self.verbatim = current, verbatim
        self.skip_from, self.waiting, self.heard = skip_from, waiting, heard
        self.linked, self.n_links, self.in_link, self.break_at = linked, n_links, in_link, break_at
        self.link_from, self.link_end, self.href, self.lead = link_from, link_end, href, lead

    def shut(self, token: Token) -> None:
        """A link or format element ends. What held no text and stands before all text of a block is none of its own."""
        if not self.parts and self.tokens and self.tokens[-1][0] in ("link", "open"):
            self.tokens.pop()
        else:
            self.tokens.append(token)

    def finish(self) -> Segments:
        """At last, what is still open ends, and the text outside of all."""
        self.cut([None] * (len(self.kinds) + 1), [])
        out = self.out
        out.title = fold("".join(self.title))
        fold_all(out.texts)
        for i, text in self.lined.items():
            out.texts[i] = text
        describe(out, self.attributes)
        if -1 in out.node:
            shelter(out)
        return out


def folded_length(parts: list[str]) -> int:
    """How many characters some parts of a block come to, white space folded."""
    return len(" ".join("".join(parts).split()))


def describe(out: Segments, all_attributes: list[Mapping[str, str]]) -> None:
    """What the nodes that hold blocks are, by tag and attributes, and which blocks they hide."""
    out.hidden = [0] * len(out.texts)
    kinds: dict[str, int] = {}
    for tag, attributes, first, last in zip(out.node_tag, all_attributes, out.node_first, out.node_last, strict=True):
        if first == last:
            out.node_kind.append(-1)
            continue
        if not attributes:
            kind = tag
        elif len(attributes) == 1 and attributes.get("class"):
            kind = f"{tag} {attributes['class']}"
        else:
            kind = tag + naming(attributes)
            if "style" in attributes or "hidden" in attributes or "aria-hidden" in attributes:
                degree = visibility(attributes)
                if degree:
                    out.hidden[first:last] = [max(degree, hidden) for hidden in out.hidden[first:last]]
        out.node_kind.append(kinds.setdefault(kind, len(kinds)))
    out.kinds = list(kinds)


def beside(out: Segments, node: int, parts: list[str]) -> int:
    """The block that an element without text belongs to: the open one, else the last in its node, else the next."""
    n = len(out.texts)
    return n - (not parts and node >= 0 and out.node_first[node] < n)


def notice(out: Segments, tag: str, attributes: Mapping[str, str], node: int, parts: list[str]) -> None:
    """Note what an element without text says of the page, or of the block that it belongs to."""
    if tag == "meta":
        name = attributes.get("property") or attributes.get("name")
        if name and attributes.get("content"):
            out.metadata.setdefault(name.strip().lower(), attributes["content"])
    elif tag == "link":
        if attributes.get("rel", "").lower() == "canonical":
            out.address = out.address or attributes.get("href", "")
    elif tag == "base":
        out.base = out.base or attributes.get("href", "")
    elif tag in PICTURES:
        out.pictures.append(beside(out, node, parts))
    elif tag in FIELDS and attributes.get("type", "").lower() in TYPED:
        about = " ".join(attributes.values()).lower().replace("-", "")
        (out.email_fields if "email" in about else out.fields).append(beside(out, node, parts))


def shelter(out: Segments) -> None:
    """Give each block outside of all elements one of its own."""
    for block, node in enumerate(out.node):
        if node < 0:
            out.node[block] = len(out.node_tag)
            out.node_tag.append("body")
            out.node_parent.append(-1)
            out.node_kind.append(len(out.kinds))
            out.node_first.append(block)
            out.node_last.append(block + 1)
    out.kinds.append("body")


def step_into(tag: str, steps: list[str], counts: list[dict[str, int]], namespaced: bool) -> None:
    """Note an element's place among its siblings of the same tag."""
    seen = counts[-1]
    seen[tag] = seen.get(tag, 0) + 1
    name = tag if tag.isalnum() and tag.isascii() and not namespaced else f"*[local-name()='{tag}']"
    steps.append(f"{name}[{seen[tag]}]")
    counts.append({})
