"""Unsupervised disentanglement ranking: good models agree with each other, code by code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from harness import Evaluation, Field, Selector, Settings
from harness.factors import Indices
from harness_selectors.lasso import lasso

Floats = NDArray[np.float64]

ZEROED_KL = 0.01
"""Codes with no larger divergence are blanked before models are compared, whatever the threshold in use."""


@dataclass(frozen=True)
class Representation:
    """One model's standardised codes.

    Attributes:
        codes: (n, D), mean 0 and standard deviation 1 each, or all 0.
        informative: which codes count, (D,).
    """

    codes: Floats
    informative: NDArray[np.bool_]


class UDR(Selector):
    """Base class of the two variants: they differ in how two models' codes are compared.

    All models encode the same observations. For each ordered pair of models (i, j) a matrix R says how much
    each code of j (columns) depends on each code of i (rows). A pair agrees if every column and every row has
    one large entry: its entry in the comparisons is the mean over columns of max^2 / sum, averaged with the
    same over rows. A model's score is the median over the other models of how well they explain *it*.

    Codes that a variational model does not use, with a divergence of at most `kl_threshold` nats from the
    prior, are left out. Models without a variational posterior (GANs) have no such divergence: all their
    codes count. A dead code agrees with nothing, and neither does a model without an informative code.
    """

    class Config(Settings):
        """Sample and threshold."""

        kl_threshold: float = Field(
            0.01, ge=0, description="codes of variational models count if their KL in nats is larger; others always do"
        )
        points: int = Field(10_000, gt=1, description="observations that every model encodes")

    source = (
        "Duan et al. 2020, Unsupervised Model Selection for Variational Disentangled Representation Learning, "
        "arXiv:1905.12614"
    )

    config: Config

    def compare(self, pool: Sequence[Evaluation]) -> Floats:
        """(M, M) agreements in [0, 1], row i explaining column j; the diagonal is 0."""
        index = pool[0].sample("sample", self.config.points)
        models = [self._represent(evaluation, index) for evaluation in pool]
        agreements = np.zeros((len(models), len(models)))
        for i, blocks in enumerate(self.relations(models)):
            for j, relation in enumerate(blocks):
                if i != j:
                    agreements[i, j] = agreement(relation[np.ix_(models[i].informative, models[j].informative)])
        return agreements

    def scores(self, comparisons: Floats) -> Floats:
        """Each model's median agreement with the others, as their target."""
        others = ~np.eye(len(comparisons), dtype=bool)
        return np.median(comparisons.T[others].reshape(len(comparisons), -1), axis=1)

    def relations(self, models: Sequence[Representation]) -> Iterator[list[Floats]]:
        """For each model the matrices that relate its codes (rows) to those of every model (columns)."""
        raise NotImplementedError(f"{type(self).__name__} must relate codes")

    def _represent(self, evaluation: Evaluation, index: Indices) -> Representation:
        codes = standardised(evaluation.codes(index).astype(np.float64))
        if "kl" not in evaluation.abilities():
            return Representation(codes, np.ones(codes.shape[1], dtype=bool))
        kl = evaluation.kl(index)
        return Representation(codes * (kl > ZEROED_KL), kl > self.config.kl_threshold)


class UDRLasso(UDR):
    """UDR with lasso weights, in [0, 1]: R holds the sizes of the coefficients that predict j's codes from i's."""

    alpha = 0.1

    def relations(self, models: Sequence[Representation]) -> Iterator[list[Floats]]:
        """Absolute lasso coefficients."""
        every = np.concatenate([model.codes for model in models], axis=1)
        products = every.T @ every / len(every)
        ends = np.cumsum([model.codes.shape[1] for model in models])
        for end, model in zip(ends, models, strict=True):
            rows = slice(end - model.codes.shape[1], end)
            coefficients = lasso(products[rows, rows], products[rows], self.alpha)
            yield np.split(abs(coefficients), ends[:-1], axis=1)


class UDRSpearman(UDR):
    """UDR with rank correlations, in [0, 1]: R holds the absolute values of Spearman's coefficient."""

    def relations(self, models: Sequence[Representation]) -> Iterator[list[Floats]]:
        """Absolute rank correlations; 0 with a dead code."""
        ranks = [standardised(rankdata(model.codes, axis=0)) for model in models]
        every = np.concatenate(ranks, axis=1)
        ends = np.cumsum([rank.shape[1] for rank in ranks])
        for rank in ranks:
            yield np.split(abs(rank.T @ every) / len(every), ends[:-1], axis=1)


def agreement(relation: Floats) -> float:
    """How far the rows and columns of a matrix of non-negative relations have one large entry each, in [0, 1].

    0 for a matrix without entries.
    """
    if not relation.size:
        return 0.0
    return float(np.mean([_relative_strength(relation), _relative_strength(relation.T)]))


def _relative_strength(relation: Floats) -> float:
    """The mean over columns of max^2 / sum; a column of zeros counts as 0."""
    total = relation.sum(axis=0)
    strength = np.divide(relation.max(axis=0) ** 2, total, out=np.zeros_like(total), where=total > 0)
    return float(strength.mean())


def standardised(codes: Floats) -> Floats:
    """Columns (n, D) with mean 0 and population standard deviation 1; a constant column becomes 0."""
    deviation = codes.std(axis=0)
    centred: Floats = codes - codes.mean(axis=0)
    return centred / np.where(deviation > 0, deviation, np.inf)
