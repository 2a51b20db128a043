"""Files of codes made elsewhere: read, scored and selected from."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.evaluation import Evaluation, TableEvaluation
from harness.factors import FactorGrid
from harness.plugins import Registry
from harness.scoring import ScoreRecord, score
from harness.selection import make_selector
from harness.suite import resolve

Arrays = dict[str, NDArray[Any]]


def score_file(
    path: Path, metrics: Sequence[str], registry: Registry, *, protocol: str | None = None, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Score a file of codes with each metric; with none named, with all that apply.

    Args:
        path: an npz file as in `harness score --help`.
        metrics: registered names.
        registry: where they are found.
        protocol: for every metric that has a setting of that name.
        seed: seeds whatever the file does not fix.

    Returns:
        {metric: {"score": number or None, "reason": why there is none, and the metric's details}}.

    Raises:
        UserError: the file, a metric or the protocol is wrong.
    """
    evaluation = table_evaluation(path, read_npz(path), seed)
    choices = []
    for name in metrics or registry.entries["metrics"]:
        metric_class = registry.find("metrics", name, "--metric").load()
        if not metrics and evaluation.lacks(metric_class.needs):
            continue
        takes_protocol = protocol is not None and "protocol" in metric_class.Config.model_fields
        settings = {"protocol": protocol} if takes_protocol else {}
        choices.append(resolve(registry, "metrics", name, settings, f"--metric {name}: --protocol {protocol}"))
    return {record.metric: _result(record) for record in score(evaluation, choices, registry)}


def _result(record: ScoreRecord) -> dict[str, Any]:
    found = {"score": record.score, **{key: value for key, value in record.details.items() if key != "score"}}
    return {**found, "reason": record.reason} if record.score is None else found


def select_from_file(path: Path, names: Sequence[str], registry: Registry) -> dict[str, dict[str, Any]]:
    """Apply selectors to the codes of several models, or to comparisons of them.

    Returns:
        {selector: {"scores": one per model, "chosen": index of the best}}.

    Raises:
        UserError: the file or a selector is wrong, or a selector needs what the file does not have.
    """
    arrays = read_npz(path)
    cross_scores = arrays.get("cross_factor_vae_scores")
    default = ["model-centrality"] if cross_scores is not None else ["udr-lasso", "udr-spearman"]
    selected = {}
    for name in names or default:
        selector = make_selector(resolve(registry, "selectors", name, {}, "--selector"), registry)
        if cross_scores is not None:
            comparisons = np.asarray(cross_scores, dtype=float)
            _require(
                comparisons.ndim == 2 and len(set(comparisons.shape)) == 1, path, "cross_factor_vae_scores", "(M, M)"
            )
        else:
            pool = _pool(path, arrays)
            if reason := pool[0].lacks(selector.needs):
                raise UserError(f"{path}: {name} cannot select from a file of codes: {reason}")
            comparisons = selector.compare(pool)
        scores = selector.scores(comparisons)
        selected[name] = {"scores": scores.tolist(), "chosen": int(np.argmax(scores))}
    return selected


def read_npz(path: Path) -> Arrays:
    """The arrays of an npz file; pickled content is refused, never run.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not an npz file of plain arrays: {error}") from None


def table_evaluation(path: Path, arrays: Arrays, seed: int = 0) -> TableEvaluation:
    """The evaluation of one table of codes.

    Raises:
        UserError: an array is missing or has the wrong shape; the message names it.
    """
    codes, sizes = _get(path, arrays, "codes"), _get(path, arrays, "factor_sizes")
    _require(sizes.ndim == 1 and len(sizes) > 0 and bool((sizes > 0).all()), path, "factor_sizes", "(F,), all positive")
    n = int(np.prod(sizes.astype(np.int64)))
    _require(codes.ndim == 2 and len(codes) == n, path, "codes", f"({n}, D), one row per grid point")
    _require(bool(np.isfinite(codes).all()), path, "codes", "finite numbers")
    continuous = arrays.get("is_continuous", np.ones(len(sizes), dtype=bool))
    _require(continuous.shape == sizes.shape, path, "is_continuous", "(F,)")
    names = [f"factor {number}" for number in range(len(sizes))]
    grid = FactorGrid(names, sizes.tolist(), categorical=tuple((~continuous.astype(bool)).tolist()))
    if (values := arrays.get("factor_values")) is not None:
        _require(values.shape == (n, len(sizes)), path, "factor_values", f"({n}, {len(sizes)})")
        grid = FactorGrid(names, grid.sizes, _level_values(grid, values), grid.categorical)
    fixed = {name: array for name, array in arrays.items() if name.endswith(("_index", "_label"))}
    for name, array in fixed.items():
        limit = n if name.endswith("_index") else len(sizes)
        usable = array.dtype.kind in "iu" and array.size > 0 and array.min() >= 0 and array.max() < limit
        _require(usable, path, name, f"whole numbers from 0 to {limit - 1}")
    return TableEvaluation(codes.astype(np.float32), grid, kl=arrays.get("kl"), fixed=fixed, seed=seed)


def _level_values(grid: FactorGrid, values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The real value of each level, read off the grid points where the other factors are at level 0."""
    levels = [np.zeros((size, len(grid.sizes)), dtype=np.int64) for size in grid.sizes]
    for factor, ids in enumerate(levels):
        ids[:, factor] = np.arange(grid.sizes[factor])
    return [values[grid.indices(ids), factor] for factor, ids in enumerate(levels)]


def _pool(path: Path, arrays: Arrays) -> list[Evaluation]:
    codes = _get(path, arrays, "codes")
    _require(codes.ndim == 3 and len(codes) > 1, path, "codes", "(models, N, D) of two models or more")
    kl = arrays.get("kl")
    _require(kl is None or kl.shape == codes[:, 0].shape, path, "kl", "(models, D)")
    sizes = arrays.get("factor_sizes", np.array([codes.shape[1]]))
    shared = {name: array for name, array in arrays.items() if name not in ("codes", "kl")}
    return [
        table_evaluation(
            path,
            {**shared, "factor_sizes": sizes, "codes": table, **({} if kl is None else {"kl": kl[model]})},
        )
        for model, table in enumerate(codes)
    ]


def _get(path: Path, arrays: Arrays, name: str) -> NDArray[Any]:
    if name not in arrays:
        raise UserError(f"{path}: there is no array '{name}'; it has {', '.join(arrays) or 'none'}")
    return arrays[name]


def _require(condition: bool, path: Path, name: str, expected: str) -> None:
    if not condition:
        raise UserError(f"{path}: array '{name}': expected {expected}")
