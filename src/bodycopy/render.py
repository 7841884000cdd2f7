"""Kept blocks → plain text or Markdown, with the lists, quotes, tables and headings they stood in."""

from __future__ import annotations

import re
from typing import NamedTuple

from bodycopy.blocks import PREFORMATTED, Segments, Token, fold

HEADINGS = {f"h{n}": n for n in range(1, 7)}
MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "kbd": "`", "samp": "`", "del": "~~", "s": "~~"}
BLANK = " \t\r\n\f\0"  # white space and line breaks
LONGEST_CELL = 400  # characters; a table with longer cells is there for the layout


class Place(NamedTuple):
    """Where a block stands, as far as its rendering goes. Numbers of containers are -1 where there is none."""

    heading: int = 0  # level, 0 for none
    quotes: int = 0  # how many block quotes deep
    lists: tuple[int, ...] = ()  # the list items around it, outermost first
    list: int = -1  # what holds the innermost item
    number: int = 0  # of that item in an ordered list, 0 in a bulleted one
    pre: int = -1
    table: int = -1
    row: int = -1
    cell: int = -1


NOWHERE = Place()


def item_numbers(cut: Segments) -> dict[int, int]:
    """The number of each item of an ordered list, by node."""
    counted: dict[int, int] = {}  # items so far, by list
    numbers: dict[int, int] = {}
    for node, tag in enumerate(cut.node_tag):
        parent = cut.node_parent[node]
        if tag == "li" and parent >= 0 and cut.node_tag[parent] == "ol":
            numbers[node] = counted[parent] = counted.get(parent, cut.list_starts.get(parent, 1) - 1) + 1
    return numbers


def layout(cut: Segments, blocks: list[int] | None = None) -> list[Place]:
    """The places of all blocks, or – enough for plain text – of those given, without their items' numbers."""
    tags, parents = cut.node_tag, cut.node_parent
    seen: dict[int, Place] = {}
    numbers = item_numbers(cut) if blocks is None else {}

    def place(node: int) -> Place:
        way = []
        while node >= 0 and node not in seen:
            way.append(node)
            node = parents[node]
        found = seen[node] if node >= 0 else NOWHERE
        for node in reversed(way):
            tag = tags[node]
            if tag in HEADINGS:
                found = found._replace(heading=HEADINGS[tag])
            elif tag == "blockquote":
                found = found._replace(quotes=found.quotes + 1)
            elif tag == "li":
                found = found._replace(lists=(*found.lists, node), list=parents[node], number=numbers.get(node, 0))
            elif tag in PREFORMATTED:
                found = found._replace(pre=node if found.pre < 0 else found.pre)
            elif tag in ("td", "th"):
                found = found._replace(cell=node)
            elif tag == "tr":
                found = found._replace(row=node)
            elif tag == "table":
                found = found._replace(table=node, row=-1, cell=-1)
            seen[node] = found
        return found

    return [place(cut.node[i]) for i in (range(len(cut.texts)) if blocks is None else blocks)]


def to_text(texts: list[str], places: list[Place]) -> str:
    """Blocks as plain text: an empty line between paragraphs, none between list items and rows, a tab between cells."""
    parts: list[str] = []
    before = NOWHERE
    for text, place in zip(texts, places, strict=True):
        if parts:
            if place.row >= 0 and place.row == before.row:
                parts.append("\t" if place.cell != before.cell else "\n")
            elif (
                (place.row >= 0 and place.table == before.table)
                or (place.lists and before.lists)
                or (place.pre >= 0 and place.pre == before.pre)
            ):
                parts.append("\n")
            else:
                parts.append("\n\n")
        parts.append(text)
        before = place
    return "".join(parts)


def inline(tokens: list[Token], plain: bool = False) -> str:
    """A block's tokens as one run of Markdown; ``plain`` keeps the links' text alone."""
    out: list[str] = []
    open_marks: list[tuple[str, int]] = []  # mark or link, and where it was opened

    def close(at: int, mark: str, target: str = "") -> None:
        inner = "".join(out[at:])
        core = inner.strip(BLANK)
        lead, tail = inner[: len(inner) - len(inner.lstrip(BLANK))], inner[len(inner.rstrip(BLANK)) :]
        del out[at:]
        if not core or (plain and mark == "["):
            out.append(inner)
        elif mark == "[":
            out.append(
                f"{lead}[{core}](<{target}>){tail}"
                if re.search(r"[\s()]", target)
                else f"{lead}[{core}]({target}){tail}"
            )
        elif mark == "`" and "`" in core:
            space = " " if core[0] == "`" or core[-1] == "`" else ""
            out.append(f"{lead}``{space}{core}{space}``{tail}")
        elif not lead and out and out[-1].endswith(mark):  # one run of bold after another is one
            out[-1] = f"{out[-1].removesuffix(mark)}{core}{mark}{tail}"
        else:
            out.append(f"{lead}{mark}{core}{mark}{tail}")

    for kind, value in tokens:
        if kind == "text":
            out.append(value)
        elif kind == "link" or (kind == "open" and value in MARKS):
            open_marks.append(("[" if kind == "link" else MARKS[value], len(out)))
        elif kind == "unlink" or (kind == "close" and value in MARKS):
            mark = "[" if kind == "unlink" else MARKS[value]
            for i in range(len(open_marks) - 1, -1, -1):
                if open_marks[i][0] == mark:
                    close(open_marks[i][1], mark, value)
                    del open_marks[i:]
                    break
    while open_marks:  # the block ended inside: a bold run across paragraphs
        mark, at = open_marks.pop()
        if mark != "[":
            close(at, mark)
    return "  \n".join(line for part in "".join(out).split("\0") if (line := fold(part)))


def to_markdown(blocks: list[list[Token]], places: list[Place]) -> str:
    """Blocks as Markdown (CommonMark, with tables as GitHub has them)."""
    blocks, places = whole_code(blocks, places)
    tables: dict[int, list[int]] = {}
    for i, place in enumerate(places):
        if place.row >= 0 and place.cell >= 0:
            tables.setdefault(place.table, []).append(i)
    grids = {t: grid for t, members in tables.items() if (grid := table_rows(members, blocks, places))}

    parts: list[str] = []
    written: set[int] = set()  # tables
    markers = Markers()
    before = NOWHERE
    for tokens, place in zip(blocks, places, strict=True):
        if place.table in grids and place.cell >= 0:
            if place.table in written:
                continue
            written.add(place.table)
            lines = grids[place.table]
            marker, indent, goes_on = markers.around(NOWHERE)
        else:
            marker, indent, goes_on = markers.around(place)
            if place.pre >= 0:
                code = "".join(value for kind, value in tokens if kind == "text").replace("\0", "\n").strip("\n")
                fence = "```"
                while fence in code:
                    fence += "`"
                lines = [fence, *code.split("\n"), fence]
            else:
                lines = inline(tokens, plain=bool(place.heading)).split("\n")
                if place.heading:
                    lines = [f"{'#' * place.heading} {' '.join(line.strip() for line in lines).replace('**', '')}"]
        quote = "> " * place.quotes
        whole = [f"{quote}{indent if n else marker}{line}" for n, line in enumerate(lines)]
        body = "\n".join(w if line.endswith("  ") else w.rstrip(" ") for w, line in zip(whole, lines, strict=True))
        if parts:
            parts.append("\n" if goes_on else f"\n{quote.rstrip()}\n" if quote and before.quotes else "\n\n")
        parts.append(body)
        before = place
    return "".join(parts)


def whole_code(blocks: list[list[Token]], places: list[Place]) -> tuple[list[list[Token]], list[Place]]:
    """The same with the blocks of each preformatted element as one."""
    joined: list[list[Token]] = []
    kept: list[Place] = []
    for tokens, place in zip(blocks, places, strict=True):
        if place.pre >= 0 and kept and place.pre == kept[-1].pre:
            joined[-1] = [*joined[-1], ("text", "\n"), *tokens]
        else:
            joined.append(tokens)
            kept.append(place)
    return joined, kept


class Markers:
    """What stands before the lines of blocks in lists: each item's marker once.

    Numbered lists in a row are told apart. Bulleted ones come out as one, which is what many pages mean by them.
    """

    def __init__(self) -> None:
        self.begun: set[int] = set()  # items whose marker stands
        self.open: set[int] = set()  # those of them that a block may stand in
        self.last: dict[int, Place] = {}  # where the last item stood, by depth
        self.other: set[int] = set()  # lists that have the other sign behind their numbers

    def around(self, place: Place) -> tuple[str, str, bool]:
        """What stands before a block's first line and its other lines, and whether the list before goes on with it."""
        if not place.lists or place.heading:
            self.open.clear()
            self.last.clear()
            return "", "", False
        *outer, item = place.lists
        depth = sum(i in self.open for i in outer)
        before = self.last.get(depth, NOWHERE)
        apart = before.list != place.list and 0 < place.number <= before.number
        if apart and before.list not in self.other:
            self.other.add(place.list)
        goes_on = bool(self.last) and not apart
        self.last = {d: p for d, p in self.last.items() if d < depth} | {depth: place}
        marker = f"{place.number}{')' if place.list in self.other else '.'} " if place.number else "- "
        lead = "    " * depth
        indent = lead + " " * len(marker)
        if item in self.begun:
            return indent, indent, False
        self.begun.add(item)
        self.open.add(item)
        return lead + marker, indent, goes_on


def table_rows(members: list[int], blocks: list[list[Token]], places: list[Place]) -> list[str]:
    """A table as lines of Markdown, or none where it has fewer than two rows or columns, or cells full of text."""
    rows: dict[int, dict[int, list[str]]] = {}
    for i in members:
        text = inline(blocks[i]).replace("  \n", " ").replace("\n", " ").replace("|", "\\|")
        rows.setdefault(places[i].row, {}).setdefault(places[i].cell, []).append(text)
    grid = [[" ".join(cell) for cell in row.values()] for row in rows.values()]
    width = max(map(len, grid))
    if len(grid) < 2 or width < 2 or any(len(cell) > LONGEST_CELL for row in grid for cell in row):
        return []
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in grid]
    return [lines[0], f"|{' --- |' * width}", *lines[1:]]
