"""Whether something is a page of HTML or plain text, by its content."""

from __future__ import annotations

import re

from bodycopy.blocks import KINDS

PAGE = re.compile(r"\s*(?:<\?xml[^>]*>|<!--.*?-->|\s)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
TAG = re.compile(r"</?([a-z][a-z0-9]*)(?:\s[^<>]{0,2000})?/?>", re.I)
INLINE_TAGS = frozenset({"span", "u", "small", "font", "abbr", "cite", "q", "mark", "time", "label", "tt", "big"})
HEAD = 100_000  # characters that are looked at
BEGINNING = 2000  # bytes that may be enough
# Shares of tags from which it is HTML: of what begins with a tag, and of what does not. Text about HTML has some, too.
MARKED_UP, MARKED_UP_LATER = 0.05, 0.15


def begins_as_page(data: bytes) -> bool:
    """Whether bytes begin as a page of HTML does, in any encoding that has ASCII in it; most need no other look."""
    return PAGE.match(data[:BEGINNING].removeprefix(b"\xef\xbb\xbf").decode("latin-1")) is not None


def is_html(text: str) -> bool:
    """Whether a text is HTML, a whole page or a piece of one.

    It is if it begins as a page does, if it stands within tags, or if tags are a good part of it and on most of its
    lines. Plain text that tells of tags, or lists a piece of code, is not.
    """
    head = text[:HEAD].lstrip("\ufeff")
    if PAGE.match(head):
        return True
    tags = [found for found in TAG.finditer(head) if found[1].lower() in KINDS or found[1].lower() in INLINE_TAGS]
    share = sum(len(found[0]) for found in tags) / max(1, len(head))
    closes = any(found[0].startswith("</") for found in tags)
    begins = bool(tags) and not head[: tags[0].start()].strip()
    if begins and closes and not head[tags[-1].end() :].strip():
        return True
    lines = [line for line in head.splitlines() if line.strip()]
    tagged = sum("<" in line and ">" in line for line in lines)
    if not closes:
        return begins and all(line.lstrip().startswith("<") for line in lines)
    return share >= (MARKED_UP if begins else MARKED_UP_LATER) and tagged >= 0.5 * len(lines)
