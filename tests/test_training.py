"""From a corpus on disk to a model file, on the hand-written pages: a few of them are enough to see that it goes."""

import json

import numpy as np
import pytest
from test_pages import FOLDER, NAMES, blocks

import bodycopy
from bodycopy.line_features import line_features
from bodycopy.lines import cut_text
from bodycopy.model import HTML, TEXT
from bodycopy.training.alignment import UNKNOWN, core_of, located
from bodycopy.training.corpora import DataError, Labelled, digest, read_labels
from bodycopy.training.evaluation import line_scores
from bodycopy.training.examples import examples
from bodycopy.training.layouts import read_sources
from bodycopy.training.stacking import Settings, fit, predict
from bodycopy.training.texts import MADE, read_texts, stock_of, text_examples

LINES = FOLDER.parents[1] / "training_data" / "lines"
FEW = NAMES[::4]
QUICK = Settings(
    folds=2,
    hidden=4,
    doubt_bag=1,
    bag=1,
    bag_hidden=4,
    core_epochs=(1, 1, 1),
    label_epochs=(1, 1, 1),
    imitation_epochs=(1, 1, 1),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The hand-written pages as a corpus, and a file with its labels."""
    folder = tmp_path_factory.mktemp("corpora") / "pages"
    (folder / "html").mkdir(parents=True)
    truth, labels = [], []
    for name in FEW:
        (folder / "html" / f"{name}.html").write_bytes((FOLDER / f"{name}.html").read_bytes())
        pairs = [(label, block.text) for block, label in blocks(name)]
        body = "\n".join(text for label, text in pairs if label == "body")
        truth.append({"id": name, "url": f"https://{name}.example/a", "type": "article", "body": body})
        labels.append({"corpus": "pages", "id": name, "blocks": pairs})
    (folder / "truth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in truth))
    (folder.parent / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels))
    return folder, folder.parent / "labels.jsonl"


@pytest.fixture(scope="module")
def known(corpus):
    """The corpus read back."""
    return examples(read_sources([corpus[0]], [corpus[1]]))


def test_every_page_comes_with_its_labels_and_its_main_text(known):
    assert [e.id for e in known] == FEW
    for e in known:
        truths = [label for _, label in blocks(e.id)]
        told = e.labels != UNKNOWN
        assert told.mean() > 0.9
        assert [bodycopy.LABELS[i] for i in e.labels[told]] == [t for t, k in zip(truths, told, strict=True) if k]
        assert 0 < (e.core == 1).sum() <= truths.count("body") + 3


def test_a_fitted_model_scores_a_page_as_it_did_in_training(known, tmp_path):
    fitted = fit(known, QUICK)
    card = {"kind": "html", "feature_version": bodycopy.features.VERSION, "labels": list(bodycopy.LABELS)}
    fitted.model(HTML, card).save(tmp_path / "mine.npz")
    model = bodycopy.load_model(tmp_path / "mine.npz")
    for e in known[:4]:
        np.testing.assert_allclose(model.score(e.features), predict(fitted, [e]), atol=0.02)


def test_training_twice_gives_the_same(known):
    once, again = (fit(known, QUICK) for _ in range(2))
    np.testing.assert_array_equal(once.weights, again.weights)
    np.testing.assert_array_equal(predict(once, known), predict(again, known))


def test_labels_by_digest_are_carried_over_to_blocks_that_are_cut_otherwise():
    pairs = [("chrome", "Home"), ("body", "A long story."), ("promo", "Buy it!")]
    labelled = [Labelled(label, digest(text)) for label, text in pairs]
    found, lost = located(["Home", "New block", "A long story", "Buy it"], [], labelled)
    assert found.tolist() == [3, UNKNOWN, 0, 1]
    assert lost == []


def test_a_label_of_null_is_of_a_block_that_nobody_labelled(tmp_path):
    row = {"corpus": "c", "id": "1", "by_hand": True, "blocks": [["body", digest("One")], [None, digest("Two")]]}
    (tmp_path / "labels.jsonl").write_text(json.dumps(row) + "\n")
    blocks, by_hand = read_labels([tmp_path])["c", "1"]
    found, lost = located(["One", "Two"], [], blocks)
    assert found.tolist() == [0, UNKNOWN]
    assert lost == []
    assert by_hand


def test_labels_by_path_hold_where_a_block_was_cut_in_two_or_joined():
    pairs = [
        ("chrome", "Home", "/nav"),
        ("body", "One. Two.", "/p[1]"),
        ("promo", "Buy", "/div/p[1]"),
        ("promo", "it", "/div/p[2]"),
    ]
    labelled = [Labelled(label, digest(text), path) for label, text, path in pairs]
    found, lost = located(["Home", "One.", "Two.", "Buy it"], ["/nav", "/p[1]", "/p[1]/span", "/div"], labelled)
    assert found.tolist() == [3, 0, 0, 1]
    assert lost == []


def test_labels_without_a_path_never_match_by_path():
    labelled = [Labelled("body", digest("Here")), Labelled("promo", digest("Gone"))]
    found, lost = located(["Here", "New", "Newer"], ["/p[1]", "/p[2]", "/p[3]"], labelled)
    assert found.tolist() == [0, UNKNOWN, UNKNOWN]
    assert lost == [1]


def test_a_block_that_nobody_labelled_takes_no_label_by_its_path():
    labelled = [Labelled("", digest("Here"), "/p[1]"), Labelled("promo", digest("Gone"), "/p[1]/span")]
    found, lost = located(["Here"], ["/p[1]"], labelled)
    assert found.tolist() == [UNKNOWN]
    assert lost == [1]


def test_the_first_six_digits_of_a_digest_are_enough():
    labelled = [Labelled("body", digest("Here")[:6]), Labelled("promo", digest("There"))]
    found, lost = located(["Here", "Nowhere", "There"], [], labelled)
    assert found.tolist() == [0, UNKNOWN, 1]
    assert lost == []


def test_a_labelled_block_that_is_no_more_there_is_lost():
    labelled = [Labelled("body", digest("Here"), "/p[1]"), Labelled("promo", digest("Gone"), "/p[2]")]
    found, lost = located(["Here", "Something else"], ["/p[1]", "/p[3]"], labelled)
    assert found.tolist() == [0, UNKNOWN]
    assert lost == [1]


def test_a_word_of_the_menu_is_not_taken_for_the_main_text():
    body = "The news of the day is that the harbour is open again.\nHarbour"
    texts = ["News", "Harbour", "The news of the day is that the harbour is open again.", "…"]
    assert core_of(texts, body)[0].tolist() == [0, 0, 1, UNKNOWN]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"corpus": "c"', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"corpus":"c","id":"1","blocks":[["ad","x"]]}', "no such label"),
        ('{"corpus":"c","id":"1"}', "a row has corpus, id and blocks"),
        ('{"corpus":"c","id":"1","blocks":[["body"]]}', "a row has corpus, id and blocks"),
    ],
)
def test_a_bad_row_is_named_with_its_file_and_line(tmp_path, line, said):
    path = tmp_path / "labels.jsonl"
    path.write_text(f'{{"corpus": "c", "id": "0", "blocks": []}}\n{line}\n')
    with pytest.raises(DataError, match=f"labels.jsonl:2: .*{said}"):
        read_labels([path])


@pytest.fixture(scope="module")
def text_examples_of_pages(corpus, known):
    """What two extractors made up here would make of the hand-written pages; one of them labelled by hand."""
    folder, labels = corpus
    rows = []
    for name in FEW:
        pairs = [(label, block.text.replace("\n", " ")) for block, label in blocks(name)]
        body = [[label, text] for label, text in pairs if label == "body"]
        rows.append({"corpus": "pages", "id": name, "source": "all", "text": "\n".join(t for _, t in pairs)})
        rows.append({"corpus": "pages", "id": name, "source": "body", "text": "\n\n".join(t for _, t in body)})
        rows[-1]["blocks"] = body
    path = folder.parent / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = read_sources([folder], [labels])
    return text_examples(sources, read_texts([path]), bodycopy.load_model(), stock_of(LINES, sources))


def test_texts_take_the_labels_of_their_pages(text_examples_of_pages):
    found = {(e.id, e.type): e for e in text_examples_of_pages}
    assert len(found) == 3 * len(FEW)
    for name in FEW:
        truth = [label for _, label in blocks(name)]
        labels = [bodycopy.LABELS[i] for i in found[name, "all"].labels if i != UNKNOWN]
        assert abs(labels.count("body") - truth.count("body")) <= 0.1 * len(truth)
        assert set(found[name, "body"].labels.tolist()) == {0}
        assert found[name, "body"].by_hand
        assert not found[name, "made up"].by_hand


def test_lines_of_a_text_are_labelled_by_their_digests(corpus, tmp_path):
    folder, labels = corpus
    row = {"corpus": "pages", "id": FEW[0], "source": "some"}
    lines = [["body", "The one line."], [None, "A line of nobody's."], ["promo", "Subscribe!"]]
    by_digest = {**row, "blocks": [[label, digest(line)] for label, line in lines]}
    text = {**row, "text": "\n".join(line for _, line in lines)}
    (tmp_path / "labels.jsonl").write_text(json.dumps(by_digest) + "\n")
    (tmp_path / "texts.jsonl").write_text(json.dumps(text) + "\n")
    texts = read_texts([tmp_path / "labels.jsonl", tmp_path / "texts.jsonl"])
    sources = [s for s in read_sources([folder], [labels]) if s.id == FEW[0]]
    found = text_examples(sources, texts, bodycopy.load_model(), stock_of(LINES, sources))
    example = next(e for e in found if e.type == "some")
    assert example.labels.tolist() == [0, UNKNOWN, 1]
    assert example.by_hand
    assert read_texts([tmp_path / "labels.jsonl"]) == {("pages", FEW[0]): []}


def test_a_text_model_scores_a_text_as_it_did_in_training(text_examples_of_pages, tmp_path):
    fitted = fit(text_examples_of_pages, QUICK)
    card = {"feature_version": TEXT.version, "labels": list(bodycopy.LABELS)}
    fitted.model(TEXT, card).save(tmp_path / "text.npz")
    model = bodycopy.load_model(tmp_path / "text.npz", "text")
    for e in text_examples_of_pages[:6]:
        text = ("\n\n" if e.type == "body" else "\n").join(e.texts)
        if e.type != MADE:
            np.testing.assert_allclose(model.score(e.features), predict(fitted, [e]), atol=0.02)
            # What was rounded for training is nearly what there is in use.
            np.testing.assert_allclose(line_features(cut_text(text)).numbers, e.features.numbers, rtol=0.008)
    scores = line_scores(text_examples_of_pages, [np.ones(len(e), bool) for e in text_examples_of_pages])
    assert scores == {"body": {"body_kept": 1.0, "junk_removed": 0.0, "clean_words_lost": 0.0}}
