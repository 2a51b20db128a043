"""The contract of an evaluation: codes beside ground-truth factors, each computed once for all metrics.

Metrics read from an `Evaluation` and never from a model directly, so that whatever two metrics need is
computed once. Every random choice comes from `rng(purpose)`, which does not depend on the model: all
models of a study are scored on the same draws.
"""

from collections.abc import Callable, Container, Hashable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import NotApplicableError, UserError
from harness.factors import FactorGrid, Indices
from harness.seeds import numpy_rng

Codes: TypeAlias = NDArray[np.floating[Any]]
"""In single precision those of models, and in single or double those of tables, as they came."""

T = TypeVar("T")


class Evaluation:
    """One subject, a trained model or a table of codes, as metrics and selectors see it.

    Attributes:
        factors: the ground-truth grid, or None.
        fixed: index arrays that replace random sampling, by name (`train_index`, ...).
        seed: seeds every random choice together with its purpose.
        setting: name of the model with its hyperparameters; models of one setting differ in their seed alone.
        code_groups: the group of each column of the representation, where several columns are one code. `codes` then
            gives the first principal component of each group; see `PrincipalCodes`.
    """

    factors: FactorGrid | None = None
    setting: str = ""
    code_groups: Sequence[Hashable] = ()

    def __init__(self, seed: int = 0, fixed: dict[str, Indices] | None = None) -> None:
        self.seed = seed
        self.fixed = fixed or {}
        self._made: dict[Hashable, Any] = {}

    def abilities(self) -> set[str]:
        """The abilities of the subject: "encode", "generate", ... of a model; "factors", "labels" of its dataset."""
        raise NotImplementedError(f"{type(self).__name__} must know its abilities")

    def lacks(self, needs: Iterable[str]) -> str:
        """The reason why a metric or selector that needs these abilities does not apply, or "" when it does."""
        return lacking(needs, self.abilities())

    def rng(self, *purpose: object) -> np.random.Generator:
        """The generator for one purpose, the same for every model."""
        return numpy_rng("evaluation", self.seed, *purpose)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Call `make` once for each key and keep its result, which metrics share, such as a classifier's outputs."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    @property
    def size(self) -> int:
        """The number of observations."""
        raise NotImplementedError(f"{type(self).__name__} must know its size")

    def grid(self) -> FactorGrid:
        """The ground-truth grid.

        Raises:
            NotApplicableError: there are no ground-truth factors.
        """
        if self.factors is None:
            raise NotApplicableError(REASONS["factors"])
        return self.factors

    def sample(self, purpose: str, n: int) -> Indices:
        """Draw indices (n,) of observations, uniformly with replacement; a fixed `<purpose>_index` replaces them."""
        if (index := self.fixed.get(f"{purpose}_index")) is not None:
            return index
        return self.rng("sample", purpose).integers(self.size, size=n)

    def codes(self, indices: Indices) -> Codes:
        """Codes (n, D) of the observations at indices (n,), or of any shape (..., D)."""
        raise NotImplementedError(f"{type(self).__name__} must give codes")

    def kl(self, indices: Indices) -> NDArray[np.float64]:
        """(D,) divergence in nats of each code's posterior from its prior, averaged over the observations."""
        raise NotApplicableError(REASONS["kl"])


REASONS = {
    "encode": "the model has no encoder",
    "generate": "the model has no generator",
    "reconstruct": "the model does not reconstruct",
    "posterior": "the model infers no distribution over its codes",
    "kl": "the model has no variational posterior",
    "features": "the model has no image features",
    "factors": "the dataset has no ground-truth factors",
    "labels": "the dataset has no labels",
    "held_out": "no images were held out; set training.held_out",
}


GROUP_POINTS = 10_000
"""Observations that principal components are fitted to, at most."""


class PrincipalCodes:
    """One code for each group of columns: the group's first principal component.

    So codes that are vectors are scored by metrics of one column per code (as in DisDiff; Yang et al., 2023,
    arXiv:2301.13721, Section 5.1). The sign of a component is that of its largest weight's column.

    Args:
        columns: (n, D) representation of the observations that the components are fitted to.
        groups: the group of each of the D columns; codes are in the order in which groups first appear.

    Raises:
        UserError: there is not one group for each column.
    """

    def __init__(self, columns: Codes, groups: Sequence[Hashable]) -> None:
        if len(groups) != columns.shape[1]:
            raise UserError(f"code_groups: there are {len(groups)} groups for {columns.shape[1]} columns of codes")
        self.members = [
            np.array([position for position, own in enumerate(groups) if own == group])
            for group in dict.fromkeys(groups)
        ]
        self.mean = columns.mean(axis=0, dtype=np.float64)
        self.weights = [self._weights(columns[:, members] - self.mean[members]) for members in self.members]

    @staticmethod
    def _weights(centred: NDArray[np.float64]) -> NDArray[np.float64]:
        weights: NDArray[np.float64] = np.linalg.eigh(centred.T @ centred)[1][:, -1]
        return -weights if weights[np.abs(weights).argmax()] < 0 else weights

    def __call__(self, columns: Codes) -> Codes:
        """Project columns (..., D) to codes (..., G), in double precision."""
        centred = columns - self.mean
        return np.stack(
            [centred[..., own] @ weights for own, weights in zip(self.members, self.weights, strict=True)], axis=-1
        )

    def sums(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up what columns (D,) have, such as divergences, within each group: (G,)."""
        return np.array([columns[own].sum() for own in self.members])


def group_points(evaluation: Evaluation) -> Indices:
    """Choose the observations to which principal components are fitted: all of them, or 10,000."""
    size = evaluation.size
    if size <= GROUP_POINTS:
        return np.arange(size)
    return np.sort(evaluation.rng("code groups").choice(size, GROUP_POINTS, replace=False))


def lacking(needs: Iterable[str], abilities: Container[str]) -> str:
    """The reason why what needs some abilities does not apply where there are only these; "" when it does."""
    return "; ".join(REASONS.get(need, f"there is no {need}") for need in needs if need not in abilities)


LARGEST = 1e15
"""The squares of larger codes come near the end of single precision."""


FAR = 1000
"""A column is far from 0 whose numbers are so many times larger than they are apart."""


def codes_of(numbers: NDArray[Any]) -> Codes:
    """Numbers (..., N, D) as codes, in double precision unless single holds every number of their type.

    Rounding would merge codes that lie close together far from 0, and so would what metrics compute with them: columns
    that are far from 0 are moved to begin there, which is exact.
    """
    converted: Codes = numbers.astype(np.float32 if np.can_cast(numbers.dtype, np.float32) else np.float64)
    if not numbers.size or numbers.dtype.kind not in "iuf":
        return converted
    low, high = numbers.min(axis=-2, keepdims=True), numbers.max(axis=-2, keepdims=True)
    # In double precision, which no small type overflows.
    largest = np.maximum(abs(low.astype(np.float64)), abs(high.astype(np.float64)))
    far = (low != high) & (largest > FAR * (high.astype(np.float64) - low.astype(np.float64)))
    moved: Codes = (numbers - low).astype(converted.dtype)
    return np.where(far, moved, converted)


def out_of_range(codes: Codes) -> str:
    """Describe which of the codes (n, D) are not a number or beyond 1e15, by rows and columns; "" if none are.

    Some metrics would score such codes, and wrongly, so an evaluation must not give any.
    """
    wrong = ~(abs(codes) <= LARGEST)
    columns = np.flatnonzero(wrong.any(axis=0)).tolist()
    rows = f"{wrong.any(axis=1).sum()} of {len(codes)} rows"
    return f"{rows} hold something else than numbers from -1e15 to 1e15, in columns {columns}" if columns else ""


class TableEvaluation(Evaluation):
    """A table of codes made elsewhere: one row per grid point, or any observations without factors.

    Args:
        table: (N, D) codes.
        factors: the ground-truth grid of the N rows, or None.
        kl: (D,) divergence of each column's posterior from its prior, nats.
        fixed: index arrays that replace random sampling.
        seed: seeds every random choice together with its purpose.
        code_groups: the group of each column where several columns are one code; `table` then has a column per group.

    Raises:
        UserError: a code is not a number or beyond 1e15, or there is not one group for each column.
    """

    def __init__(
        self,
        table: Codes,
        factors: FactorGrid | None,
        *,
        kl: NDArray[np.float64] | None = None,
        fixed: dict[str, Indices] | None = None,
        seed: int = 0,
        code_groups: Sequence[Hashable] = (),
    ) -> None:
        super().__init__(seed, fixed)
        if reason := out_of_range(table):
            raise UserError(f"the table of codes: {reason}")
        self.table = table
        self.factors = factors
        self._kl = kl
        self.code_groups = code_groups
        if len(code_groups):
            principal = PrincipalCodes(table[group_points(self)], code_groups)
            self.table = principal(table)
            self._kl = None if kl is None else principal.sums(kl)

    def abilities(self) -> set[str]:
        """The abilities of a table: "encode", and "factors" and "kl" where they were given."""
        found = {"encode"}
        if self.factors is not None:
            found.add("factors")
        if self._kl is not None:
            found.add("kl")
        return found

    @property
    def size(self) -> int:
        """The number of rows of the table."""
        return len(self.table)

    def codes(self, indices: Indices) -> Codes:
        """The rows (..., D) of the table at indices (...)."""
        return self.table[indices]

    def kl(self, indices: Indices) -> NDArray[np.float64]:
        """The divergences (D,) that were given, whatever the observations."""
        return super().kl(indices) if self._kl is None else self._kl
