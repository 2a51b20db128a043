"""Tables of codes beside the factors of any observations, as people have them, made into an evaluation."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.data.tables import as_table, factors_of
from harness.errors import UserError
from harness.evaluation import TableEvaluation, codes_of
from harness.factors import FactorGrid, Indices
from harness.registry import Registry
from harness.suite.build import build_dataset
from harness.suite.resolve import resolve_choice

Factors = tuple[FactorGrid, Indices | None]
"""Factors, and the row of codes that belongs to each of their observations; None where rows are in their order."""


def code_table(
    codes: Any,
    factors: Factors | None,
    *,
    kl: Any = None,
    code_groups: Sequence[Hashable] = (),
    fixed: Mapping[str, Indices] | None = None,
    seed: int = 0,
) -> TableEvaluation:
    """Put codes beside factors.

    Args:
        codes: (N, D) numbers, see `harness.data.as_table` and `harness.evaluation.codes_of`.
        factors: see `factors_beside`; None if there are none.
        kl: (D,) divergence of each code's posterior from its prior, nats.
        code_groups: the group of each column, where several columns are one code.
        fixed: arrays that replace random sampling; those whose names end in "_index" number the rows of `codes`.
        seed: seeds whatever a metric samples.

    Raises:
        UserError: something is no table of numbers, or lengths differ.
    """
    table, _ = as_table(codes, "codes")
    table = codes_of(table)
    grid, rows = factors or (None, None)
    if grid is not None:
        if len(grid) != len(table):
            raise UserError(f"{len(table)} rows of codes and {len(grid)} of factors; each observation has one of both")
        if rows is not None:
            table, fixed = table[rows], _moved(fixed or {}, rows)
    divergence = None if kl is None else as_table(kl, "kl")[0].astype(np.float64).ravel()
    if divergence is not None and divergence.shape != (table.shape[1],):
        raise UserError(f"kl: expected {table.shape[1]} numbers, one per code, got {len(divergence)}")
    return TableEvaluation(
        table, grid, kl=divergence, fixed=dict(fixed or {}), seed=seed, code_groups=tuple(code_groups)
    )


def _moved(fixed: Mapping[str, Indices], rows: Indices) -> dict[str, Indices]:
    """Fixed arrays for a table whose rows are now in another order: `rows` are their former numbers."""
    place = np.argsort(rows)
    return {name: place[array] if name.endswith("_index") else array for name, array in fixed.items()}


def factors_beside(
    factors: Any, registry: Registry, *, continuous: Sequence[str] | None = None, categorical: Sequence[str] = ()
) -> Factors | None:
    """Find the factors that stand beside codes.

    Args:
        factors: (N, F) numbers, see `harness.data.factors_of`; or a dataset with ground truth, its name, or a table of
            its name and settings, in whose order the codes are; or None.
        registry: where datasets are found.
        continuous: columns that are continuous.
        categorical: columns whose levels have no order.

    Raises:
        UserError: it is no table of numbers, there is no such dataset, or the dataset has no ground truth.
    """
    if factors is None:
        return None
    if isinstance(factors, str):
        factors = {"name": factors}
    if isinstance(factors, Mapping) and "name" in factors:
        settings = dict(factors)
        name = str(settings.pop("name"))
        factors = build_dataset(registry, resolve_choice(registry, "datasets", name, settings, "factors"))
        if not isinstance(getattr(factors, "factors", None), FactorGrid):
            raise UserError(f"factors: the dataset '{name}' has no ground-truth factors")
    if isinstance(grid := getattr(factors, "factors", None), FactorGrid):  # A dataset's, without importing torch.
        return grid, None
    return factors_of(factors, continuous=continuous, categorical=categorical)
