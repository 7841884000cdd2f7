"""Bytes → events: find the encoding, parse, never raise on what a page holds."""

from __future__ import annotations

import codecs
import re
import threading
from contextlib import suppress
from typing import Any

from lxml import etree

from bodycopy.blocks import EnoughError, Segmenter, Segments

Html = bytes | str | etree._Element | etree._ElementTree

DECLARED = re.compile(rb"""<(?:meta\b[^>]*?charset|\?xml\b[^>]*?encoding)\s*=\s*["']?\s*([a-zA-Z0-9_:.-]+)""", re.I)
LANGUAGE = re.compile(rb"""<html\b[^>]*?\blang\s*=\s*["']?\s*([a-zA-Z]+)""", re.I)
UTF8 = ("utf-8", "utf8")
SURELY_UTF8 = 4  # bytes beyond the first, over all different characters: a word of another encoding may look like UTF-8
PIECE = 1 << 14  # bytes parsed at a time, and then cut: between two of them the parser can be left
BATCH = 1000  # events of a tree that are cut at a time
HEAD = 4096  # bytes searched for a declaration; the standard asks for 1024, real pages need more

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
BYTE_ORDER_MARKS_ONLY = tuple(mark for mark, _ in BYTE_ORDER_MARKS)
# Browsers read these labels as their supersets (WHATWG Encoding Standard, section 4.2).
SUPERSETS = {
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "big5": "big5hkscs",
}
NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7"})
# The encoding that browsers assume, by language, where nothing else tells (WHATWG HTML Standard, section 13.2.3.2).
FALLBACKS = {
    "ar": "cp1256",
    "bg": "cp1251",
    "cs": "cp1250",
    "el": "iso8859_7",
    "et": "cp1257",
    "fa": "cp1256",
    "he": "cp1255",
    "hr": "cp1250",
    "hu": "iso8859_2",
    "ja": "cp932",
    "ko": "cp949",
    "lt": "cp1257",
    "lv": "cp1257",
    "mk": "cp1251",
    "pl": "iso8859_2",
    "ru": "cp1251",
    "sk": "cp1250",
    "sl": "iso8859_2",
    "sr": "cp1251",
    "th": "cp874",
    "tr": "cp1254",
    "uk": "cp1251",
    "vi": "cp1258",
    "zh": "gb18030",
}

LOCAL = threading.local()  # each thread's parsers that are not at work


def known(label: str) -> str | None:
    """Python's name for a charset label as found on the web, or None where there is no such text encoding."""
    label = label.strip().lower()
    label = SUPERSETS.get(label, label)
    try:
        codec = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    return codec.name if codec._is_text_encoding and codec.name not in NO_CHARSETS else None


def decode(data: bytes, encoding: str | None = None) -> str:
    """The text of a page's bytes. Undecodable bytes become U+FFFD; nothing raises.

    In the order of the HTML standard: byte-order mark, the caller's ``encoding`` (from the HTTP header), what the page
    declares. But where the caller names none, what is valid UTF-8, and not by chance, is taken for that whatever the
    page declares: pages are stored as UTF-8 more often than their declarations are mended. An encoding that the bytes
    contradict is dropped for UTF-8 where they are valid UTF-8; with none, UTF-8 if valid, else what browsers assume for
    the page's language, else Windows-1252.
    """
    name = known(encoding) if encoding else None
    return data.decode() if name is None and is_utf8(data) else decode_as(data, name)


def decode_as(data: bytes, name: str | None) -> str:
    """`decode`, where Python's name for the caller's encoding is known, or the page is not `is_utf8`."""
    for mark, unicode in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(unicode, "replace").removeprefix("\ufeff")
    if name is None and (declared := declared_charset(data)):
        name = known(declared)
        if name and name.startswith(("utf-16", "utf-32")):
            name = "utf-8"  # the declaration itself was read as ASCII
    for candidate in (name, "utf-8"):
        if candidate:
            try:
                return data.decode(candidate)
            except ValueError:
                pass
    if name is None:
        language = LANGUAGE.search(data[:HEAD])
        name = FALLBACKS.get(language[1].decode("ascii").lower()[:2], "cp1252") if language else "cp1252"
    return data.decode(name, "replace")


def declared_charset(data: bytes) -> str:
    """The charset that a page names in its head, in small letters; "" if none."""
    found = DECLARED.search(data[:HEAD])
    return found[1].decode("ascii").lower() if found else ""


def is_utf8(data: bytes) -> bool:
    """Whether a page is UTF-8 without a byte-order mark: valid, and what it declares or surely nothing else."""
    if data.startswith(BYTE_ORDER_MARKS_ONLY):
        return False
    try:
        text = data.decode()
    except ValueError:
        return False
    declared = declared_charset(data)
    if not declared or declared in UTF8:
        return True
    characters = "".join(set(text))
    return len(characters.encode()) - len(characters) >= SURELY_UTF8


def says_utf8(data: bytes) -> bool:
    """Whether a page declares itself UTF-8, without a byte-order mark. Bytes of it that are not become U+FFFD."""
    return not data.startswith(BYTE_ORDER_MARKS_ONLY) and declared_charset(data) in UTF8


def segment(html: Html, encoding: str | None = None, rich: bool = False) -> Segments:
    """Cut a page into blocks: bytes and text by parsing them, without building a tree; a tree by walking it, untouched.

    ``rich`` also records each block's path and inline markup. Raises TypeError for anything but bytes, str or an lxml
    tree, or an encoding that is no str, and nothing for what a page holds. Time is linear in its size.
    """
    if encoding is not None and not isinstance(encoding, str):
        raise TypeError(f"an encoding is a str, such as 'utf-8', not {type(encoding).__name__}")
    if isinstance(html, etree._ElementTree):
        html = html.getroot()
        if html is None:
            return Segments()
    if isinstance(html, etree._Element):
        if not isinstance(html.tag, str):  # a comment, say
            return Segments()
        target = Segmenter()
        target.begin(rich, namespaced=html.tag[0] == "{")
        with suppress(EnoughError):
            walk(html, target)
        return target.finish()
    if isinstance(html, (bytes, bytearray, memoryview)):
        data = bytes(html)
        name = known(encoding) if encoding else None
        # Whether bytes are UTF-8 takes a twentieth of a parse to find out.
        if name or not (says_utf8(data) or is_utf8(data)):
            data = decode_as(data, name).encode("utf-8", "replace")
    elif isinstance(html, str):
        data = html.encode("utf-8", "replace")
    else:
        raise TypeError(f"a page is bytes, str or an lxml tree, not {type(html).__name__}")
    if b"\0" in data:
        data = data.replace(b"\0", b"")
    parsers = LOCAL.__dict__.setdefault("parsers", [])
    target, parser = parsers.pop() if parsers else new_parser()
    target.begin(rich, source=data)
    try:
        for at in range(0, len(data), PIECE):
            parser.feed(data[at : at + PIECE])
            target.cut()
        parser.close()
        parsers.append((target, parser))
    except (etree.XMLSyntaxError, EnoughError):  # nothing in it but comments, say; or too much
        pass
    return target.finish()


def new_parser() -> tuple[Segmenter, Any]:
    """A parser and its target. They hold each other, and would be garbage after every page: they are used again."""
    target = Segmenter()
    # The text comes as UTF-8, said so to the parser: no declaration in it is believed a second time.
    return target, etree.HTMLParser(target=target, encoding="utf-8", huge_tree=True)  # type: ignore[arg-type]


def walk(root: etree._Element, target: Segmenter) -> None:
    """Tell a target of everything in a tree, as a parser would."""
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if len(target.events) >= BATCH:
            target.cut()
        if not isinstance(element.tag, str):  # a comment, an instruction; of an entity, its name
            if element.tag is etree.Entity and event == "start" and element.text:
                target.data(element.text)
        elif event == "start":
            target.start(local(element.tag), element.attrib)
            if element.text:
                target.data(element.text)
        else:
            target.end(local(element.tag))
        if event != "start" and element.tail and element is not root:
            target.data(element.tail)


def local(tag: str) -> str:
    """A tag without the namespace that an XML parser gives it."""
    return tag.rpartition("}")[2] if tag[0] == "{" else tag
