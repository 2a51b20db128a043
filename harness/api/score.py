"""`harness.score`: metrics on codes made elsewhere, beside the factors of any observations."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api.scores import Scores
from harness.errors import UserError
from harness.evaluation import Evaluation
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.scoring.code_table import code_table, factors_beside
from harness.scoring.score import score_evaluation
from harness.suite.resolve import resolve_choice
from harness.suite.trial import Choice

Metrics = str | Mapping[str, Any] | Iterable[str | Mapping[str, Any]]
"""Names of metrics, or tables of a name and settings: ["mig", {"name": "sap", "protocol": "infogan-cr"}]; or one."""


def score(
    codes: Any,
    factors: Any = None,
    metrics: Metrics | None = None,
    *,
    continuous: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    kl: Any = None,
    code_groups: Sequence[Hashable] = (),
    seed: int = 0,
    plugins: str | Path | Sequence[str | Path] = (),
) -> Scores:
    """Score codes made elsewhere.

    Args:
        codes: (N, D) numbers, one row per observation: NumPy, torch, pandas or lists. They are used in the precision
            they have, float32 at least.
        factors: (N, F) ground-truth factors of the same observations, in the same order; any observations, complete
            grid or not. Integers, texts and columns of few different values are levels, each column of a data frame
            by its own type; see `harness.data.factors_of`.
            Or a dataset, its name, or a table of its name and settings, whose images the codes are of, in its order.
            None for metrics that need no factors.
        metrics: what to score by; by default every metric that applies.
        continuous: columns of `factors` that are continuous, cut into 20 intervals.
        categorical: columns of `factors` whose levels have no order.
        kl: (D,) divergence in nats of each code's posterior from its prior, which UDR and active codes need.
        code_groups: the group of each column of `codes`, where several columns are one code: metrics see the first
            principal component of each group.
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
    registry = PluginManager(plugin_files(plugins)).registry
    evaluation = code_table(
        codes,
        factors_beside(factors, registry, continuous=continuous, categorical=categorical),
        kl=kl,
        code_groups=code_groups,
        seed=seed,
    )
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
    choices = []
    for number, item in enumerate(_listed(metrics)):
        settings = {"name": item} if isinstance(item, str) else dict(item) if isinstance(item, Mapping) else {}
        name = settings.pop("name", None)
        if not isinstance(name, str):
            raise UserError(f"metrics[{number}]: expected a name, or a table with one, got {item!r}")
        choices.append(resolve_choice(registry, "metrics", name, settings, f"metrics[{number}]"))
    return list({choice.key: choice for choice in choices}.values())


def _listed(metrics: Metrics) -> Iterable[Any]:
    """One metric or several as several, in an order that is the same each time."""
    if isinstance(metrics, str) or (isinstance(metrics, Mapping) and "name" in metrics):
        return [metrics]
    if isinstance(metrics, set | frozenset):
        return sorted(metrics, key=str)
    if isinstance(metrics, Mapping) or not isinstance(metrics, Iterable):
        raise UserError(
            'metrics: expected a list of names and of tables, such as ["mig", {"name": "sap", "protocol": '
            f'"infogan-cr"}}], got {metrics!r}'
        )
    return metrics


def plugin_files(plugins: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files of plugins; a single one needs no list."""
    return [Path(file) for file in ([plugins] if isinstance(plugins, str | Path) else plugins)]
