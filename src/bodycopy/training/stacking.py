"""Fitting: examples → a model, and honest scores for each of them.

The stages are stacked (Wolpert, 1992, "Stacked generalization"): the network is fitted on what the linear stage says of
pages that it was not fitted on, got by cross-validation grouped by site. The network imitates a bag of networks, fitted
for few epochs from different seeds (Hinton et al., 2015, "Distilling the knowledge in a neural network"): a bag
generalises better than any one of its networks, and one network that imitates it is nearly as good, and quick.

The main text that corpora give is often cut short. Blocks that a first network, fitted without their site, takes for
body against the corpus count for little when the network is fitted again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor

from bodycopy.model import CLIP, LABELS, OUTPUTS, Kind, Model, Network, around, chain, inputs_of, probabilities, totals
from bodycopy.tokens import BUCKETS, Floats
from bodycopy.training.examples import UNKNOWN, WORDS, Example

CORE = len(LABELS)  # the core's place in OUTPUTS

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
    bag: int = 12  # networks for the core, and as many for the labels
    bag_hidden: int = 48
    hidden: int = 160  # units of the network that imitates them; 0 to keep the bag itself
    networks: int = 1  # one after the other: a later one sees what the one before made of the blocks around
    rates: tuple[float, ...] = (1e-3, 3e-4, 1e-4)
    core_epochs: tuple[int, ...] = (2, 1, 1)
    label_epochs: tuple[int, ...] = (3, 1, 1)
    imitation_epochs: tuple[int, ...] = (8, 4, 4)
    batch: int = 512
    decay: float = 1e-2
    # What the odds of each label are multiplied by: promo taken for body is worse than the reverse.
    label_odds: tuple[float, ...] = (0.6, 1.95, 1.4, 1.0)
    doubt: float = 0.1  # weight of a block whose core value is doubted
    jobs: int = 1


class Table:
    """All blocks of some examples in one table."""

    def __init__(self, examples: Sequence[Example]):
        self.examples = examples
        self.starts = np.concatenate(([0], np.cumsum([len(e.texts) for e in examples])))
        self.page = np.repeat(np.arange(len(examples)), np.diff(self.starts))
        self.labels = np.concatenate([e.labels for e in examples])
        self.core = np.concatenate([e.core for e in examples])
        self.tokens = sp.vstack([e.tokens for e in examples], format="csr")
        self.numbers = np.concatenate([e.numbers for e in examples])
        # In the core's loss a block weighs by the root of its length, a page by the root of its number of blocks:
        # between all blocks alike, as labels are scored, and all pages alike, as main text is.
        words = np.sqrt(np.expm1(self.numbers[:, WORDS]))
        share = words / np.bincount(self.page, words)[self.page]
        weight = share * np.sqrt(np.bincount(self.page))[self.page]
        self.weight = (weight / weight.mean()).astype(np.float32)

    def targets(self, output: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int_]]:
        """Which blocks have a known value of an output, and whether it is 1."""
        if output == CORE:
            return self.core != UNKNOWN, (self.core == 1).astype(int)
        return self.labels != UNKNOWN, (self.labels == output).astype(int)

    def around(self, total: Floats) -> Floats:
        """`model.around` of every page."""
        spans = zip(self.examples, self.starts[:-1], self.starts[1:], strict=True)
        return np.concatenate([around(total[a:z], e.structure) for e, a, z in spans])


def site_folds(examples: Sequence[Example], folds: int, seed: int) -> npt.NDArray[np.int_]:
    """The fold of each example; all pages of a site are in one."""
    sites = sorted({e.site for e in examples})
    fold_of = dict(zip(sites, np.random.RandomState(seed).permutation(len(sites)) % folds, strict=True))
    return np.array([fold_of[e.site] for e in examples])


def fit_linear(table: Table, rows: npt.NDArray[np.bool_], settings: Settings) -> tuple[Floats, Floats]:
    """The linear stage: token table (rows, outputs) and biases. One logistic regression an output."""

    def fit(output: int) -> tuple[Floats, float]:
        known, target = table.targets(output)
        chosen = np.flatnonzero(known & rows)
        model = SGDClassifier(
            loss="log_loss",
            alpha=settings.linear_alpha,
            max_iter=settings.linear_epochs,
            tol=None,
            average=True,
            random_state=settings.seed,
        )
        model.fit(table.tokens[chosen], target[chosen])
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


def fit_network(x: Floats, table: Table, rows: npt.NDArray[np.bool_], settings: Settings) -> Network:
    """A network of OUTPUTS: a bag of networks for the core and of as many for the labels, or one that imitates it."""
    centre, spread = scaling(x)
    scaled = np.clip((x - centre) / spread, -CLIP, CLIP)

    def core(seed: int) -> MLPClassifier:
        known, target = table.targets(CORE)
        chosen = known & rows
        return fit_epochs(
            classifier(settings, seed), scaled, target, chosen, settings.core_epochs, settings, table.weight
        )

    def label(seed: int) -> MLPClassifier:
        chosen = (table.labels != UNKNOWN) & rows
        return fit_epochs(classifier(settings, seed), scaled, table.labels, chosen, settings.label_epochs, settings)

    seeds = range(settings.seed, settings.seed + settings.bag)
    tasks = [delayed(fit)(seed) for seed in seeds for fit in (core, label)]
    bag = join(Parallel(n_jobs=settings.jobs, backend="threading")(tasks), centre, spread, settings.label_odds)
    return imitate(bag, x, scaled, rows, settings) if settings.hidden else bag


def classifier(settings: Settings, seed: int) -> MLPClassifier:
    return MLPClassifier((settings.bag_hidden,), alpha=settings.decay, batch_size=settings.batch, random_state=seed)


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


def join(parts: list[MLPClassifier], centre: Floats, spread: Floats, odds: Sequence[float]) -> Network:
    """Networks side by side as one. The bag's mean is taken over log odds, so that it stays one matrix product."""
    bags = len(parts) // 2
    hidden = [p.coefs_[0].shape[1] for p in parts]
    weights = np.hstack([p.coefs_[0] for p in parts])
    biases = np.concatenate([p.intercepts_[0] for p in parts])
    out_weights = np.zeros((sum(hidden), len(OUTPUTS)))
    out_biases = np.zeros(len(OUTPUTS))
    at = 0
    for part, size in zip(parts, hidden, strict=True):
        columns = [CORE] if part.coefs_[1].shape[1] == 1 else [int(c) for c in part.classes_]
        out_weights[at : at + size, columns] = part.coefs_[1] / bags
        out_biases[columns] += part.intercepts_[1] / bags
        at += size
    return network_of([weights, out_weights], [biases, out_biases], centre, spread, odds)


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
    model = MLPRegressor(
        hidden_layer_sizes=(settings.hidden,), alpha=1e-5, batch_size=settings.batch, random_state=settings.seed
    )
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


@dataclass(slots=True)
class Fitted(Stages):
    """The stages of a model, the scores of every block by stages that were fitted without its site, and those."""

    scores: Floats
    folds: list[Stages]


def doubted(table: Table, scores: Floats) -> npt.NDArray[np.bool_]:
    """Blocks that the scores hold to be surely body though the corpus' main text lacks them, and no label objects."""
    return (table.core == 0) & (scores[:, CORE] > 0.8) & (scores[:, 0] > 0.8) & (table.labels <= 0)


def fit(examples: Sequence[Example], settings: Settings, say: Progress = lambda _: None) -> Fitted:
    """Fit all stages on all examples, each on out-of-fold scores of the one before."""
    table = Table(examples)
    fold = site_folds(examples, settings.folds, settings.seed)[table.page]
    everything = np.ones(len(fold), bool)

    linear = np.zeros((len(fold), table.tokens.shape[1] // BUCKETS * len(OUTPUTS)), np.float32)
    total = np.zeros((len(fold), len(OUTPUTS)), np.float32)
    folds: list[Stages] = []
    for k in range(settings.folds):
        weights, bias = fit_linear(table, fold != k, settings)
        folds.append(Stages(weights, bias, []))
        out = fold == k
        linear[out] = apply_linear(table, out, weights)
        total[out] = totals(linear[out], bias)
        say(f"linear stage, fold {k + 1} of {settings.folds}")
    weights, bias = fit_linear(table, everything, settings)

    x = inputs_of(table.numbers, linear, table.around(total))
    odds = total
    networks: list[Network] = []
    for step in range(1, settings.networks + 1):
        seen = x if step == 1 else np.hstack((x, table.around(odds)))
        odds, found = out_of_fold(seen, table, fold, settings, say, f"network {step}")
        doubts = doubted(table, probabilities(odds, settings.label_odds))
        if step == 1 and doubts.any():
            table.weight[doubts] *= settings.doubt
            odds, found = out_of_fold(seen, table, fold, settings, say, "network 1 again")
        for stages, network in zip(folds, found, strict=True):
            stages.networks.append(network)
        networks.append(fit_network(seen, table, everything, settings))
    return Fitted(weights, bias, networks, probabilities(odds, settings.label_odds), folds)


def out_of_fold(
    x: Floats, table: Table, fold: npt.NDArray[np.int_], settings: Settings, say: Progress, name: str
) -> tuple[Floats, list[Network]]:
    """The log odds that networks give which were fitted without the site of the block, and those networks, by fold."""
    odds = np.zeros((len(x), len(OUTPUTS)), np.float32)
    networks = []
    for k in range(settings.folds):
        out = fold == k
        networks.append(fit_network(x, table, ~out, settings))
        odds[out] = networks[-1].log_odds(x[out])
        say(f"{name}, fold {k + 1} of {settings.folds}")
    return odds, networks


def predict(fitted: Stages, examples: Sequence[Example]) -> Floats:
    """The scores of the blocks of other examples."""
    table = Table(examples)
    linear = apply_linear(table, np.ones(len(table.page), bool), fitted.weights)
    x = inputs_of(table.numbers, linear, table.around(totals(linear, fitted.bias)))
    return chain(fitted.networks, x, table.around)
