"""Text that extractors made of labelled pages → examples for the text model.

Each line takes the label that most of its words have in the page. Pages that nobody labelled are labelled by the HTML
model, where it is sure: it sees the tree, and is the better judge. A file of texts is JSON Lines with ``corpus``,
``id``, ``source`` (the extractor) and ``text``, made by `python -m bodycopy.training.extract`; with ``blocks``, a list
of ``[label, line]``, its labels are taken as they are.

Extractors differ in what they write, and the texts that users have come from more of them than can be tried. So every
page is also written out in manners made up by chance: with or without blank lines, bullets, heading marks; and with
appeals and teasers between and behind its paragraphs, of which pages have far fewer than there are.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy.blocks import Segments
from bodycopy.document import decode, segment
from bodycopy.features import features
from bodycopy.line_features import line_features
from bodycopy.lines import cut_text
from bodycopy.model import LABELS, Model
from bodycopy.training.alignment import UNKNOWN, labels_of, located
from bodycopy.training.corpora import WORD, DataError, Labelled, Source, read_jsonl, text_in
from bodycopy.training.examples import Example, known_labels, stored
from bodycopy.training.stacking import Settings

SURE = 0.8  # the score from which the HTML model's word counts
LONGEST = 400  # lines of a text to train on: the few longer ones would be most of what there is
MADE = "made up"  # the source of texts that no extractor wrote
BULLETS = ("- ", "• ", "* ", "-\n", "")
CHROME_KEPT, JUNK_KEPT = (0.0, 0.05, 0.3), (0.3, 0.7, 1.0)  # shares of the blocks that made-up extractors let through

EMBELLISHED = 0.7  # share of the made-up texts that get lines of the stock
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.I | re.S)

# There is more text than there are pages, and less to see in it: two networks, of fewer and larger ones each. Texts
# have few blocks, so the bags are quick enough; networks that imitate them let a twentieth more of the junk
# through.
TEXT_SETTINGS = Settings(
    networks=2, bag=3, bag_hidden=96, hidden=0, doubt=1, balance=0, label_odds=(1.0, 2.0, 1.4, 1.0)
)


@dataclass(slots=True)
class Text:
    source: str
    text: str
    blocks: list[tuple[str, str]] | None  # (label, line or its digest), if labelled by hand
    by_digest: bool = False


def read_texts(paths: Iterable[Path]) -> dict[tuple[str, str], list[Text]]:
    """The texts of each page, by corpus and id; of two by one extractor the first stands. Raises DataError, OSError.

    A row without ``text`` labels that of a row after it, by the digests of its lines; a label of null is of none.
    """
    texts: dict[tuple[str, str], dict[str, Text]] = {}
    for path in paths:
        for number, row in enumerate(read_jsonl(path), 1):
            where = f"{path}:{number}"
            corpus, page, source = (text_in(row, name, where) or "" for name in ("corpus", "id", "source"))
            by_digest = "text" not in row and "blocks" in row
            text = "" if by_digest else text_in(row, "text", where) or ""
            blocks = labelled_lines(row["blocks"], where) if "blocks" in row else None
            if blocks is not None and not by_digest:
                blocks = [(label, line) for label, line in blocks if label]
            of_page = texts.setdefault((corpus, page), {})
            known = of_page.setdefault(source, Text(source, text, blocks, by_digest))
            known.text = known.text or text
    return {page: [text for text in found.values() if text.text] for page, found in texts.items()}


def labelled_lines(rows: Any, where: str) -> list[tuple[str, str]]:
    """(label, line) pairs, with "" for a label of null. Raises DataError; ``where`` is what names them."""
    try:
        blocks = [(label or "", line) for label, line in rows]
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: blocks are [label, line] each") from error
    for label, line in blocks:
        if label not in ("", *LABELS) or not isinstance(line, str):
            raise DataError(f"{where}: no label with its line: {[label, line]!r}; the labels are {', '.join(LABELS)}")
    return blocks


def page_labels(source: Source, cut: Segments, model: Model) -> npt.NDArray[np.int8]:
    """The labels of a page's blocks: those that it has, else those that the HTML model is sure of."""
    if source.labels is not None:
        return known_labels(source, cut)
    scores = model.score(features(cut))[:, : len(LABELS)]
    return np.where(scores.max(1) >= SURE, scores.argmax(1), UNKNOWN).astype(np.int8)


@dataclass(slots=True)
class Stock:
    """What made-up texts are embellished with: lines of our own, and titles with a sentence from other pages."""

    promo: list[str]
    headings: list[str]  # of related links
    teasers: list[tuple[str, str]]


def main_text_of(source: Source) -> str:
    """A page's main text, as far as it is known."""
    if source.body is not None or source.labels is None:
        return source.body or ""
    cut = segment(source.html)
    return "\n".join(t for t, label in zip(cut.texts, known_labels(source, cut), strict=True) if label == 0)


def stock_of(folder: Path | None, sources: Sequence[Source]) -> Stock:
    """The lines in ``promo.txt`` and ``related.txt`` of a folder, if there is one, and the pages' titles with their
    first sentences.
    """
    promo, headings = (
        (folder / name).read_text(encoding="utf-8").splitlines() if folder else []
        for name in ("promo.txt", "related.txt")
    )
    teasers = []
    for source in sources:
        title = TITLE.search(decode(source.html)[:20_000])
        first = next((line for line in main_text_of(source).splitlines() if len(line) > 80), "")
        if title and first:
            name = re.split(r" [|–—-] ", " ".join(html.unescape(title[1]).split()))[0]
            teasers.append((name, re.split(r"(?<=[.!?]) ", first)[0][:200]))
    return Stock(promo, headings, [t for t in teasers if 15 <= len(t[0]) <= 150])


def made_up(cut: Segments, labels: npt.NDArray[np.int8], stock: Stock, chance: random.Random) -> Text:
    """A page as some extractor might write it, its lines labelled, some of the stock between or behind the body."""
    kept_of = {"body": 1.0, "chrome": chance.choice(CHROME_KEPT)}
    kept_of |= {label: chance.choice(JUNK_KEPT) for label in ("promo", "related")}
    bullet, gap, mark = chance.choice(BULLETS), chance.choice(("\n", "\n\n")), chance.choice(("", "", "# "))
    lines: list[tuple[str, str]] = []  # label, line
    last = (-1, True)
    for node, text, label in zip(cut.node, cut.texts, labels, strict=True):
        name = LABELS[label] if label >= 0 else "chrome"
        # What is in one element is kept or left out as a whole, as extractors do.
        if last[0] != node:
            last = (node, chance.random() < kept_of[name])
        if not last[1] or label == UNKNOWN:
            continue
        tag = cut.node_tag[node]
        before = bullet if tag == "li" else mark if tag in ("h1", "h2", "h3", "h4") else ""
        lines.append((name, before + " ".join(text.split())))
    body = [i for i, (name, _) in enumerate(lines) if name == "body"]
    if body and chance.random() < EMBELLISHED:
        lines[body[-1] + 1 : body[-1] + 1] = trail(stock, bullet, mark, chance)
        if len(body) > 4 and chance.random() < EMBELLISHED / 2:
            at = chance.choice(body[2:])
            lines[at:at] = aside(stock, chance)
    return Text(MADE, gap.join(line for _, line in lines), lines)


def trail(stock: Stock, bullet: str, mark: str, chance: random.Random) -> list[tuple[str, str]]:
    """What sites put behind an article: an appeal or two, headings, teasers."""
    lines = [("promo", line) for line in chance.sample(stock.promo, min(len(stock.promo), chance.choice((0, 1, 1, 2))))]
    lines += [
        ("related", mark + line)
        for line in chance.sample(stock.headings, min(len(stock.headings), chance.choice((0, 1, 1, 2))))
    ]
    blurbs = chance.random() < 0.5
    for title, blurb in chance.sample(stock.teasers, min(len(stock.teasers), chance.choice((0, 2, 3, 5)))):
        lines.append(("related", bullet + title))
        if blurbs:
            lines.append(("related", blurb))
    return lines


def aside(stock: Stock, chance: random.Random) -> list[tuple[str, str]]:
    """What sites put between two paragraphs: an appeal, or a pointer to another piece."""
    if not stock.promo:
        return []
    if chance.random() < 0.5 or not stock.teasers or not stock.headings:
        return [("promo", chance.choice(stock.promo))]
    heading, title = chance.choice(stock.headings), chance.choice(stock.teasers)[0]
    return [("related", f"{heading}: {title}")] if chance.random() < 0.5 else [("related", heading), ("related", title)]


def examples_of_page(source: Source, texts: Sequence[Text], model: Model, stock: Stock, seed: int) -> list[Example]:
    """All texts of a page as examples; their ``type`` is what they were made by."""
    cut = segment(source.html)
    if not cut.texts:
        return []
    labels = page_labels(source, cut, model)
    known = [(LABELS[label], text) for label, text in zip(labels, cut.texts, strict=True) if label >= 0]
    chance = random.Random(f"{seed} {source.corpus} {source.id}")
    made = [made_up(cut, labels, stock, chance) for _ in range(2)]
    return [
        found
        for text in (*texts, *made)
        if (found := example(source, text, known if text.blocks is None else text.blocks)) is not None
    ]


def example(source: Source, text: Text, known: list[tuple[str, str]]) -> Example | None:
    """One text with its lines' labels; None where there are none."""
    by_hand = text.blocks is not None and text.source != MADE
    lines = cut_text(text.text)
    if not lines.spans or not known or (len(lines.spans) > LONGEST and not by_hand):
        return None
    texts = lines.texts()
    if text.by_digest:
        labels, _ = located(texts, [], [Labelled(label, digest) for label, digest in known])
    else:
        labels = labels_of(texts, known)
    words = np.array([len(WORD.findall(t)) for t in texts], np.int32)
    return Example(
        source.corpus,
        source.id,
        source.site,
        text.source,
        by_hand,
        labels,
        np.where(labels == UNKNOWN, UNKNOWN, labels == 0).astype(np.int8),
        stored(line_features(lines)),
        words,
        np.zeros_like(words),
        0,
        texts,
        lines=lines if by_hand else None,
    )


def text_examples(
    sources: Sequence[Source],
    texts: dict[tuple[str, str], list[Text]],
    model: Model,
    stock: Stock,
    jobs: int = 1,
    seed: int = 0,
) -> list[Example]:
    """The examples of all pages."""
    from joblib import Parallel, delayed

    made = Parallel(n_jobs=jobs, batch_size=16)(
        delayed(examples_of_page)(s, texts.get((s.corpus, s.id), []), model, stock, seed) for s in sources
    )
    return [example for page in made for example in page]
