"""Fitting: examples → a model, and honest scores for each of them.

The stages are stacked (Wolpert, 1992, "Stacked generalization"): the network is fitted on what the linear stage says of
pages that it was not fitted on, got by cross-validation grouped by site. The network imitates a bag of networks, fitted
for few epochs from different seeds (Hinton et al., 2015, "Distilling the knowledge in a neural network"): a bag
generalises better than any one of its networks, and one network that imitates it is nearly as good, and quick.

The main text that corpora give is often cut short. Blocks that a first network, fitted without their site, takes for
body against the corpus count for little when the network is fitted again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from bodycopy import features, line_features
from bodycopy.model import (
    CLIP,
    HTML,
    LABELS,
    OUTPUTS,
    Kind,
    Model,
    Network,
    around,
    chain,
    inputs_of,
    probabilities,
    totals,
)
from bodycopy.tokens import BUCKETS, IN_TEXT, Floats, excerpts, phrase_buckets, words
from bodycopy.training.alignment import UNKNOWN
from bodycopy.training.corpora import DataError
from bodycopy.training.examples import WORDS, Example
from bodycopy.training.languages import Lines

CORE = len(LABELS)  # the core's place in OUTPUTS

LONG = 12  # words of a block that hardly any other page has by chance
SURE = 6.0  # log odds beyond which a network need not imitate another

Progress = Callable[[str], None]
AnyNetwork = TypeVar("AnyNetwork", MLPClassifier, MLPRegressor)


@dataclass(frozen=True, slots=True)
class Settings:
    """What fitting can be told. Epochs are per learning rate, which falls over a fit."""

    folds: int = 5
    seed: int = 0
    linear_alpha: float = 2e-6
    linear_epochs: int = 5
    line_weight: float = 3.0  # of a line without a page, in the linear stage's loss; that of a block is 1
    bag: int = 8  # networks for the core, and as many for the labels
    bag_hidden: int = 48
    hidden: int = 224  # units of the network that imitates them; 0 to keep the bag itself
    networks: int = 1  # one after the other: a later one sees what the one before made of the blocks around
    rates: tuple[float, ...] = (1e-3, 3e-4, 1e-4)
    core_epochs: tuple[int, ...] = (2, 1, 1)
    label_epochs: tuple[int, ...] = (3, 1, 1)
    imitation_epochs: tuple[int, ...] = (6, 3, 3)
    batch: int = 512
    decay: float = 1e-2
    # What the odds of each label are multiplied by: promo taken for body is worse than the reverse.
    label_odds: tuple[float, ...] = (0.65, 1.95, 1.4, 1.0)
    doubt: float = 0.1  # weight of a block whose core value is doubted; 1 to doubt none
    # Weights of our corpora if not 1: the pages written by hand hold more promo and harder cases than pages elsewhere.
    corpora: tuple[tuple[str, float], ...] = (("pages", 0.2),)
    doubt_bag: int = 2  # networks of each kind that look for such blocks
    # Power of the number of a page's blocks by which each counts less in the labels' loss: 0 for all blocks alike, as
    # labels are scored, 1 for all pages alike.
    balance: float = 0.5
    jobs: int = 1


def tokens_of(e: Example) -> sp.csr_matrix:
    """The tokens of an example's blocks: shape (blocks, rows of the token table)."""
    rows, columns, values = (features if e.kind is HTML else line_features).token_rows(e.features)
    shape = (len(e), BUCKETS * e.kind.groups)
    return sp.csr_matrix((values, (rows.astype(np.int32), columns.astype(np.int32))), shape)


def tokens_of_lines(texts: list[str], kind: Kind) -> sp.csr_matrix:
    """The tokens of lines without a page, which are those of their text: shape (lines, rows of the token table)."""
    found = phrase_buckets(words(excerpts(texts), IN_TEXT))
    # Those of the text come first in the token table.
    rows = (found.weights(), found.ids.astype(np.int32), found.starts)
    return sp.csr_matrix(rows, (len(texts), BUCKETS * kind.groups))


class Table:
    """All blocks of some examples in one table, and lines that the linear stage is fitted on beside them."""

    def __init__(
        self,
        examples: Sequence[Example],
        corpora: Sequence[tuple[str, float]] = (),
        lines: Lines | None = None,
        balance: float = 0.0,
    ):
        self.examples = examples
        self.kind = examples[0].kind
        self.starts = np.concatenate(([0], np.cumsum([len(e) for e in examples])))
        self.page = np.repeat(np.arange(len(examples)), np.diff(self.starts))
        self.labels = np.concatenate([e.labels for e in examples])
        self.core = np.concatenate([e.core for e in examples])
        self.tokens = sp.vstack([tokens_of(e) for e in examples], format="csr")
        self.numbers = np.concatenate([e.features.numbers for e in examples])
        # In the core's loss a block weighs by the root of its length, a page by the root of its number of blocks:
        # between all blocks alike, as labels are scored, and all pages alike, as main text is.
        words = np.sqrt(np.expm1(self.numbers[:, WORDS]))
        blocks = np.bincount(self.page)[self.page]
        weight = words / np.bincount(self.page, words)[self.page] * np.sqrt(blocks)
        of_corpus = np.array([dict(corpora).get(e.corpus, 1.0) for e in examples], np.float32)[self.page]
        self.weight = (weight / weight.mean()).astype(np.float32) * of_corpus  # in the core's loss
        self.linear_weight = of_corpus  # in the linear stage's
        rarer = blocks.astype(np.float32) ** -balance
        self.label_weight = of_corpus * rarer / rarer.mean()  # in the labels'
        self.line_tokens = tokens_of_lines(lines.texts if lines else [], self.kind)
        self.line_labels = lines.labels if lines else np.empty(0, np.int8)

    def targets(self, output: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int_]]:
        """Which blocks have a known value of an output, and whether it is 1."""
        if output == CORE:
            return self.core != UNKNOWN, (self.core == 1).astype(int)
        return self.labels != UNKNOWN, (self.labels == output).astype(int)

    def around(self, total: Floats) -> Floats:
        """`model.around` of every page."""
        spans = zip(self.examples, self.starts[:-1], self.starts[1:], strict=True)
        return np.concatenate([around(total[a:z], e.features.structure) for e, a, z in spans])


def site_folds(examples: Sequence[Example], folds: int, seed: int) -> npt.NDArray[np.int_]:
    """The fold of each example; all pages of a site are in one. Of fewer sites than folds each has one to itself."""
    sites = sorted({e.site for e in examples})
    fold_of = dict(zip(sites, np.random.RandomState(seed).permutation(len(sites)) % folds, strict=True))
    return np.array([fold_of[e.site] for e in examples])


def same_pages(examples: Sequence[Example]) -> dict[str, str]:
    """Sites with a page of which half the main text stands in one page of another site, each with that other site.

    Syndicated articles are such, and pages without an address, each of which is taken for a site. What counts of a main
    text is its long blocks, as their tokens.
    """
    owners: defaultdict[bytes, dict[str, None]] = defaultdict(dict)
    mains: list[tuple[str, set[bytes]]] = []
    for e in examples:
        starts, ids = e.features.text.starts, np.ascontiguousarray(e.features.text.ids)
        long = np.flatnonzero((e.core == 1) & (e.words >= LONG))
        mains.append((e.site, {ids[starts[i] : starts[i + 1]].tobytes() for i in long}))
        for block in mains[-1][1]:
            owners[block][e.site] = None
    one: dict[str, str] = {}

    def first(site: str) -> str:
        while site in one:
            site = one[site]
        return site

    for site, blocks in mains:
        shared = Counter(other for block in blocks for other in owners[block])
        for other, count in shared.items():
            a, b = sorted((first(site), first(other)))
            if a != b and 2 * count >= len(blocks):
                one[b] = a
    return {site: first(site) for site in one}


def outer_folds(examples: Sequence[Example], folds: int, seed: int) -> npt.NDArray[np.int_]:
    """The folds to cross-validate by: as `site_folds` has them, but for sites that share a page, which are in one."""
    of_site = {e.site: f for e, f in zip(examples, site_folds(examples, folds, seed), strict=True)}
    one = same_pages(examples)
    return np.array([of_site[one.get(e.site, e.site)] for e in examples])


def fit_linear(table: Table, rows: npt.NDArray[np.bool_], settings: Settings) -> tuple[Floats, Floats]:
    """The linear stage: token table (rows, outputs) and biases. One logistic regression an output."""

    def fit(output: int) -> tuple[Floats, float]:
        known, target = table.targets(output)
        chosen = np.flatnonzero(known & rows)
        tokens, target, weight = table.tokens[chosen], target[chosen], table.linear_weight[chosen]
        if output != CORE and len(table.line_labels):  # what is running text, the corpora tell alone
            tokens = sp.vstack((tokens, table.line_tokens), format="csr")
            target = np.concatenate((target, (table.line_labels == output).astype(int)))
            weight = np.concatenate((weight, np.full(len(table.line_labels), settings.line_weight, np.float32)))
        model = SGDClassifier(
            loss="log_loss",
            alpha=settings.linear_alpha,
            max_iter=settings.linear_epochs,
            tol=None,
            average=True,
            random_state=settings.seed,
        )
        model.fit(tokens, target, sample_weight=weight)
        return model.coef_[0].astype(np.float32), float(model.intercept_[0])

    fitted = Parallel(n_jobs=settings.jobs, backend="threading")(delayed(fit)(o) for o in range(len(OUTPUTS)))
    return np.stack([w for w, _ in fitted], 1), np.array([b for _, b in fitted], np.float32)


def apply_linear(table: Table, rows: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Linear scores by group, as `features.linear_scores` gives them."""
    tokens = table.tokens[np.flatnonzero(rows)]
    spans = [slice(g, g + BUCKETS) for g in range(0, tokens.shape[1], BUCKETS)]
    return np.hstack([tokens[:, s] @ weights[s] for s in spans]).astype(np.float32)


def scaling(x: Floats) -> tuple[Floats, Floats]:
    """Mean and spread of each input, over a sample."""
    sample = x[:: max(1, len(x) // 200_000)]
    return sample.mean(0), sample.std(0) + np.float32(1e-3)


def fit_network(x: Floats, table: Table, rows: npt.NDArray[np.bool_], settings: Settings, final: Any = None) -> Network:
    """A network of OUTPUTS: a bag of networks for the core and of as many for the labels, or one that imitates it.

    With ``final``, two copies of that classifier instead of the bag.
    """
    centre, spread = scaling(x)
    scaled = np.clip((x - centre) / spread, -CLIP, CLIP)
    of_core, is_core = table.targets(CORE)
    of_core &= rows
    labelled = (table.labels != UNKNOWN) & rows

    if final is not None:
        parts = [
            clone(final).fit(scaled[rows], target[rows])
            for rows, target in ((of_core, is_core), (labelled, table.labels))
        ]
        return join(parts, centre, spread, settings.label_odds)
    fit = delayed(fit_epochs)
    tasks = []
    for seed in range(settings.seed, settings.seed + settings.bag):
        one = classifier(settings, seed)
        tasks += [
            fit(one, scaled, is_core, of_core, settings.core_epochs, settings, table.weight),
            fit(clone(one), scaled, table.labels, labelled, settings.label_epochs, settings, table.label_weight),
        ]
    # In processes: a step of such a small network is mostly Python's, which threads would do one at a time.
    bag = join(Parallel(n_jobs=settings.jobs)(tasks), centre, spread, settings.label_odds)
    return imitate(bag, x, scaled, rows, settings) if settings.hidden else bag


def classifier(settings: Settings, seed: int) -> MLPClassifier:
    return MLPClassifier((settings.bag_hidden,), alpha=settings.decay, random_state=seed)


def fit_epochs(
    model: AnyNetwork,
    x: Floats,
    target: npt.NDArray[Any],
    rows: npt.NDArray[np.bool_],
    epochs: Sequence[int],
    settings: Settings,
    weight: Floats | None = None,
) -> AnyNetwork:
    """Fit a network on some rows, for so many epochs at each learning rate."""
    chosen = np.flatnonzero(rows)
    random = np.random.RandomState(model.random_state)
    model.batch_size = min(settings.batch, len(chosen))
    options: dict[str, Any] = {}
    if isinstance(model, MLPClassifier):
        options["classes"] = np.unique(target[chosen])
    for rate, times in zip(settings.rates, epochs, strict=True):
        model.learning_rate_init = rate
        if hasattr(model, "_optimizer"):
            model._optimizer.learning_rate_init = rate
        for _ in range(times):
            order = random.permutation(chosen)
            if weight is not None:
                options["sample_weight"] = weight[order]
            model.partial_fit(x[order], target[order], **options)
    return model


def layers_of(classifier: Any) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """A fitted classifier as the layers of a network: weights (inputs, outputs) and biases.

    Raises TypeError for one that does not convert (see `check_converts`).
    """
    check_converts(classifier)
    if isinstance(classifier, MLPClassifier):
        return list(zip(classifier.coefs_, classifier.intercepts_, strict=True))
    return [(classifier.coef_.T, classifier.intercept_)]


def check_converts(classifier: Any) -> None:
    """Raise TypeError unless it is a network of rectified linear units or a linear model of log odds, fitted or not."""
    if not (
        isinstance(classifier, LogisticRegression)
        or (isinstance(classifier, MLPClassifier) and classifier.activation == "relu")
        or (isinstance(classifier, SGDClassifier) and classifier.loss == "log_loss")
    ):
        raise TypeError(
            f"{classifier!r} does not convert to a model file, which holds networks of rectified linear units; "
            "take MLPClassifier(activation='relu'), LogisticRegression or SGDClassifier(loss='log_loss')"
        )


def join(parts: Sequence[Any], centre: Floats, spread: Floats, odds: Sequence[float]) -> Network:
    """Networks side by side as one. The bag's mean is taken over log odds, so that it stays one matrix product.

    ``parts`` are classifiers of the core and of the labels by turns.
    """
    bags = len(parts) // 2
    stacks = [layers_of(part) for part in parts]
    weights, biases = [], []
    for depth in range(len(stacks[0]) - 1):
        of_layer = [stack[depth] for stack in stacks]
        # All see the inputs; later layers see only what their own network has made of them.
        join_weights = np.hstack if depth == 0 else lambda blocks: sp.block_diag(blocks).toarray()
        weights.append(join_weights([w for w, _ in of_layer]))
        biases.append(np.concatenate([b for _, b in of_layer]))
    alone = len(stacks[0]) == 1
    out_weights = np.zeros((len(centre) if alone else weights[-1].shape[1], len(OUTPUTS)))
    out_biases = np.zeros(len(OUTPUTS))
    at = 0
    for part, stack in zip(parts, stacks, strict=True):
        last, bias = stack[-1]
        columns = [CORE] if last.shape[1] == 1 else [int(c) for c in part.classes_]
        rows = slice(None) if alone else slice(at, at + len(last))
        out_weights[rows, columns] = last / bags
        out_biases[columns] += bias / bags
        at += len(last)
    return network_of([*weights, out_weights], [*biases, out_biases], centre, spread, odds)


def network_of(
    weights: Sequence[npt.NDArray[Any]],
    biases: Sequence[npt.NDArray[Any]],
    centre: Floats,
    spread: Floats,
    odds: Sequence[float],
) -> Network:
    layers = [(w.astype(np.float32), b.astype(np.float32)) for w, b in zip(weights, biases, strict=True)]
    return Network(centre, (1 / spread).astype(np.float32), layers, np.array(odds, np.float32))


def imitate(teacher: Network, x: Floats, scaled: Floats, rows: npt.NDArray[np.bool_], settings: Settings) -> Network:
    """A small network fitted to the log odds that another one gives, on all blocks, labelled or not."""
    parts = range(0, len(x), 10_000)  # a large network's hidden layer, for all blocks, would fill the memory
    odds = np.concatenate([teacher.log_odds(x[a : a + 10_000]) for a in parts])
    labels = odds[:, : len(LABELS)]
    labels -= labels.mean(1, keepdims=True)
    model = MLPRegressor(hidden_layer_sizes=(settings.hidden,), alpha=1e-5, random_state=settings.seed)
    target = np.clip(odds, -SURE, SURE)
    fit_epochs(model, scaled, target, rows, settings.imitation_epochs, settings)
    spread = np.reciprocal(teacher.scale)
    return network_of(model.coefs_, model.intercepts_, teacher.centre, spread, settings.label_odds)


@dataclass(slots=True)
class Stages:
    """The stages of a model."""

    weights: Floats
    bias: Floats
    networks: list[Network]

    def model(self, kind: Kind, card: Mapping[str, Any]) -> Model:
        return Model(kind, card, self.weights, self.bias, self.networks)


def doubted(table: Table, scores: Floats) -> npt.NDArray[np.bool_]:
    """Blocks that the scores hold to be surely body though the corpus' main text lacks them, and no label objects."""
    return (table.core == 0) & (scores[:, CORE] > 0.8) & (scores[:, 0] > 0.8) & (table.labels <= 0)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread a product of matrices, here and in other processes: how many share it shows in its last bits."""
    with threadpool_limits(1), parallel_config(backend="loky", inner_max_num_threads=1):
        yield


@one_thread()
def fit(
    examples: Sequence[Example],
    settings: Settings,
    say: Progress = lambda _: None,
    final: Any = None,
    lines: Lines | None = None,
) -> Stages:
    """Fit all stages on all examples, each on out-of-fold scores of the one before.

    ``final``: a scikit-learn classifier that takes the networks' place. ``lines``: what the linear stage learns words
    from beside the examples. Raises DataError where examples lack a label, TypeError for a classifier that does not
    convert to a network (see `layers_of`).
    """
    if final is not None:
        check_converts(final)
    check_classes(examples, settings)
    table = Table(examples, settings.corpora, lines, settings.balance)
    fold = site_folds(examples, settings.folds, settings.seed)[table.page]
    everything = np.ones(len(fold), bool)

    linear = np.zeros((len(fold), table.tokens.shape[1] // BUCKETS * len(OUTPUTS)), np.float32)
    total = np.zeros((len(fold), len(OUTPUTS)), np.float32)
    folds = fold.max() + 1
    for k in range(folds):
        weights, bias = fit_linear(table, fold != k, settings)
        out = fold == k
        linear[out] = apply_linear(table, out, weights)
        total[out] = totals(linear[out], bias)
        say(f"linear stage, fold {k + 1} of {folds}")
    weights, bias = fit_linear(table, everything, settings)

    x = inputs_of(table.numbers, linear, table.around(total))
    if settings.doubt < 1 and final is None:
        quick = replace(settings, bag=settings.doubt_bag, hidden=0)
        odds = out_of_fold(x, table, fold, quick, say, "first look")
        table.weight[doubted(table, probabilities(table.kind, odds, settings.label_odds))] *= settings.doubt
    odds = total
    networks: list[Network] = []
    for step in range(1, settings.networks + 1):
        seen = x if step == 1 else np.hstack((x, table.around(odds)))
        if step < settings.networks:
            odds = out_of_fold(seen, table, fold, settings, say, f"network {step}", final)
        networks.append(fit_network(seen, table, everything, settings, final))
        say(f"network {step}")
    return Stages(weights, bias, networks)


def check_classes(examples: Sequence[Example], settings: Settings) -> None:
    """Raise DataError unless there are blocks of each label, inside and outside the core, and so without any fold."""
    labels = np.concatenate([e.labels for e in examples])
    core = np.concatenate([e.core for e in examples])
    empty = [label for i, label in enumerate(LABELS) if not (labels == i).any()]
    if empty:
        raise DataError(f"no block is labelled {' or '.join(empty)}; label some, or add the shipped features (--from)")
    if not ((core == 0).any() and (core == 1).any()):
        raise DataError("the main text of no page is known")
    fold = np.repeat(site_folds(examples, settings.folds, settings.seed), [len(e) for e in examples])
    for k in np.unique(fold):
        rest = fold != k
        few = [label for i, label in enumerate(LABELS) if not (labels[rest] == i).any()]
        few += [name for i, name in enumerate(("no main text", "main text")) if not (core[rest] == i).any()]
        if few:
            raise DataError(
                f"too few sites have blocks that are {' or '.join(few)}: each site's pages are also scored by a model "
                "fitted on the others. Label pages of more sites, or add the shipped features (--from). Pages of one "
                "folder without an address (rel=canonical, or a line `# url: …` in NAME.tsv) count as one site"
            )


def check_folds(examples: Sequence[Example], folds: int, settings: Settings) -> None:
    """Raise DataError unless `fit` can do with the rest of the examples without each of so many parts of the sites."""
    fold = outer_folds(examples, folds, settings.seed)
    for k in np.unique(fold):
        try:
            check_classes([e for e, f in zip(examples, fold, strict=True) if f != k], settings)
        except DataError as error:
            raise DataError(
                f"these pages are enough for a model, but not to cross-validate it: without one part of {folds}, "
                f"{error}. Or train it without --cross-validate"
            ) from error


def out_of_fold(
    x: Floats,
    table: Table,
    fold: npt.NDArray[np.int_],
    settings: Settings,
    say: Progress,
    name: str,
    final: Any = None,
) -> Floats:
    """The log odds that networks give which were fitted without the site of the block."""
    odds = np.zeros((len(x), len(OUTPUTS)), np.float32)
    folds = fold.max() + 1
    for k in range(folds):
        out = fold == k
        odds[out] = fit_network(x, table, ~out, settings, final).log_odds(x[out])
        say(f"{name}, fold {k + 1} of {folds}")
    return odds


def predict(fitted: Stages, examples: Sequence[Example]) -> Floats:
    """The scores of the blocks of other examples."""
    table = Table(examples)
    linear = apply_linear(table, np.ones(len(table.page), bool), fitted.weights)
    x = inputs_of(table.numbers, linear, table.around(totals(linear, fitted.bias)))
    return chain(table.kind, fitted.networks, x, table.around)


def fit_without_each(
    examples: Sequence[Example],
    folds: int,
    settings: Settings,
    say: Progress = lambda _: None,
    final: Any = None,
    lines: Lines | None = None,
) -> Iterator[tuple[Stages, npt.NDArray[np.int_]]]:
    """For each of so many parts of the sites, stages fitted without it, from first to last, and which examples it has.

    The rest is as for `fit`.
    """
    fold = outer_folds(examples, folds, settings.seed)
    for k in np.unique(fold):
        rest = [e for e, f in zip(examples, fold, strict=True) if f != k]
        say(f"without fold {k + 1} of {folds}")
        yield fit(rest, settings, say, final, lines), np.flatnonzero(fold == k)
