"""Head → claims: what a page says of itself, and which blocks bear it out.

Pages name who publishes them, give their address, describe themselves in a sentence or two, and state their text for
search engines (schema.org's vocabulary in JSON-LD). Any of it may be missing, cut short or wrong: it is evidence for
the model to weigh, and never output. What praises the site that it stands on is rarely the text of the piece; what the
page states as its text mostly is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

import numpy as np

from bodycopy.blocks import Segments
from bodycopy.compiled import loops
from bodycopy.tokens import MARK, Floats, Ints, Ragged, in_one, integers

DESCRIPTIONS = ("description", "og:description", "twitter:description")
NAMES = ("og:site_name", "application-name", "apple-mobile-web-app-title")
STATED = re.compile(
    r'"(articleBody|text|reviewBody|description|abstract)"\s*+:\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL
)
TAGS = re.compile(r"<[^>]{0,300}>")
TITLE_PARTS = re.compile(r"\s+[|–—\-:»·]\s+|\s*\|\s*")
LONGEST, TITLE = 20_000, 300  # characters of each text that are compared, and at the end of a title
MOST_DATA = 1_000_000  # characters of JSON-LD that are searched
SHORTEST_NAME, LONGEST_NAME = 3, 40
SURE_NAME = 5  # characters from which a name is looked for inside words, too
SCHEMES, AFTER_SCHEME = ("https://", "http://", "//"), len("https://")
NO_PAGES = ("#", "javascript:", "mailto:", "tel:")
NO_PATH = re.compile(r"^(?:https?:)?//[^/?#]*|[?#].*")
STEPS = 4  # of a path, at most
TABLE = 1 << 17  # pairs of words, by hash
SMALL = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")


@dataclass(slots=True)
class Claims:
    """What a page says of itself."""

    names: list[str]  # of the site, as `joined` writes them; those shorter than SURE_NAME are in the texts
    site: str  # the part of the host that stands for the site: "example" of www.example.co.uk
    path: str  # of the page's address
    texts: list[str]  # short names; the description; the stated text of the article; other stated texts


def claims(page: Segments) -> Claims:
    """What a page says of itself."""
    told = page.metadata
    try:
        address = urlsplit(page.address or told.get("og:url", ""))
        host, path = address.hostname or "", address.path
    except ValueError:  # "http://["
        host = path = ""
    site = max((label for label in host.split(".")[:-1] if label != "www"), key=len, default="")
    site = site if len(site) >= SHORTEST_NAME else host
    title = TITLE_PARTS.split(page.title[-TITLE:])
    named = (site, *(told.get(name, "") for name in NAMES), title[-1] if len(title) > 1 else "")
    names = {joined(name).decode("utf-8", "surrogatepass") for name in named}
    names = {name for name in names if SHORTEST_NAME <= len(name) <= LONGEST_NAME}
    short = {name for name in names if len(name) < SURE_NAME}
    description = "\n".join(dict.fromkeys(told[name] for name in DESCRIPTIONS if name in told))
    texts = (" ".join(sorted(short)), description, *stated("".join(page.linked_data)[:MOST_DATA]))
    return Claims(sorted(names - short), site, path, [text[:LONGEST] for text in texts])


def joined(text: str) -> bytes:
    """A text in small letters, as far as they are Latin, and as one word: names are written as one word or several."""
    return text.encode("utf-8", "surrogatepass").translate(SMALL, b" -")


def stated(linked_data: str) -> tuple[str, str]:
    """The texts of articles in JSON-LD, and the others: reviews, answers, posts, descriptions. It is searched, not
    parsed, for much of it on the web is broken.
    """
    found: tuple[list[str], list[str]] = ([], [])
    for key, literal in STATED.findall(linked_data):
        try:
            text = json.loads(literal, strict=False)
        except ValueError:
            continue
        found[key != "articleBody"].append(TAGS.sub(" ", html.unescape(text[:LONGEST])))
    return "\n".join(found[0]), "\n".join(found[1])


def borne_out(said: Claims, said_words: Ragged, texts: list[str], words: Ragged) -> Floats:
    """The share of each block's pairs of words that is in the page's description, in the stated text of the article and
    in other stated texts; and whether it names the site. Shape (4, blocks).

    ``said_words`` are those of the claims' texts, ``words`` the blocks'.
    """
    out = np.zeros((4, len(texts)), np.float32)
    starts = said_words.starts
    if starts[-1] > starts[1]:
        out[:3] = shares(said_words.split(1)[1], words)
    if starts[1]:
        out[3] = words.hits(said_words.ids[: starts[1]]) > 0
    out[3, list(naming(said.names, texts))] = 1
    return out


def naming(names: list[str], texts: list[str]) -> Iterator[int]:
    """The numbers of the texts that hold one of some names, some of them more than once."""
    whole, mark = joined(in_one(texts)) if names else b"", MARK.encode()
    for name in map(joined, names):
        found = start = 0
        while (at := whole.find(name, start)) >= 0:
            found += whole.count(mark, start, at)
            yield found
            found += 1
            start = whole.find(mark, at) + 1


def shares(said: Ragged, words: Ragged) -> Floats:
    """The share of each item's pairs of words that is in each of some few texts: shape (texts, items)."""
    if loops:
        return loops.shares(words.ids, words.starts, said.ids, said.starts, TABLE)
    owner = words.owners()
    table = np.zeros(TABLE, np.uint8)
    for bit, (a, z) in enumerate(pairwise(said.starts)):
        table[pairs(said.ids[a:z])] |= 1 << bit
    found = table[pairs(words.ids)]
    found[owner[1:] != owner[:-1]] = 0
    at = np.flatnonzero(found)
    counts = [
        np.bincount(owner[at], found[at] >> bit & 1, len(words.starts) - 1) for bit in range(len(said.starts) - 1)
    ]
    return (np.array(counts) / np.maximum(words.counts() - 1, 1)).astype(np.float32)


def pairs(ids: Ints) -> Ints:
    """Where each word and the one behind it are looked up together."""
    return (ids[1:] + 31 * ids[:-1]) & (TABLE - 1)


def targets(said: Claims, hrefs: list[str]) -> Floats:
    """Of some links' targets: whether each is within the site (1) or not (-1), 0 without one; whether it is the site's
    first page; what part of STEPS steps of the page's own path it shares, from the first on; whether it is the page
    itself. Shape (4, targets).
    """
    site, path = said.site, said.path.rstrip("/")
    within, home, shared, same = [], [], [0] * len(hrefs), [0] * len(hrefs)
    for href in hrefs:
        if not href.startswith(SCHEMES):
            within.append(0 if not href or href.startswith(NO_PAGES) else 1)
            home.append(href == "/")
        elif site and site in href:
            within.append(1)
            home.append(href.find("/", AFTER_SCHEME) in (-1, len(href) - 1))
        else:
            within.append(-1)
            home.append(False)
    steps = path.split("/")[1:]
    near = list(range(len(hrefs)))
    for i in range(1, min(len(steps), STEPS) + 1):
        start = "/".join(("", *steps[:i])) + "/" * (i < len(steps))
        near = [j for j in near if start in hrefs[j]]
        for j in near:
            shared[j] = i
    for j in near if path else ():
        same[j] = NO_PATH.sub("", hrefs[j]).rstrip("/") == path
    out = integers([*within, *home, *shared, *same]).reshape(4, -1).astype(np.float32)
    out[2] /= STEPS
    return out
