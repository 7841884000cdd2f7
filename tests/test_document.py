"""Bytes → blocks: which charset a page is read in, and what is taken for a page."""

import codecs
import gc
import threading

import pytest
from helpers import texts
from lxml import etree
from lxml import html as lxml_html

import bodycopy
from bodycopy import blocks, document
from bodycopy.document import decode, known, segment

CYRILLIC = "<p>Привет, мир</p>"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_wins_over_everything_and_is_removed(mark, encoding):
    page = f'<meta charset="iso-8859-1">{CYRILLIC}'
    assert decode(mark + page.encode(encoding), "windows-1251") == page


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_seen_by_its_first_character(encoding):
    assert decode(CYRILLIC.encode(encoding)) == CYRILLIC


@pytest.mark.parametrize(
    "declaration",
    [
        '<meta charset="windows-1251">',
        "<meta charset=windows-1251>",
        "<META CHARSET='Windows-1251'>",
        '<meta charset = "windows-1251" />',
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        "<meta content='text/html;charset=windows-1251' http-equiv=Content-Type>",
        '<meta name="viewport" content="width=device-width">\n<meta\n  charset="cp1251">',
        '<?xml version="1.0" encoding="windows-1251"?>',
        "<!doctype html><html><head>" + "<!-- padding -->" * 100 + '<meta charset="windows-1251">',
    ],
)
def test_the_declared_charset_is_used(declaration):
    page = declaration + CYRILLIC
    assert decode(page.encode("cp1251")) == page


def test_the_http_charset_wins_over_the_declared_one():
    data = b"<meta charset=iso-8859-1>" + CYRILLIC.encode("koi8-r")
    assert decode(data, "koi8-r").endswith(CYRILLIC)


@pytest.mark.parametrize(
    ("label", "character", "data"),
    [
        ("iso-8859-1", "’", b"\x92"),
        ("ascii", "é", b"\xe9"),
        ("latin1", "€", b"\x80"),
        ("iso-8859-9", "€", b"\x80"),
        ("gb2312", "镕", "镕".encode("gbk")),
        ("shift_jis", "①", "①".encode("cp932")),
        ("x-sjis", "髙", "髙".encode("cp932")),
        ("euc-kr", "똠", "똠".encode("cp949")),
        ("tis-620", "…", b"\x85"),
    ],
)
def test_charsets_are_read_as_the_supersets_that_browsers_use(label, character, data):
    assert decode(f"<meta charset={label}><p>".encode() + data) == f"<meta charset={label}><p>{character}"


def test_a_declaration_that_the_bytes_contradict_gives_way_to_valid_utf_8():
    page = "<meta charset=shift_jis><p>“Ça coûte 5 €”, dit-elle à Łódź</p>"
    assert decode(page.encode()) == page


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1251", "shift_jis", "gb2312"])
def test_what_is_surely_utf_8_is_read_as_that_whatever_the_page_declares(declared):
    page = f"<meta charset={declared}><p>Grüße, мир, 日本</p>"
    assert decode(page.encode()) == page
    assert texts(page.encode()) == ["Grüße, мир, 日本"]


@pytest.mark.parametrize("word", ["学校", "学习", "医药", "同学录"])  # valid UTF-8, by chance
def test_a_word_that_happens_to_be_valid_utf_8_is_read_as_the_page_declares(word):
    page = f"<meta charset=gb2312><title>{word}</title><h1>{word}</h1><p>{word}</p>"
    assert page.encode("gb2312").decode() != page
    assert decode(page.encode("gb2312")) == page


def test_escapes_of_seven_bits_are_read_as_the_page_declares():
    page = "<meta charset=iso-2022-jp><p>今日は晴れ、明日は雨でしょう。</p>"
    assert decode(page.encode("iso-2022-jp")) == page


def test_an_http_charset_that_the_bytes_contradict_gives_way_to_valid_utf_8():
    assert decode("<p>日本語のページ”</p>".encode(), "gb2312") == "<p>日本語のページ”</p>"


def test_a_page_that_says_utf_16_in_ascii_is_read_as_utf_8():
    assert decode("<meta charset=utf-16><p>é</p>".encode()).endswith("<p>é</p>")


def test_bytes_that_are_invalid_become_replacement_characters_in_the_declared_charset():
    assert decode(b"<meta charset=utf-8><p>caf\xe9 ol\xc3\xa9</p>").endswith("<p>caf\ufffd olé</p>")


def test_a_page_that_says_utf_8_and_breaks_it_loses_those_bytes_alone():
    page = b'<meta charset="utf-8"><p class="\xe9">caf\xc3\xa9 \xff caf\xe9</p><p>Gr\xc3\xbc\xc3\x9fe</p>'
    assert texts(page) == ["café \ufffd caf\ufffd", "Grüße"]


@pytest.mark.parametrize(
    ("language", "encoding", "text"),
    [
        ("ru", "cp1251", "Привет"),
        ("ru-RU", "cp1251", "Привет"),
        ("uk", "cp1251", "Їжак"),
        ("pl", "iso8859_2", "żółw"),
        ("cs", "cp1250", "žluťoučký"),
        ("el", "iso8859_7", "Ελλάδα"),
        ("tr", "cp1254", "İstanbul ığdır"),
        ("he", "cp1255", "שלום"),
        ("ja", "cp932", "日本語です"),
        ("zh", "gb18030", "中文网页"),
        ("ko", "cp949", "안녕하세요"),
        ("th", "cp874", "สวัสดี"),
        ("de", "cp1252", "„Grüße“"),
        ("fr", "cp1252", "où ça – œuf"),
    ],
)
def test_without_a_declaration_the_language_tells_the_charset(language, encoding, text):
    page = f'<html lang="{language}"><p>{text}</p>'
    assert decode(page.encode(encoding)) == page


def test_without_any_hint_bytes_are_utf_8_if_valid_else_windows_1252():
    assert decode("<p>Grüße</p>".encode()) == "<p>Grüße</p>"
    assert decode("<p>„Grüße“</p>".encode("cp1252")) == "<p>„Grüße“</p>"


@pytest.mark.parametrize(
    "label",
    # The last six are codecs that Python has and the web has not, or not for text: some cannot replace what they
    # cannot read, one fails always. "undefined" is what a script bug writes into real pages.
    ["", "none", "x-unheard-of", "a\0b", "ü", "-" * 5000, "hex", "rot13", "undefined", "idna", "punycode", "utf-7"],
)
def test_a_charset_label_that_means_nothing_is_ignored(label):
    assert decode(b"<p>caf\xe9 +AGE-", label) == "<p>café +AGE-"


def test_a_declared_charset_that_means_nothing_is_ignored():
    assert decode(b"<meta charset=undefined><p>caf\xe9").endswith("café")


@pytest.mark.parametrize(
    "data", [bytes(range(256)), b"\xff\xfe", b"\xef\xbb\xbf", b"\xff\xfe\x00", b"<\0", b"\x00\x00\xfe\xff\x01"]
)
def test_decoding_never_raises(data):
    assert isinstance(decode(data), str)


def test_known_charsets_have_a_python_name():
    assert known(" UTF8 ") == "utf-8"
    assert known("Latin-1") == "cp1252"
    assert known("base64") is None
    assert known("klingon") is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: data.decode()])
def test_a_page_may_be_bytes_of_any_kind_or_text(kind):
    assert segment(kind("<p>Grüße</p>".encode())).texts == ["Grüße"]


@pytest.mark.parametrize("page", [None, 5, ["<p>x</p>"], {"html": "x"}, object()])
def test_anything_else_is_a_type_error(page):
    with pytest.raises(TypeError, match=type(page).__name__):
        segment(page)


def test_a_text_is_not_decoded_a_second_time():
    assert texts('<?xml version="1.0" encoding="utf-16"?><meta charset="koi8-r"><p>Grüße, мир</p>') == ["Grüße, мир"]


TREES = [
    "<html><body><p>one <!-- note --> two</p><p>three</p></body></html>",
    "<html><head><title>t</title></head><body><ul><li>a<li>b</ul><pre>x\n y</pre> tail <?php x ?> end</body></html>",
]


@pytest.mark.parametrize("source", TREES)
@pytest.mark.parametrize("rich", [False, True])
@pytest.mark.parametrize("wrap", [lambda root: root, lambda root: root.getroottree()])
def test_a_tree_is_left_untouched(source, wrap, rich):
    root = lxml_html.document_fromstring(source)
    before = etree.tostring(root)
    assert segment(wrap(root), rich=rich).texts
    assert etree.tostring(root) == before


def test_a_part_of_a_tree_is_taken_alone():
    root = lxml_html.document_fromstring("<div><p>inside</p></div> behind <p>outside</p>")
    assert segment(root.find(".//div")).texts == ["inside"]
    assert root.find(".//div").tail == " behind "


@pytest.mark.parametrize(
    "page",
    [
        *("", " \n\t", b"", b"\0\0", b"\xef\xbb\xbf", b"\xff\xfe", etree.ElementTree(), etree.Element("html")),
        *("<!-- only a comment -->", "<!-- unclosed", "<?php x ?>", "<!doctype html>", "</p>", "<p>", "&nbsp;"),
    ],
)
def test_a_page_with_nothing_in_it_has_no_blocks(page):
    assert segment(page, rich=True).texts == []


@pytest.mark.parametrize("node", [etree.Comment("x"), etree.ProcessingInstruction("x", "y")])
def test_a_lone_comment_is_a_page_with_nothing_in_it(node):
    assert segment(node).texts == []


def test_what_stands_after_a_stray_end_of_the_document_is_kept():
    page = "<html><body><p>one</p></body></html><p>two</p>three<div>four</div></html><p>five</p>"
    assert texts(page) == ["one", "two", "three", "four", "five"]


def test_what_stands_before_the_document_is_kept():
    assert texts("zero<html><head><title>t</title></head><body><p>one</p></body></html>") == ["zero", "one"]


@pytest.mark.parametrize(
    "page",
    [
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body><p>Grüße</p></body></html>'
    ],
)
@pytest.mark.parametrize("kind", [str, str.encode])
def test_xhtml_with_a_declaration_is_read(page, kind):
    assert texts(kind(page)) == ["Grüße"]


def test_nul_bytes_are_dropped():
    assert texts(b"<p>on\0e</p>\0<p>\0two</p>") == ["one", "two"]
    assert texts("<p>on\0e</p>") == ["one"]


def test_lone_surrogates_are_replaced():
    assert texts("<p>be\ud83dfore</p><p>after</p>") == ["be?fore", "after"]


@pytest.mark.parametrize(
    "tree",
    [
        lxml_html.fromstring("<span>Some words <b>of</b> text</span>"),
        lxml_html.fromstring("<a href=/x>Some words <b>of</b> text</a>"),
        etree.fromstring("<b>Some words <i>of</i> text</b>"),
        etree.fromstring("<note>Some words <i>of</i> text</note>"),
        etree.fromstring("<span>Some words <i>of</i> text<p></p></span>"),
    ],
    ids=lambda tree: tree.tag,
)
def test_a_tree_may_begin_at_an_inline_element(tree):
    page = bodycopy.label(tree)
    assert [block.text for block in page.blocks] == ["Some words of text"]
    assert sum(page.blocks[0].scores.values()) == pytest.approx(1, abs=1e-3)
    assert 0 <= page.blocks[0].core <= 1
    assert bodycopy.clean(tree, threshold=0) == "Some words of text"


def test_a_page_leaves_nothing_for_the_garbage_collector():
    segment(CYRILLIC)
    gc.collect()
    gc.disable()
    try:
        for rich in (False, True) * 5:
            segment(CYRILLIC, rich=rich)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_pages_are_cut_alike_whatever_was_cut_before_them(monkeypatch):
    page = "<title>A title</title><ol start=3><li>Some words</ol><a href=/x>A link</a>"
    alone = segment(page, rich=True)
    segment("<div class=a><p>Text, <b>bold and <i>never closed")
    assert segment(page, rich=True) == alone
    segment("<!-- a comment alone -->")
    assert segment(page, rich=True) == alone
    monkeypatch.setattr(blocks, "MOST_BLOCKS", 5)
    assert len(segment("<p>Too much" * 1000).texts) == 5
    monkeypatch.undo()
    assert segment(page, rich=True) == alone


def test_what_stands_behind_the_last_block_that_counts_is_no_error(monkeypatch):
    monkeypatch.setattr(blocks, "MOST_BLOCKS", 2)
    for behind in ("more<br>text", "<pre>more\ntext</pre>", "<b>more</b> text", "<br><br>more<br>text"):
        assert texts(f"<div><p>one<br>line</p><p>two</p>{behind}</div>") == ["one\nline", "two"]


def test_a_page_that_was_interrupted_does_not_disturb_the_next(monkeypatch):
    class Interrupted(blocks.Segmenter):
        interrupted = False

        def start(self, tag, attributes):
            if not Interrupted.interrupted:
                Interrupted.interrupted = True
                raise KeyboardInterrupt
            super().start(tag, attributes)

    alone = segment(CYRILLIC)
    monkeypatch.setattr(document, "LOCAL", threading.local())
    monkeypatch.setattr(document, "Segmenter", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        segment(CYRILLIC)
    assert segment(CYRILLIC) == alone


def test_a_page_may_be_cut_amid_another(monkeypatch):
    inner = []

    class Another(blocks.Segmenter):
        def start(self, tag, attributes):
            if not inner:
                inner.append(None)
                inner[0] = segment(CYRILLIC)
            super().start(tag, attributes)

    alone = segment(CYRILLIC)
    monkeypatch.setattr(document, "LOCAL", threading.local())
    monkeypatch.setattr(document, "Segmenter", Another)
    outer = segment(CYRILLIC)
    assert inner == [alone]
    assert outer == alone
