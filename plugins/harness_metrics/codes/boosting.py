"""Gradient-boosted classification trees on binned features, all classes of a round at once.

The method of scikit-learn's `GradientBoostingClassifier` with its defaults: log loss, 100 rounds of one tree
per class (one in all for two classes), depth 3, learning rate 0.1, splits by Friedman's improvement, one Newton
step per leaf. What differs makes it fast:

- features are put in at most 256 bins, so that splits are chosen from histograms, and one sparse product makes
  the histograms of every feature, node and class (features with up to 256 distinct values lose nothing by it);
- observations with the same label that no split has told apart yet are one cell with a weight, so that a few
  cells stand for all observations as long as most features are never split on.

Arrays of this file have one row per tree of the round (C) and one column per observation or cell (n).

Source: Friedman 2001, Greedy Function Approximation: A Gradient Boosting Machine, algorithms 5 and 6.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.tree import DecisionTreeClassifier

from harness import Floats

Features = NDArray[np.float32]
Integers = NDArray[np.int64]
Bins = NDArray[np.uint8]

ROUNDS = 100
DEPTH = 3
LEARNING_RATE = 0.1
MAX_BINS = 256
RESOLUTION = 1e-7
"""Neighbouring values no further apart than this are one value, as in scikit-learn's trees."""
PURE = float(np.finfo(np.float64).eps)
"""A node with no larger a variance is not split, as in scikit-learn's trees."""


@dataclass(frozen=True)
class GradientBoosting:
    """A fitted classifier of observations with D features.

    Attributes:
        classes: the labels, ascending.
        importances: the share of each feature in the improvement of all splits, (D,); 0 if nothing was split.
    """

    classes: Integers
    importances: Floats
    edges: list[Floats]
    start: Floats
    rounds: list["Trees"]

    @classmethod
    def fit(cls, features: Features, labels: Integers, rng: np.random.Generator) -> Self:
        """Learn to tell labels (n,) from features (n, D); a single one is always predicted.

        `rng` decides between features that split a node equally well.
        """
        classes, targets = np.unique(labels, return_inverse=True)
        edges = [bin_edges(column, targets) for column in features.T]
        grower = Grower(to_bins(features, edges).T, targets, rng)
        rounds = [grower.grow() for _ in range(ROUNDS)]
        total = grower.improvements.sum()
        importances = grower.improvements / total if total > 0 else grower.improvements
        return cls(classes, importances, edges, grower.start, rounds)

    def predict(self, features: Features) -> Integers:
        """The most likely label (n,) of observations (n, D)."""
        bins = to_bins(features, self.edges)
        # Observations that differ only in features that nothing splits on have the same label, so one of each kind
        # goes through the trees.
        bins, inverse = np.unique(bins * (self.importances > 0), axis=0, return_inverse=True)
        raw = self.start[:, None] + sum(trees(bins.T) for trees in self.rounds)
        binary = len(self.classes) == 2
        labels: Integers = self.classes[(raw[0] >= 0).astype(np.int64) if binary else raw.argmax(axis=0)]
        return labels[inverse]


def softmax(raw: Floats) -> Floats:
    """Probabilities (C, n) of the classes, from their raw scores (C, n)."""
    # The largest score is taken off first, so that the exponential of a large one does not overflow.
    odds: Floats = np.exp(raw - raw.max(axis=0))
    odds /= odds.sum(axis=0)
    return odds


def bin_edges(column: Features, labels: Integers) -> Floats:
    """Choose the at most 255 values between the bins of one feature, ascending.

    Every two neighbouring values are told apart where there are few enough. Of more edges, three quarters are
    those by which a decision tree tells the labels best, because evenly filled bins would blur the very edges
    that splits look for; the others are spread evenly, for splits that only matter within a branch.
    """
    values = np.unique(column).astype(np.float64)
    edges: Floats = ((values[:-1] + values[1:]) / 2)[np.diff(values) > RESOLUTION]
    if len(edges) < MAX_BINS:
        return edges
    # A tree of one feature puts its thresholds where the labels change: n leaves have n - 1 of them.
    tree = DecisionTreeClassifier(max_leaf_nodes=3 * MAX_BINS // 4, random_state=0).fit(column[:, None], labels).tree_
    telling = tree.threshold[tree.feature >= 0]
    spread = edges[np.linspace(0, len(edges) - 1, MAX_BINS - 1 - len(telling)).astype(np.int64)]
    return np.union1d(telling, spread)


def to_bins(features: Features, edges: list[Floats]) -> Bins:
    """Features (n, D) to bins (n, D), numbered from 0; a value on an edge belongs to the bin below it."""
    columns = [np.searchsorted(edge, column) for edge, column in zip(edges, features.T, strict=True)]
    return np.stack(columns, axis=1).astype(np.uint8)


@dataclass(frozen=True)
class Trees:
    """C trees of depth 3.

    All inner nodes split; one with nothing to gain by it sends everything to the left.

    Attributes:
        features: for each level the features that its nodes look at, (nodes, C).
        thresholds: for each level the last bins that go to the left, (nodes, C).
        leaves: values (C, 8).
    """

    features: list[Integers]
    thresholds: list[Integers]
    leaves: Floats

    def __call__(self, bins: Bins) -> Floats:
        """Values (C, n) of the leaves that observations with bins (D, n) fall in."""
        node = np.zeros((len(self.leaves), bins.shape[1]), dtype=np.uint8)
        # Nodes of a level are numbered from the left, so the children of node i are 2i and 2i + 1.
        for features, thresholds in zip(self.features, self.thresholds, strict=True):
            node = 2 * node + goes_right(bins, node, features, thresholds)
        return np.take_along_axis(self.leaves, node.astype(np.intp), axis=1)


def goes_right(bins: Bins, node: Bins, features: Integers, thresholds: Integers) -> NDArray[np.bool_]:
    """Whether each observation goes to the right, (C, n).

    Args:
        bins: (D, n).
        node: the node of the level that each observation is at, (C, n).
        features: what each node of the level looks at, (nodes, C).
        thresholds: the last bin that goes to the left, (nodes, C).
    """
    right = np.zeros(node.shape, dtype=bool)
    # A loop over the at most four nodes of a level, each step for all trees and observations at once.
    for number, (feature, threshold) in enumerate(zip(features, thresholds, strict=True)):
        right |= (node == number) & (bins[feature] > threshold[:, None])
    return right


class Grower:
    """Grows the trees of one round after another on the same observations.

    Args:
        bins: of the observations, (D, n).
        targets: the numbers of their classes, (n,).
        rng: decides between features that split a node equally well.

    Attributes:
        start: the classes' scores before the first round, (C,).
        improvements: by how much the splits on each feature have reduced the squared error so far, (D,).
    """

    def __init__(self, bins: Bins, targets: Integers, rng: np.random.Generator) -> None:
        self._all_bins, self._rng = bins, rng
        self.improvements = np.zeros(len(bins))
        # Bins of a feature as rows of the histograms; two at least, as a split needs one on either side.
        self._width = max(int(bins.max()) + 1, 2)
        prior = np.bincount(targets) / len(targets)
        self._binary = len(prior) == 2
        # With two classes one tree a round predicts the log odds of the second; the first has their negative.
        self.start: Floats = np.log(prior[1:] / prior[:1]) if self._binary else np.log(prior)
        # Friedman's factor in the Newton step of the multinomial loss.
        self._step = LEARNING_RATE * (1.0 if self._binary else 1 - 1 / len(prior))
        # At first all observations of a class are one cell, as the trees, which have split on nothing yet, say the
        # same of all of them: they have one raw score and one residual.
        self._told_apart = np.zeros(len(bins), dtype=bool)
        self._is_class = np.eye(len(prior), dtype=bool)[1 if self._binary else 0 :]
        self._raw = np.repeat(self.start[:, None], len(prior), axis=1)
        self._gather(targets)

    def _gather(self, cell: Integers) -> None:
        """Put each observation (n,) into the cell with this number; no cell is left empty."""
        self._cell = cell
        # A cell is represented by its first observation. Others may lie in other bins of features that were never
        # split on, so only the histograms, which count every observation, may read those.
        self._bins = self._all_bins[:, np.unique(cell, return_index=True)[1]]
        self._weights = np.bincount(cell).astype(np.float64)
        d, n = self._all_bins.shape
        rows = self._all_bins + np.arange(d)[:, None] * self._width
        entries = (np.ones(d * n), (rows.ravel(), np.tile(cell, d)))
        # One row for each bin of each feature, with how many observations of each cell are in it: the product with
        # values of cells is the histogram of every feature at once.
        self._membership = csr_array(entries, shape=(d * self._width, len(self._weights)))
        self._counts = self._sums(np.ones((1, 1, len(self._weights))))

    def _tell_apart(self, features: Integers) -> Integers:
        """Divide cells so that these features, too, are constant within each; returns each new cell's former one."""
        former = cell = self._cell
        # The pair of cell and bin as one number, and the pairs that occur renumbered without gaps.
        for feature in features:
            cell = np.unique(cell * self._width + self._all_bins[feature], return_inverse=True)[1]
        self._told_apart[features] = True
        self._gather(cell)
        parents: Integers = former[np.unique(cell, return_index=True)[1]]
        # A part of a cell has its class and its scores, as no tree has told the parts apart before.
        self._is_class, self._raw = self._is_class[:, parents], self._raw[:, parents]
        return parents

    def _sums(self, values: Floats) -> Floats:
        """Sums of values (nodes, C, n) over the observations of each bin: (D, bins, nodes, C)."""
        sums = np.asarray(self._membership @ values.reshape(-1, values.shape[-1]).T)
        return sums.reshape(-1, self._width, *values.shape[:-1])

    def grow(self) -> Trees:
        """Grow one round: a tree for each class, fitted to the negative gradient of the loss."""
        residuals = self._is_class - (expit(self._raw) if self._binary else softmax(self._raw))
        features, thresholds = [], []
        node = np.zeros(residuals.shape, dtype=np.uint8)
        sums, counts = self._sums(residuals[None]), self._counts
        for level in range(DEPTH):
            feature, threshold = self._split(sums, counts)
            new = np.unique(feature[(threshold < MAX_BINS) & ~self._told_apart[feature]])
            # A split on a feature that varies within cells would send part of a cell each way, so cells are divided
            # first. Histograms stay valid: they are sums over observations, whatever the cells.
            if len(new):
                parents = self._tell_apart(new)
                residuals, node = residuals[:, parents], node[:, parents]
            right = goes_right(self._bins, node, feature, threshold)
            # Only left children are summed; right ones are the rest of their parents (`_children`).
            if level < DEPTH - 1:
                is_left = (node == np.arange(len(feature))[:, None, None]) & ~right
                sums = _children(sums, self._sums(is_left * residuals))
                counts = _children(counts, self._sums(is_left.astype(np.float64)))
            node = 2 * node + right
            features.append(feature)
            thresholds.append(threshold)
        leaf = node.astype(np.intp)
        size = abs(residuals)
        # The loss's second derivative is p (1 - p), and p is how far a residual is from 0 or from 1.
        slope, curvature = self._leaf_sums(leaf, residuals), self._leaf_sums(leaf, size * (1 - size))
        # One Newton step per leaf; a leaf whose residuals are all 0 or ±1 has no curvature and stays at 0.
        leaves = self._step * np.divide(slope, curvature, out=np.zeros_like(slope), where=curvature > 1e-150)
        self._raw += np.take_along_axis(leaves, leaf, axis=1)
        return Trees(features, thresholds, leaves)

    def _split(self, sums: Floats, counts: Floats) -> tuple[Integers, Integers]:
        """Each node's best feature and the last bin that goes to the left, both (nodes, C).

        Args:
            sums: of the residuals in each bin, (D, bins, nodes, C).
            counts: of the observations in each bin, the same.
        """
        left, n_left = sums.cumsum(axis=1), counts.cumsum(axis=1)
        (left, total), (n_left, n) = (left[:, :-1], left[:, -1:]), (n_left[:, :-1], n_left[:, -1:])
        # By how much the squared error falls when two means replace one: n_l n_r (mean_l - mean_r)² / n, which is
        # (left - n_l total / n)² n / (n_l n_r). In place, because arrays of all bins are large.
        improvement = left - n_left * (total / np.maximum(n, 1))
        improvement *= improvement
        improvement *= n / np.maximum(n_left * (n - n_left), 1)
        thresholds = improvement.argmax(axis=1)
        best = np.take_along_axis(improvement, thresholds[:, None], axis=1)[:, 0]
        most = best.max(axis=0)
        # Ties are drawn among features whose improvement is equal up to rounding; the first one would otherwise get
        # all the importance of features that say the same.
        equally_good = best >= most * (1 - 1e-10)
        feature = np.where(equally_good, self._rng.random(best.shape), -1).argmax(axis=0)
        threshold = np.take_along_axis(thresholds, feature[None], axis=0)[0]
        # A node without gain keeps a threshold above every bin: all its observations go to the left child.
        gains = most > PURE * n[0, 0]
        np.add.at(self.improvements, feature, most * gains)
        return feature, np.where(gains, threshold, MAX_BINS)

    def _leaf_sums(self, leaf: Integers, values: Floats) -> Floats:
        """Weighted sums of values (C, n) over the observations of each leaf, (C, 8)."""
        # Leaves of all trees numbered through, so that one `bincount` sums them.
        number = leaf + 2**DEPTH * np.arange(len(leaf))[:, None]
        sums = np.bincount(number.ravel(), (self._weights * values).ravel(), minlength=2**DEPTH * len(leaf))
        return sums.astype(np.float64).reshape(len(leaf), -1)


def _children(parents: Floats, left: Floats) -> Floats:
    """The sums of both children of each node, (D, bins, 2 nodes, C), from those of the left ones."""
    both = np.stack([left, parents - left], axis=3)
    return both.reshape(*left.shape[:2], -1, left.shape[-1])
