"""What fitting takes and refuses: other classifiers as the final stage, and labels that are too few."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import copied
from scipy.special import expit
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from test_training import QUICK

from bodycopy import LABELS, Model
from bodycopy.model import CLIP, HTML
from bodycopy.training.alignment import UNKNOWN
from bodycopy.training.corpora import DataError
from bodycopy.training.layouts import read_sources
from bodycopy.training.stacking import CORE, Table, fit, fit_network, fit_without_each, same_pages, scaling
from bodycopy.training.train import html_examples, train

FEW = ("endless_scroll", "french_article", "german_article", "japanese_article", "paywalled", "utility_classes")
FINALS = [
    MLPClassifier((6, 5), learning_rate_init=0.01, max_iter=60, random_state=0),
    MLPClassifier((), learning_rate_init=0.01, max_iter=60, random_state=0),
    LogisticRegression(max_iter=20),
    SGDClassifier(loss="log_loss", random_state=0),
]
pytestmark = pytest.mark.filterwarnings("ignore:.*(converge|Maximum iterations)")
each_final = pytest.mark.parametrize("final", FINALS, ids=repr)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = copied(FEW, tmp_path_factory.mktemp("data") / "pages")
    return html_examples(read_sources([folder], []))


def changed(known, **values):
    """Examples with other labels, core values or sites."""
    return [replace(e, **{name: value(e) for name, value in values.items()}) for e in known]


@each_final
def test_a_final_classifier_scores_as_it_does_itself(known, final):
    table = Table(known)
    rows = np.arange(len(table.page)) % 3 > 0
    network = fit_network(table.numbers, table, rows, QUICK, final)
    centre, spread = scaling(table.numbers)
    scaled = np.clip((table.numbers - centre) / spread, -CLIP, CLIP)
    odds = network.log_odds(table.numbers)
    of_core, labelled = rows & (table.core != UNKNOWN), rows & (table.labels != UNKNOWN)
    core = clone(final).fit(scaled[of_core], table.core[of_core] == 1)
    labels = clone(final).fit(scaled[labelled], table.labels[labelled])
    np.testing.assert_allclose(expit(odds[:, CORE]), core.predict_proba(scaled)[:, 1], atol=1e-4)
    if isinstance(final, SGDClassifier):  # whose log odds are of one label against the rest
        np.testing.assert_allclose(odds[:, :CORE], labels.decision_function(scaled), rtol=1e-3, atol=0.1)
    else:
        shares = np.exp(odds[:, :CORE])
        np.testing.assert_allclose(shares / shares.sum(1, keepdims=True), labels.predict_proba(scaled), atol=1e-4)
    assert (odds[:, :CORE].argmax(1) == labels.predict(scaled)).mean() > 0.99


@each_final
def test_a_model_with_a_final_classifier_is_a_model_like_any_other(known, final, tmp_path):
    train(known, HTML, QUICK, final=final).save(tmp_path / "html.npz")
    model = Model.load(tmp_path / "html.npz")
    assert model.card["final"] == repr(final)
    scores = np.concatenate([model.score(e.features) for e in known])
    truth = np.concatenate([e.labels for e in known])
    assert (scores[:, : len(LABELS)].argmax(1) == truth).mean() > 0.6


@pytest.mark.parametrize(
    "final",
    [
        HistGradientBoostingClassifier(),
        MLPClassifier(activation="tanh"),
        SGDClassifier(loss="hinge"),
    ],
    ids=repr,
)
def test_a_classifier_that_does_not_convert_says_so_before_anything_is_fitted(known, final):
    said: list[str] = []
    with pytest.raises(TypeError, match=f"{type(final).__name__}.* does not convert.*take MLPClassifier"):
        fit(known, QUICK, said.append, final=final)
    assert said == []


def test_a_label_that_no_block_has_is_named(known):
    none = changed(known, labels=lambda e: np.where(e.labels == LABELS.index("promo"), UNKNOWN, e.labels))
    with pytest.raises(DataError, match="no block is labelled promo; label some"):
        fit(none, QUICK)
    with pytest.raises(DataError, match="the main text of no page is known"):
        fit(changed(known, core=lambda e: np.full(len(e), UNKNOWN, np.int8)), QUICK)


def test_a_label_that_one_site_alone_has_is_named(known):
    def alone(e):
        return e.labels if e.id == FEW[0] else np.where(e.labels == 1, UNKNOWN, e.labels)

    with pytest.raises(DataError, match=r"too few sites have blocks that are promo: .*--from"):
        fit(changed(known, labels=alone), QUICK)


def test_pages_of_one_site_are_too_few(known):
    with pytest.raises(DataError, match=r"too few sites have blocks that are body or promo .* count as one site"):
        fit(changed(known, site=lambda e: "orla.example"), QUICK)


def test_fewer_sites_than_folds_are_enough(known):
    three = known[:2] + changed(known[2:], site=lambda e: "orla.example")
    said: list[str] = []
    fit(three, replace(QUICK, folds=5), said.append)
    assert [line for line in said if line.startswith("linear")] == [f"linear stage, fold {k} of 3" for k in (1, 2, 3)]
    card = train(known, HTML, replace(QUICK, folds=9, doubt=1), folds=9).card
    assert card["cross_validated"]["folds"] == len(FEW)


def test_what_cannot_be_cross_validated_says_so_before_anything_is_fitted(known):
    two = changed(known, site=lambda e: f"{e.id in FEW[:3]}.example")
    fit(two, QUICK)
    said: list[str] = []
    with pytest.raises(DataError, match=r"not to cross-validate it: without one part of 2, too few .*without --cross"):
        train(two, HTML, QUICK, said.append, folds=5)
    assert said == []


def test_what_is_left_out_shows_in_no_stage(known):
    (stages, left_out), *others = fit_without_each(known, 2, QUICK)
    wrong = changed(known, labels=lambda e: (e.labels + 1) % len(LABELS), core=lambda e: 1 - e.core)
    again, _ = next(fit_without_each([wrong[i] if i in left_out else e for i, e in enumerate(known)], 2, QUICK))
    np.testing.assert_array_equal(again.weights, stages.weights)
    for one, other in zip(again.networks, stages.networks, strict=True):
        for (mine, _), (theirs, _) in zip(one.layers, other.layers, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    places = np.concatenate([left_out, *(of_other for _, of_other in others)])
    assert sorted(places.tolist()) == list(range(len(known)))


def test_pages_that_two_sites_share_are_left_out_together(known):
    again = [replace(known[0], site="again.example"), replace(known[1], site="0.example")]
    assert same_pages(known) == {}
    assert same_pages([*known, *again]) == {known[0].site: "again.example", known[1].site: "0.example"}
    for _, left_out in fit_without_each([*known, *again], 3, QUICK):
        assert (0 in left_out) == (len(known) in left_out)
        assert (1 in left_out) == (len(known) + 1 in left_out)


def test_blocks_of_long_pages_weigh_less_in_the_labels_loss_alone(known):
    table = Table(known, balance=0.5)
    by_page = [weights[0] for weights in np.split(table.label_weight, table.starts[1:-1])]
    lengths = [len(e) for e in known]
    assert min(lengths) < max(lengths)
    assert np.allclose(np.square(by_page) * lengths, by_page[0] ** 2 * lengths[0])
    assert np.isclose(table.label_weight.mean(), 1)
    assert (table.linear_weight == 1).all()


def test_nothing_is_nothing_to_train_on():
    with pytest.raises(DataError, match="nothing to train a model for html on"):
        train([], HTML, QUICK)
