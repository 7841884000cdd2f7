"""Tree → blocks: words never run together and never fall apart."""

import pytest
from helpers import cut, texts
from lxml import etree
from lxml import html as lxml_html

from bodycopy.blocks import BLANK, INVISIBLE, Segmenter, fold, fold_all
from bodycopy.document import segment
from bodycopy.features import features


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>un<span>believ</span>able</p>", "unbelievable"),
        ("<p>one <span>two</span> three</p>", "one two three"),
        ("<p>one<span> two </span>three</p>", "one two three"),
        ("<p>one\n\t<em>two</em>\n three</p>", "one two three"),
        ("<p><b>F</b>irst letter</p>", "First letter"),
        ("<p>deep<i><b><u>er</u></b></i>, deepest</p>", "deeper, deepest"),
        ("<p>H<sub>2</sub>O and x<sup>2</sup></p>", "H2O and x2"),
        ("<p>a<wbr>b<nobr>c d</nobr></p>", "abc d"),
        ("<p>Donau<wbr/>dampf<wbr/>schiff</p>", "Donaudampfschiff"),
        ("<p>soft&shy;hyphen and zero&#8203;width</p>", "softhyphen and zerowidth"),
        ("<p>no&nbsp;break</p>", "no break"),
        ("<p>a <font color=red>red</font> <tt>word</tt></p>", "a red word"),
        ("<p>made <my-own-element>up</my-own-element>, fine</p>", "made up, fine"),
        ("<p>see <a href=x>this</a>, and <a href=y>that</a>.</p>", "see this, and that."),
        ("<p>image <img src=x alt=hidden> between</p>", "image between"),
        ("<p>by <script>track()</script>chance</p>", "by chance"),
        ("<p>style<style>p{}</style>less</p>", "styleless"),
        ("<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字</p>", "漢(kan)字"),
        ("<p>a<br>b</p>", "a\nb"),
        ("<p>a <br/> b<br>\nc</p>", "a\nb\nc"),
        ("<p><b>a<br></b>b</p>", "a\nb"),
        ("<p>a\u2003b\u2009c</p>", "a b c"),
        ("<h1>The <small>small</small> print</h1>", "The small print"),
        ("<p>&lt;tag&gt; &amp;amp; &quot;q&quot;</p>", '<tag> &amp; "q"'),
    ],
)
def test_inline_markup_neither_joins_nor_parts_words(html, text):
    assert texts(html) == [text]


@pytest.mark.parametrize(
    ("html", "text"),
    [("<p>a &#8203; b</p>", "a b"), ("<p>&#8203; b</p>", "b"), ("<p>b &#xFEFF;</p>", "b"), ("<p>a &shy; b</p>", "a b")],
)
def test_a_character_of_no_width_leaves_no_space_behind(html, text):
    assert texts(html) == [text]


def test_many_texts_are_folded_as_each_alone():
    spaces = [chr(code) for code in range(0x3001) if chr(code).isspace()]
    texts = [f"one{a}two{b}three" for a in (*spaces, *INVISIBLE, "", "  ", "-") for b in (" ", "\n", a)]
    folded = [text.strip(BLANK) for text in texts]
    fold_all(folded)
    assert folded == [fold(text) for text in texts]
    assert {" ".join(f"{space}x{space}y".split()) for space in spaces} == {"x y"}
    assert {f"{space}x".strip(BLANK) for space in (*spaces, *INVISIBLE)} == {"x"}


def test_a_comment_in_a_paragraph_does_not_split_it():
    assert texts("<p>one <!-- ad slot --> two<!-- x -->fold</p>") == ["one twofold"]


def test_a_processing_instruction_in_a_paragraph_does_not_split_it():
    assert texts("<p>one <?php echo 1 ?>two</p>") == ["one two"]


def test_comments_in_a_tree_do_not_split_a_paragraph():
    root = lxml_html.fromstring("<div><p>one <!-- ad --> two<!-- x -->fold</p><!-- end --><p>three</p></div>")
    assert segment(root).texts == ["one twofold", "three"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=1>Home</a><a href=2>News</a>", ["Home News"]),
        ("<a href=1>Home</a> <a href=2>News</a>", ["Home News"]),
        ("<a href=1>Home</a>|<a href=2>News</a>", ["Home|News"]),
        ("<p>un<a href=1>like</a>ly</p>", ["unlikely"]),
        ("<a href=1><p>one</p><p>two</p></a>", ["one", "two"]),
    ],
)
def test_adjacent_links_are_separate_words(html, expected):
    assert texts(html) == expected


def test_adjacent_links_in_a_tree_are_separate_words_in_spite_of_a_comment_between():
    root = lxml_html.fromstring("<div><a href=1>Home</a><!-- sep --><a href=2>News</a></div>")
    assert segment(root).texts == ["Home News"]


def test_adjacent_links_in_an_xml_tree_are_separate_words():
    root = etree.fromstring(
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><a href="1">Home</a><a href="2">News</a></body></html>'
    )
    assert segment(root).texts == ["Home News"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>one<br><br>two</p>", ["one", "two"]),
        ("<p>one<br> \n <br/>two</p>", ["one", "two"]),
        ("<p>one<br>&nbsp;<br>two</p>", ["one", "two"]),
        ("<p>one<br><br><br><br>two</p>", ["one", "two"]),
        ("one<br><!-- x --><br>two", ["one", "two"]),
        ("<b>one<br><br>two</b> still", ["one", "two still"]),
        ("<p><br><br>one<br></p>", ["one"]),
        ("one<br>two<br><br>three", ["one\ntwo", "three"]),
    ],
)
def test_an_empty_line_parts_paragraphs(html, expected):
    assert texts(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div>before<p>inside</p>after</div>", ["before", "inside", "after"]),
        ("<span>a<div>b</div>c</span>", ["a", "b", "c"]),
        ("<p>one<p>two", ["one", "two"]),
        ("<hr>one<hr>two", ["one", "two"]),
        ("<h1>Title</h1>Text <b>runs</b> on<h2>Sub</h2>", ["Title", "Text runs on", "Sub"]),
        ("<ul><li>one<li>two<ul><li>two a</ul>two b</ul>", ["one", "two", "two a", "two b"]),
        ("<dl><dt>term<dd>meaning</dl>", ["term", "meaning"]),
        ("<table><caption>C</caption><tr><th>a<th>b<tr><td>1<td>2</table>", ["C", "a", "b", "1", "2"]),
        ("<p>press <button>Go</button> now</p>", ["press", "Go", "now"]),
        ("<details><summary>more</summary>text</details>", ["more", "text"]),
        ("<figure><img src=x><figcaption>A cat.</figcaption></figure>", ["A cat."]),
        ("<fieldset><legend>L</legend>t</fieldset>", ["L", "t"]),
        ("<address>Road 1<br>Town</address>", ["Road 1\nTown"]),
        ("<label>Name <input name=n></label><p>x</p>", ["Name", "x"]),
        ("<p> </p><div><div></div></div><p>x</p>", ["x"]),
    ],
)
def test_block_level_elements_cut(html, expected):
    assert texts(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<pre>one\n  two\n\nthree</pre>", ["one\n  two\n\nthree"]),
        ("<pre>\n\ta\n</pre>", ["\ta"]),
        ("<pre>a\r\nb</pre>", ["a\nb"]),
        ("<pre>x <b>y</b>\n  z</pre>", ["x y\n  z"]),
        ("<pre>one<br>two</pre>", ["one\ntwo"]),
        ("<pre><code>if x:\n    <span>y</span>()</code></pre>", ["if x:\n    y()"]),
        ("<pre> \n </pre><p>x</p>", ["x"]),
        ("<pre>a  b</pre><p>c  d</p>", ["a  b", "c d"]),
        ("<listing>a\n b</listing>", ["a\n b"]),
        ("<xmp><b>\n q</b></xmp>", ["<b>\n q</b>"]),
    ],
)
def test_preformatted_text_keeps_its_lines(html, expected):
    assert texts(html) == expected


def test_an_empty_line_made_of_breaks_does_not_cut_preformatted_text():
    assert texts("<pre>one<br><br>two</pre>") == ["one\n\ntwo"]


@pytest.mark.parametrize(
    "html",
    [
        "<script>let a = 'text'</script>",
        "<style>p { content: 'text' }</style>",
        "<template><p>text</p></template>",
        "<svg><title>text</title><text>text</text></svg>",
        "<select><option>text</option><option>more text</option></select>",
        "<datalist><option>text</option></datalist>",
        "<textarea>text</textarea>",
        "<iframe>text</iframe>",
        "<video>text<track></video>",
        "<audio>text</audio>",
        "<canvas>text</canvas>",
        "<object>text</object>",
        "<noscript><img src=pixel>text</noscript>",
        "<noscript>Please enable JavaScript.</noscript>",
        "<math><annotation>text</annotation></math>",
        "<img alt=text>",
        "<input value=text>",
    ],
)
def test_what_no_reader_sees_as_text_is_left_out(html):
    assert texts(f"<p>one</p>{html}<p>two</p>") == ["one", "two"]
    assert texts(f"<p>one {html}two</p>")[-1].endswith("two")


def test_the_text_after_a_part_left_out_stays():
    assert texts("<p>a<select><option>b</select>c <svg><g/></svg>d</p>") == ["ac d"]


def test_a_noscript_with_paragraphs_counts():
    assert texts("<p>one</p><noscript><div><p>two</p><p>three</p></div></noscript>") == ["one", "two", "three"]


# Raw text to a parser; a reader of today's browsers never sees it.
@pytest.mark.parametrize(
    "html",
    ["<noframes><p>old browser</p></noframes>", "<frameset><frame src=a><noframes><p>old</p></noframes></frameset>"],
)
def test_markup_never_comes_out_as_text(html):
    assert "<p>" not in " ".join(cut(html).texts)


def test_a_title_is_no_block_but_the_title_of_the_page():
    page = cut("<head><title> A  title\n here </title></head><body><p>x</p><svg><title>icon</title></svg></body>")
    assert page.texts == ["x"]
    assert page.title == "A title here"


def test_the_first_title_counts():
    assert cut("<title>first</title><p>x</p><title>second</title>").title == "first"


@pytest.mark.parametrize(
    ("attribute", "state"),
    [
        ("", 0),
        ("hidden", 2),
        ('hidden="until-found"', 2),
        ('style="display:none"', 2),
        ('style="color: red; DISPLAY : none !important"', 2),
        ('style="visibility: hidden"', 2),
        ('style="display:block"', 0),
        ('aria-hidden="true"', 1),
        ('aria-hidden="false"', 0),
        ('aria-hidden="true" hidden', 2),
    ],
)
def test_a_hidden_block_stays_and_is_marked(attribute, state):
    page = cut(f"<p>seen</p><div {attribute}><p>inside</p></div><p>behind</p>")
    assert page.texts == ["seen", "inside", "behind"]
    assert page.hidden == [0, state, 0]


@pytest.mark.parametrize("tag", ["span", "b", "em", "i", "small", "label", "a href=x"])
@pytest.mark.parametrize("attribute", ["hidden", 'style="display: none"'])
def test_hidden_inline_text_is_dropped_and_the_text_after_it_kept(tag, attribute):
    assert texts(f"<p>one <{tag} {attribute}>two </{tag.split()[0]}>three</p>") == ["one three"]


def test_inline_text_hidden_from_assistive_technology_stays():
    assert texts('<p>one <span aria-hidden="true">two</span> three</p>') == ["one two three"]


def test_links_are_counted_with_their_characters_and_target():
    page = cut("<p>plain</p><p>see <a href=/x>this</a> and <a href=/y>that one</a></p><a href=/z><h3>Card</h3></a>")
    assert page.n_links == [0, 2, 1]
    assert page.link_chars == [0, 12, 4]
    assert page.href == ["", "/y", "/z"]


def test_a_character_reference_in_a_link_does_not_change_the_count_of_its_characters():
    for html in ("<a href=x>a &amp; b &lt; c</a>", "<a href=x>a - b - c</a>", "<a href=x>a <b>-</b> b - c</a>"):
        assert cut(html).link_chars == [9], html


def test_an_anchor_without_target_is_no_link():
    page = cut("<p><a name=top>Top</a> of the page</p>")
    assert page.n_links == [0]
    assert page.texts == ["Top of the page"]


def test_the_base_is_remembered():
    assert cut('<head><base target="_top"><base href="/docs/"><base href="/other/"></head><p>x</p>').base == "/docs/"


def test_cutting_rich_changes_no_text():
    html = "<p>a <b>b</b><br><br>c</p><a href=x>d</a><a href=y>e</a><ul><li>f<span hidden>g</span></ul><pre>h\n i</pre>"
    plain, rich = cut(html), cut(html, rich=True)
    assert plain.texts == rich.texts
    assert len(rich.paths) == len(rich.inline) == len(rich.texts)
    assert plain.paths == plain.inline == []


PATHS = [
    "<p>one</p><p>two <b>bold</b></p><div><p>three</p>tail</div>",
    "<div><script>x</script><div>a</div><!-- c --><span hidden>no</span><div>b<div>c</div>d</div></div>",
    "<ul><li>a<ul><li>b</ul>c</ul><table><tr><td>d<td><p>e</table>",
    "<section>f<svg><g/></svg><h2>g</h2>h<br><br>i</section><noscript><p>j</p></noscript>",
    "<a href=x><div>k</div><div>l</div></a><pre>m\nn</pre><my-tag>o<p>q</p></my-tag>",
    "<span>r<div>s</div>t</span>",
    "<o:p><p>from a word processor</p></o:p>",
    '<my"tag><p>from a broken template</p></my"tag>',  # … or with other characters that no name has
    "<p>First <b>bold<br><br>second</b> third</p>",
]


@pytest.mark.parametrize("html", PATHS)
def test_a_path_finds_the_element_that_the_block_begins_in(html):
    root = etree.fromstring(html, etree.HTMLParser())
    page = segment(html, rich=True)
    assert page.texts
    assert segment(root, rich=True).paths == page.paths
    for text, path in zip(page.texts, page.paths, strict=True):
        found = root.getroottree().xpath(path)
        assert len(found) == 1, path
        inside = " ".join("".join(found[0].itertext()).split())
        assert text.split()[0] in inside, (text, path)


def test_paths_are_those_of_lxml():
    html = "<div><p>one</p><p>two</p><ul><li>three<li>four</ul></div>"
    root = etree.fromstring(html, etree.HTMLParser())
    page = segment(html, rich=True)
    bare = [path.replace("[1]", "") for path in page.paths]
    found = {"".join(e.itertext()): root.getroottree().getpath(e).replace("[1]", "") for e in root.iter("p", "li")}
    assert bare == [found[text] for text in page.texts]


def test_a_path_finds_its_element_in_an_xml_tree():
    root = etree.fromstring('<html xmlns="http://www.w3.org/1999/xhtml"><body><p>one</p><p>two</p></body></html>')
    page = segment(root, rich=True)
    assert page.texts == ["one", "two"]
    assert [root.getroottree().xpath(path)[0].text for path in page.paths] == ["one", "two"]


def test_a_tree_with_unresolved_entities_is_cut():
    source = '<!DOCTYPE html [<!ENTITY co "Lorem Ltd">]><html><body><p>by &co; since 1990</p></body></html>'
    root = etree.fromstring(source, etree.XMLParser(resolve_entities=False))
    (text,) = segment(root).texts
    assert text.startswith("by")
    assert text.endswith("since 1990")


def test_nodes_hold_the_range_of_their_blocks():
    page = cut("<nav><a href=x>menu</a></nav><article><h1>head</h1><p>one</p><p>two</p></article><footer>end</footer>")
    ranges = {tag: (page.node_first[i], page.node_last[i]) for i, tag in enumerate(page.node_tag)}
    assert ranges["nav"] == (0, 1)
    assert ranges["article"] == (1, 4)
    assert ranges["footer"] == (4, 5)
    assert ranges["body"] == (0, 5)
    assert page.node_parent[page.node_tag.index("h1")] == page.node_tag.index("article")


def test_the_names_of_a_container_are_its_class_id_and_role():
    page = cut(
        '<div class="story teaser" id=x role=main data-label=body data-price=5 itemprop=articleBody><p>x</p></div>'
    )
    kind = page.kinds[page.node_kind[page.node_tag.index("div")]]
    assert set(kind.split()) == {"div", "story", "teaser", "x", "main", "articleBody"}


@pytest.mark.parametrize("rich", [False, True])
def test_text_outside_of_all_elements_is_a_block_of_its_own(rich):
    target = Segmenter()
    target.begin(rich)
    target.data("Before it all.")
    target.start("div", {"class": "story"})
    target.data("Inside.")
    target.end("div")
    target.data("Behind it all.")
    found = target.finish()
    assert found.texts == ["Before it all.", "Inside.", "Behind it all."]
    assert [found.node_tag[n] for n in found.node] == ["body", "div", "body"]
    assert features(found).numbers.shape[0] == 3
