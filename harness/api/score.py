"""`harness.score`: metrics on codes made elsewhere, beside the factors of any observations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.api.scores import Scores
from harness.data.tables import as_table, factors_of
from harness.errors import UserError
from harness.evaluation import Evaluation, TableEvaluation
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.scoring.score import score_evaluation
from harness.suite.resolve import resolve_choice
from harness.suite.trial import Choice

Metrics = Sequence[str | Mapping[str, Any]]
"""Names of metrics, or tables of a name and settings: ["mig", {"name": "sap", "protocol": "infogan-cr"}]."""


def score(
    codes: Any,
    factors: Any = None,
    metrics: Metrics | None = None,
    *,
    continuous: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    kl: Any = None,
    seed: int = 0,
    plugins: Sequence[str | Path] = (),
) -> Scores:
    """Score codes made elsewhere.

    Args:
        codes: (N, D) numbers, one row per observation: NumPy, torch, pandas or lists. They are used in the precision
            they have, float32 at least.
        factors: (N, F) ground-truth factors of the same observations, in the same order; any observations, complete
            grid or not. Integers, and columns of few different values, are levels; see `harness.data.factors_of`.
            None for metrics that need no factors.
        metrics: what to score by; by default every metric that applies.
        continuous: columns of `factors` that are continuous, cut into 20 intervals.
        categorical: columns of `factors` whose levels have no order.
        kl: (D,) divergence in nats of each code's posterior from its prior, which UDR and active codes need.
        seed: seeds whatever a metric samples; the same seed gives the same numbers.
        plugins: files of plugins, for their metrics.

    Raises:
        UserError: a table, a metric or a setting is wrong; the message names it.

    Example:
        >>> import numpy as np
        >>> factors = np.stack(np.meshgrid(range(8), range(8), indexing="ij"), -1).reshape(-1, 2)
        >>> score(factors + 0.0, factors, ["mig"])["mig"] > 0.99
        True
    """
    table, _ = as_table(codes, "codes")
    if table.dtype not in (np.float32, np.float64):
        table = table.astype(np.float64 if table.dtype.itemsize > 2 else np.float32)
    grid = None
    if factors is not None:
        grid, rows = factors_of(factors, continuous=continuous, categorical=categorical)
        if len(grid) != len(table):
            raise UserError(f"{len(table)} rows of codes and {len(grid)} of factors; each observation has one of both")
        table = table if rows is None else table[rows]
    divergence = None if kl is None else as_table(kl, "kl")[0].astype(np.float64).ravel()
    if divergence is not None and divergence.shape != (table.shape[1],):
        raise UserError(f"kl: expected {table.shape[1]} numbers, one per code, got {len(divergence)}")
    registry = PluginManager([Path(file) for file in plugins]).registry
    evaluation = TableEvaluation(table, grid, kl=divergence, seed=seed)
    return Scores(score_evaluation(evaluation, choose_metrics(registry, metrics, evaluation), registry))


def choose_metrics(registry: Registry, metrics: Metrics | None, evaluation: Evaluation) -> list[Choice]:
    """Resolve the metrics that are asked for, with all their settings; by default all that apply to the evaluation.

    Raises:
        UserError: there is no such metric, or a setting is wrong.
    """
    if metrics is None:
        names = registry.entries["metrics"]
        applying = [name for name in names if not evaluation.lacks(registry.find("metrics", name).load().needs)]
        return [resolve_choice(registry, "metrics", name, {}, name) for name in applying]
    if isinstance(metrics, str):
        metrics = [metrics]
    choices = []
    for number, item in enumerate(metrics):
        settings = {"name": item} if isinstance(item, str) else dict(item)
        name = settings.pop("name", None)
        if not isinstance(name, str):
            raise UserError(f"metrics[{number}]: expected a name, or a table with one, got {item!r}")
        choices.append(resolve_choice(registry, "metrics", name, settings, f"metrics[{number}]"))
    return choices
