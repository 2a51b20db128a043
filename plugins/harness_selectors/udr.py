"""Unsupervised disentanglement ranking: good models agree with each other, code by code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from harness import Evaluation, Field, Floats, Indices
from harness_selectors.lasso import lasso
from harness_selectors.runs import RunsCompared

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


class UDR(RunsCompared):
    """Base class of the two variants: they differ in how two models' codes are compared.

    All models encode the same observations. For each ordered pair of models (i, j) a matrix R says how much
    each code of j (columns) depends on each code of i (rows). A pair agrees if every column and every row has
    one large entry: its entry in the comparisons is the mean over columns of max^2 / sum, averaged with the
    same over rows. A model's score is the median over the other models of how well they explain *it*.

    By default a model is compared with those of equal hyperparameters and another seed, as in the paper, and
    then all models are ranked; one without such a partner has no score. `within = "pool"` compares every model
    with every other, as the published code does with the models it is given. Codes in a file are all compared,
    unless the file tells settings apart.

    Codes that a variational model does not use, with a divergence of at most `kl_threshold` nats from the
    prior, are left out. Models without a variational posterior (GANs) have no such divergence: all their
    codes count. A dead code agrees with nothing, and neither does a model without an informative code.
    """

    class Config(RunsCompared.Config):
        kl_threshold: float = Field(
            0.01, ge=0, description="codes of variational models count if their KL in nats is larger; others always do"
        )
        points: int = Field(10_000, gt=1, description="observations that every model encodes")
        averaging: Literal["sides", "entries"] = Field(
            "sides",
            description="of the strengths of a pair's columns and rows; sides: the mean of both means (the published "
            "code); entries: one mean over all of them (the paper's equation 3), which a model of more codes sways",
        )

    source = (
        "Duan et al. 2020, Unsupervised Model Selection for Variational Disentangled Representation Learning, "
        "arXiv:1905.12614"
    )

    default_for_codes = True

    config: Config

    def compare(self, pool: Sequence[Evaluation]) -> Floats:
        """(M, M) agreements in [0, 1], row i explaining column j; NaN between partners that are not compared.

        The diagonal is 0, because no model is compared with itself.

        Raises:
            NotApplicableError: no two models share their hyperparameters, and only such are to be compared.
        """
        groups = self.groups(pool)
        index = pool[0].sample("sample", self.config.points)
        agreements = np.full((len(pool), len(pool)), np.nan)
        np.fill_diagonal(agreements, 0)
        for group in groups:
            agreements[np.ix_(group, group)] = self._agreements([self._represent(pool[i], index) for i in group])
        return agreements

    def _agreements(self, models: Sequence[Representation]) -> Floats:
        agreements = np.zeros((len(models), len(models)))
        for i, blocks in enumerate(self.relations(models)):
            for j, relation in enumerate(blocks):
                if i != j:
                    agreements[i, j] = agreement(
                        relation[np.ix_(models[i].informative, models[j].informative)], self.config.averaging
                    )
        return agreements

    def relations(self, models: Sequence[Representation]) -> Iterator[list[Floats]]:
        """Yield for each of M models the M matrices that relate its codes (rows) to those of every model (columns)."""
        raise NotImplementedError(f"{type(self).__name__} must relate codes")

    def _represent(self, evaluation: Evaluation, index: Indices) -> Representation:
        codes = standardised(evaluation.codes(index).astype(np.float64))
        if "kl" not in evaluation.abilities():
            return Representation(codes, np.ones(codes.shape[1], dtype=bool))
        kl = evaluation.kl(index)
        return Representation(codes * (kl > ZEROED_KL), kl > self.config.kl_threshold)


class UDRLasso(UDR):
    """UDR with lasso weights, in [0, 1]: R holds the sizes of the coefficients that predict j's codes from i's.

    A pair of models (i, j) agrees if each row and column of R has one large entry; a model's score is its median
    agreement with its partners, which are the models of equal hyperparameters, or all. Codes that a variational
    model does not use are left out; those of other models all count.
    """

    alpha = 0.1

    def relations(self, models: Sequence[Representation]) -> Iterator[list[Floats]]:
        """Absolute coefficients of the lasso that predicts each code of one model from all of another's."""
        every = np.concatenate([model.codes for model in models], axis=1)
        products = every.T @ every / len(every)
        ends = np.cumsum([model.codes.shape[1] for model in models])
        for end, model in zip(ends, models, strict=True):
            rows = slice(end - model.codes.shape[1], end)
            coefficients = lasso(products[rows, rows], products[rows], self.alpha)
            yield np.split(abs(coefficients), ends[:-1], axis=1)


class UDRSpearman(UDR):
    """UDR with rank correlations, in [0, 1]: R holds the absolute values of Spearman's, of j's codes with i's.

    A pair of models (i, j) agrees if each row and column of R has one large entry; a model's score is its median
    agreement with its partners, which are the models of equal hyperparameters, or all. Codes that a variational
    model does not use are left out; those of other models all count.
    """

    class Config(UDR.Config):
        dead_codes: Literal["zero", "undefined"] = Field(
            "zero",
            description="rank correlation with a constant code that counts: 0, or undefined, as in the published "
            "code, where it takes every row and column that it meets down to 0",
        )

    config: Config

    def relations(self, models: Sequence[Representation]) -> Iterator[list[Floats]]:
        """Absolute values of Spearman's correlation of each code of one model with each of another's."""
        ranks = [self._ranks(model.codes) for model in models]
        every = np.concatenate(ranks, axis=1)
        ends = np.cumsum([rank.shape[1] for rank in ranks])
        for rank in ranks:
            yield np.split(abs(rank.T @ every) / len(every), ends[:-1], axis=1)

    def _ranks(self, codes: Floats) -> Floats:
        ranks = standardised(rankdata(codes, axis=0))
        if self.config.dead_codes == "undefined":
            ranks[:, np.ptp(codes, axis=0) == 0] = np.nan
        return ranks


def agreement(relation: Floats, averaging: str = "sides") -> float:
    """How far the rows and columns of a matrix of non-negative relations have one large entry each, in [0, 1].

    The mean over columns is averaged with that over rows ("sides"), or all columns and rows alike ("entries").
    0 for a matrix without entries. An entry that is NaN makes its whole row and its whole column count 0.
    """
    if not relation.size:
        return 0.0
    columns, rows = _relative_strengths(relation), _relative_strengths(relation.T)
    if averaging == "entries":
        return float(np.concatenate([columns, rows]).mean())
    return float(np.mean([columns.mean(), rows.mean()]))


def _relative_strengths(relation: Floats) -> Floats:
    """max^2 / sum of each column; 0 of a column of zeros, or with a NaN."""
    total = relation.sum(axis=0)
    strengths: Floats = np.divide(relation.max(axis=0) ** 2, total, out=np.zeros_like(total), where=total > 0)
    return strengths


def standardised(codes: Floats) -> Floats:
    """Columns (n, D) with mean 0 and population standard deviation 1; a constant column becomes 0."""
    # A constant's mean may be off by rounding, and its deviation then is not 0.
    deviation = np.where(np.ptp(codes, axis=0) > 0, codes.std(axis=0), np.inf)
    centred: Floats = codes - codes.mean(axis=0)
    return centred / deviation
