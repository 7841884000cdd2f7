"""Blocks → features: what the model knows of a block before it scores it.

Two kinds of evidence come out of one pass:

* *tokens*: hashed words of the block, of its markup (names of its containers, target of its links), for the linear
  stage. Three groups are kept apart: ``text``, ``near`` (the block's own element) and ``far`` (what contains it).
* *numbers*: lengths, shares of characters, tags, position, likeness to the title – the columns of ``NAMES``.

`Structure` holds where each block stands among the others, for `context`, which tells a block of the scores around it:
its neighbours', its containers', those of blocks made alike, those of the page so far.

Everything is computed for all blocks of a page at once; a page of n blocks costs O(n).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import compress, count, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy.blocks import Segments
from bodycopy.tokens import (
    BUCKETS,
    CHARACTER,
    CHARACTERS,
    IN_MARKUP,
    IN_TEXT,
    Floats,
    Ints,
    Ragged,
    marked,
    phrase_buckets,
    words,
)

VERSION = 1  # of everything in this module: a model of another version is refused

# --- tokens ---------------------------------------------------------------------------------------------------------

GROUPS = ("text", "near", "far")
FAR = 9  # containers above the block's own that are looked at
HEAD, TAIL = 120, 60  # characters of a block whose words are read
TITLE, NAMED, TARGET = 300, 240, 80  # characters of the title, of an element's names, and of a link's target that are


# --- numbers --------------------------------------------------------------------------------------------------------

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

NAMES = (
    *("chars", "words", "sentences", "words_a_sentence", "links", "lines", "word_length", "link_share", "linked"),
    *(f"share_{c}" for c in CHARACTERS),
    *("ends_sentence", "ends_colon", "ends_comma", "starts_upper", "starts_lower", "starts_digit", "starts_quote"),
    *("title_in_block", "block_in_title", "is_title", "repeats"),
    *(f"tag_{t}" for t in OWN_TAGS),
    *(f"lead_{t}" for t in LEADS),
    *(f"within_{t}" for t in WITHIN),
    *("hidden", "aria_hidden", "depth", "alike"),
    *("index", "index_from_end", "after_headline", "before_headline", "h1_so_far", "articles_so_far"),
    *("long_before", "long_after", "to_long_before", "to_long_after"),
    *("place", "mass_before", "is_headline", "share_of_longest", "first_in_node", "same_node_as_last"),
    *("page_h1", "page_articles", "page_blocks", "page_mass", "page_longest", "page_link_share"),
    *("href_external", "href_fragment", "href_depth", "href_long"),
    *(
        f"{what}_{h}"
        for h in range(1, 6)
        for what in ("box_blocks", "box_mass", "box_long", "box_link_share", "box_place", "box_headline")
    ),
)


@dataclass(slots=True)
class Structure:
    """Where the blocks of one page stand: what `context` needs.

    ``boxes`` holds, for heights 1 to 5, the first and the last block (exclusive) of the containers of each block; a
    container that holds no more than the one below it does not count as a height. ``alike`` numbers the blocks by the
    names of their element and of its parent; ``mass`` is the blocks' text length in words or so.
    """

    boxes: list[tuple[Ints, Ints]]
    alike: Ints
    mass: Floats
    likeness: Floats  # share of the block's words that are in the title
    heading: Ints  # the last heading before each block, itself if there is none


@dataclass(slots=True)
class Features:
    numbers: Floats  # (blocks, len(NAMES))
    text: Ragged  # token buckets by block
    names: Ragged  # token buckets by kind of element: its tag and names
    targets: Ragged  # token buckets by block: its link's target
    words: Floats  # length of each block in words, an ideograph counting half
    chain: Ints  # (2 + FAR, blocks): kinds of a block's first inline element, of its node, of those above it, or -1
    structure: Structure


def features(page: Segments) -> Features:
    """The features of all blocks of a page that has at least one."""
    texts, hrefs, tags, names = page.texts, page.href, page.node_tag, page.node_names
    n = len(texts)
    index = np.arange(n)
    node = np.array(page.node)
    parent = np.array(page.node_parent)
    first = np.array(page.node_first)
    last = np.array(page.node_last)
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

    # The text itself.
    length = np.array(list(map(len, texts)))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = CHARACTER.take(codes, mode="clip")
    per_kind = np.bincount(np.repeat(index * 10, length) + kinds, minlength=10 * n).reshape(n, 10).T.astype(np.float32)
    ideographs = per_kind[9]
    n_words = per_kind[4] + 1 + ideographs * 0.5
    ends = np.cumsum(length)
    first_kind, last_kind, last_code = kinds[ends - length], kinds[ends - 1], codes[ends - 1]
    sentences = per_kind[6] + per_kind[5] * 0.25
    linked_chars = np.minimum(np.array(page.link_chars, np.float32), length)
    link_share = linked_chars / length
    links = np.array(page.n_links, np.float32)
    mass = n_words * (1 - 0.9 * link_share)
    per_kind[1] += ideographs
    lines = np.bincount(np.searchsorted(ends, np.flatnonzero(codes == 10), "right"), minlength=n)
    put_all(np.log1p((length, n_words, sentences, n_words / (1 + per_kind[6]), links, lines)))
    put(np.minimum(length / n_words, 20), link_share, links > 0)
    put_all(per_kind[1:9] / length)
    put(
        (last_kind == 6) | (last_kind == 7) | (last_code == 0x29),
        (last_code == 0x3A) | (last_code == 0xFF1A),
        last_kind == 5,
    )
    put(first_kind == 2, first_kind == 1, first_kind == 3, first_kind == 7)

    # Its words, and their likeness to the title's.
    heads = [t if len(t) <= HEAD + TAIL else f"{t[:HEAD]} {t[-TAIL:]}" for t in texts]
    word_ids, title = words(marked([*heads, page.title[:TITLE]]), IN_TEXT).split(n)
    counts = word_ids.counts()
    of_page = np.unique(title.ids)
    if len(of_page):
        hits = (word_ids.ids == of_page[:, None]).any(0)
        in_title = np.bincount(np.repeat(index, counts)[hits], minlength=n)
    else:
        in_title = np.zeros(n, np.int64)
    in_title_share = in_title / np.maximum(counts, 1)
    of_title = np.minimum(in_title / max(1, len(of_page)), 1)
    times = Counter(texts)
    put(
        of_title, in_title_share, (of_title > 0.5) & (in_title_share > 0.8), np.log(list(map(times.__getitem__, texts)))
    )

    # The element and what it stands in.
    # Kinds: of a container, its tag and names; of the first inline element in a block, the same.
    number: defaultdict[tuple[str, str], int] = defaultdict(count().__next__)
    kind = np.full(len(tags) + 1, -1)  # with a last one for the parent of the root
    shown = last > first
    kind[:-1][shown] = list(map(number.__getitem__, compress(zip(tags, names, strict=True), shown.tolist())))
    lead = np.array(list(map(number.__getitem__, zip(repeat("in"), page.lead))))
    unlike = list(number)
    codes_of_nodes = np.array([*(TAG_CODES.get(t, 0) for t, _ in unlike), 0])[kind[:-1]]
    # Each round adds what twice as many containers further up say: six see 64 of them.
    within, depth, above = codes_of_nodes >> 8, (parent >= 0).astype(np.int64), np.maximum(parent, 0)
    for _ in range(6):
        within = within | within[above]
        depth = depth + depth[above]
        above = above[above]
    code = codes_of_nodes[node]
    own_tag = (code & 31) - 1
    put_one_of(own_tag, len(OWN_TAGS))
    put_one_of(np.array([LEAD_NUMBERS.get(x.partition(" ")[0], -1) for _, x in unlike])[lead], len(LEADS))
    put_all((within[node] >> WITHIN_SHIFTS) & 1)
    hidden = np.array(page.node_hidden)[node]
    _, alike = np.unique(kind[node] * len(kind) + kind[parent[node]], return_inverse=True)
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
    heading = np.maximum.accumulate(np.where(code & 32, index, -1))
    heading = np.concatenate(([-1], heading[:-1]))
    heading = np.where(heading >= 0, heading, index)
    articles = np.cumsum(np.bincount(first[(codes_of_nodes & 64 > 0) & (first < n)], minlength=n))
    is_long = (n_words >= 20) & (link_share < 0.5) & (sentences >= 1)
    long_sum = np.concatenate(([0], np.cumsum(is_long)))
    long_before = np.maximum.accumulate(np.where(is_long, index, -100))
    long_after = np.minimum.accumulate(np.where(is_long, index, n + 100)[::-1])[::-1]
    before = np.cumsum(mass) - mass
    total, longest = max(1.0, float(mass.sum())), max(1.0, float(mass.max()))
    put_all(
        np.log1p(
            (
                index,
                n - index,
                np.maximum(since, 0),
                np.maximum(-since, 0),
                h1_so_far,
                articles,
                long_sum[:-1],
                long_sum[-1] - long_sum[1:],
                np.minimum(index - long_before, 100),
                np.minimum(long_after - index, 100),
            )
        )
    )
    put(index / n, before / total, index == headline, mass / longest, index == first[node])
    put(np.concatenate(([False], node[1:] == node[:-1])))
    put(np.log1p(h1_so_far[-1]), np.log1p(articles[-1]), np.log1p(n), np.log1p(total), np.log1p(longest))
    put(linked_chars.sum() / length.sum())
    markup = marked([*(f"<{t} {x[:NAMED]}" for t, x in unlike), *(h[:TARGET] for h in hrefs)])
    target_ends = markup.ends[-n:]
    target_starts = markup.ends[-n - 1 : -1] + 1
    initial = markup.codes[target_starts]
    slashes = np.diff(np.searchsorted(np.flatnonzero(markup.codes == ord("/")), markup.ends[-n - 1 :]))
    put(initial == ord("h"), initial == ord("#"), np.minimum(slashes, 8) / 4, target_ends - target_starts > 60)

    # Containers: of those with the same blocks the topmost, then the same from its parent up.
    size = last - first
    top = np.where((parent >= 0) & (size[parent] == size), parent, np.arange(len(parent)))
    for _ in range(4):
        top = top[top]
    sums = np.zeros((4, n + 1))
    np.cumsum((mass, length, linked_chars, is_long), axis=1, out=sums[:, 1:])
    boxes: list[tuple[Ints, Ints]] = []
    box = top[node]
    for _ in range(5):
        above = parent[box]
        box = np.where(above >= 0, top[above], box)
        a, z = first[box], last[box]
        boxes.append((a, z))
        inside = sums[:, z] - sums[:, a]
        put_all(np.log1p((z - a, inside[0], inside[3])))
        put(inside[2] / np.maximum(1, inside[1]), (index - a) / np.maximum(1, z - a), (a <= headline) & (headline < z))

    # The parent of the root is the node behind the last, whose kind is -1.
    chain = np.empty((2 + FAR, n), np.int64)
    chain[0] = lead
    box, parent = node, np.append(parent, -1)
    for h in range(1, 2 + FAR):
        chain[h] = kind[box]
        box = parent[box]

    named, targeted = words(markup, IN_MARKUP).split(len(unlike))
    return Features(
        numbers=np.ascontiguousarray(numbers.T),
        text=phrase_buckets(word_ids),
        names=named.bucketed("word"),
        targets=targeted.bucketed("target"),
        words=n_words,
        chain=chain,
        structure=Structure(boxes, alike, mass, in_title_share.astype(np.float32), heading),
    )


def linear_scores(f: Features, table: Floats, names_table: Floats) -> Floats:
    """What the linear stage makes of the tokens, group by group: shape (blocks, len(GROUPS) * outputs).

    ``table`` has BUCKETS rows for each group in turn, and a column an output; ``names_table`` is `side_by_side` of it.
    A group's rows are summed and divided by the square root of their number, so that a long block is no surer than its
    words are.
    """

    def mean(sums: Floats, counts: npt.NDArray[Any]) -> Floats:
        return sums / np.sqrt(np.maximum(counts, 1), dtype=np.float32)[:, None]

    outputs = table.shape[1]
    names = f.names.sums(names_table)
    # A last row of zeros stands for "no such container", which the chain marks as -1.
    names = np.vstack((names, np.zeros((1, 2 * outputs), np.float32)))
    counts = np.append(f.names.counts(), 0)
    near = names[f.chain[:2], :outputs].sum(0) + f.targets.sums(table[BUCKETS : 2 * BUCKETS])
    return np.hstack(
        (
            mean(f.text.sums(table[:BUCKETS]), f.text.counts()),
            mean(near, counts[f.chain[:2]].sum(0) + f.targets.counts()),
            mean(names[f.chain[2:], outputs:].sum(0), counts[f.chain[2:]].sum(0)),
        )
    )


def side_by_side(table: Floats) -> Floats:
    """The rows of a token table for near and far names next to each other, to be looked up at once."""
    return np.hstack((table[BUCKETS : 2 * BUCKETS], table[2 * BUCKETS :]))


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
        owner_nodes = [(b, int(m)) for row in chain for b, m in enumerate(row) if m >= 0]
        owner = [np.full(f.names.starts[m + 1] - f.names.starts[m], b) for b, m in owner_nodes]
        ids = [f.names.ids[f.names.starts[m] : f.names.starts[m + 1]] for _, m in owner_nodes]
        return np.concatenate(owner or [np.zeros(0, np.int64)]), np.concatenate(ids or [np.zeros(0, np.int64)])

    add(0, np.repeat(np.arange(n), f.text.counts()), f.text.ids)
    near, ids = spread(f.chain[:2])
    add(1, np.concatenate((near, np.repeat(np.arange(n), f.targets.counts()))), np.concatenate((ids, f.targets.ids)))
    add(2, *spread(f.chain[2:]))
    return np.concatenate(blocks), np.concatenate(buckets), np.concatenate(values)


# --- context --------------------------------------------------------------------------------------------------------

CONTEXT = (
    "self",
    "last",
    "next",
    "last_2",
    "next_2",
    "around_before",
    "around_after",
    "before",
    "after",
    "alike",
    "heading",
    *(f"box_{h}" for h in range(1, 6)),
)


def context(scores: Floats, where: Structure) -> Floats:
    """What the scores around each block say: shape (blocks, len(CONTEXT) * columns of ``scores``).

    In the order of CONTEXT: the block's own scores; those of the two blocks before and after; the mean over the 3rd to
    8th block before and after; the means, weighted by text length, over all blocks before, after and alike; those of
    the heading above; the means over the containers at five heights.
    """
    n, k = scores.shape
    out = np.empty((n, len(CONTEXT), k), np.float32)
    mass = where.mass[:, None] + 0.5
    padded = np.zeros((n + 4, k), np.float32)
    padded[2:-2] = scores
    out[:, 0] = scores
    out[:, 1], out[:, 2], out[:, 3], out[:, 4] = padded[1:-3], padded[3:-1], padded[:-4], padded[4:]
    index = np.arange(n)
    plain = np.zeros((n + 1, k))
    np.cumsum(scores, axis=0, out=plain[1:])
    sums = np.zeros((n + 1, k + 1))
    weighted = np.hstack((scores * mass, mass))
    np.cumsum(weighted, axis=0, out=sums[1:])

    def span(table: npt.NDArray[Any], a: Ints, z: Ints) -> npt.NDArray[Any]:
        return table[z] - table[a]

    a, z = np.maximum(index - 8, 0), np.maximum(index - 2, 0)
    out[:, 5] = span(plain, a, z) / np.maximum(z - a, 1)[:, None]
    a, z = np.minimum(index + 3, n), np.minimum(index + 9, n)
    out[:, 6] = span(plain, a, z) / np.maximum(z - a, 1)[:, None]
    out[:, 7] = sums[:-1, :k] / np.maximum(sums[:-1, k:], 0.5)
    rest = sums[-1] - sums[1:]
    out[:, 8] = rest[:, :k] / np.maximum(rest[:, k:], 0.5)
    order = np.argsort(where.alike, kind="stable")
    starts = np.flatnonzero(np.diff(where.alike[order], prepend=-1))
    group = np.add.reduceat(weighted[order], starts, axis=0)
    out[:, 9] = (group[:, :k] / group[:, k:])[where.alike]
    out[:, 10] = scores[where.heading]
    for h, (a, z) in enumerate(where.boxes):
        box = span(sums, a, z)
        out[:, 11 + h] = box[:, :k] / box[:, k:]
    return out.reshape(n, -1)
