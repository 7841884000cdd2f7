"""Whether something is HTML or text."""

import pytest
from test_pages import FOLDER, NAMES

import bodycopy
from bodycopy.sniff import begins_as_page, is_html


@pytest.mark.parametrize("name", NAMES)
def test_pages_are_html_and_their_text_is_not(name):
    html = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    assert is_html(html)
    assert not is_html("\n".join(b.text for b in bodycopy.label(html).blocks))


@pytest.mark.parametrize(
    "html",
    [
        "<p>One</p>",
        "Hello <b>world</b>",
        "<ul><li>a<li>b</ul>",
        '<?xml version="1.0"?>\n<!-- note -->\n<html xmlns="http://www.w3.org/1999/xhtml"></html>',
        "\ufeff  <!DOCTYPE html>\n<title>x</title>" + "text " * 1000,
        "<div>\n<p>" + "text " * 200 + "</p>\n<p>more " + "text " * 200 + "\nand more</p>\n</div>\n",
    ],
)
def test_pieces_of_html_are_html(html):
    assert is_html(html)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a < b and c > d",
        "I <3 you",
        "Use the <p> tag.",
        "<table> is an element.\nIt holds rows, which hold cells.\nIn <tr> go <td> and <th>.",
        "Write this:\n\n```html\n<div><p>Hello</p></div>\n```\n\nand then load it.\nIt is all there is to it.\nReally.",
        "Mail <someone@example.com> about it.",
    ],
)
def test_text_about_html_is_text(text):
    assert not is_html(text)


def test_a_long_text_of_angles_takes_no_time():
    assert not is_html("<a " * 200_000)
    assert not is_html("<" * 1_000_000)


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        (b"\xef\xbb\xbf <!DOCTYPE html><title>x", True),
        ("<html lang=ru><p>Привет".encode("koi8-r"), True),
        (b"<!-- \xff --><body>", True),
        (b"<p>a piece of a page", False),
        ("<html>".encode("utf-16"), False),
        (b"The <html> element", False),
        (b"", False),
    ],
)
def test_most_pages_are_known_by_their_first_bytes(data, begins):
    assert begins_as_page(data) is begins
