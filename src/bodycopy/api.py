"""The whole way, bytes to output: what users call."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import cache
from typing import NamedTuple
from urllib.parse import urljoin

import numpy as np

from bodycopy.blocks import Segments
from bodycopy.decide import HIGHEST_CUT, HIGHEST_TEXT_CUT, best_cut, placed, text_cut, twins
from bodycopy.document import Html, segment
from bodycopy.features import features
from bodycopy.line_features import line_features
from bodycopy.lines import Lines, cut_text, kept_text
from bodycopy.model import LABELS, Model, ModelError, load_model
from bodycopy.page import Page, check_keep, make_page, make_text_page, wanted
from bodycopy.render import layout, to_text
from bodycopy.tokens import Floats

MOST_PASSES = 10  # over a text, until nothing changes; a few are enough for nearly all


def clean(
    html: Html,
    *,
    encoding: str | None = None,
    keep: Collection[str] = ("body",),
    threshold: float | None = None,
    full: bool = False,
    model: Model | str | os.PathLike[str] | None = None,
) -> str:
    """The core content of a page as plain text, paragraphs parted by empty lines; "" where there is none.

    ``html``: bytes, str, or an lxml tree, which is left untouched. ``encoding``: the charset of the HTTP header, which
    wins over what the page declares. ``keep``: the labels to keep. ``threshold``: the body score from which a block
    counts as running text, 0 to 1; higher is more precise, lower keeps more; by default chosen for each page
    (`decide.best_cut`). ``full``: keep all that is labelled body, also headline, standfirst and captions. ``model``: a
    model or the path of one.

    Raises TypeError for other types of input, ValueError for unknown labels or a threshold out of range; never for
    what a page holds.
    """
    return core_of(html, encoding, keep, threshold, full, model).text


def label(
    html: Html,
    url: str | None = None,
    *,
    encoding: str | None = None,
    threshold: float | None = None,
    model: Model | str | os.PathLike[str] | None = None,
) -> Page:
    """Every block of a page with its label and scores. With ``url``, links come out absolute.

    The other arguments, and what is raised, are those of `clean`.
    """
    chosen = choose(model, "html")
    check_threshold(threshold)
    cut = segment(html, encoding, rich=True)
    if not cut.texts:
        return Page([], HIGHEST_CUT if threshold is None else threshold, cut.title, url)
    scores, threshold = scored(cut, chosen, threshold)
    return make_page(cut, scores, threshold, url, resolver(url, cut.base))


def clean_text(
    text: str,
    *,
    keep: Collection[str] = ("body",),
    threshold: float | None = None,
    model: Model | str | os.PathLike[str] | None = None,
) -> str:
    """The core content of plain text that somebody extracted: what is kept comes out as it stands there.

    ``keep``: the labels to keep. ``threshold``: the body score from which a block is kept, 0 to 1; higher removes more;
    by default chosen for each text (`decide.text_cut`). ``model``: a text model or the path of one.

    Raises TypeError for anything but str, ValueError for unknown labels or a threshold out of range; never for what is
    in a text.
    """
    return core_of_text(text, keep, threshold, model).text


def label_text(
    text: str, *, threshold: float | None = None, model: Model | str | os.PathLike[str] | None = None
) -> Page:
    """Every block of a plain text with its label, scores and line numbers.

    The arguments, and what is raised, are those of `clean_text`.
    """
    chosen = choose(model, "text")
    check_threshold(threshold)
    lines = cut_text(text)
    if not lines.spans:
        return make_text_page(lines, (), HIGHEST_TEXT_CUT if threshold is None else threshold)
    return make_text_page(lines, *settled(lines, chosen, threshold))


class Core(NamedTuple):
    """The core content, and what it was taken from."""

    text: str
    blocks: list[str]
    scores: Floats  # of the blocks: shape (blocks, 5)
    kept: list[int]  # the numbers of the blocks that are in the text


NOTHING = Core("", [], np.empty((0, len(LABELS) + 1), np.float32), [])


def core_of(
    html: Html,
    encoding: str | None,
    keep: Collection[str],
    threshold: float | None,
    full: bool,
    model: Model | str | os.PathLike[str] | None,
) -> Core:
    """What `clean` returns, with the blocks that it chose from."""
    check_keep(keep)
    chosen = choose(model, "html")
    check_threshold(threshold)
    cut = segment(html, encoding)
    if not cut.texts:
        return NOTHING
    scores, threshold = scored(cut, chosen, threshold)
    kept = kept_blocks(scores, keep, threshold, full)
    return Core(to_text([cut.texts[i] for i in kept], layout(cut, kept)), cut.texts, scores, kept)


def core_of_text(
    text: str, keep: Collection[str], threshold: float | None, model: Model | str | os.PathLike[str] | None
) -> Core:
    """What `clean_text` returns, with the blocks that it chose from."""
    check_keep(keep)
    chosen = choose(model, "text")
    check_threshold(threshold)
    lines = cut_text(text)
    if not lines.spans:
        return NOTHING
    scores, threshold = settled(lines, chosen, threshold)
    kept = kept_blocks(scores, keep, threshold)
    return Core(kept_text(lines, kept), lines.texts(), scores, kept)


def settled(lines: Lines, model: Model, threshold: float | None) -> tuple[Floats, float]:
    """The scores of a text's blocks, shape (blocks, 5), and the threshold that holds for it.

    What is left out of a text changes how the rest looks. So the core of what is kept is scored again without it, until
    nothing more goes: cleaning what came out would change nothing. The labels' scores are those of the whole text.
    """
    scores = model.score(line_features(lines))
    core = scores[:, len(LABELS)]
    left = np.arange(len(core))
    rest = lines
    for _ in range(MOST_PASSES):
        cut = text_cut(core[left]) if threshold is None else threshold
        stays = core[left] >= cut
        left = left[stays]
        if stays.all() or not len(left):
            break
        rest = cut_text(kept_text(rest, np.flatnonzero(stays).tolist()))
        if len(rest.spans) != len(left):  # one line, or wrapped lines, that are no more
            break
        core[left] = model.score(line_features(rest))[:, len(LABELS)]
    return scores, cut


def scored(cut: Segments, model: Model, threshold: float | None) -> tuple[Floats, float]:
    """The scores of a page's blocks, and the threshold that holds for it."""
    found = features(cut)
    scores = placed(model.score(found), twins(cut, found.words))
    return scores, best_cut(scores[:, len(LABELS)], found.words) if threshold is None else threshold


def kept_blocks(scores: Floats, keep: Collection[str], threshold: float, full: bool = False) -> list[int]:
    """The numbers of the blocks that are `wanted`, by their scores, shape (blocks, 5)."""
    best = scores[:, : len(LABELS)].argmax(1).tolist()
    core = scores[:, len(LABELS)].tolist()
    return [i for i in range(len(best)) if wanted(LABELS[best[i]], core[i], keep, threshold, full)]


def choose(model: Model | str | os.PathLike[str] | None, kind: str) -> Model:
    if not isinstance(model, Model):
        return load_model(model, kind)
    if model.kind.name != kind:
        raise ModelError(f"this is a model for {model.kind.name}, not for {kind}")
    return model


def check_threshold(threshold: float | None) -> None:
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"a threshold lies between 0 and 1, not at {threshold}")


def resolver(url: str | None, base: str) -> Callable[[str], str]:
    """A function that makes links absolute against the page's address and its ``<base>``."""
    if not url:
        return lambda target: target

    try:
        start = urljoin(url, base)
        urljoin(start, "")
    except ValueError:  # "http://[" and the like
        start = url

    @cache
    def absolute(target: str) -> str:
        try:
            return urljoin(start, target.strip())
        except ValueError:
            return target

    return absolute
