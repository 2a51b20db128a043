"""Files of codes made elsewhere: read and scored. `harness.selection.codes_file` selects from them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.evaluation import LARGEST, Codes, TableEvaluation, codes_of
from harness.factors import FactorGrid, Indices
from harness.registry import Registry
from harness.results.result import ScoreRecord
from harness.scoring.code_table import Factors, code_table, factors_beside
from harness.scoring.score import score_evaluation
from harness.scoring.table_files import Arrays, is_table_file, read_arrays, read_factors
from harness.storage.location import location
from harness.suite.resolve import resolve_choice


def score_file(
    path: Path,
    metrics: Sequence[str],
    registry: Registry,
    *,
    factors: str | None = None,
    settings: Mapping[str, Any] | None = None,
    continuous: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    protocol: str | None = None,
    seed: int = 0,
    note: Callable[[str], None] = lambda text: None,
) -> dict[str, dict[str, Any]]:
    """Score a file of codes with each metric; with none named, with all that apply.

    Args:
        path: an npz, Parquet or CSV file as in `harness score --help`.
        metrics: registered names.
        registry: where they are found.
        factors: a file of factors, or the name of the dataset in whose order the codes are; None for those in `path`.
        settings: of that dataset.
        continuous: factors that are continuous.
        categorical: factors whose levels have no order.
        protocol: for every metric that has a setting of that name.
        seed: seeds whatever the file does not fix.
        note: told which metrics have no such setting.

    Returns:
        {metric: {"score": number or None, "reason": why there is none, "settings": of the metric, and its details}}.

    Raises:
        UserError: a file, a metric or the protocol is wrong.
    """
    given = _factors_given(factors, settings or {}, registry, continuous, categorical)
    evaluation = _evaluation(path, given, registry, continuous, categorical, seed)
    if evaluation.factors is None:
        note(f"{path}: has no factors (arrays 'factors' or 'factor_sizes', or --factors); few metrics do without")
    choices, without = [], []
    for name in metrics or registry.entries["metrics"]:
        metric_class = registry.find("metrics", name, "--metric").load()
        if not metrics and evaluation.lacks(metric_class.needs):
            continue
        takes_protocol = "protocol" in metric_class.Config.model_fields
        chosen = {"protocol": protocol} if protocol is not None and takes_protocol else {}
        without += [] if takes_protocol else [name]
        choices.append(resolve_choice(registry, "metrics", name, chosen, f"--metric {name}: --protocol {protocol}"))
    if protocol is not None and without:
        note(f"--protocol {protocol}: scored as ever, for want of such a setting: {', '.join(without)}")
    return {record.metric: _result(record) for record in score_evaluation(evaluation, choices, registry)}


def _factors_given(
    factors: str | None,
    settings: Mapping[str, Any],
    registry: Registry,
    continuous: Sequence[str] | None,
    categorical: Sequence[str],
) -> Factors | None:
    """Find the factors that are not in the file of codes: in a file of their own, or a dataset's."""
    if factors is None:
        if settings:
            raise UserError("--set is for the settings of the dataset that --factors names")
        return None
    if is_table_file(factors):
        return _factors_in(factors, settings, registry, continuous, categorical)
    try:
        if continuous is not None or categorical:
            raise UserError("a dataset knows which of its factors are continuous or have no order")
        return factors_beside({**settings, "name": factors}, registry)
    except UserError as error:
        raise UserError(f"--factors {factors}: {error}") from None


def _factors_in(
    file: str,
    settings: Mapping[str, Any],
    registry: Registry,
    continuous: Sequence[str] | None,
    categorical: Sequence[str],
) -> Factors | None:
    if settings:
        raise UserError(f"--factors {file}: --set is for the settings of a dataset, and this is a file")
    try:
        table = read_factors(location(file))
    except UserError as error:  # It names the file.
        raise UserError(f"--factors {error}") from None
    try:
        return factors_beside(table, registry, continuous=continuous, categorical=categorical)
    except UserError as error:
        raise UserError(f"--factors {file}: {error}") from None


def _evaluation(
    path: Path,
    given: Factors | None,
    registry: Registry,
    continuous: Sequence[str] | None,
    categorical: Sequence[str],
    seed: int,
) -> TableEvaluation:
    """Put the codes of a file beside factors that were given, or beside those in it."""
    arrays = read_arrays(path, both=given is None)
    if given is None and "factor_sizes" in arrays and "factors" not in arrays:
        return table_evaluation(path, arrays, seed)
    codes = get(path, arrays, "codes")
    if isinstance(codes, np.ndarray):
        codes = read_codes(path, arrays, "(N, D)", lambda shape: len(shape) == 2)
    try:
        if given is None:
            given = factors_beside(arrays.get("factors"), registry, continuous=continuous, categorical=categorical)
        return code_table(
            codes,
            given,
            kl=arrays.get("kl"),
            code_groups=arrays["code_groups"].tolist() if "code_groups" in arrays else (),
            fixed=fixed_indices(path, arrays, len(codes), given[0] if given else None),
            seed=seed,
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _result(record: ScoreRecord) -> dict[str, Any]:
    found = {**record.details, "score": record.score, "settings": record.settings}
    return {**found, "reason": record.reason} if record.score is None else found


def table_evaluation(path: Path, arrays: Arrays, seed: int = 0) -> TableEvaluation:
    """The evaluation of one table of codes.

    Raises:
        UserError: an array is missing or has the wrong shape; the message names it.
    """
    grid = read_grid(path, arrays)
    codes = read_codes(
        path, arrays, f"({len(grid)}, D), one row per grid point", lambda shape: shape[:-1] == (len(grid),)
    )
    return make_table(path, arrays, codes, grid, seed)


def read_codes(path: Path, arrays: Arrays, expected: str, right: Callable[[tuple[int, ...]], bool]) -> Codes:
    """The array `codes`, see `codes_of`, if its shape is right and its numbers finite."""
    codes = get(path, arrays, "codes")
    require_array(right(codes.shape) and codes.size > 0, path, "codes", expected)
    require_array(finite(codes), path, "codes", "finite numbers")
    with np.errstate(over="ignore"):
        converted = codes_of(codes)
    require_array(bool((abs(converted) <= LARGEST).all()), path, "codes", f"numbers from -{LARGEST:g} to {LARGEST:g}")
    return converted


def read_grid(path: Path, arrays: Arrays) -> FactorGrid:
    """The ground-truth grid that a file describes."""
    sizes = get(path, arrays, "factor_sizes")
    whole = finite(sizes) and bool(((sizes > 0) & (sizes % 1 == 0)).all())
    require_array(
        whole and sizes.ndim == 1 and len(sizes) > 0, path, "factor_sizes", "(F,), whole numbers, all positive"
    )
    # Before a grid is made that no memory holds; a smaller mistake is told with the codes.
    points, rows = sizes.astype(float).prod(), max(get(path, arrays, "codes").shape, default=1)
    require_array(
        points <= 1000 * rows, path, "factor_sizes", f"a grid of as many points as there are codes, not {points:.4g}"
    )
    sizes = sizes.astype(np.int64)
    continuous = arrays.get("is_continuous", np.ones(len(sizes), dtype=bool))
    usable = continuous.shape == sizes.shape and continuous.dtype.kind in "biu"
    require_array(usable, path, "is_continuous", "(F,), true or false")
    names = [f"factor {number}" for number in range(len(sizes))]
    grid = FactorGrid(names, sizes.tolist(), categorical=tuple((~continuous.astype(bool)).tolist()))
    if (values := arrays.get("factor_values")) is not None:
        shape = (len(grid), len(sizes))
        require_array(values.shape == shape and finite(values), path, "factor_values", f"{shape}, finite numbers")
        grid = FactorGrid(names, grid.sizes, _level_values(grid, values), grid.categorical)
    return grid


def make_table(path: Path, arrays: Arrays, codes: Codes, grid: FactorGrid | None, seed: int = 0) -> TableEvaluation:
    """Make an evaluation of codes (N, D), with the samples and divergences that the file gives beside them."""
    fixed = fixed_indices(path, arrays, len(codes), grid)
    if (kl := arrays.get("kl")) is not None:
        require_array(kl.shape == codes.shape[1:] and finite(kl), path, "kl", "finite numbers, one per code of a model")
    groups = arrays["code_groups"] if "code_groups" in arrays else np.empty(0)
    right = not len(groups) or groups.shape == codes.shape[1:]
    require_array(right, path, "code_groups", f"{codes.shape[1:]}, the group of each column of codes")
    return TableEvaluation(codes, grid, kl=kl, fixed=fixed, seed=seed, code_groups=groups.tolist())


def fixed_indices(path: Path, arrays: Arrays, rows: int, grid: FactorGrid | None) -> dict[str, Indices]:
    """The index arrays of a file that replace random sampling of so many rows of codes."""
    fixed = {name: array for name, array in arrays.items() if name.endswith(("_index", "_label"))}
    for name, array in fixed.items():
        limit = rows if name.endswith("_index") or grid is None else len(grid.sizes)
        usable = array.dtype.kind in "iu" and array.size > 0 and array.min() >= 0 and array.max() < limit
        require_array(usable, path, name, f"whole numbers from 0 to {limit - 1}")
        shape = "(groups, size)" if name == "group_index" else "one dimension"
        require_array(array.ndim == (2 if name == "group_index" else 1), path, name, shape)
    if "group_index" in fixed and "group_label" in fixed:
        groups = len(fixed["group_index"])
        require_array(len(fixed["group_label"]) == groups, path, "group_label", f"({groups},), one factor per group")
    return fixed


def _level_values(grid: FactorGrid, values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The real value of each level, read off the grid points where the other factors are at level 0."""
    levels = [np.zeros((size, len(grid.sizes)), dtype=np.int64) for size in grid.sizes]
    for factor, ids in enumerate(levels):
        ids[:, factor] = np.arange(grid.sizes[factor])
    return [values[grid.indices(ids), factor] for factor, ids in enumerate(levels)]


def get(path: Path, arrays: Arrays, name: str) -> NDArray[Any]:
    """An array of the file, which must have it."""
    if name not in arrays:
        raise UserError(f"{path}: there is no array '{name}'; it has {', '.join(arrays) or 'none'}")
    return arrays[name]


def finite(array: NDArray[Any]) -> bool:
    """Whether an array holds numbers, none of them infinite or NaN."""
    return array.dtype.kind in "biuf" and bool(np.isfinite(array).all())


def require_array(condition: bool, path: Path, name: str, expected: str) -> None:
    """Say what was expected of an array, unless a condition holds."""
    if not condition:
        raise UserError(f"{path}: array '{name}': expected {expected}")
