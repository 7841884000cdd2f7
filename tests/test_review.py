"""The page in which labels are corrected, in a real browser, opened as a file."""

import json
from collections.abc import Iterator

import pytest
from engines import need, need_program
from helpers import run

from bodycopy import LABELS
from bodycopy.files import write_file
from bodycopy.training.annotation import Annotation, problems, read, write
from bodycopy.training.corpora import Labelled, digest
from bodycopy.training.review import review

playwright = need("playwright.sync_api", "test")
CHROMIUM = need_program("chromium")
OPTIONS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
).split()

BLOCKS = [
    ("chrome", "", 0.99, "Skip to content"),
    ("body", "?", 0.55, "قناة عمرها ثلاثة قرون تعيد الماء."),
    (
        "body",
        "",
        0.98,
        'He wrote </script><script>document.title = "taken"</script> and <!-- on the "board" & \'wall\'.',
    ),
    ("promo", "?*", 0.61, "港の便りを毎週お届けします"),
    ("related", "", 0.9, "Read also: <b>%%DATA%%</b>"),
    ("chrome", "?", 0.7, "Обратная связь 🦊"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as drive:
        opened = drive.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def folder(tmp_path):
    """A folder with the labels of a page, and its review page."""
    blocks = [Labelled(label, digest(text), f"/html[1]/p[{n}]") for n, (label, _, _, text) in enumerate(BLOCKS)]
    file = write(Annotation(blocks, [guess[1:] for guess in BLOCKS], {"url": "https://orla.example/"}), "harbour")
    (tmp_path / "harbour.tsv").write_text(file, encoding="utf-8")
    make_review(tmp_path)
    return tmp_path


def make_review(folder):
    path = folder / "harbour.tsv"
    page = review(read(path), "harbour", path.read_text(encoding="utf-8"))
    write_file(folder / "harbour.review.html", page.encode())


@pytest.fixture
def page(browser, folder):
    """The review page, opened. No request may leave it, and no error may come."""
    context = browser.new_context(viewport={"width": 1100, "height": 300})
    opened = context.new_page()
    wrong = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    opened.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
    opened.goto((folder / "harbour.review.html").as_uri())
    yield opened
    context.close()
    assert wrong == []


def labels(page):
    return page.eval_on_selector_all("#blocks li", "items => items.map(item => item.dataset.label)")


def current(page):
    return page.eval_on_selector_all("#blocks li", "all => all.findIndex(item => item.ariaCurrent)")


def press(page, keys):
    for key in keys.split():
        page.keyboard.press(key)


def saved(page, folder):
    """The file that the page saves."""
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "harbour.tsv"
    download.value.save_as(folder / "saved.tsv")
    return folder / "saved.tsv"


GUESSED = [label for label, *_ in BLOCKS]


def test_blocks_are_shown_as_they_are_labelled(page):
    assert labels(page) == GUESSED
    assert page.eval_on_selector_all("#blocks span", "all => all.map(s => s.textContent)") == [b[3] for b in BLOCKS]
    assert page.title() == "harbour – labels"
    colours = page.eval_on_selector_all("#blocks b", "all => all.map(b => getComputedStyle(b).color)")
    assert len(set(colours)) == len(LABELS)
    assert page.inner_text("#state") == "6 blocks, 3 unsure, 0 changed"
    unsure = page.eval_on_selector_all("#blocks li", "all => all.map(item => item.classList.contains('unsure'))")
    assert unsure == [False, True, False, True, False, True]


def test_text_runs_as_its_script_does(page):
    directions = page.eval_on_selector_all("#blocks span", "all => all.map(s => getComputedStyle(s).direction)")
    assert directions == ["ltr", "rtl", "ltr", "ltr", "ltr", "ltr"]


def test_a_key_labels_a_block_and_goes_on_to_the_next(page):
    press(page, "p c ArrowDown b")
    assert labels(page) == ["promo", "chrome", "body", "body", "related", "chrome"]
    assert current(page) == 4
    assert page.inner_text("#state") == "6 blocks, 3 unsure, 3 changed"
    press(page, "ArrowUp r")
    assert labels(page)[3] == "related"


def test_keys_of_any_keyboard_do(page):
    page.keyboard.press("P")
    # A Russian keyboard, whose letter в is on the key of d, and з on that of p.
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'з', code: 'KeyP', bubbles: true}))")
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'в', code: 'KeyD', bubbles: true}))")
    assert labels(page) == ["promo", "promo", *GUESSED[2:]]


def test_shortcuts_of_the_browser_stay_its_own(page):
    press(page, "Control+c Alt+p Meta+b")
    assert labels(page) == GUESSED


def test_a_click_takes_the_next_label_and_the_block_stays_under_the_pointer(page):
    box = page.locator("#blocks li").nth(5).bounding_box()
    at = (box["x"] + 300, box["y"] + box["height"] / 2)
    page.mouse.click(*at)
    assert labels(page) == [*GUESSED[:5], "body"]
    assert current(page) == 5
    page.mouse.click(*at)
    assert labels(page) == [*GUESSED[:5], "promo"]


def test_undo_takes_back_one_change_after_the_other(page):
    press(page, "p p p u")
    assert labels(page) == ["promo", "promo", *GUESSED[2:]]
    assert current(page) == 2
    press(page, "u u u")
    assert labels(page) == GUESSED
    assert page.inner_text("#state").endswith("0 changed")


def test_the_unsure_are_visited_in_turn(page):
    places = []
    for _ in range(4):
        press(page, "n")
        places.append(current(page))
    assert places == [1, 3, 5, 1]


def test_without_unsure_ones_the_place_is_kept(browser, folder):
    path = folder / "harbour.tsv"
    path.write_text(
        path.read_text(encoding="utf-8").replace("\t?*\t", "\t\t").replace("\t?\t", "\t\t"), encoding="utf-8"
    )
    make_review(folder)
    page = browser.new_page()
    page.goto((folder / "harbour.review.html").as_uri())
    press(page, "ArrowDown ArrowDown n")
    assert current(page) == 2
    page.close()


def test_changes_are_there_after_a_reload_until_the_file_is_another(page, folder):
    press(page, "p ArrowDown r")
    changed = ["promo", GUESSED[1], "related", *GUESSED[3:]]
    page.reload()
    assert labels(page) == changed
    assert page.inner_text("#state").endswith("2 changed")
    (folder / "harbour.tsv").write_bytes(saved(page, folder).read_bytes())
    make_review(folder)
    page.reload()
    assert labels(page) == changed
    assert page.inner_text("#state").endswith("0 changed")


def test_changes_are_there_in_another_window(page):
    for key in "prprprpr":
        # Chromium sometimes loses what a young page stores, so that one try would fail now and then.
        press(page, f"ArrowUp {key}")
        other = page.context.new_page()
        other.goto(page.url)
        found = labels(other)
        other.close()
        if found == labels(page):
            break
    assert found == labels(page) != GUESSED


def test_what_is_saved_has_exactly_the_changes(page, folder):
    press(page, "ArrowDown p ArrowDown b")
    before = (folder / "harbour.tsv").read_text(encoding="utf-8").splitlines()
    after = saved(page, folder).read_text(encoding="utf-8").splitlines()
    assert "harbour.tsv in your downloads" in page.inner_text("#state")
    first = len(before) - len(BLOCKS)
    assert [n - first for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [1, 3]
    old, new = read(folder / "harbour.tsv"), read(folder / "saved.tsv")
    assert [b.label for b in new.blocks] == ["chrome", "promo", "body", "body", "related", "chrome"]
    assert [(b.key, b.path, b.line) for b in new.blocks] == [(b.key, b.path, b.line) for b in old.blocks]
    assert (new.guesses, new.told) == (old.guesses, old.told)


def test_nothing_changed_saves_the_file_as_it_is(page, folder):
    assert saved(page, folder).read_bytes() == (folder / "harbour.tsv").read_bytes()


def test_a_long_text_is_marked_where_it_was_cut_off(browser, tmp_path):
    story = "The ferry came at last. " * 20
    (tmp_path / "long.html").write_text(f"<h1>Ferry</h1><p>{story}</p>")
    assert run("annotate", tmp_path / "long.html", "--output", tmp_path / "out", "--review").exit_code == 0
    page = browser.new_page()
    page.goto((tmp_path / "out" / "long.review.html").as_uri())
    shown = page.eval_on_selector_all("#blocks span", "all => all.map(s => s.textContent)")
    assert shown == ["Ferry", f"{story[:200]}…"]
    page.close()


def test_a_page_goes_from_the_command_through_the_browser_and_back(browser, tmp_path):
    (tmp_path / "tides.html").write_text(
        "<x\u2028y><h1>Tides</h1><p>High water is at six.</p></x\u2028y><p>Sign up</p>"
    )
    out = tmp_path / "out"
    assert run("annotate", tmp_path / "tides.html", "--output", out, "--review").exit_code == 0
    guessed = [b.label for b in read(out / "tides.tsv").blocks]
    page = browser.new_page()
    page.goto((out / "tides.review.html").as_uri())
    press(page, "b b p")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(out / "tides.tsv")
    page.close()
    assert [b.label for b in read(out / "tides.tsv").blocks] == ["body", "body", "promo"] != guessed
    assert problems(out / "tides.tsv") == []


def test_the_page_is_one_file_without_any_address(folder):
    html = (folder / "harbour.review.html").read_text(encoding="utf-8")
    assert html.count("</script>") == 2
    assert not [mark for mark in ("src=", 'href="', "@import", "url(", "%%COLOURS", "%%NAME") if mark in html]
    told = html.partition('type="application/json">')[2].partition("</script>")[0]
    assert [block["text"] for block in json.loads(told)["blocks"]] == [text for *_, text in BLOCKS]
