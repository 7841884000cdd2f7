"""What a page says of itself: found in its head, and borne out by its blocks or not."""

import json

import numpy as np
import pytest
from helpers import assert_starts_where, cut, texts_where

from bodycopy.claims import claims, naming, stated
from bodycopy.features import NAMES, features, unclaimed
from bodycopy.tokens import MARK

STATED = "The ferry is back. It had been missing for three days.\n<p>People on the island cheered &amp; sang.</p>"
PAGE = f"""
<html><head><title>Ferry returns after storm | Harbour Post</title>
<base href="/sea/"><link rel="stylesheet" href="/x.css"><link rel="canonical" href="https://www.harbourpost.example/sea/2024/ferry-returns/">
<meta charset="utf-8"><meta name="Description" content="After three days of storm the ferry has come back to the island.">
<meta property="og:description" content="The ferry has come back."><meta property="og:site_name" content="Harbour Post">
<script>var text = {{"articleBody": "never read"}}</script>
<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", "articleBody": STATED})}</script>
<script type="application/ld+json">{{"review": {{"reviewBody": "A most readable story."}}, "name": "cut short</script>
</head><body><a href="https://harbourpost.example"><img src="logo.png">HARBOUR POST</a>
<h1>Ferry returns after storm</h1><picture><img src="ferry.jpg"></picture>
<p>After three days of storm the ferry has come back.</p>
<p>The ferry is back. It had been missing for three days.</p><p>People on the island cheered &amp; sang.</p>
<p>Support the harbour-post with a gift.</p>
<form><p>Have it sent to you</p><input type="text" placeholder="Your e-mail or EMAIL"><input type="hidden" name="email"></form>
<form><p>Search</p><input><button>Go</button></form>
<p><a href="/sea/2024/ferry-returns/#comments">12 comments</a></p><p><a href="/sea/2023/lighthouse/">Lighthouse keys</a></p>
<p><a href="https://shop.harbourpost.example/mug">Mugs</a></p><p><a href="https://elsewhere.example/">Elsewhere</a></p>
<p>A most readable story.</p></body></html>
"""  # noqa: E501


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("in_description", ["After three"]),
        ("in_stated_body", ["The ferry", "People"]),
        ("in_stated_other", ["A most"]),
        ("names_site", ["HARBOUR POST", "Support"]),
        ("href_within_site", ["HARBOUR POST", "12 comments", "Lighthouse", "Mugs"]),
        ("href_home", ["HARBOUR POST"]),
        ("href_near_page", ["12 comments"]),
        ("href_of_page", ["12 comments"]),
        ("pictures", ["HARBOUR POST", "Ferry"]),
        ("pictures_next", ["HARBOUR POST"]),
        ("email_fields", ["Have it"]),
        ("fields", ["Search"]),
    ],
)
def test_a_named_number_is_what_its_name_says(name, starts):
    assert_starts_where(PAGE, name, starts)


def test_what_leads_out_of_the_site_is_below_nothing():
    page = cut(PAGE)
    values = dict(zip(page.texts, features(page).numbers[:, NAMES.index("href_within_site")], strict=True))
    assert values["Elsewhere"] == -1
    assert values["Search"] == 0


def test_numbers_of_the_page_tell_what_it_says_at_all():
    with_claims, without = (features(cut(page)).numbers[0] for page in (PAGE, "<p>x</p>"))
    for name in ("page_description", "page_stated_body", "page_stated_other", "page_named"):
        assert with_claims[NAMES.index(name)] > 0
        assert without[NAMES.index(name)] == 0


def test_a_page_that_says_nothing_of_itself_can_be_had_from_one_that_does():
    head, body = PAGE.split("</head>")
    silent = features(cut(f"<html><head>{head[head.index('<title>') : head.index(' | ')]}</title></head>{body}"))
    told = unclaimed(features(cut(PAGE.replace(" | Harbour Post", ""))))
    np.testing.assert_array_equal(told.numbers, silent.numbers)
    np.testing.assert_array_equal(told.structure.traits, silent.structure.traits)


def test_a_page_is_known_by_its_names_and_its_address():
    said = claims(cut(PAGE))
    assert (said.names, said.site, said.path) == (["harbourpost"], "harbourpost", "/sea/2024/ferry-returns/")


def test_the_address_may_stand_in_the_metadata():
    page = '<meta property="og:url" content="https://news.example.co.uk/a"><p>x</p>'
    assert claims(cut(page)).site == "example"


def test_short_names_are_whole_words():
    page = '<meta property="og:site_name" content="Hub"><p>From the Hub, with love</p><p>Shubert at the GitHub</p>'
    assert texts_where(page, "names_site") == ["From the Hub, with love"]


@pytest.mark.parametrize(
    "head",
    [
        '<link rel="canonical" href="http://[">',
        '<link rel="canonical" href="//"><link rel="canonical">',
        '<meta property="og:url" content="https://.../">',
        '<meta property="og:site_name" content="---">',
        '<meta name="" content="x"><meta name="description">',
        f'<meta property="og:site_name" content="{MARK}{MARK}{MARK}">',
        "<title>|</title>",
        "<title> - Site</title>",
        '<script type="application/ld+json"></script>',
        '<script type="application/ld+json">{"articleBody": "</script>',
        '<script type="application/ld+json">{"articleBody": "\\ud800 \\x", "text": "\\ud83d"}</script>',
        '<script type="application/ld+json">' + '"text":"' * 1000 + "</script>",
        '<script type="application/ld+json">{"articleBody": "' + "<" * 50_000 + '"}</script>',
    ],
)
def test_odd_claims_are_no_error(head):
    numbers = features(cut(f"<html><head>{head}</head><body><p>Some text, {MARK} and more.</p></body></html>")).numbers
    assert np.isfinite(numbers).all()


def test_texts_are_found_in_broken_linked_data():
    assert stated('{"articleBody": "one \\"two\\"", broken, "text" : "three\nfour"') == ('one "two"', "three\nfour")
    assert stated('{"headline": "one", "articleBody": ["two"]}') == ("", "")


def test_each_text_that_names_a_site_is_found():
    assert set(naming(["abc", "xyz"], ["abc", "", "no", "A-B C abc", "x y z", "ab", "c"])) == {0, 3, 4}
    assert set(naming(["abc"], ["no", f"a{MARK}bc", "abc"])) == {1, 2}
    assert not list(naming([], ["abc"]))
    assert set(naming([MARK * 5], ["-"] * 9)) <= set(range(9))  # it ends
