"""Pages → examples: the features of each block and what it is, as far as the corpora tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from bodycopy import features as html
from bodycopy import line_features as text
from bodycopy.blocks import Segments
from bodycopy.decide import Twins, twins
from bodycopy.document import segment
from bodycopy.features import NAMES, Features, features
from bodycopy.line_features import LineFeatures
from bodycopy.lines import Lines
from bodycopy.model import HTML, TEXT, Kind
from bodycopy.shape import NAMES as SHAPE
from bodycopy.tokens import Floats
from bodycopy.training.alignment import UNKNOWN, core_of, labels_of, located
from bodycopy.training.corpora import DIGEST, WORD, Source

if TYPE_CHECKING:
    from joblib import Memory

NOT_RUNNING = [NAMES.index(name) for name in ("is_headline", "tag_h1", "tag_figcaption")]
WORDS = SHAPE.index("words")  # the column with the logarithm of a block's length
LONGEST = 1000  # blocks of a page without labels: the few longer ones would be a tenth of what there is
CACHE_VERSION = 3  # raised with every change of what is kept, or of what makes it but for features: encodings, blocks
DIGITS = 7  # binary digits that numbers are rounded to: more would only fill the tables


@dataclass(slots=True)
class Example:
    """A page or text as a model trains on it.

    ``labels`` are places in LABELS, ``core`` is 0 or 1; UNKNOWN where untold.
    ``features`` are as the tables keep them (`stored`). ``words`` counts those of each block, ``hits`` those of them
    that the page's main text has, too, ``body_words`` those of the main text, 0 where there is none.
    """

    corpus: str
    id: str
    site: str
    type: str
    by_hand: bool
    labels: npt.NDArray[np.int8]
    core: npt.NDArray[np.int8]
    features: Features | LineFeatures
    words: npt.NDArray[np.int32]
    hits: npt.NDArray[np.int32]
    body_words: int
    texts: list[str] | None = None  # of its blocks; tables do not have them, nor the main text
    body: str | None = None
    lines: Lines | None = None  # of plain text, where the blocks stand
    copied: Twins = ()  # blocks with the same text (`decide.twins`), which tables do not tell of

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def kind(self) -> Kind:
        """The kind of model that it is for."""
        return TEXT if isinstance(self.features, LineFeatures) else HTML


def rounded(numbers: npt.NDArray[Any]) -> Floats:
    """Numbers to DIGITS binary digits."""
    mantissa, exponent = np.frexp(numbers)
    return np.ldexp(np.round(mantissa * 2**DIGITS) / 2**DIGITS, exponent).astype(np.float32, order="C")


def stored(f: Features | LineFeatures) -> Features | LineFeatures:
    """Features as the tables keep them: numbers rounded, tokens without their order."""
    numbers = rounded(f.numbers)
    old = f.structure
    if isinstance(f, LineFeatures):
        structure = text.structure_of(numbers, old.boxes, old.alike, old.heading)
        return LineFeatures(numbers, f.text.sorted(), structure)
    structure = html.structure_of(numbers, old.boxes, old.alike, old.heading)
    words = np.expm1(numbers[:, WORDS])
    return Features(numbers, f.text.sorted(), f.names.sorted(), f.targets.sorted(), words, f.chain, structure)


def fingerprint(f: Features | LineFeatures) -> str:
    """Eight hexadecimal digits that stand for the words of a page or text, as `stored` has them."""
    return f"{crc32(np.ascontiguousarray(f.text.ids).tobytes()):08x}"


def known_labels(source: Source, cut: Segments) -> npt.NDArray[np.int8]:
    """The labels of a page's blocks, as far as they are known."""
    if source.labels is None:
        return np.full(len(cut.texts), UNKNOWN, np.int8)
    if not all(DIGEST.fullmatch(block.key) for block in source.labels):
        return labels_of(cut.texts, [(block.label, block.key) for block in source.labels])
    return located(cut.texts, cut.paths, source.labels)[0]


def core_of_labels(labels: npt.NDArray[np.int8], numbers: Floats) -> npt.NDArray[np.int8]:
    """What the labels of a page tell of the core: body is running text, if it is neither a headline nor a caption."""
    core = np.where(labels == UNKNOWN, UNKNOWN, labels == 0).astype(np.int8)
    core[(core == 1) & (numbers[:, NOT_RUNNING] > 0).any(1)] = UNKNOWN
    return core


def example(source: Source) -> Example | None:
    """One page, or None where it has no text, nothing is known of it, or only the main text and it is very long."""
    cut = segment(source.html, rich=any(block.path for block in source.labels or ()))
    n = len(cut.texts)
    if not n or (source.labels is None and (source.body is None or n > LONGEST)):
        return None
    found = features(cut)
    f = stored(found)
    labels = known_labels(source, cut)
    if source.body:
        core, hits = core_of(cut.texts, source.body)
    else:
        core, hits = core_of_labels(labels, f.numbers), np.zeros(n, np.int32)
    return Example(
        source.corpus,
        source.id,
        source.site,
        source.type,
        source.by_hand,
        labels,
        core,
        f,
        np.array([len(WORD.findall(t)) for t in cut.texts], np.int32),
        hits,
        len(WORD.findall(source.body or "")),
        cut.texts,
        source.body,
        copied=twins(cut, found.words),
    )


def examples(sources: Sequence[Source], jobs: int = 1, cache: Memory | None = None) -> list[Example]:
    """All pages of which something is known; ``cache`` keeps what was made of a page for the next time."""
    from joblib import Parallel, delayed

    make = cache.cache(versioned_example, verbose=0) if cache else versioned_example
    made = Parallel(n_jobs=jobs, batch_size=16)(delayed(make)(s, (CACHE_VERSION, html.VERSION)) for s in sources)
    return [e for e in made if e is not None]


def versioned_example(source: Source, version: tuple[int, int]) -> Example | None:
    """`example`; what another version made is another thing to a cache."""
    return example(source)
