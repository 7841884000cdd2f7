"""Scores → what they say of the blocks around: the neighbours', the containers', those of blocks made alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycopy.compiled import loops
from bodycopy.tokens import Floats, Ints


@dataclass(slots=True)
class Structure:
    """Where the blocks of a page or text stand among each other.

    ``boxes`` holds, for each kind of container, the first and the last block (exclusive) of that around each block. In
    HTML that is the elements at five heights; one that holds no more than the one below it does not count. ``alike``
    numbers the blocks by what they are made of: in HTML by the names of their element and of its parent.
    """

    boxes: Ints  # (kinds of containers, 2, blocks)
    alike: Ints
    mass: npt.NDArray[np.floating[Any]]  # text length in words or so
    traits: Floats  # (blocks, some): what else of the blocks around is looked at, beside their scores
    heading: Ints  # the last heading before each block, itself if there is none


def heading_above(heading: npt.NDArray[np.bool_]) -> Ints:
    """The last heading before each block, itself if there is none."""
    index = np.arange(len(heading))
    last = np.maximum.accumulate(np.where(heading, index, -1))
    last = np.concatenate(([-1], last[:-1]))
    return np.where(last >= 0, last, index)


def long_around(is_long: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Ints, Ints]:
    """How many long blocks come before and after each, and how far it is to the nearest on each side, 100 at most."""
    n = len(is_long)
    index = np.arange(n)
    sums = np.concatenate(([0], np.cumsum(is_long)))
    before = np.maximum.accumulate(np.where(is_long, index, -100))
    after = np.minimum.accumulate(np.where(is_long, index, n + 100)[::-1])[::-1]
    return sums[:-1], sums[-1] - sums[1:], np.minimum(index - before, 100), np.minimum(after - index, 100)


def sums_within(values: npt.NDArray[np.float64], boxes: Ints) -> npt.NDArray[np.float64]:
    """The sums of some values of blocks, shape (values, blocks), over the containers around each: shape (values, kinds
    of containers, blocks).
    """
    if loops:
        return loops.sums_within(values, boxes)
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums[:, boxes[:, 1]] - sums[:, boxes[:, 0]]


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
)  # and the boxes


def context(scores: Floats, where: Structure) -> Floats:
    """What the scores around each block say: shape (blocks, (len(CONTEXT) + boxes) * columns of ``scores``).

    In the order of CONTEXT: the block's own scores; those of the two blocks before and after; the mean over the 3rd to
    8th block before and after; the means, weighted by text length, over all blocks before, after and alike; those of
    the heading above; the means over the containers.
    """
    n, k = scores.shape
    mass = where.mass[:, None] + 0.5
    weighted = np.hstack((scores * mass, mass))
    most = loops.surroundings if loops else surroundings
    given = np.ascontiguousarray(scores), np.ascontiguousarray(weighted)
    out = most(*given, where.boxes, where.heading, len(CONTEXT))
    order = np.argsort(where.alike, kind="stable")
    kinds = where.alike[order]
    starts = np.flatnonzero(np.concatenate(([True], kinds[1:] != kinds[:-1])))
    group = np.add.reduceat(weighted[order], starts, axis=0)
    out[:, 9] = (group[:, :k] / group[:, k:])[where.alike]
    return out.reshape(n, -1)


def surroundings(scores: Floats, weighted: Floats, boxes: Ints, heading: Ints, places: int) -> Floats:
    """`context` but for the blocks made alike: shape (blocks, ``places`` + kinds of containers, columns of ``scores``).

    ``weighted`` are the scores times the mass of their block and, in a last column, the mass.
    """
    n, k = scores.shape
    out = np.empty((n, places + len(boxes), k), np.float32)
    padded = np.zeros((n + 4, k), np.float32)
    padded[2:-2] = scores
    out[:, 0] = scores
    out[:, 1], out[:, 2], out[:, 3], out[:, 4] = padded[1:-3], padded[3:-1], padded[:-4], padded[4:]
    index = np.arange(n)
    first, last = np.empty((2, 2 + len(boxes), n), np.int64)
    first[0], last[0] = np.maximum(index - 8, 0), np.maximum(index - 2, 0)
    first[1], last[1] = np.minimum(index + 3, n), np.minimum(index + 9, n)
    plain = np.zeros((n + 1, k))
    np.cumsum(scores, axis=0, out=plain[1:])
    near = plain[last[:2]] - plain[first[:2]]
    near /= np.maximum(last[:2] - first[:2], 1)[..., None]
    out[:, 5:7] = near.swapaxes(0, 1)
    sums = np.zeros((n + 1, k + 1))
    np.cumsum(weighted, axis=0, out=sums[1:])
    first[0], last[0], first[1], last[1] = 0, index, index + 1, n
    first[2:], last[2:] = boxes[:, 0], boxes[:, 1]
    spans = sums[last] - sums[first]
    means = (spans[..., :k] / np.maximum(spans[..., k:], 0.5)).swapaxes(0, 1)
    out[:, 7:9], out[:, places:] = means[:, :2], means[:, 2:]
    out[:, 10] = scores[heading]
    return out
