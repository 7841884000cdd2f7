"""Kept blocks → plain text or Markdown, with the lists, quotes, tables and headings they stood in."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate, groupby
from operator import itemgetter
from typing import NamedTuple

from bodycopy.blocks import PREFORMATTED, Segments, Token, fold

HEADINGS = {f"h{n}": n for n in range(1, 7)}
MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "kbd": "`", "samp": "`", "del": "~~", "s": "~~"}
CELLS = ("td", "th")
CODE = ("`", "")
# What Markdown would not show as it is: anywhere, in the text of a link, where a line starts, and where a heading ends.
# The last two find the place for the backslash.
SPECIAL = re.compile(r"[`*]|~~+|(?<!\w)_+|_+(?!\w)|\](?=\()|<(?=[a-zA-Z/!?])|&(?=#?\w+;)|\\(?=[!-/:-@\[-`{-~]|\Z)")
IN_LINK = re.compile(rf"{SPECIAL.pattern}|[\[\]]")
STARTS = re.compile(r"^([0-9]{1,9}(?=[.)](?:\s|$))|(?=>|(?:#{1,6}|[-+])(?:\s|$)|(?:-+|=+)\s*$|\[[^\[\]]+\]:))")
CLOSING = re.compile(r"(?<!\S)(?=#+$)")
LONGEST_CELL = 400  # characters; a table with longer cells is there for the layout

Mark = tuple[str, str]  # what stands at its beginning, and the target, if it is a link
Marks = tuple[Mark, ...]  # outermost first


class Place(NamedTuple):
    """Where a block stands, as far as its rendering goes. Numbers of containers are -1 where there is none."""

    heading: int = 0  # level, 0 for none
    quotes: int = 0  # how many block quotes deep
    lists: tuple[tuple[int, int], ...] = ()  # the list items around it, outermost first, with the quotes around each
    list: int = -1  # what holds the innermost item
    number: int = -1  # of that item in an ordered list, -1 in a bulleted one
    pre: int = -1
    table: int = -1
    row: int = -1
    cell: int = -1
    column: int = -1  # of that cell, spans not counted


NOWHERE = Place()


def counted(cut: Segments) -> dict[int, int]:
    """The number of each item of an ordered list, and of each cell in its row, by node."""
    last: dict[int, int] = {}  # number, by list or row
    numbers: dict[int, int] = {}
    for node, tag in enumerate(cut.node_tag):
        parent = cut.node_parent[node]
        if tag in CELLS or (tag == "li" and parent >= 0 and cut.node_tag[parent] == "ol"):
            numbers[node] = last[parent] = last.get(parent, cut.list_starts.get(parent, 1) - 1) + 1
    return numbers


def layout(cut: Segments, blocks: list[int] | None = None) -> list[Place]:
    """The places of all blocks, or – enough for plain text – of those given, without the numbers."""
    tags, parents = cut.node_tag, cut.node_parent
    seen: dict[int, Place] = {}
    numbers = counted(cut) if blocks is None else {}

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
                lists = (*found.lists, (node, found.quotes))
                found = found._replace(lists=lists, list=parents[node], number=numbers.get(node, -1))
            elif tag in PREFORMATTED:
                found = found._replace(pre=node if found.pre < 0 else found.pre)
            elif tag in CELLS:
                found = found._replace(cell=node, column=numbers.get(node, -1))
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
    loose = layout_tables(texts, places)
    for text, place in zip(texts, places, strict=True):
        if parts:
            if place.row >= 0 and place.table == before.table and place.table not in loose:
                parts.append("\t" if place.row == before.row and place.cell != before.cell else "\n")
            elif (place.lists and before.lists and place.lists[-1] not in before.lists) or (
                place.pre >= 0 and place.pre == before.pre
            ):
                parts.append("\n")
            else:
                parts.append("\n\n")
        parts.append(text)
        before = place
    return "".join(parts)


def layout_tables(texts: list[str], places: list[Place]) -> set[int]:
    """The tables that are there for the layout: a cell holds a heading, or much text."""
    found: set[int] = set()
    lengths: dict[int, int] = {}
    for text, place in zip(texts, places, strict=True):
        if place.cell >= 0:
            lengths[place.cell] = length = lengths.get(place.cell, 0) + len(text)
            if place.heading or length > LONGEST_CELL:
                found.add(place.table)
    return found


def inline(tokens: list[Token], without: tuple[str, ...] = ()) -> str:
    """A block's tokens as one run of Markdown, some marks left out."""
    out: list[str] = []
    before: Marks = ()
    opened: list[int] = []  # where those begin in what is written
    spans: list[tuple[int, int]] = []  # where emphasis begins and ends
    for text, marks in [*runs(tokens, without), ("", ())]:
        code = CODE in marks
        around = marks[:-1] if code else marks
        same = len(shared(before, around))
        for sign, target in reversed(before[same:]):
            if sign == "[":
                opened.pop()
                out.append(f"](<{target}>)" if re.search(r"[\s()]", target) else f"]({target})")
            else:
                spans.append((opened.pop(), len(out)))
                out.append(sign)
        for sign, _ in around[same:]:
            opened.append(len(out))
            if sign == "[" and out and out[-1].endswith("!"):
                out[-1] = f"{out[-1][:-1]}\\!"  # or it would be a picture
            out.append(sign)
        linked = any(sign == "[" for sign, _ in around)
        out.append(code_span(text) if code else escaped(text, IN_LINK if linked else SPECIAL))
        before = around
    for i in misplaced(out, spans):
        out[i] = ""
    return "  \n".join(line for part in "".join(out).split("\n") if (line := fold(part)))


def runs(tokens: list[Token], without: tuple[str, ...] = ()) -> list[tuple[str, Marks]]:
    """A block's text in pieces, each with the marks around it; a line break is a line feed.

    A mark is there once, whatever elements repeat it, and none begins or ends at white space.
    """
    pieces: list[tuple[str, Marks]] = []
    open_marks: list[Mark] = []
    for kind, value in tokens:
        if kind == "text":
            marks = nested(open_marks)
            for piece in re.findall(r"[ \n]+|[^ \n]+(?: [^ \n]+)*", re.sub(r"\s+", " ", value).replace("\0", "\n")):
                pieces.append((piece, tuple(m for m in marks if m != CODE) if "\n" in piece else marks))
            continue
        sign = "[" if kind in ("link", "unlink") else MARKS.get(value, "")
        if not sign or sign in without:
            continue
        if kind in ("link", "open"):
            open_marks.append((sign, " ".join(value.split()) if kind == "link" else ""))
        else:
            last = next((i for i in range(len(open_marks) - 1, -1, -1) if open_marks[i][0] == sign), len(open_marks))
            del open_marks[last : last + 1]  # none, if it was opened in another block
    for way in (range(len(pieces)), range(len(pieces) - 1, -1, -1)):
        beside: Marks = ()
        for i in way:
            piece, marks = pieces[i]
            beside = shared(marks, beside) if piece.isspace() else marks
            pieces[i] = piece, beside
    return [("".join(piece for piece, _ in run), marks) for marks, run in groupby(pieces, key=itemgetter(1))]


def nested(open_marks: list[Mark]) -> Marks:
    """Marks as they can be written: each sign once, code innermost and with nothing but a link around what is in it."""
    signs: set[str] = set()
    kept = []
    for mark in open_marks:
        if mark[0] not in signs and (CODE not in kept or mark[0] == "["):
            kept.append(mark)
            signs.add(mark[0])
    return tuple(sorted(kept, key=CODE.__eq__))


def shared(a: Marks, b: Marks) -> Marks:
    """What two nests of marks have in common, from outside."""
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return a[:n]


def escaped(text: str, special: re.Pattern[str]) -> str:
    """Text with a backslash before each special character."""
    return special.sub(lambda found: "".join(f"\\{character}" for character in found[0]), text)


def code_span(text: str) -> str:
    """Code between more backticks than it holds in a row."""
    sign = backticks(text, 1)
    space = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{sign}{space}{text}{space}{sign}"


def backticks(code: str, least: int) -> str:
    """So many backticks, or more: code holds fewer in a row."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", code)), default=0))


def misplaced(pieces: list[str], spans: list[tuple[int, int]]) -> list[int]:
    """Which of the pieces are marks of emphasis that CommonMark would not take for such: one end joins on to a word
    while what is inside of it is punctuation.
    """
    signs = {i for span in spans for i in span}
    ends = list(accumulate(0 if i in signs else len(piece) for i, piece in enumerate(pieces)))
    text = " " + "".join(piece for i, piece in enumerate(pieces) if i not in signs) + " "

    def joins_on(outside: str, inside: str) -> bool:
        return is_punctuation(inside) and not (outside.isspace() or is_punctuation(outside))

    return [
        i
        for first, last in spans
        if joins_on(text[ends[first]], text[ends[first] + 1]) or joins_on(text[ends[last] + 1], text[ends[last]])
        for i in (first, last)
    ]


def is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


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
            lead = markers.around(place._replace(lists=()))
        else:
            lead = markers.around(place)
            if place.pre >= 0:
                code = "".join(value for kind, value in tokens if kind == "text").replace("\0", "\n").strip("\n")
                fence = backticks(code, 3)
                lines = [fence, *code.split("\n"), fence]
            else:
                lines = inline(tokens, ("[", "**") if place.heading else ()).split("\n")
                if place.heading:
                    title = CLOSING.sub(r"\\", " ".join(line.strip() for line in lines))
                    lines = [f"{'#' * place.heading} {title}"]
                else:
                    lines = [STARTS.sub(r"\1\\", line) for line in lines]
        whole = [f"{lead.later if n else lead.first}{line}" for n, line in enumerate(lines)]
        body = "\n".join(w if line.endswith("  ") else w.rstrip(" ") for w, line in zip(whole, lines, strict=True))
        if parts:
            parts.append("\n" if lead.goes_on else f"\n{lead.empty if before.quotes else ''}\n")
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


class Lead(NamedTuple):
    """What stands before the lines of a block: quote signs, an item's marker, indents."""

    first: str  # before its first line
    later: str  # before its other lines
    empty: str  # on an empty line before it
    goes_on: bool = False  # whether there is none, as it begins an item that goes on with the list before


class Markers:
    """What stands before the lines of blocks: each list item's marker once.

    Numbered lists in a row are told apart. Bulleted ones come out as one, which is what many pages mean by them.
    """

    def __init__(self) -> None:
        self.begun: set[int] = set()  # items whose marker stands
        self.open: dict[int, int] = {}  # those of them that a block may stand in, and how far it is indented
        self.last: dict[int, Place] = {}  # where the last item stood, by depth
        self.other: set[int] = set()  # lists that have the other sign behind their numbers

    def around(self, place: Place) -> Lead:
        """What stands before the lines of the next block."""
        if not place.lists or place.heading:
            self.open.clear()
            self.last.clear()
            outside = "> " * place.quotes
            return Lead(outside, outside, outside.rstrip())
        *outer, (item, quotes) = place.lists
        outside = ""
        for node, around in outer:
            outside += "> " * (around - outside.count(">")) + " " * self.open.get(node, 0)
        outside += "> " * (quotes - outside.count(">"))
        inside = "> " * (place.quotes - quotes)

        depth = sum(node in self.open for node, _ in outer)
        before = self.last.get(depth, NOWHERE)
        apart = before.list != place.list and 0 <= place.number <= before.number
        if apart and before.list not in self.other:
            self.other.add(place.list)
        interrupts = depth in self.last or place.number in (-1, 1)  # only such an item may follow on a line of text
        goes_on = bool(self.last) and not apart and interrupts
        self.last = {d: p for d, p in self.last.items() if d < depth} | {depth: place}
        marker = f"{place.number}{')' if place.list in self.other else '.'} " if place.number >= 0 else "- "
        later = outside + " " * len(marker) + inside
        if item in self.begun:
            return Lead(later, later, later.rstrip())
        self.begun.add(item)
        self.open[item] = max(4, len(marker))
        return Lead(outside + marker + inside, later, outside.rstrip(), goes_on)


def table_rows(members: list[int], blocks: list[list[Token]], places: list[Place]) -> list[str]:
    """A table as lines of Markdown, or none where it has fewer than two rows or columns, or cells full of text."""
    rows: dict[int, dict[int, list[str]]] = {}
    for i in members:
        text = inline(blocks[i]).replace("  \n", " ").replace("|", "\\|")
        rows.setdefault(places[i].row, {}).setdefault(places[i].column, []).append(text)
    columns = sorted({column for row in rows.values() for column in row})  # those without text are left out
    grid = [[" ".join(row.get(column, ())) for column in columns] for row in rows.values()]
    if len(grid) < 2 or len(columns) < 2 or any(len(cell) > LONGEST_CELL for row in grid for cell in row):
        return []
    lines = [f"| {' | '.join(row)} |" for row in grid]
    return [lines[0], f"|{' --- |' * len(columns)}", *lines[1:]]
