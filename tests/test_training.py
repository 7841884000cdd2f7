"""From a corpus on disk to a model file, on the hand-written pages: a few of them are enough to see that it goes."""

import json

import numpy as np
import pytest
from test_pages import FOLDER, NAMES, blocks

import bodycopy
from bodycopy.document import segment
from bodycopy.features import features
from bodycopy.line_features import line_features
from bodycopy.lines import cut_text
from bodycopy.model import HTML, TEXT
from bodycopy.training.corpora import digest, read_corpora
from bodycopy.training.examples import UNKNOWN, core_of, examples, labels_of
from bodycopy.training.stacking import Settings, fit, predict
from bodycopy.training.texts import MADE, line_scores, read_texts, stock_of, text_examples

LINES = FOLDER.parents[1] / "training_data" / "lines"
QUICK = Settings(
    folds=2, hidden=4, bag=1, bag_hidden=4, core_epochs=(1, 1, 1), label_epochs=(1, 1, 1), imitation_epochs=(1, 1, 1)
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The hand-written pages as a corpus, and a file with its labels."""
    folder = tmp_path_factory.mktemp("corpora") / "pages"
    (folder / "html").mkdir(parents=True)
    truth, labels = [], []
    for name in NAMES:
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
    return examples(list(read_corpora([corpus[0]], [corpus[1]])))


def test_every_page_comes_with_its_labels_and_its_main_text(known):
    assert [e.id for e in known] == NAMES
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
        found = features(segment((FOLDER / f"{e.id}.html").read_bytes()))
        np.testing.assert_allclose(model.score(found), predict(fitted, [e]), atol=0.02)


def test_training_twice_gives_the_same(known):
    once, again = fit(known, QUICK), fit(known, QUICK)
    np.testing.assert_array_equal(once.weights, again.weights)
    np.testing.assert_array_equal(once.scores, again.scores)


def test_labels_by_digest_are_carried_over_to_blocks_that_are_cut_otherwise():
    labelled = [("chrome", digest("Home")), ("body", digest("A long story.")), ("promo", digest("Buy it!"))]
    found = labels_of(["Home", "New block", "A long story", "Buy it"], labelled, by_hand=False)
    assert found.tolist() == [3, UNKNOWN, 0, 1]


def test_a_word_of_the_menu_is_not_taken_for_the_main_text():
    body = "The news of the day is that the harbour is open again.\nHarbour"
    texts = ["News", "Harbour", "The news of the day is that the harbour is open again.", "…"]
    assert core_of(texts, body).tolist() == [0, 0, 1, UNKNOWN]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"corpus": "c"', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"corpus":"c","id":"1","blocks":[["ad","x"]]}', "no such label"),
    ],
)
def test_a_bad_row_is_named_with_its_file_and_line(tmp_path, line, said):
    path = tmp_path / "labels.jsonl"
    path.write_text(f'{{"corpus": "c", "id": "0", "blocks": []}}\n{line}\n')
    with pytest.raises(ValueError, match=f"labels.jsonl:2: .*{said}"):
        list(read_corpora([], [path]))


@pytest.fixture(scope="module")
def text_examples_of_pages(corpus, known):
    """What two extractors made up here would make of the hand-written pages; one of them labelled by hand."""
    folder, labels = corpus
    rows = []
    for name in NAMES:
        pairs = [(label, block.text.replace("\n", " ")) for block, label in blocks(name)]
        body = [[label, text] for label, text in pairs if label == "body"]
        rows.append({"corpus": "pages", "id": name, "source": "all", "text": "\n".join(t for _, t in pairs)})
        rows.append({"corpus": "pages", "id": name, "source": "body", "text": "\n\n".join(t for _, t in body)})
        rows[-1]["blocks"] = body
    path = folder.parent / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = list(read_corpora([folder], [labels]))
    return text_examples(sources, read_texts([path]), bodycopy.load_model(), stock_of(LINES, sources))


def test_texts_take_the_labels_of_their_pages(text_examples_of_pages):
    found = {(e.id, e.type): e for e in text_examples_of_pages}
    assert len(found) == 3 * len(NAMES)
    for name in NAMES:
        truth = [label for _, label in blocks(name)]
        labels = [bodycopy.LABELS[i] for i in found[name, "all"].labels if i != UNKNOWN]
        assert abs(labels.count("body") - truth.count("body")) <= 0.1 * len(truth)
        assert set(found[name, "body"].labels.tolist()) == {0}
        assert found[name, "body"].by_hand
        assert not found[name, "made up"].by_hand


def test_a_text_model_scores_a_text_as_it_did_in_training(text_examples_of_pages, tmp_path):
    fitted = fit(text_examples_of_pages, QUICK)
    card = {"feature_version": TEXT.version, "labels": list(bodycopy.LABELS)}
    fitted.model(TEXT, card).save(tmp_path / "text.npz")
    model = bodycopy.load_model(tmp_path / "text.npz", "text")
    for e in text_examples_of_pages[:6]:
        text = ("\n\n" if e.type == "body" else "\n").join(e.texts)
        if e.type != MADE:
            np.testing.assert_allclose(model.score(line_features(cut_text(text))), predict(fitted, [e]), atol=0.02)
    scores = line_scores(text_examples_of_pages, [model] * len(text_examples_of_pages), 0)
    assert scores == {"body": {"body_kept": 1.0, "junk_removed": 0.0, "clean_words_lost": 0.0}}
