"""Whatever a page holds, nothing raises and nothing hangs: for clean, and for label with all that comes out of it."""

import inspect
import json
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import bodycopy

MOST = 10  # seconds; 2 are promised, on a machine with nothing else to do


def million(text: str) -> str:
    return text * 1_000_000


LINKED_DATA = '<script type="application/ld+json">'
STATED = '{"articleBody": "words"}'
SITE_NAME = '<meta property="og:site_name" content="Example">'
# What a reader would miss must come through with the threshold at 0, where anything is expected.
PAGES = {
    "empty": (lambda: b"", None),
    "only white space": (lambda: " \n\t\r" * 1000, None),
    "plain text": (lambda: "Just a text.\n\nAnd a second paragraph." * 10, "second paragraph."),
    "binary": (lambda: bytes(range(256)) * 4000, None),
    "an image": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes((i * 7919) % 256 for i in range(200_000)), None),
    "NUL bytes alone": (lambda: b"\0" * 100_000, None),
    "NUL bytes between": (lambda: b"<p>\0wo\0rd\0s, </p>\0" * 1000, "words,"),
    "truncated in a tag": (lambda: "<html><body><p>words here</p><div class='sto", "words here"),
    "truncated in a comment": (lambda: "<html><body><p>words here</p><!-- never", "words here"),
    "truncated in a script": (lambda: "<html><body><p>words here</p><script>let a = '", "words here"),
    "truncated in a character": (lambda: "<p>words here 日本語".encode()[:-1], "words here"),
    "wrong charset": (lambda: "<meta charset=utf-16><p>words Grüße</p>".encode("cp1252"), "words"),
    "a charset that is none": (lambda: b"<meta charset=undefined><p>words \xe9</p>", "words"),
    "charsets mixed": (lambda: "<meta charset=utf-8><p>words ü</p>".encode() + "<p>ü</p>".encode("cp1252"), "words ü"),
    "XHTML with a declaration": (
        lambda: '<?xml version="1.0" encoding="iso-8859-1"?><html xmlns="http://www.w3.org/1999/xhtml"><p>words</p></html>',
        "words",
    ),
    "frames": (lambda: '<html><frameset cols="20%,80%"><frame src=a><frame src=b></frameset></html>', None),
    "no body": (lambda: "<html><head><title>t</title></head></html>", None),
    "a title alone": (lambda: f"<title>{million('t ')}</title>", None),
    "only a comment": (lambda: "<!-- x -->", None),
    "only a doctype": (lambda: "<!doctype html>", None),
    "JSON": (lambda: json.dumps({"html": "<p>words</p>", "list": list(range(1000))}), "words"),
    "lone surrogates": (lambda: "<p>words \ud83d here \udc00</p><p class='\ud800'><a href='\udfff'>x</a></p>", "words"),
    "numbers of no character": (lambda: "<p>words &#xD800; &#0; &#x110000; &#99999999999; &bogus;</p>", "words"),
    "a bidirectional override": (lambda: "<p>words \u202e\u2066\ufffe\uffff</p>", "words"),
    "only opening brackets": (lambda: "<" * 2_000_000, None),
    "only ampersands": (lambda: "&" * 2_000_000, None),
    "comments that never end": (lambda: "<!--" * 500_000, None),
    "tags that never end": (lambda: "<meta " * 500_000, None),
    "end tags alone": (lambda: "</div></p></b>" * 200_000, None),
    "100,000 nested blocks": (lambda: "<p>words</p>" + "<div>" * 100_000 + "deep" + "</div>" * 100_000, "words"),
    "100,000 nested blocks with text": (lambda: "<p>words</p>" + "<div>x " * 100_000, "words"),
    "100,000 nested inline elements": (lambda: "<p>words</p>" + "<b><i>x " * 50_000, "words"),
    "100,000 nested list items": (lambda: "<p>words</p>" + "<ul><li>x" * 100_000, "words"),
    "100,000 nested quotes": (lambda: "<p>words</p>" + "<blockquote>x" * 100_000, "words"),
    "100,000 nested tables": (lambda: "<p>words</p>" + "<table><tr><td>x" * 100_000, "words"),
    "100,000 nested links": (lambda: "<p>words</p>" + "<a href=x><div>y" * 100_000, "words"),
    "100,000 nested noscripts": (lambda: "<p>words</p>" + "<noscript>" * 100_000 + "<p>x", "words"),
    "300,000 nested elements and ends of none": (lambda: "<p>words</p>" + "<span>x</p>" * 300_000, "words"),
    "300,000 nested blocks and ends of none": (lambda: "<p>words</p>" + "<div><i>x</b>" * 300_000, "words"),
    "300,000 nested drawings and ends of none": (lambda: "<p>words</p>" + "<svg><g>x</p>" * 300_000, "words"),
    "300,000 nested bodies": (lambda: "<p>words</p>" + "<span><body>x" * 300_000, "words"),
    "a paragraph of 20 MB": (lambda: "<p>words " + "lorem ipsum, dolor. " * 1_000_000, "words"),
    "a word of 20 MB": (lambda: "<p>words " + "x" * 20_000_000, "words"),
    "5 million preformatted lines": (lambda: "<pre>words\n" + "x\n" * 5_000_000, "words"),
    "a million sibling links": (lambda: "<p>words</p>" + million("<a href=x>y</a>"), "words"),
    "a million list items with a link": (lambda: "<p>words</p><ul>" + million("<li><a href=x>y</a>"), "words"),
    "a million line breaks": (lambda: "<p>words</p>" + million("x<br>"), "words"),
    "a million paragraphs by breaks": (lambda: "<p>words</p>" + million("x<br><br>"), "words"),
    "300,000 empty elements": (lambda: "<p>words</p>" + "<div></div>" * 300_000, "words"),
    "300,000 cells in a row": (lambda: "<p>words</p><table><tr>" + "<td>x" * 300_000, "words"),
    "a million pictures": (lambda: "<p>words</p>" + million("<img src=x>"), "words"),
    "200,000 metadata": (lambda: "".join(f"<meta name={i} content=x>" for i in range(200_000)) + "<p>words", "words"),
    "a million linked data": (lambda: f"{LINKED_DATA}{million(STATED)}</script><p>words</p>", "words"),
    "linked data of 20 MB": (lambda: f"{LINKED_DATA}{STATED[:-2]}{'x &amp; <' * 2_000_000}</script><p>words", "words"),
    "linked data that never ends": (lambda: f"{LINKED_DATA}{million(STATED[:-1])}</script><p>words</p>", "words"),
    "a name in all of 20,000 blocks": (lambda: SITE_NAME + "<p>words of Example" * 20_000, "words of Example"),
    "huge attributes": (lambda: f"<div class='{'abc ' * 2_000_000}'><p id={'x' * 9_000_000}>words</p></div>", "words"),
    "a huge link": (lambda: f"<p>words <a href='data:{'a/' * 5_000_000}'>link</a></p>", "words"),
    "10,000 attributes": (lambda: f"<p {' '.join(f'a{i}=x' for i in range(10_000))}>words</p>", "words"),
    "10,000 elements of names of their own": (lambda: "".join(f"<x{i}>words </x{i}>" for i in range(10_000)), "words"),
}  # fmt: skip

each_page = pytest.mark.parametrize(("make", "words"), PAGES.values(), ids=PAGES.keys())


@contextmanager
def bounds(seconds):
    """What takes too long or too much memory is stopped, and leaves the other tests and the machine alone."""

    def too_long(*_):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    memory = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, memory[1]))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, memory)


@each_page
def test_clean_takes_it(make, words):
    html = make()
    with bounds(MOST):
        text = bodycopy.clean(html, keep=bodycopy.LABELS, threshold=0)
    found = (words or "") in text  # apart from the assertion, which would print all of it
    assert found


@each_page
def test_label_takes_it(make, words):
    html = make()
    with bounds(MOST):
        page = bodycopy.label(html, "https://example.com/", threshold=0)
    found = words is None or any(words in block.text for block in page.blocks)
    assert found
    with bounds(MOST):
        assert isinstance(page.text, str)
        assert isinstance(page.markdown, str)
        assert isinstance(page.related, list)
        told = json.dumps(page.to_dict())
    assert told


def test_a_huge_class_is_not_copied_for_every_block():
    # In a process of its own, with 2 GB to live in.
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "import bodycopy\n"
        "page = '<div class=\"' + 'abc ' * 250_000 + '\">' + '<p>words</p>' * 5000\n"
        "print(len(bodycopy.label(page).blocks))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "5000", done.stderr[-500:]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell the memory at its highest")
def test_a_page_of_5_mb_takes_less_than_400_mb():
    code = (
        "import re, bodycopy\n"
        "page = '<html><body>' + ''.join(f'<div class=\"item n{i % 50}\"><h2><a href=\"/s/{i}\">Heading {i}</a></h2>"
        "<p>' + 'Some words, in a sentence. ' * 20 + '</p></div>' for i in range(8000))\n"
        "assert 4_900_000 < len(page) < 5_500_000, len(page)\n"
        "bodycopy.clean(page.encode())\n"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400_000  # kilobytes


def test_a_deep_page_takes_no_more_of_the_stack_than_a_flat_one():
    page = "<div>" * 250 + "<p>Some words here, in a sentence.</p>"

    def below(frames: int) -> str:
        return below(frames - 1) if frames else bodycopy.clean(page, threshold=0)

    bodycopy.clean(page)  # loads the model
    assert below(sys.getrecursionlimit() - len(inspect.stack()) - 60) == "Some words here, in a sentence."
