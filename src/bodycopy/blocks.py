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

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

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
HIDING = frozenset({"style", "hidden", "aria-hidden"})
# Elements without text that tell of the blocks around them, and the text fields among the inputs.
PICTURES = frozenset({"img", "amp-img", "picture", "video", "iframe", "object", "embed"})
FIELDS = frozenset({"input", "textarea", "select"})
TYPED = frozenset({"", "text", "email", "search", "tel"})
INVISIBLE = "\u00ad\u200b\u2060\ufeff"  # soft hyphen and characters of no width
DOCUMENT_TAGS = frozenset({"p", "li", "article", "h1"})  # a <noscript> with one of these holds a piece of the page
# Limits, so that no page takes long: what comes after so many blocks, nodes, or links in one block is left out, and
# elements within so many others still part blocks, but are no nodes and no steps of a path.
MOST_BLOCKS, MOST_NODES, MOST_LINKS, MOST_DEPTH = 20_000, 150_000, 50_000, 256
# With each tag the parser may look through all elements that are open: so many tags times open elements take a second.
MOST_SEARCHED = 500_000_000
BREAK_MARK = "\0"  # no parsed tree can hold a NUL

BATCH = 150  # events noted before they are cut

Event = tuple[str, Mapping[str, str]] | str | None  # an element begins; text; the element that began last ends
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
    node_names: list[str] = field(default_factory=list)  # what its attributes call it, a space before each
    node_hidden: list[int] = field(default_factory=list)  # 0 shown, 1 aria-hidden, 2 not displayed
    node_first: list[int] = field(default_factory=list)
    node_last: list[int] = field(default_factory=list)

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


def lines_of(text: str, verbatim: bool) -> str:
    """A block's text with its lines: as they are where it is preformatted, else folded and parted by breaks."""
    lines = text.replace(BREAK_MARK, "\n").split("\n") if verbatim else map(fold, text.split(BREAK_MARK))
    text = "\n".join(lines).strip("\n")
    return "" if text.isspace() else text


def hides(attributes: Mapping[str, str]) -> bool:
    """Whether an inline element is not displayed; there is no node to remember it by, so its text is dropped."""
    return "hidden" in attributes or visibility("style", attributes.get("style", "")) > 0


class EnoughError(Exception):
    """A document passes a limit: no more of it is wanted."""


class Segmenter:
    """Cuts a document into blocks while its elements and texts come by: a target for lxml's parsers.

    It only notes what comes, and has it cut in batches: one loop is quicker than as many calls. Each document is begun
    and finished; the next may follow.
    """

    __slots__ = ("cutter", "data", "events", "out")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.data = self.events.append

    def begin(self, rich: bool = False, namespaced: bool = False, source: bytes = b"") -> None:
        """A document begins. ``rich`` also records each block's path and inline markup; ``namespaced`` makes the paths
        those of a tree whose elements have a namespace; ``source`` is what the parser reads, if there is one.
        """
        self.out = Segments()
        self.cutter = cutter(self.out, rich, namespaced, source)
        next(self.cutter)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins. Raises EnoughError when the document passes a limit."""
        self.events.append((tag, attributes))
        if len(self.events) >= BATCH:
            try:
                self.cutter.send(self.events)
            except StopIteration:
                raise EnoughError from None
            finally:
                self.events.clear()

    def end(self, tag: str) -> None:
        """The element that began last ends."""
        self.events.append(None)

    def close(self) -> None:
        """The parser is done."""

    def finish(self) -> Segments:
        """The document is over, or has passed a limit: its blocks. Nothing of it stays here."""
        with suppress(StopIteration):
            if self.events:
                self.cutter.send(self.events)
            self.cutter.send([])
        self.events.clear()
        out = self.out
        del self.out
        return out


def cutter(out: Segments, rich: bool, namespaced: bool, source: bytes) -> Generator[None, list[Event], None]:
    """Fill ``out`` from the batches of events that are sent, until an empty one comes or a limit is passed.

    One function, for what is local to it is quick to reach: this is the hottest loop of all.
    """
    texts, parents, degrees, last = out.texts, out.node_parent, out.node_hidden, out.node_last
    current = -1  # the open node
    invisible = 0  # how hidden it is
    kinds: list[int] = []  # what was made of the open elements
    skip_from = -1  # how many elements are open around the one whose content is skipped, -1 for none
    waiting = False  # whether that is a <noscript> that may yet turn out to hold a piece of the page
    heard: list[str] | None = None  # where its text is noted all the same, if it is
    title: list[str] = []
    verbatim = 0  # preformatted elements that are open
    # The open block.
    parts: list[str] = []
    began = ""  # the path of the element that it begins in
    linked = n_links = in_link = break_at = 0
    link_from = link_end = first_link = 0  # parts before the last link, up to its end, and up to the end of the first
    href = lead = ""
    tokens: list[Token] = []
    formats: list[str] = []  # the open format elements
    targets: list[str] = []  # the open links' targets
    steps: list[str] = []  # the open elements, as steps of an XPath
    counts: list[dict[str, int]] = [{}]  # for each open element, how many children of each tag were seen

    enough = closing = False
    most_open = 0  # elements, when known
    while not closing:
        batch = [] if enough else (yield)
        closing = not batch
        # At last, what is still open ends, and the text outside of all.
        for event in batch or [None] * (len(kinds) + 1):
            if event is None:
                if not kinds:
                    kind = PART
                else:
                    kind = kinds.pop()
                    if rich and len(kinds) < MOST_DEPTH:
                        steps.pop()
                        counts.pop()
                if skip_from >= 0:
                    if len(kinds) <= skip_from:
                        skip_from, waiting, heard = -1, False, None
                    continue
            elif isinstance(event, str):
                if skip_from >= 0:
                    if heard is not None:
                        heard.append(event)
                elif parts or verbatim or not event.isspace():
                    if rich:
                        if not parts:
                            began = "/" + "/".join(steps)
                        tokens.append(("text", event))
                    parts.append(event)
                continue
            else:
                tag, attributes = event
                kind = KINDS.get(tag, INLINE)
                if not kinds and kind in INLINE_KINDS:
                    kind = BLOCK  # the root of a tree may be any element
                if len(kinds) >= MOST_DEPTH:
                    most_open = most_open or MOST_DEPTH + MOST_SEARCHED // (1 + source.count(b"<"))
                    if len(kinds) >= most_open:
                        enough = True
                        break
                    if kind == SKIP and skip_from < 0:
                        skip_from = len(kinds)
                    kind = PART if kind <= VERBATIM else INERT
                else:
                    if rich:
                        step_into(tag, steps, counts, namespaced)
                    if skip_from >= 0:
                        if waiting and tag in DOCUMENT_TAGS:
                            skip_from, waiting = -1, False
                        else:
                            kind = INERT
                    elif kind >= LINK and ("style" in attributes or "hidden" in attributes) and hides(attributes):
                        skip_from = len(kinds)
                        kind = INERT
                    elif kind == BREAK and break_at and not verbatim and not "".join(parts[break_at:]).strip():
                        kind = PART  # an empty line parts paragraphs
                kinds.append(kind)

            if kind <= PART:
                if parts:
                    text = "".join(parts)
                    text = lines_of(text, verbatim > 0) if verbatim or BREAK_MARK in text else fold(text)
                    if first_link:
                        linked += folded_length(parts[:first_link]) if first_link < len(parts) else len(text)
                    if in_link:
                        linked += folded_length(parts[link_from:]) if link_from else len(text)
                    if text and len(texts) < MOST_BLOCKS:
                        texts.append(text)
                        out.node.append(current)
                        out.link_chars.append(linked)
                        out.n_links.append(n_links or in_link)
                        out.href.append(href)
                        out.lead.append(lead)
                        if rich:
                            out.paths.append(began)
                            out.inline.append(tokens + [("unlink", t) for t in reversed(targets)])
                    parts.clear()
                    if rich:
                        tokens = [("link", t) for t in targets]
                    linked = n_links = break_at = link_end = link_from = first_link = 0
                    lead = ""
                    if not in_link:
                        href = ""
                elif lead:  # an element without text, an icon say, ends here too
                    lead, n_links = "", 0
                if event is not None and (len(texts) >= MOST_BLOCKS or len(last) >= MOST_NODES):
                    enough, kinds[-1] = True, INERT
                    break
                if kind == PART:
                    continue
                if event is None:
                    last[current] = len(texts)
                    current = parents[current]
                    invisible = degrees[current] if current >= 0 else 0
                    if kind == VERBATIM:
                        verbatim -= 1
                    continue
                name = ""
                hidden = invisible
                for key, value in attributes.items():
                    if key in NAMING:
                        if value or name:
                            name = f"{name} {value}"
                    elif key in HIDING and hidden < 2:
                        hidden = max(hidden, visibility(key, value))
                out.node_tag.append(tag)
                parents.append(current)
                out.node_names.append(name)
                degrees.append(hidden)
                out.node_first.append(len(texts))
                current = len(last)
                last.append(0)  # known at the node's end
                invisible = hidden
                if kind == VERBATIM:
                    verbatim += 1
                elif rich and tag == "ol" and attributes.get("start", "").isdecimal():
                    out.list_starts[current] = int(attributes["start"][:9])
            elif INLINE >= kind >= FORMAT:
                if event is not None:
                    if kind == THING:
                        notice(out, tag, attributes, current, parts)
                    if not lead:
                        lead = f"{tag} {attributes['class']}" if "class" in attributes else tag
                    if rich and kind == FORMAT:
                        tokens.append(("open", tag))
                        formats.append(tag)
                elif rich and kind == FORMAT:
                    tokens.append(("close", formats.pop()))
            elif kind == LINK:
                if event is None:
                    in_link = 0
                    link_end = len(parts)
                    if link_from:
                        linked += folded_length(parts[link_from:])
                    else:
                        first_link = link_end
                    if rich:
                        tokens.append(("unlink", targets.pop()))
                    continue
                if not lead:
                    lead = f"a {attributes['class']}" if "class" in attributes else "a"
                if "href" in attributes:
                    n_links += 1
                    if n_links > MOST_LINKS:
                        enough, kinds[-1] = True, INERT
                        break
                    href = attributes["href"]
                    # Two links with nothing between them are two words, whatever the style sheet would do.
                    if parts and link_end == len(parts) and not parts[-1][-1:].isspace():
                        parts.append(" ")
                        if rich:
                            tokens.append(("text", " "))
                if "href" not in attributes or in_link:
                    kinds[-1] = INERT
                else:
                    in_link = 1
                    link_from = len(parts)
                    if rich:
                        targets.append(href)
                        tokens.append(("link", href))
            elif event is None or kind == INERT:
                pass
            elif kind == BREAK:
                if parts:
                    parts.append(BREAK_MARK)
                    break_at = len(parts)
                    if rich:
                        tokens.append(("text", BREAK_MARK))
            else:
                skip_from = len(kinds) - 1
                waiting = kind == NOSCRIPT
                if kind == SKIP:
                    notice(out, tag, attributes, current, parts)
                    if tag == "script" and "ld+json" in attributes.get("type", "").lower():
                        heard = out.linked_data
                elif kind == TITLE and not title:
                    heard = title

    out.title = fold("".join(title))
    if -1 in out.node:
        shelter(out)


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
            out.node_names.append("")
            out.node_hidden.append(0)
            out.node_first.append(block)
            out.node_last.append(block + 1)


def step_into(tag: str, steps: list[str], counts: list[dict[str, int]], namespaced: bool) -> None:
    """Note an element's place among its siblings of the same tag."""
    seen = counts[-1]
    seen[tag] = seen.get(tag, 0) + 1
    name = tag if tag.isalnum() and tag.isascii() and not namespaced else f"*[local-name()='{tag}']"
    steps.append(f"{name}[{seen[tag]}]")
    counts.append({})
