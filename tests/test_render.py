"""Kept blocks → plain text and Markdown."""

import pytest
from helpers import labelled

LONG = "A cell that is there for the layout holds whole paragraphs of text. " * 8


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>Head</h1><p>one</p><p>two</p>", "Head\n\none\n\ntwo"),
        ("<p>one<br>still one<br><br>two</p>", "one\nstill one\n\ntwo"),
        ("<p>a:</p><ul><li>x<li>y</ul><p>b</p>", "a:\n\nx\ny\n\nb"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table><p>after</p>", "A\tB\n1\t2\n\nafter"),
        ("<p>see</p><pre>one\n  two</pre>", "see\n\none\n  two"),
        ("<blockquote><p>q</p><p>r</p></blockquote>", "q\n\nr"),
        ("<p><b>bold</b> and <a href=/x>a link</a></p>", "bold and a link"),
    ],
)
def test_plain_text(html, text):
    assert labelled(html).text == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li><p>a</p><p>b</p><li>c</ul>", "a\n\nb\nc"),
        ("<ul><li>a<ul><li>b</ul>c<li>d</ul>", "a\nb\n\nc\nd"),
        ("<table><tr><td><p>a</p><p>b</p><td>c</table>", "a\nb\tc"),
        ("<table><tr><td>a<td><h2>b</h2></table>", "a\n\nb"),
        (f"<table><tr><td>a<td>{LONG}<tr><td>b<td>c</table>", f"a\n\n{LONG.strip()}\n\nb\n\nc"),
        ("<table><tr><td>x<ul><li>a<li>b</ul><td>c</table>", "x\na\nb\tc"),
        ("<table><tr><td><p>a</p><p>b</p><table><tr><td>c<td>d</table></table>", "a\nb\n\nc\td"),
        ("<table><tr><td>a<td><pre><div>b</div><div>c</div></pre></table>", "a\tb\nc"),
    ],
)
def test_paragraphs_of_one_item_and_what_stands_in_a_table_for_the_layout_are_parted_by_an_empty_line(html, text):
    assert labelled(html).text == text


@pytest.mark.parametrize("level", range(1, 7))
def test_headings_keep_their_level(level):
    assert labelled(f"<h{level}>A <b>bold</b> head</h{level}><p>x</p>").markdown == f"{'#' * level} A bold head\n\nx"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h2>a<br>b</h2>", "## a b"),
        ("<h2><a href=/x>linked head</a></h2>", "## linked head"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one<br>two</p>", "one  \ntwo"),
    ],
)
def test_headings_and_paragraphs(html, markdown):
    assert labelled(html).markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<ul><li>a<ul><li>b<li>c</ul><li>d</ul>", "- a\n    - b\n    - c\n- d"),
        ("<ul><li>a<ul><li>b<ul><li>c</ul></ul></ul>", "- a\n    - b\n        - c"),
        ("<ol><li>a<li>b<li>c</ol>", "1. a\n2. b\n3. c"),
        ("<ol><li>a<ul><li>x</ul><li>b</ol>", "1. a\n    - x\n2. b"),
        ("<ul><li>a<ol><li>x<li>y</ol></ul>", "- a\n    1. x\n    2. y"),
        ("<ul><li><p>a</p><p>more</p><li>b</ul>", "- a\n\n  more\n- b"),
        ("<ul><li>a<br>line</ul>", "- a  \n  line"),
        ("<p>x</p><ul><li>a</ul><p>y</p>", "x\n\n- a\n\ny"),
        ("<ul><li><a href=/x>t</a></ul>", "- [t](/x)"),
    ],
)
def test_lists(html, markdown):
    assert labelled(html).markdown == markdown


def test_the_number_of_a_list_item_counts_items_that_are_not_kept():
    page = labelled("<ol><li>a<li>ad<li>c</ol>", ["body", "promo", "body"])
    assert page.markdown == "1. a\n3. c"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<ol><li>a</ol><ol><li>b</ol>", "1. a\n\n1) b"),
        ("<ol><li>a</ol><ol><li>b<li>c</ol><ol><li>d</ol>", "1. a\n\n1) b\n2) c\n\n1. d"),
        ("<ol><li>a<ol><li>b</ol><ol><li>c</ol></ol>", "1. a\n    1. b\n\n    1) c"),
        ("<ol><li>a<ol><li>b</ol><li>c<ol><li>d</ol></ol>", "1. a\n    1. b\n2. c\n    1. d"),
        ("<ol><li>a</ol><p>x</p><ol><li>b</ol>", "1. a\n\nx\n\n1. b"),
    ],
)
def test_numbered_lists_that_follow_each_other_stay_two(html, markdown):
    assert labelled(html).markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<ol><li>a</ol><ol start=2><li>b</ol>", "1. a\n2. b"),
        ("<ul><li>a</ul><ul><li>b</ul>", "- a\n- b"),
    ],
)
def test_lists_that_go_on_come_out_as_one(html, markdown):
    assert labelled(html).markdown == markdown


def test_an_item_inside_one_that_is_not_kept_is_no_code():
    page = labelled("<p>x</p><ul><li>a<ul><li>b</ul></ul>", ["body", "chrome", "body"])
    assert page.markdown == "x\n\n- b"


def test_a_list_behind_a_heading_inside_an_item_is_no_code():
    assert labelled("<ul><li>a<h2>h</h2><ul><li>b</ul></ul>").markdown == "- a\n\n## h\n\n- b"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<ol start=3><li>a<li>b</ol>", "3. a\n4. b"),
        ("<ol start=0><li>a<li>b</ol>", "0. a\n1. b"),
        ("<ul><li>a<ol start=3><li>b<li>c</ol></ul>", "- a\n\n    3. b\n    4. c"),
        ("<ul><li>a<ul><li>b</ul><ol start=3><li>c</ol></ul>", "- a\n    - b\n    3. c"),
    ],
)
def test_a_list_may_start_at_another_number(html, markdown):
    assert labelled(html).markdown == markdown


def test_what_is_inside_an_item_with_a_wide_marker_is_indented_as_far():
    html = "<ol start=100><li><p>a</p><p>b</p><ul><li>c</ul></ol>"
    assert labelled(html).markdown == "100. a\n\n     b\n     - c"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<blockquote>a</blockquote><p>b</p>", "> a\n\nb"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<blockquote><p>a<br>b</p></blockquote>", "> a  \n> b"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n> >\n> > b"),
        ("<blockquote><ul><li>a<li>b</ul></blockquote>", "> - a\n> - b"),
        ("<blockquote><p>x</p><ul><li>a</ul></blockquote>", "> x\n>\n> - a"),
        ("<blockquote><ul><li><p>a</p><p>b</p></ul></blockquote>", "> - a\n>\n>   b"),
        ("<ul><li><blockquote>a<br>b</blockquote><li>c</ul>", "- > a  \n  > b\n- c"),
        ("<ul><li>a<blockquote><p>b</p><p>c</p></blockquote>d</ul>", "- a\n\n  > b\n  >\n  > c\n\n  d"),
        ("<ul><li>a<blockquote><ul><li>b<li>c</ul></blockquote></ul>", "- a\n    > - b\n    > - c"),
        ("<blockquote><ul><li><blockquote>a</blockquote>b</ul></blockquote>", "> - > a\n>\n>   b"),
    ],
)
def test_quotes(html, markdown):
    assert labelled(html).markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<pre>one\n  two</pre>", "```\none\n  two\n```"),
        ("<pre><code>def <b>f</b>():\n\n    pass\n</code></pre>", "```\ndef f():\n\n    pass\n```"),
        ("<pre>*not bold* [x](y)</pre>", "```\n*not bold* [x](y)\n```"),
        ("<pre>```\ncode\n```</pre>", "````\n```\ncode\n```\n````"),
        ("<pre>one<br>two</pre>", "```\none\ntwo\n```"),
        ("<ul><li><pre>a\n  b</pre></ul>", "- ```\n  a\n    b\n  ```"),
        ("<p>run <code>make</code></p>", "run `make`"),
    ],
)
def test_code(html, markdown):
    assert labelled(html).markdown == markdown


def test_the_lines_of_a_listing_that_are_elements_of_their_own_share_one_fence():
    page = labelled("<pre><code><div>x = 1</div><div>  y = 2</div></code></pre>")
    assert page.markdown == "```\nx = 1\n  y = 2\n```"
    assert page.text == "x = 1\n  y = 2"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("a`b", "``a`b``"),
        ("a``b`c", "```a``b`c```"),
        ("`a", "`` `a ``"),
    ],
)
def test_code_that_holds_backticks_is_marked_with_more(html, markdown):
    assert labelled(f"<p><code>{html}</code></p>").markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<code><a href=/S>S</a></code>", "[`S`](/S)"),
        ("<a href=/S><code>S</code></a>", "[`S`](/S)"),
        ("<code>f(<a href=/S>S</a>)</code>", "`f(`[`S`](/S)`)`"),
        ("<code><b>x</b> = <i>y</i></code>", "`x = y`"),
        ("<b><code>x</code></b>", "**`x`**"),
        ("<code><kbd>x</kbd></code>", "`x`"),
        ("<code>a<br>b</code>", "`a`  \n`b`"),
    ],
)
def test_code_holds_no_other_marks(html, markdown):
    assert labelled(f"<p>{html}</p>").markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>", "| A | B |\n| --- | --- |\n| 1 | 2 |"),
        ("<table><tr><td>a|b<td>c<tr><td>d</table>", "| a\\|b | c |\n| --- | --- |\n| d |  |"),
        (
            "<p>x</p><table><caption>C</caption><tr><td>a<td>b<tr><td>c<td>d</table><p>y</p>",
            "x\n\nC\n\n| a | b |\n| --- | --- |\n| c | d |\n\ny",
        ),
        ("<table><tr><td><p>a</p><p>b</p><td>c<tr><td>d<br>e<td>f</table>", "| a b | c |\n| --- | --- |\n| d e | f |"),
        ("<table><tr><td>one cell</table>", "one cell"),
        ("<table><tr><td>a<td>b</table>", "a\n\nb"),
        (
            "<table><tr><td><a href=/x>l</a><td><b>b</b><tr><td>c<td>d</table>",
            "| [l](/x) | **b** |\n| --- | --- |\n| c | d |",
        ),
    ],
)
def test_tables(html, markdown):
    assert labelled(html).markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<tr><td><th>A<th>B<tr><th>x<td>1<td>2", "|  | A | B |\n| --- | --- | --- |\n| x | 1 | 2 |"),
        ("<tr><td>a<td>b<td>c<tr><td>d<td><td>f", "| a | b | c |\n| --- | --- | --- |\n| d |  | f |"),
        ("<tr><td>a<td>b<tr><td><img src=x><td>d", "| a | b |\n| --- | --- |\n|  | d |"),
        ("<tr><td>a<td><td>b<tr><td>c<td><img src=x><td>d", "| a | b |\n| --- | --- |\n| c | d |"),
        ("<tr><td><img src=x><td>a<tr><td><img src=x><td>b", "a\n\nb"),
    ],
)
def test_a_cell_stands_in_its_own_column_and_columns_without_text_are_left_out(html, markdown):
    assert labelled(f"<table>{html}</table>").markdown == markdown


def test_a_cell_that_is_not_kept_leaves_its_place_empty():
    page = labelled("<table><tr><td>a<td>b<tr><td>ad<td>d</table>", ["body", "body", "promo", "body"])
    assert page.markdown == "| a | b |\n| --- | --- |\n|  | d |"


def test_a_table_that_is_there_for_the_layout_is_no_table():
    page = labelled(f"<table><tr><td>menu<td><h1>Head</h1><p>{LONG}</p><tr><td>left<td>right</table>")
    assert page.markdown == f"menu\n\n# Head\n\n{LONG.strip()}\n\nleft\n\nright"


def test_a_table_inside_a_cell_is_a_table_of_its_own():
    page = labelled(f"<table><tr><td>menu<td>{LONG}<table><tr><td>a<td>b<tr><td>c<td>d</table></table>")
    assert page.markdown == f"menu\n\n{LONG.strip()}\n\n| a | b |\n| --- | --- |\n| c | d |"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>see <a href=/x>this page</a>.</p>", "see [this page](/x)."),
        ("<p><a href='/a b(c)'>x</a></p>", "[x](</a b(c)>)"),
        ("<p><a href=/x> spaced </a>out</p>", "[spaced](/x) out"),
        ("<p><a href=/x><b>bold link</b></a></p>", "[**bold link**](/x)"),
        ("<p><a href=/x><img></a>no text</p>", "no text"),
        ("<p><a name=x>anchor</a></p>", "anchor"),
        ("<a href=/x><h3>Card</h3><p>blurb</p></a>", "### Card\n\n[blurb](/x)"),
        ("<a href=/x>one</a><a href=/y>two</a>", "[one](/x) [two](/y)"),
    ],
)
def test_links(html, markdown):
    assert labelled(html).markdown == markdown


def test_links_are_absolute_where_the_address_is_known():
    assert labelled("<p><a href=b>x</a></p>", url="https://example.com/a/").markdown == "[x](https://example.com/a/b)"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p><strong>a </strong>b</p>", "**a** b"),
        ("<p>a<b> </b>b</p>", "a b"),
        ("<p><em><strong>x</strong></em></p>", "***x***"),
        ("<p><del>old</del> <i>new</i></p>", "~~old~~ *new*"),
        ("<div><b>one<p>two</p></b>three</div>", "**one**\n\ntwo\n\nthree"),
        ("<p><b></b>x</p>", "x"),
        ("<p>H<sub>2</sub>O</p>", "H2O"),
    ],
)
def test_bold_and_its_kin(html, markdown):
    assert labelled(html).markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<b>Note</b><i>text</i>", "**Note***text*"),
        ("<b>one</b> <b>two</b>", "**one** **two**"),
        ("<b>one </b> <b> two</b>", "**one** **two**"),
        ("<strong><b>x</b></strong>", "**x**"),
        ("<b>x</b><strong>y</strong>", "**xy**"),
        ("<b>a&nbsp;</b>b", "**a** b"),
        ("<b>a<i> b </i></b>c", "**a *b*** c"),
    ],
)
def test_marks_that_meet_stay_apart_and_those_that_repeat_stand_once(html, markdown):
    assert labelled(f"<p>{html}</p>").markdown == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<b>Note:</b>text", "Note:text"),
        ("<b>注意：</b>请", "注意：请"),
        ("word<b>(x)</b>", "word(x)"),
        ("<b><a href=/x>link</a></b>s", "[link](/x)s"),
        ("<b>Note:</b> text", "**Note:** text"),
        ("<b>Note:</b>, text", "**Note:**, text"),
        ("<b>注意</b>请", "**注意**请"),
        ("(<b>x.</b>)", "(**x.**)"),
    ],
)
def test_emphasis_that_would_not_be_taken_for_such_is_left_out(html, markdown):
    assert labelled(f"<p>{html}</p>").markdown == markdown


@pytest.mark.parametrize("html", ["<b><p>one</p><p>two</p></b>", "<b>one<br><br>two</b>"])
def test_bold_across_blocks_leaves_no_stray_mark(html):
    markdown = labelled(html).markdown
    assert markdown.replace("*", "") == "one\n\ntwo"
    for paragraph in markdown.split("\n\n"):
        assert paragraph in ("one", "two", "**one**", "**two**")


def test_bold_runs_that_touch_do_not_break_each_other():
    assert "****" not in labelled("<p><b>x</b><b>y</b></p>").markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Use *args and **kwargs", "Use \\*args and \\*\\*kwargs"),
        ("snake_case, __init__ and _x_", "snake_case, \\_\\_init\\_\\_ and \\_x\\_"),
        ("a `b`", "a \\`b\\`"),
        ("~5 and ~~6~~", "~5 and \\~\\~6\\~\\~"),
        ("C:\\dir\\*x", "C:\\dir\\\\\\*x"),
        ("a[i], [1] and a[i](x)", "a[i], [1] and a[i\\](x)"),
        ("List&lt;String&gt;, 1 &lt; 2, &lt;/p> and &lt;!-- x", "List\\<String>, 1 < 2, \\</p> and \\<!-- x"),
        ("R&amp;D, &amp;copy; and &amp;#65;", "R&D, \\&copy; and \\&#65;"),
        ("# a", "\\# a"),
        ("#tag", "#tag"),
        ("> a", "\\> a"),
        ("- a", "\\- a"),
        ("-1 or +1", "-1 or +1"),
        ("1984. A year", "1984\\. A year"),
        ("1) a", "1\\) a"),
        ("1.5 m", "1.5 m"),
        ("---", "\\---"),
        ("a<br>===<br>+ b", "a  \n\\===  \n\\+ b"),
        ("[a]: b", "\\[a]: b"),
        ("A dash - and 3. in a line, (c) 5 > 4 #1!", "A dash - and 3. in a line, (c) 5 > 4 #1!"),
        ("Price 5*<em>see note</em>", "Price 5\\**see note*"),
        ("<a href=/x>[1]</a>", "[\\[1\\]](/x)"),
        ("<a href=/x>[1]:</a>", "[\\[1\\]:](/x)"),
        ("Oh!<a href=/x>a</a>", "Oh\\![a](/x)"),
        ("<code>*a_ &lt;b></code>", "`*a_ <b>`"),
    ],
)
def test_text_is_escaped_where_markdown_would_show_it_otherwise(text, markdown):
    assert labelled(f"<p>{text}</p>").markdown == markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("1. a", "## 1. a"),
        ("The ** operator", "## The \\*\\* operator"),
        ("C #", "## C \\#"),
        ("C#", "## C#"),
        ("<b>x</b> <i>y</i>", "## x *y*"),
    ],
)
def test_text_of_headings_is_escaped_where_it_must_be(text, markdown):
    assert labelled(f"<h2>{text}</h2>").markdown == markdown


def test_only_the_kept_blocks_are_rendered():
    page = labelled(
        "<h2>Head</h2><p>one</p><p>ad</p><ul><li>teaser<li>two</ul>", ["body", "body", "promo", "related", "body"]
    )
    assert page.markdown == "## Head\n\none\n\n- two"
    assert page.text == "Head\n\none\n\ntwo"
    assert page.render_markdown(("related", "promo")) == "ad\n\n- teaser"


def test_a_page_without_body_is_empty():
    page = labelled("<p>ad</p>", ["promo"])
    assert page.text == ""
    assert page.markdown == ""
