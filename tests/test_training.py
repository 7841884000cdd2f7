"""From a corpus on disk to a model file, on the hand-written pages: a few of them are enough to see that it goes."""

import json

import numpy as np
import pytest
from test_pages import FOLDER, NAMES, blocks

import bodycopy
from bodycopy.document import segment
from bodycopy.features import features
from bodycopy.model import HTML
from bodycopy.training.corpora import digest, read_corpora
from bodycopy.training.examples import UNKNOWN, core_of, examples, labels_of
from bodycopy.training.stacking import Settings, fit, predict

QUICK = Settings(
    folds=2, hidden=4, bag=1, bag_hidden=4, core_epochs=(1, 1, 1), label_epochs=(1, 1, 1), imitation_epochs=(1, 1, 1)
)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The hand-written pages as a corpus with its labels, read back."""
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
    return examples(list(read_corpora([folder], [folder.parent / "labels.jsonl"])))


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
    bodycopy.Model(HTML, card, fitted.weights, fitted.bias, fitted.network).save(tmp_path / "mine.npz")
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
