"""Blocks → features: what the model knows of a block before it scores it.

Two kinds of evidence come out of one pass:

* *tokens*: hashed words of the block, of its markup (names of its containers, target of its links), for the linear
  stage. Groups are kept apart: ``text``, ``near`` (the block's own element), ``far`` (what contains it), and ``last``,
  ``next`` and ``heading`` (the text of the blocks before and behind, and of the heading above).
* *numbers*: lengths, shares of characters, tags, position, likeness to the title and to what else the page says of
  itself (`claims`) – the columns of ``NAMES``.

Everything is computed for all blocks of a page at once; a page of n blocks costs O(n).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy.blocks import KINDS, Segments
from bodycopy.claims import borne_out, claims, targets
from bodycopy.compiled import loops
from bodycopy.context import Structure, heading_above, long_around, sums_within
from bodycopy.shape import NAMES as SHAPE
from bodycopy.shape import shape
from bodycopy.tokens import (
    BUCKETS,
    IN_MARKUP,
    IN_TEXT,
    Floats,
    Ints,
    Ragged,
    averaged,
    excerpts,
    integers,
    phrase_buckets,
    words,
)

VERSION = 3  # of everything in this module: a model of another version is refused

GROUPS = ("text", "near", "far", "last", "next", "heading")
HEIGHTS = 5  # containers whose contents are described
FAR = 9  # containers above the block's own that are looked at
TITLE, NAMED, TARGET = 300, 240, 80  # characters of the title, of an element's names, and of a link's target that are

OWN_TAGS = (
    "p",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "div",
    "td",
    "th",
    "figcaption",
    "blockquote",
    "pre",
    "dt",
    "dd",
    "button",
    "summary",
    "section",
)
LEADS = ("a", "span", "b", "strong", "em", "i", "time", "label", "code", "font", "small")
WITHIN = (
    "article",
    "main",
    "aside",
    "nav",
    "header",
    "footer",
    "form",
    "table",
    "ul",
    "ol",
    "figure",
    "blockquote",
    "section",
    "dialog",
    "details",
    "button",
    "dl",
)
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "legend")
# What a tag says of its node, in one number: bits 0 to 4 its number among OWN_TAGS plus one, bit 5 a heading, bit 6 an
# article, and from bit 8 what it sets for all inside it.
TAG_CODES = {
    tag: (OWN_TAGS.index(tag) + 1 if tag in OWN_TAGS else 0)
    | (32 if tag in HEADINGS else 0)
    | (64 if tag == "article" else 0)
    | (256 << WITHIN.index(tag) if tag in WITHIN else 0)
    for tag in {*WITHIN, *OWN_TAGS, *HEADINGS}
}
LEAD_NUMBERS = {tag: i for i, tag in enumerate(LEADS)}
H1 = OWN_TAGS.index("h1")

WITHIN_SHIFTS = np.arange(len(WITHIN))[:, None]

IN_CLAIMS = ("in_description", "in_stated_body", "in_stated_other", "names_site")
PAGE_CLAIMS = ("page_description", "page_stated_body", "page_stated_other", "page_named")
NAMES = (
    *SHAPE,
    *("links", "link_share", "linked"),
    *("title_in_block", "block_in_title", "is_title", "repeats"),
    *IN_CLAIMS,
    *(f"tag_{t}" for t in OWN_TAGS),
    *(f"lead_{t}" for t in LEADS),
    *(f"within_{t}" for t in WITHIN),
    *("hidden", "aria_hidden", "depth", "alike"),
    *("index", "index_from_end", "after_headline", "before_headline", "h1_so_far", "articles_so_far"),
    *("long_before", "long_after", "to_long_before", "to_long_after"),
    *("place", "mass_before", "is_headline", "share_of_longest", "first_in_node", "same_node_as_last"),
    *("page_h1", "page_articles", "page_blocks", "page_mass", "page_longest", "page_link_share"),
    *PAGE_CLAIMS,
    *("href_external", "href_fragment", "href_depth", "href_long"),
    *("href_within_site", "href_home", "href_near_page", "href_of_page"),
    *("pictures", "pictures_next", "fields", "email_fields"),
    *(
        f"{what}_{h}"
        for h in range(1, HEIGHTS + 1)
        for what in (
            *("box_blocks", "box_mass", "box_long", "box_link_share", "box_place", "box_headline"),
            *("box_pictures", "box_fields", "box_email_fields"),
        )
    ),
)

WORDS, LINK_SHARE = NAMES.index("words"), NAMES.index("link_share")
# What is known only of a page that says something of itself.
CLAIMED = [NAMES.index(name) for name in (*IN_CLAIMS, *PAGE_CLAIMS, "href_near_page", "href_of_page")]
EXTERNAL, WITHIN_SITE, HOME = (NAMES.index(name) for name in ("href_external", "href_within_site", "href_home"))
TRAITS = [NAMES.index(name) for name in ("block_in_title", "in_description", "in_stated_body", "names_site")]


@dataclass(slots=True)
class Features:
    numbers: Floats  # (blocks, len(NAMES))
    text: Ragged  # token buckets by block
    names: Ragged  # token buckets by kind of element: its tag and names
    targets: Ragged  # token buckets by block: its link's target
    words: Floats  # length of each block in words, an ideograph counting half
    chain: Ints  # (2 + FAR, blocks): kinds of a block's first inline element, of its node, of those above it, or -1
    structure: Structure


def numbered(values: list[str]) -> tuple[list[str], Ints]:
    """Different values in the order of their first appearance, and the number of each."""
    if loops:
        return loops.numbered(values)
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    of_each = integers(list(map(numbers.__getitem__, values)))
    return list(numbers), of_each


def features(page: Segments) -> Features:
    """The features of all blocks of a page that has at least one."""
    texts = page.texts
    n = len(texts)
    index = np.arange(n)
    node, parent = integers(page.node), integers(page.node_parent)
    first, last = integers(page.node_first), integers(page.node_last)
    row = 0
    numbers = np.zeros((len(NAMES), n), np.float32)

    def put(*columns: npt.ArrayLike) -> None:
        nonlocal row
        for column in columns:
            numbers[row] = column
            row += 1

    def put_all(block: npt.NDArray[Any]) -> None:
        nonlocal row
        numbers[row : row + len(block)] = block
        row += len(block)

    def put_one_of(choice: npt.NDArray[Any], count: int) -> None:
        nonlocal row
        chosen = np.flatnonzero(choice >= 0)
        numbers[row + choice[chosen], chosen] = 1
        row += count

    # The text itself, and how much of it is in links.
    looks = shape(texts)
    length, n_words, sentences = looks.length, looks.words, looks.sentences
    linked_chars = np.minimum(integers(page.link_chars).astype(np.float32), length)
    link_share = linked_chars / length
    links = integers(page.n_links).astype(np.float32)
    mass = n_words * (1 - 0.9 * link_share)
    put_all(looks.numbers)
    put(np.log1p(links), link_share, links > 0)

    # Its words, and their likeness to the title's.
    said = claims(page)
    word_ids, beside = words([*excerpts(texts), page.title[:TITLE], *said.texts], IN_TEXT).split(n)
    title, of_claims = beside.split(1)
    counts = word_ids.counts()
    in_page_title = integers(list(set(title.ids.tolist())))  # np.unique would import numpy.ma: 7 ms of the start-up
    in_title = word_ids.hits(in_page_title)
    in_title_share = in_title / np.maximum(counts, 1)
    of_title = np.minimum(in_title / max(1, len(in_page_title)), 1)
    _, same = numbered(texts)
    put(of_title, in_title_share, (of_title > 0.5) & (in_title_share > 0.8), np.log(np.bincount(same)[same]))

    put_all(borne_out(said, of_claims, texts, word_ids))

    # The element and what it stands in. Kinds: of a container, its tag and names; of the first inline element in a
    # block, the same.
    kind = integers([*page.node_kind, -1])  # with a last one for the parent of the root
    leads, lead = numbered(page.lead)
    tags_and_names = [key.partition(" ")[::2] for key in page.kinds]
    codes_of_nodes = integers([*(TAG_CODES.get(tag, 0) for tag, _ in tags_and_names), 0])[kind[:-1]]
    # Each round adds what twice as many containers further up say: six see 64 of them.
    within, depth, above = codes_of_nodes >> 8, (parent >= 0).astype(np.int64), np.maximum(parent, 0)
    for _ in range(6):
        within = within | within[above]
        depth = depth + depth[above]
        above = above[above]
    code = codes_of_nodes[node]
    own_tag = (code & 31) - 1
    put_one_of(own_tag, len(OWN_TAGS))
    put_one_of(integers([LEAD_NUMBERS.get(x.partition(" ")[0], -1) for x in leads])[lead], len(LEADS))
    put_all((within[node] >> WITHIN_SHIFTS) & 1)
    hidden = integers(page.hidden)
    kind_in_kind = kind[node] * len(kind) + kind[parent[node]]
    alike = np.searchsorted(sorted(set(kind_in_kind.tolist())), kind_in_kind)
    put(hidden == 2, hidden == 1, np.minimum(depth[node], 40) / 10, np.log1p(np.bincount(alike)[alike]))

    # The page and the place in it.
    is_h1 = own_tag == H1
    h1_so_far = np.cumsum(is_h1)
    # The headline: the block most like the title, headings first; without a likely one, the first <h1>, if any.
    likeness = (of_title + in_title_share) * (0.7 + 0.3 * is_h1) * (n_words < 50)
    headline = int(np.argmax(likeness))
    if likeness[headline] < 0.8:
        headline = int(np.argmax(is_h1)) if h1_so_far[-1] else -1
    since = index - headline if headline >= 0 else np.zeros(n, np.int64)
    articles = np.cumsum(np.bincount(first[(codes_of_nodes & 64 > 0) & (first < n)], minlength=n))
    is_long = (n_words >= 20) & (link_share < 0.5) & (sentences >= 1)
    before = np.cumsum(mass) - mass
    total, longest = max(1.0, float(mass.sum())), max(1.0, float(mass.max()))
    counted = (index, n - index, np.maximum(since, 0), np.maximum(-since, 0), h1_so_far, articles)
    put_all(np.log1p(np.array((*counted, *long_around(is_long)), np.float32)))
    put(index / n, before / total, index == headline, mass / longest, index == first[node])
    put(np.concatenate(([False], node[1:] == node[:-1])))
    of_page = [*map(math.log1p, (h1_so_far[-1], articles[-1], n, total, longest)), linked_chars.sum() / length.sum()]
    of_page += [*map(math.log1p, of_claims.counts()[1:].tolist()), bool(said.names or said.texts[0])]
    put(*of_page)
    tags_and_names += zip(repeat("in"), leads)
    hrefs, href = numbered(page.href)
    initial = integers([ord(h[0]) if h else 0 for h in hrefs])
    slashes = integers([h.count("/", 0, TARGET) for h in hrefs])
    of_targets = np.empty((8, len(hrefs)), np.float32)
    of_targets[:2] = initial == ord("h"), initial == ord("#")
    of_targets[2:4] = np.minimum(slashes, 8) / 4, integers(list(map(len, hrefs))) > 60
    of_targets[4:] = targets(said, hrefs)
    put_all(of_targets[:, href])

    # Pictures and fields of forms.
    slots = n + 1  # the last for those behind all blocks
    at = [*page.pictures, *(slots + i for i in page.fields), *(2 * slots + i for i in page.email_fields)]
    counts_of_things = np.bincount(at, minlength=3 * slots).reshape(3, slots)[:, :n]
    pictures, fields, email_fields = counts_of_things
    put(np.minimum(pictures, 3), np.minimum(np.append(pictures[1:], 0), 3), fields > 0, email_fields > 0)

    # Containers: of those with the same blocks the topmost, then the same from its parent up.
    size = last - first
    top = np.where((parent >= 0) & (size[parent] == size), parent, np.arange(len(parent)))
    for _ in range(4):
        top = top[top]
    up = np.where(parent >= 0, top[parent], top)
    boxes = np.empty((HEIGHTS, 2, n), np.int64)
    box = top[node]
    for h in range(HEIGHTS):
        box = up[box]
        boxes[h] = first[box], last[box]
    a, z = boxes[:, 0], boxes[:, 1]
    blocks = z - a
    inside = sums_within(np.array((mass, length, linked_chars, is_long, *counts_of_things), np.float64), boxes)
    described = numbers[row:].reshape(HEIGHTS, -1, n)
    described[:, 0], described[:, 1], described[:, 2] = blocks, inside[0], inside[3]
    np.log1p(described[:, :3], out=described[:, :3])
    described[:, 3] = inside[2] / np.maximum(1, inside[1])
    described[:, 4] = (index - a) / np.maximum(1, blocks)
    described[:, 5] = (a <= headline) & (headline < z)
    described[:, 6:] = inside[4:].swapaxes(0, 1)
    np.log1p(described[:, 6:], out=described[:, 6:])

    # The block's node and those above it. The parent of the root is the node behind the last, whose kind is -1.
    parent = np.append(parent, -1)
    over = np.empty((1 + FAR, n), np.int64)
    over[0] = node
    for h in range(FAR):
        over[h + 1] = parent[over[h]]

    markup = [*(f"<{tag} {x[:NAMED]}" for tag, x in tags_and_names), *(h[:TARGET] for h in hrefs)]
    named, targeted = words(markup, IN_MARKUP).split(len(tags_and_names))
    return Features(
        numbers=numbers.T,
        text=phrase_buckets(word_ids),
        names=named.bucketed("word"),
        targets=targeted.bucketed("target").take(href),
        words=n_words,
        chain=np.concatenate((lead[None] + len(page.kinds), kind[over])),
        structure=structure_of(numbers.T, boxes, alike, heading_above(code & 32 > 0)),
    )


def structure_of(numbers: Floats, boxes: Ints, alike: Ints, heading: Ints) -> Structure:
    """The structure of a page, what can be had from its numbers, shape (blocks, len(NAMES)), filled in."""
    mass = np.expm1(numbers[:, WORDS]) * (1 - 0.9 * numbers[:, LINK_SHARE])
    return Structure(boxes, alike, mass, numbers[:, TRAITS], heading)


def unclaimed(f: Features) -> Features:
    """The features of the same page as if it said nothing of itself but its title."""
    numbers = f.numbers.copy()
    numbers[:, CLAIMED] = 0
    external = numbers[:, EXTERNAL] > 0
    numbers[external, WITHIN_SITE] = -1
    numbers[external, HOME] = 0
    old = f.structure
    return replace(f, numbers=numbers, structure=structure_of(numbers, old.boxes, old.alike, old.heading))


def unnamed(f: Features, seed: int) -> Features:
    """The features of the same page as if its classes and ids were a machine's: other words, each for the same one
    wherever it stands. Tags stay.
    """
    tags = words([*(f"<{tag}" for tag in KINDS), "<in", *LEADS], IN_MARKUP).bucketed("word").ids
    ids = f.names.ids
    others = ids ^ np.random.RandomState(seed).randint(1, BUCKETS)
    return replace(f, names=Ragged(np.where(np.isin(ids, tags), ids, others), f.names.starts))


def linear_scores(f: Features, tables: Sequence[Floats]) -> Floats:
    """What the linear stage makes of the tokens, group by group: shape (blocks, len(GROUPS) * outputs).

    ``tables`` are `tables_of` a token table.
    """
    of_text, of_targets, of_names = tables
    outputs = of_targets.shape[1]
    n = f.chain.shape[1]
    # Of each kind, what it says near and far, and its number of tokens; the last row stands for "no such container",
    # which the chain marks as -1.
    names = np.zeros((len(f.names.starts), 2 * outputs + 1), np.float32)
    names[:-1, :-1], names[:-1, -1] = f.names.sums(of_names), f.names.counts()
    near, far = added(names, f.chain[:2]), added(names, f.chain[2:])
    text = averaged(f.text.sums(of_text), f.text.counts()).reshape(n, -1, outputs)
    out = np.zeros((n, len(GROUPS), outputs), np.float32)
    out[:, 0] = text[:, 0]
    out[:, 1] = averaged(near[:, :outputs] + f.targets.sums(of_targets), near[:, -1] + f.targets.counts())
    out[:, 2] = averaged(far[:, outputs:-1], far[:, -1])
    for group, (blocks, others) in enumerate(neighbours(f), 3):
        out[blocks, group] = text[others, group - 2]
    return out.reshape(n, -1)


def added(rows: Floats, chain: Ints) -> Floats:
    """The sum of those rows whose numbers are in each column of a chain: shape (columns, width of the rows)."""
    return Ragged(chain.T.ravel(), np.arange(0, chain.size + 1, len(chain))).sums(rows)


def neighbours(f: Features) -> list[tuple[Ints, Ints]]:
    """Pairs of a block and another whose words tell of it, by group: the last, the next, the heading above."""
    index, heading = np.arange(f.chain.shape[1]), f.structure.heading
    under = np.flatnonzero(heading != index)
    return [(index[1:], index[:-1]), (index[:-1], index[1:]), (under, heading[under])]


def tables_of(table: Floats) -> list[Floats]:
    """What a token table, BUCKETS rows a group and a column an output, is looked up in: its parts for text side by
    side, for link targets, and for near and far names side by side.
    """
    text, near, far, *of_neighbours = table.reshape(len(GROUPS), BUCKETS, -1)
    return [np.hstack((text, *of_neighbours)), near, np.hstack((near, far))]


def token_rows(f: Features) -> tuple[Ints, Ints, Floats]:
    """The same tokens as a sparse matrix for training: block numbers, buckets and values, one entry a token.

    Columns are the rows of the token table: bucket + BUCKETS * group.
    """
    n = f.chain.shape[1]
    blocks, buckets, values = [], [], []

    def add(group: int, owner: Ints, ids: Ints) -> None:
        weight = 1 / np.sqrt(np.maximum(np.bincount(owner, minlength=n), 1))
        blocks.append(owner)
        buckets.append(ids + group * BUCKETS)
        values.append(weight[owner].astype(np.float32))

    def spread(chain: Ints) -> tuple[Ints, Ints]:
        there = chain >= 0
        kinds = chain[there]
        owner = np.broadcast_to(np.arange(n), chain.shape)[there]
        return np.repeat(owner, f.names.counts()[kinds]), f.names.take(kinds).ids

    add(0, f.text.owners(), f.text.ids)
    near, ids = spread(f.chain[:2])
    add(1, np.concatenate((near, f.targets.owners())), np.concatenate((ids, f.targets.ids)))
    add(2, *spread(f.chain[2:]))
    for group, (of, others) in enumerate(neighbours(f), 3):
        text = f.text.take(others)
        add(group, of[text.owners()], text.ids)
    return np.concatenate(blocks), np.concatenate(buckets), np.concatenate(values)
