"""What users call: clean and label, their arguments, and the Page."""

import json
import pickle
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from helpers import labelled, random_model
from lxml import etree
from lxml import html as lxml_html

import bodycopy
from bodycopy import LABELS, Page

PAGES = sorted((Path(__file__).parents[1] / "training_data" / "pages").glob("*.html"))
STORY = PAGES[0].read_bytes()
SMALL = (
    "<title>Head</title><nav><a href=/>Home</a></nav><h1>Head</h1><p>One sentence, two. And three.</p><p>Sign up!</p>"
)

each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@each_page
def test_the_text_of_a_labelled_page_is_what_clean_returns(path):
    data = path.read_bytes()
    assert bodycopy.label(data).text == bodycopy.clean(data)
    assert bodycopy.label(data, threshold=0.9).text == bodycopy.clean(data, threshold=0.9)


@each_page
def test_bytes_text_and_tree_give_the_same_page(path):
    data = path.read_bytes()
    page = bodycopy.label(data)
    assert bodycopy.label(data.decode()) == page
    tree = lxml_html.document_fromstring(data.decode())
    before = etree.tostring(tree)
    assert bodycopy.label(tree) == page
    assert bodycopy.label(tree.getroottree()) == page
    assert etree.tostring(tree) == before


@each_page
def test_every_block_has_a_label_scores_that_sum_to_one_and_a_place(path):
    data = path.read_bytes()
    tree = lxml_html.document_fromstring(data.decode()).getroottree()
    page = bodycopy.label(data)
    assert len(page.blocks) >= 40
    for block in page.blocks:
        assert block.text.strip()
        assert set(block.scores) == set(LABELS)
        assert sum(block.scores.values()) == pytest.approx(1, abs=1e-4)
        assert all(0 <= score <= 1 for score in block.scores.values())
        assert 0 <= block.core <= 1
        assert block.label == max(block.scores, key=block.scores.__getitem__)
        (element,) = tree.xpath(block.path)
        inside = "".join(element.itertext())
        first = block.text.split()[0]
        # The first word may go on behind the inline element that it begins in.
        assert first in inside or first.startswith(inside.split()[0])


@each_page
def test_a_page_is_ready_for_json(path):
    page = bodycopy.label(path.read_bytes(), "https://example.com/a")
    told = page.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert [b["text"] for b in told["blocks"]] == [b.text for b in page.blocks]
    assert [b["label"] for b in told["blocks"]] == [b.label for b in page.blocks]
    assert told["text"] == page.text
    assert told["title"] == page.title
    assert told["url"] == "https://example.com/a"
    assert [(r["title"], r["url"]) for r in told["related"]] == page.related


@each_page
def test_a_page_can_be_pickled(path):
    page = bodycopy.label(path.read_bytes())
    copy = pickle.loads(pickle.dumps(page))
    assert copy == page
    assert copy.text == page.text
    assert copy.markdown == page.markdown


@each_page
def test_a_lower_threshold_keeps_all_that_a_higher_one_keeps(path):
    data = path.read_bytes()
    kept = [{b.path + b.text for b in bodycopy.label(data, threshold=t).select()} for t in (0, 0.1, 0.5, 0.9, 1)]
    for low, high in pairwise(kept):
        assert low >= high
    assert len(kept[0]) > len(kept[-1])
    page = bodycopy.label(data)
    assert len(page.blocks) == len(bodycopy.label(data, threshold=0).select())


@each_page
def test_full_keeps_more_and_the_core_in_the_same_order(path):
    page = bodycopy.label(path.read_bytes())
    core, full = page.select(), page.select(full=True)
    assert [block for block in full if block in core] == core
    assert {id(b) for b in page.blocks if b.label == "body"} <= {id(b) for b in full}
    assert bodycopy.clean(path.read_bytes(), full=True).count("\n") >= page.text.count("\n")


@each_page
@pytest.mark.parametrize("keep", [("promo",), ("related", "promo"), ["chrome"], {"body", "related"}, LABELS])
def test_the_labels_to_keep_can_be_chosen(path, keep):
    data = path.read_bytes()
    page = bodycopy.label(data)
    for block in page.select(keep, full=True):
        assert block.label in keep or ("body" in keep and block.core >= page.threshold)
    for block in page.blocks:
        if block.label in keep:
            assert block in page.select(keep, full=True)
    words = bodycopy.clean(data, keep=keep, full=True).split()
    assert words == " ".join(b.text for b in page.select(keep, full=True)).split()


def test_keeping_nothing_gives_nothing():
    assert bodycopy.clean(STORY, keep=()) == ""
    assert bodycopy.label(STORY).select(()) == []


def test_the_threshold_used_is_told():
    assert bodycopy.label(STORY, threshold=0.7).threshold == 0.7
    assert 0 < bodycopy.label(STORY).threshold <= 0.5


@pytest.mark.parametrize("keep", ["body", "related"])
def test_a_label_in_place_of_a_collection_is_a_type_error_that_says_what_to_write(keep):
    with pytest.raises(TypeError, match=f"'{keep}',"):
        bodycopy.clean(SMALL, keep=keep)
    with pytest.raises(TypeError):
        bodycopy.label(SMALL).select(keep)


@pytest.mark.parametrize("keep", [b"body", iter(["body"]), None, 1])
def test_what_is_no_collection_of_labels_is_a_type_error(keep):
    with pytest.raises(TypeError, match="collection of labels"):
        bodycopy.clean(SMALL, keep=keep)


def test_an_encoding_that_is_no_text_is_a_type_error():
    for call in (bodycopy.clean, bodycopy.label):
        with pytest.raises(TypeError, match="encoding"):
            call(SMALL, encoding=5)


@pytest.mark.parametrize("keep", [("bodyy",), ["body", "Related"], {"text"}, (1,)])
def test_an_unknown_label_is_a_value_error_that_lists_the_known(keep):
    with pytest.raises(ValueError, match="body, promo, related, chrome"):
        bodycopy.clean(SMALL, keep=keep)
    with pytest.raises(ValueError, match="body, promo, related, chrome"):
        bodycopy.label(SMALL).render_markdown(keep)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, 50, float("nan"), float("inf")])
def test_a_threshold_out_of_range_is_a_value_error(threshold):
    for call in (bodycopy.clean, bodycopy.label):
        with pytest.raises(ValueError, match="threshold"):
            call(SMALL, threshold=threshold)


@pytest.mark.parametrize("threshold", ["0.5", [0.5]])
def test_a_threshold_that_is_no_number_is_a_type_error(threshold):
    with pytest.raises(TypeError):
        bodycopy.clean(SMALL, threshold=threshold)


@pytest.mark.parametrize("page", [None, 5, ["<p>"], Path("page.html")])
def test_a_page_of_another_type_is_a_type_error(page):
    for call in (bodycopy.clean, bodycopy.label):
        with pytest.raises(TypeError, match="bytes, str or an lxml tree"):
            call(page)


@pytest.mark.parametrize(
    "page", ["", b"", " \n", "<html></html>", "<!-- x -->", "<script>x</script>", b"\0", etree.Element("html")]
)
def test_a_page_without_text_is_empty_and_no_error(page):
    assert bodycopy.clean(page) == ""
    empty = bodycopy.label(page, "https://example.com/")
    assert empty.blocks == []
    assert empty.text == empty.markdown == ""
    assert empty.related == []
    assert json.dumps(empty.to_dict())
    assert pickle.loads(pickle.dumps(empty)) == empty


def test_a_title_alone_is_told():
    assert bodycopy.label("<title>Only a title</title>").title == "Only a title"


def test_the_charset_of_the_header_wins():
    page = "<meta charset=utf-8><p>Привет, мир. Это предложение.</p>".encode("koi8-r")
    assert "Привет, мир." in bodycopy.clean(page, encoding="koi8-r", threshold=0)
    assert bodycopy.label(page, encoding="koi8-r").blocks[0].text.startswith("Привет, мир.")


def test_a_model_may_be_given_as_a_model_or_as_a_path(tmp_path):
    model = random_model()
    model.save(tmp_path / "m.npz")
    by_model = bodycopy.label(SMALL, model=model)
    assert [b.text for b in by_model.blocks] == ["Home", "Head", "One sentence, two. And three.", "Sign up!"]
    for path in (tmp_path / "m.npz", str(tmp_path / "m.npz")):
        assert [b.label for b in bodycopy.label(SMALL, model=path).blocks] == [b.label for b in by_model.blocks]
        assert bodycopy.clean(SMALL, model=path, threshold=0) == bodycopy.clean(SMALL, model=model, threshold=0)


LINK = "https://example.com/a/b.html"


@pytest.mark.parametrize(
    ("base", "href", "target"),
    [
        ("", "c", "https://example.com/a/c"),
        ("", "/c?d=e#f", "https://example.com/c?d=e#f"),
        ("", "//other.example/x", "https://other.example/x"),
        ("", " c ", "https://example.com/a/c"),
        ("", "", LINK),
        ("", "#part", f"{LINK}#part"),
        ("", "https://other.example/ü", "https://other.example/ü"),
        ("", "mailto:a@example.com", "mailto:a@example.com"),
        ("", "http://[", "http://["),
        ("https://cdn.example/x/", "c", "https://cdn.example/x/c"),
        ("/root/", "c", "https://example.com/root/c"),
        ("sub/", "../c", "https://example.com/a/c"),
        ("http://[", "c", "https://example.com/a/c"),
    ],
)
def test_links_are_absolute_where_the_address_is_given(base, href, target):
    html = f'<head><base href="{base}"></head><p>see <a href="{href}">this</a></p>'
    assert bodycopy.label(html, LINK).blocks[0].links == [("this", target)]


def test_links_stay_as_they_are_without_an_address():
    html = '<head><base href="/root/"></head><p><a href="c">this <b>bold</b><br>link</a>, <a href="d">d</a></p>'
    assert bodycopy.label(html).blocks[0].links == [("this bold link", "c"), ("d", "d")]


def test_a_link_around_blocks_belongs_to_each():
    page = bodycopy.label("<a href=/x><h3>Head</h3><p>Text</p></a>")
    assert [b.links for b in page.blocks] == [[("Head", "/x")], [("Text", "/x")]]


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ("<div><a href=/x><img src=a></a></div><p>Text", [[]]),
        ("<a href=/x><h3>A</h3></a><p>Text", [[("A", "/x")], []]),
        ("<a href=/x><h3>A</h3></a><a href=/y><div><h3>B</h3></div></a>", [[("A", "/x")], [("B", "/y")]]),
        ("<p>Text <a href=/x><img src=a></a>", [[("", "/x")]]),
    ],
)
def test_a_link_without_text_belongs_to_the_text_that_it_stands_in_and_to_no_later_one(html, links):
    assert [b.links for b in bodycopy.label(html).blocks] == links


def test_tags_are_those_of_the_block_level_element():
    page = bodycopy.label("<h2><a href=x>A</a></h2><p>b <b>c</b></p><ul><li><span>d</span></ul><table><td>e</table>")
    assert [b.tag for b in page.blocks] == ["h2", "p", "li", "td"]


def test_related_gives_each_target_once_with_its_title():
    card = "<a href=/{0}><h3>Title {0}</h3></a><p>A blurb of {0} that is longer. <a href=/{0}>More of this here</a></p>"
    page = labelled(
        card.format(1) + "<p><a href=/own>own link</a></p>" + card.format(2),
        ["related"] * 2 + ["body"] + ["related"] * 2,
    )
    assert page.related == [("Title 1", "/1"), ("Title 2", "/2")]


def test_the_longest_text_is_the_title_where_there_is_no_heading():
    page = labelled(
        "<p><a href=/1>Photo</a></p><p><a href=/1>The long story of one</a></p><p><a href=/1>More</a></p>",
        ["related"] * 3,
    )
    assert page.related == [("The long story of one", "/1")]


@pytest.mark.parametrize("href", ["", "#", "#top", "javascript:void(0)", "JavaScript:void(0)", " javascript:x()"])
@pytest.mark.parametrize("url", [None, LINK])
def test_a_link_that_leads_nowhere_is_no_related_piece(href, url):
    page = labelled(
        f'<p><a href="{href}">Back</a></p><p><a href="https://example.com/2">Next</a></p>', ["related"] * 2, url
    )
    assert page.related == [("Next", "https://example.com/2")]


def test_eight_threads_give_the_results_of_one():
    pages = [path.read_bytes() for path in PAGES]
    expected = [bodycopy.label(page) for page in pages]
    wrong: list[object] = []

    def work(shift: int) -> None:
        for i in range(len(pages)):
            at = (i + shift * 2) % len(pages)
            try:
                if bodycopy.label(pages[at]) != expected[at] or bodycopy.clean(pages[at]) != expected[at].text:
                    wrong.append(PAGES[at].stem)
            except Exception as error:  # whatever a race brings
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_is_public_is_there():
    assert set(bodycopy.__all__) >= {"clean", "label", "Page", "Block", "Model", "ModelError", "load_model", "LABELS"}
    assert LABELS == ("body", "promo", "related", "chrome")
    assert isinstance(bodycopy.label(SMALL), Page)
