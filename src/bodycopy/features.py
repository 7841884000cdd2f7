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

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from bodycopy.blocks import Segments

VERSION = 1  # of everything in this module: a model of another version is refused

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# --- tokens ---------------------------------------------------------------------------------------------------------

BUCKETS = 1 << 16  # rows of the token table for each group
GROUPS = ("text", "near", "far")
FAR = 9  # containers above the block's own that are looked at
HEAD, TAIL = 120, 60  # characters of a block whose words are read
TITLE = 300  # characters of the title that are

MARK = "\x01"  # parts blocks
# Scripts written without spaces are read by the character.
CHARACTERS_AND_WORDS = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\s\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+"
)
NOT_WORD = re.compile(r"[\W_]+")
NAME_PART = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}")
HREF_PART = re.compile(rf"{MARK}|[a-z]{{3,}}|[#?@]")

# Salts keep the same word apart in different roles.
SALT = {"word": 1, "pair": 0x9E3779B1, "first": 0x85EBCA6B, "phrase": 0xC2B2AE35}


class Kept(dict[str, int]):
    """A function of strings that keeps its results, up to a number; a lookup is all that a known string costs."""

    def __init__(self, make: Callable[[str], int], most: int = 1 << 17):
        super().__init__()
        self.make = make
        self.most = most

    def __missing__(self, key: str) -> int:
        if len(self) >= self.most:
            self.clear()
        value = self[key] = self.make(key)
        return value


def word_hash(token: str) -> int:
    """The hash of a token's letters and digits; numbers count by their length. The mark has -1."""
    if token == MARK:
        return -1
    word = NOT_WORD.sub("", token)
    return crc32(("0" * len(word) if word.isdigit() else word).encode("utf-8", "replace"))


def tokens(text: str, spaced: bool) -> list[str]:
    """The lower-case words of a text, with the punctuation on them, which `word_hash` takes off."""
    return text.lower().split() if spaced else CHARACTERS_AND_WORDS.findall(text.lower())


WORD_HASHES = Kept(word_hash)
HREF_HASHES = Kept(lambda part: -1 if part == MARK else crc32(f"@{part}".encode()))


@lru_cache(1 << 15)
def token_hashes(token: str) -> tuple[int, ...]:
    """Hashes of the words in one class or other name."""
    return tuple(crc32(part.lower().encode()) for part in NAME_PART.findall(token))


@lru_cache(1 << 14)
def name_hashes(tag: str, names: str) -> bytes:
    """Hashes of an element's tag and of the words in its names, each once, 24 at most: 64-bit integers."""
    words = [h for token in names[:400].split() for h in token_hashes(token)]
    return np.array([crc32(f"<{tag}".encode()), *list(dict.fromkeys(words))[:23]], np.int64).tobytes()


@lru_cache(1 << 14)
def lead_hashes(lead: str) -> bytes:
    """The same for a block's first inline element, given as its tag and class."""
    tag, _, names = lead.partition(" ")
    return name_hashes(f"in {tag}", names)


def bucket(hashes: Ints, salt: int) -> Ints:
    mixed = (hashes * salt) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 15)) & (BUCKETS - 1)


@dataclass(slots=True)
class Ragged:
    """Token buckets of many items in one array: item i holds ``ids[starts[i]:starts[i + 1]]``."""

    ids: Ints
    starts: Ints

    def sums(self, table: Floats) -> Floats:
        """The sum of each item's rows of ``table``: shape (items, columns)."""
        n = len(self.starts) - 1
        out = np.zeros((n, table.shape[1]), np.float32)
        filled = np.flatnonzero(self.starts[1:] > self.starts[:-1])
        if len(filled):
            out[filled] = np.add.reduceat(table[self.ids], self.starts[filled], axis=0)
        return out

    def counts(self) -> Ints:
        return self.starts[1:] - self.starts[:-1]


def packed(hashes: list[bytes]) -> Ragged:
    """The packed hashes of many items."""
    starts = np.zeros(len(hashes) + 1, np.int64)
    np.cumsum([len(h) >> 3 for h in hashes], out=starts[1:])
    return Ragged(np.frombuffer(b"".join(hashes), np.int64), starts)


def parted(hashes: Iterable[int], n: int) -> Ragged:
    """Hashes of ``n`` items with a mark, -1, behind each item."""
    flat = np.fromiter(hashes, np.int64)
    marks = np.flatnonzero(flat < 0)
    starts = np.zeros(n + 1, np.int64)
    starts[1:] = marks - np.arange(n)
    return Ragged(flat[flat >= 0], starts)


def joined(a: Ragged, b: Ragged) -> Ragged:
    """Two lists of tokens for the same items as one."""
    owners = np.concatenate(
        (np.repeat(np.arange(len(a.starts) - 1), a.counts()), np.repeat(np.arange(len(b.starts) - 1), b.counts()))
    )
    return Ragged(np.concatenate((a.ids, b.ids))[np.argsort(owners, kind="stable")], a.starts + b.starts)


def phrase_buckets(words: Ragged) -> Ragged:
    """Words, pairs of words, the first word and, of blocks of up to 6 words, the whole as one."""
    n_blocks = len(words.starts) - 1
    counts = words.counts()
    owner = np.repeat(np.arange(n_blocks), counts)
    place = np.arange(len(words.ids)) - words.starts[:-1][owner]
    ids = words.ids
    pairs = np.flatnonzero((place > 0) & (place < 16))
    firsts = words.starts[:-1][counts > 0]
    short = (counts > 0) & (counts <= 6)
    in_short = short[owner]
    phrase = np.zeros(n_blocks, np.int64)
    # float64 sums of the weighted hashes would round: bincount is exact below 2**53.
    phrase += np.bincount(owner[in_short], ((ids * (2 * place + 3)) & 0xFFFFFFFF)[in_short], n_blocks).astype(np.int64)
    whole = np.flatnonzero(short)
    owners = np.concatenate((owner, owner[pairs], owner[firsts], whole))
    mixed = np.concatenate(
        (
            bucket(ids, SALT["word"]),
            bucket((ids[pairs] + 31 * ids[pairs - 1]) & 0xFFFFFFFF, SALT["pair"]),
            bucket(ids[firsts], SALT["first"]),
            bucket(phrase[whole] & 0xFFFFFFFF, SALT["phrase"]),
        )
    )
    order = np.argsort(owners, kind="stable")
    starts = np.zeros(n_blocks + 1, np.int64)
    np.cumsum(np.bincount(owners, minlength=n_blocks), out=starts[1:])
    return Ragged(mixed[order], starts)


# --- numbers --------------------------------------------------------------------------------------------------------

# Classes of characters, by code point: 0 other, then the rows below.
CHARACTERS = (
    "lower",
    "upper",
    "digit",
    "space",
    "comma",
    "stop",
    "quote",
    "mark",
)  # and ideographs, which count as lower


def character_table() -> npt.NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    for code in (*range(0x20, 0x250), *range(0x370, 0x530)):
        c = chr(code)
        table[code] = 1 if c.islower() else 2 if c.isupper() else 3 if c.isdigit() else 0
    table[0x530:0x2000] = 1  # scripts without case
    table[0x2C00:0x2E00] = 1
    table[0x3040:0xD7B0] = 9
    table[0x0E00:0x0E80] = 9
    for row, characters in (
        (4, " \n\t\u00a0"),
        (5, ",;،、，؛"),
        (6, ".!?…。！？؟।"),
        (7, "\"'«»„“”‘’‹›「」『』"),
        (8, "|/›»>·•#@&+©®™*→:-–—"),
    ):
        for c in characters:
            table[ord(c)] = row
    return table


CHARACTER = character_table()

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
LEAD_NUMBERS = Kept(lambda lead: LEADS.index(tag) if (tag := lead.partition(" ")[0]) in LEADS else -1)
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
    names: Ragged  # token hashes by node
    near: Ragged  # token buckets by block: link target and first inline element
    words: Floats  # length of each block in words, an ideograph counting half
    chain: Ints  # (1 + FAR, blocks): a block's node and the nodes above it, -1 where there is none
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
    length = np.array([len(t) for t in texts])
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = CHARACTER[np.minimum(codes, 0xFFFF)]
    per_kind = np.bincount(np.repeat(index * 10, length) + kinds, minlength=10 * n).reshape(n, 10).T.astype(np.float32)
    ideographs = per_kind[9]
    words = per_kind[4] + 1 + ideographs * 0.5
    ends = np.cumsum(length)
    first_kind, last_kind, last_code = kinds[ends - length], kinds[ends - 1], codes[ends - 1]
    sentences = per_kind[6] + per_kind[5] * 0.25
    linked_chars = np.minimum(np.array(page.link_chars, np.float32), length)
    link_share = linked_chars / length
    links = np.array(page.n_links, np.float32)
    mass = words * (1 - 0.9 * link_share)
    per_kind[1] += ideographs
    lines = np.array([t.count("\n") for t in texts])
    put_all(np.log1p((length, words, sentences, words / (1 + per_kind[6]), links, lines)))
    put(np.minimum(length / words, 20), link_share, links > 0)
    put_all(per_kind[1:9] / length)
    put(
        (last_kind == 6) | (last_kind == 7) | (last_code == 0x29),
        (last_code == 0x3A) | (last_code == 0xFF1A),
        last_kind == 5,
    )
    put(first_kind == 2, first_kind == 1, first_kind == 3, first_kind == 7)

    # Its words, and their likeness to the title's.
    heads = [t if len(t) <= HEAD + TAIL else f"{t[:HEAD]} {t[-TAIL:]}" for t in texts]
    marked = f" {MARK} ".join(heads)
    if marked.count(MARK) != n - 1:
        marked = f" {MARK} ".join([h.replace(MARK, " ") for h in heads])
    spaced = not ideographs.any()
    word_ids = parted(map(WORD_HASHES.__getitem__, tokens(f"{marked} {MARK}", spaced)), n)
    counts = word_ids.counts()
    title = {WORD_HASHES[w] for w in tokens(page.title[:TITLE].replace(MARK, " "), spaced)}
    if title:
        hits = (word_ids.ids == np.array(list(title))[:, None]).any(0)
        in_title = np.bincount(np.repeat(index, counts)[hits], minlength=n)
    else:
        in_title = np.zeros(n, np.int64)
    in_title_share = in_title / np.maximum(counts, 1)
    of_title = np.minimum(in_title / max(1, len(title)), 1)
    times = Counter(texts)
    put(of_title, in_title_share, (of_title > 0.5) & (in_title_share > 0.8), np.log1p([times[t] - 1 for t in texts]))

    # The element and what it stands in.
    code_of = TAG_CODES.get
    codes_of_nodes = np.array([code_of(t, 0) for t in tags])
    # Each round adds what twice as many containers further up say: six see 64 of them.
    within, depth, above = codes_of_nodes >> 8, (parent >= 0).astype(np.int64), np.maximum(parent, 0)
    for _ in range(6):
        within = within | within[above]
        depth = depth + depth[above]
        above = above[above]
    code = codes_of_nodes[node]
    own_tag = (code & 31) - 1
    put_one_of(own_tag, len(OWN_TAGS))
    put_one_of(np.array(list(map(LEAD_NUMBERS.__getitem__, page.lead))), len(LEADS))
    put_all((within[node] >> WITHIN_SHIFTS) & 1)
    hidden = np.array(page.node_hidden)[node]
    kin = np.array([hash(pair) for pair in zip(tags, names, strict=True)])
    _, alike = np.unique(kin[node] * 31 + kin[parent[node]], return_inverse=True)
    put(hidden == 2, hidden == 1, np.minimum(depth[node], 40) / 10, np.log1p(np.bincount(alike)[alike]))

    # The page and the place in it.
    is_h1 = own_tag == H1
    h1_so_far = np.cumsum(is_h1)
    # The headline: the block most like the title, headings first; without a likely one, the first <h1>, if any.
    likeness = (of_title + in_title_share) * (0.7 + 0.3 * is_h1) * (words < 50)
    headline = int(np.argmax(likeness))
    if likeness[headline] < 0.8:
        headline = int(np.argmax(is_h1)) if h1_so_far[-1] else -1
    since = index - headline if headline >= 0 else np.zeros(n, np.int64)
    heading = np.maximum.accumulate(np.where(code & 32, index, -1))
    heading = np.concatenate(([-1], heading[:-1]))
    heading = np.where(heading >= 0, heading, index)
    articles = np.cumsum(np.bincount(first[(codes_of_nodes & 64 > 0) & (first < n)], minlength=n))
    is_long = (words >= 20) & (link_share < 0.5) & (sentences >= 1)
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
    initial = np.array([ord(h[0]) if h else 0 for h in hrefs])
    slashes = np.array([h.count("/") for h in hrefs])
    put(initial == ord("h"), initial == ord("#"), np.minimum(slashes, 8) / 4, np.array(list(map(len, hrefs))) > 60)

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

    chain = np.full((1 + FAR, n), -1)
    chain[0] = node
    for h in range(1, 1 + FAR):
        chain[h] = np.where(chain[h - 1] >= 0, parent[chain[h - 1]], -1)

    node_tokens = packed(
        [
            name_hashes(t, s) if z > a else b""
            for t, s, a, z in zip(tags, names, page.node_first, page.node_last, strict=True)
        ]
    )
    targets = MARK.join([h[:80] for h in hrefs])
    if targets.count(MARK) != n - 1:
        targets = MARK.join([h[:80].replace(MARK, "") for h in hrefs])
    near = joined(
        packed([lead_hashes(x) if x else b"" for x in page.lead]),
        parted(map(HREF_HASHES.__getitem__, HREF_PART.findall(f"{targets}{MARK}".lower())), n),
    )
    return Features(
        numbers=np.ascontiguousarray(numbers.T),
        text=phrase_buckets(word_ids),
        names=node_tokens,
        near=Ragged(bucket(near.ids, SALT["word"]), near.starts),
        words=words,
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
    names = Ragged(bucket(f.names.ids, SALT["word"]), f.names.starts).sums(names_table)
    # A last row of zeros stands for "no such container", which the chain marks as -1.
    names = np.vstack((names, np.zeros((1, 2 * outputs), np.float32)))
    counts = np.append(f.names.counts(), 0)
    near = names[f.chain[0], :outputs] + f.near.sums(table[BUCKETS : 2 * BUCKETS])
    return np.hstack(
        (
            mean(f.text.sums(table[:BUCKETS]), f.text.counts()),
            mean(near, counts[f.chain[0]] + f.near.counts()),
            mean(names[f.chain[1:], outputs:].sum(0), counts[f.chain[1:]].sum(0)),
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
        return np.concatenate(owner or [np.zeros(0, np.int64)]), bucket(
            np.concatenate(ids or [np.zeros(0, np.int64)]), SALT["word"]
        )

    add(0, np.repeat(np.arange(n), f.text.counts()), f.text.ids)
    own, ids = spread(f.chain[:1])
    add(1, np.concatenate((own, np.repeat(np.arange(n), f.near.counts()))), np.concatenate((ids, f.near.ids)))
    add(2, *spread(f.chain[1:]))
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
