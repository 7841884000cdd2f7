"""Lines by language → what the linear stage learns words from, beside those of the pages.

Labelled pages are mostly in English, and what calls for a newsletter in another language is known by its words as well
as by its place. So words may also be learned from lines of text that stand in no page: a file a language, a line a
block, its label before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bodycopy.model import LABELS
from bodycopy.training.annotation import label_of
from bodycopy.training.corpora import DataError, read_text


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of text, each with its label as its place in LABELS, and the names of the languages."""

    texts: list[str]
    labels: npt.NDArray[np.int8]
    languages: list[str]


def read_lines(folder: Path) -> Lines:
    """The lines in the files LANGUAGE.tsv of a folder: a label or its first letter, a tab, and the text.

    Raises DataError for a line without one of the labels or without text, OSError.
    """
    texts, labels = [], []
    paths = sorted(folder.glob("*.tsv"))
    for path in paths:
        for number, line in enumerate(read_text(path).splitlines(), 1):
            given, _, text = line.partition("\t")
            label = label_of(given)
            if label is None or not text.strip():
                raise DataError(f"{path}:{number}: a line is a label ({', '.join(LABELS)}), a tab and a text")
            texts.append(text)
            labels.append(LABELS.index(label))
    return Lines(texts, np.array(labels, np.int8), [path.stem for path in paths])
