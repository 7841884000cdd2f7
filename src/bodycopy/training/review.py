"""An annotated page → one HTML file in which its labels are corrected in a browser, without any server.

What is changed is kept in the browser's storage at once, so that nothing is lost when it closes, until "Save" puts out
the file of labels, as `annotation` reads it.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from zlib import crc32

from bodycopy.model import LABELS
from bodycopy.training.annotation import SHOWN, Annotation

TEMPLATE = Path(__file__).with_name("review.html")
COLOURS = {"body": "#2e7d32", "promo": "#c62828", "related": "#b26a00", "chrome": "#757575"}


def shown(text: str) -> str:
    """The text of a block, as a file has it, marked where it was cut off."""
    return text + "…" if len(text) == SHOWN else text


def review(annotation: Annotation, name: str, file: str) -> str:
    """The page for an annotation, as HTML; ``file`` is the text of ``NAME.tsv`` that it was read from."""
    lines = file.removesuffix("\n").split("\n")
    data = {
        "name": name,
        # Changes are kept for this very state of the file: another starts anew.
        "key": f"bodycopy {name} {crc32(file.encode()):08x}",
        "labels": list(LABELS),
        "lines": lines,
        "blocks": [
            {"line": block.line - 1, "label": block.label, "marks": marks, "score": score, "text": shown(text)}
            for block, (marks, score, text) in zip(annotation.blocks, annotation.guesses, strict=True)
        ],
    }
    # Inside <script>, "</" would end it and "<!--" would change how it is read.
    told = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    colours = " ".join(f"--{label}: {colour};" for label, colour in COLOURS.items())
    page = TEMPLATE.read_text(encoding="utf-8")
    for mark, value in (("COLOURS", colours), ("NAME", escape(name)), ("DATA", told)):
        page = page.replace(f"%%{mark}%%", value)
    return page
