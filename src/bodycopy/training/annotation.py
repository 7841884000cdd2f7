"""Pages → files in which a person corrects the labels, and back.

A page that is to be labelled is two files in one folder: the page as it came, ``NAME.html``, and ``NAME.tsv``, which
any editor can change: a line a block with its label, marks, the label's score, the beginning of its text and, by which
it is found again, the digest of its words and its path. The marks: ``?`` where the model is unsure, ``*`` where the
corpus has the block in its main text. Lines that begin with ``#`` tell of the page.

Files are written whole or not at all, and never over another: what a person has corrected stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bodycopy
from bodycopy.document import segment
from bodycopy.files import write_file
from bodycopy.model import LABELS, Model
from bodycopy.training.alignment import core_of, located
from bodycopy.training.corpora import DIGEST, DataError, Labelled, Source, digest, read_page, read_text

UNSURE = 0.8  # the score below which a guess is worth a look
NAMED = 20  # lines to look at first that a file names
SHOWN = 200  # characters of a block's text that a file shows
ASKED = "Correct the first column; leave the others. Labels, or their first letters: " + " ".join(LABELS)
KEYS = ("corpus", "id", "url", "type")  # what a file tells of its page, beside its blocks


@dataclass(slots=True)
class Annotation:
    """The labels of one page, as they stand in a file."""

    blocks: list[Labelled]
    guesses: list[tuple[str, float, str]] = field(default_factory=list)  # marks, score, text; by block
    told: dict[str, str] = field(default_factory=dict)  # of KEYS

    @property
    def doubt(self) -> float:
        """How much there is to learn from a page for the work: the share of blocks that are likely guessed wrong, and
        a part of those guessed promo, the rare label.
        """
        wrong = sum(1 - score for _, score, _ in self.guesses)
        return (wrong + sum(block.label == "promo" for block in self.blocks) / 4) / (len(self.blocks) + 30)

    @property
    def unsure(self) -> int:
        """How many guesses the model is unsure of."""
        return sum("?" in marks for marks, _, _ in self.guesses)


def annotate(source: Source, model: Model | None = None) -> Annotation | None:
    """The model's guesses for a page; None if it has no text."""
    page = bodycopy.label(source.html, model=model)
    if not page.blocks:
        return None
    texts = [block.text for block in page.blocks]
    in_body = core_of(texts, source.body)[0] == 1 if source.body else [False] * len(texts)
    told = {key: value for key in KEYS if (value := getattr(source, key))}
    blocks, guesses = [], []
    for block, known in zip(page.blocks, in_body, strict=True):
        score = block.scores[block.label]
        blocks.append(Labelled(block.label, digest(block.text), block.path))
        guesses.append(("?" * (score < UNSURE) + "*" * bool(known), score, block.text))
    return Annotation(blocks, guesses, told)


def write(annotation: Annotation, name: str) -> str:
    """A page's labels as they stand in a file, the lines to look at first named at its head."""
    head = [f"# bodycopy labels 1. {ASKED}", f"# page: {name}.html"]
    head += [f"# {key}: {' '.join(value.split())}" for key, value in annotation.told.items()]
    first = len(head) + 2  # the number of the first block's line
    unsure = [(score, first + i) for i, (marks, score, _) in enumerate(annotation.guesses) if "?" in marks]
    lines = ", ".join(str(line) for _, line in sorted(unsure)[:NAMED])
    head.append(f"# unsure (?), the least sure first: {f'lines {lines}' if lines else 'none'}")
    rows = [
        "\t".join((b.label, marks, f"{score:.2f}", " ".join(text.split())[:SHOWN], b.key, b.path))
        for b, (marks, score, text) in zip(annotation.blocks, annotation.guesses, strict=True)
    ]
    return "\n".join((*head, *rows, ""))


def label_of(given: str) -> str | None:
    """A label that was written out or as its first letter; None for anything else."""
    given = given.strip().lower()
    return next((label for label in LABELS if given in (label, label[0])), None)


def read(path: Path) -> Annotation:
    """What `write` wrote and a person corrected. Raises DataError, OSError."""
    lines = read_text(path).split("\n")  # and not splitlines: names of elements may hold odd line ends
    found = Annotation([])
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            key, _, value = line[1:].partition(":")
            if key.strip() in KEYS:
                found.told[key.strip()] = value.strip()
            continue
        if not line.strip():
            continue
        cells = line.split("\t")
        label = label_of(cells[0])
        if label is None:
            raise DataError(f"{path}:{number}: no such label: {cells[0].strip()!r}; the labels are {', '.join(LABELS)}")
        if len(cells) != 6 or not DIGEST.fullmatch(cells[4]):
            raise DataError(
                f"{path}:{number}: not a line of a block: label, marks, score, text, digest and path, parted by tabs"
            )
        found.blocks.append(Labelled(label, cells[4], cells[5], number))
        found.guesses.append((cells[1], score_of(cells[2]), cells[3]))
    if not found.blocks:
        raise DataError(f"{path}: no block has a label")
    return found


def score_of(cell: str) -> float:
    """A score as a file has it; 0 where somebody changed it."""
    try:
        return float(cell)
    except ValueError:
        return 0.0


def add_page(folder: Path, name: str, source: Source, model: Model | None = None) -> Annotation | None:
    """Write a page and its labels into a folder; None where its labels are there already, which stay as they are.

    Others may write there at the same time. Raises FileExistsError where another page of that name is there, DataError
    for one without text, OSError.
    """
    page, labels = folder / f"{name}.html", folder / f"{name}.tsv"

    def refuse_another() -> None:
        if page.exists() and page.read_bytes() != source.html:
            raise FileExistsError(f"{page} exists and is another page; give this one another name")

    refuse_another()
    if labels.exists():
        return None
    annotation = annotate(source, model)
    if annotation is None:
        raise DataError(f"{name}: a page without text")
    folder.mkdir(parents=True, exist_ok=True)
    if not write_new(page, source.html):
        refuse_another()
    return annotation if write_new(labels, write(annotation, name).encode("utf-8", "replace")) else None


def write_new(path: Path, data: bytes) -> bool:
    """Write a file, unless it is there already, if only since just now; says whether. Raises OSError."""
    try:
        write_file(path, data, new=True)
    except FileExistsError:
        return False
    return True


def files_in(folder: Path) -> Iterator[Path]:
    """The files of labels in a folder, in the order of their names."""
    return iter(sorted(folder.glob("*.tsv")))


def problems(path: Path) -> list[str]:
    """What is wrong with a file of labels, each with file and line; nothing if all is well."""
    try:
        annotation = read(path)
        html = read_page(path.parent, path.stem, str(path))
    except (DataError, OSError) as error:
        return [str(error)]
    cut = segment(html, rich=True)
    _, lost = located(cut.texts, cut.paths, annotation.blocks)
    return [
        f"{path}:{annotation.blocks[i].line}: this block is lost, the page has none like it: "
        f"{annotation.guesses[i][2][:60]!r}"
        for i in lost
    ]


def row(annotation: Annotation, path: Path) -> dict[str, object]:
    """Labels, read from a file, as JSON Lines have them, without any text: by digest, in reading order."""
    return {
        "corpus": annotation.told.get("corpus", path.parent.resolve().name),
        "id": annotation.told.get("id", path.stem),
        "by_hand": True,
        "blocks": [[block.label, block.key] for block in annotation.blocks],
    }


def counts(annotations: Sequence[Annotation]) -> dict[str, int]:
    """How many blocks have each label."""
    return {label: sum(b.label == label for a in annotations for b in a.blocks) for label in LABELS}
