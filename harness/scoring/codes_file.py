"""Files of codes made elsewhere: read and scored. `harness.selection.codes_file` selects from them."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.evaluation import LARGEST, Codes, TableEvaluation
from harness.factors import FactorGrid
from harness.registry import Registry
from harness.results.result import ScoreRecord
from harness.scoring.score import score_evaluation
from harness.suite.resolve import resolve_choice

Arrays = dict[str, NDArray[Any]]


def score_file(
    path: Path,
    metrics: Sequence[str],
    registry: Registry,
    *,
    protocol: str | None = None,
    seed: int = 0,
    note: Callable[[str], None] = lambda text: None,
) -> dict[str, dict[str, Any]]:
    """Score a file of codes with each metric; with none named, with all that apply.

    Args:
        path: an npz file as in `harness score --help`.
        metrics: registered names.
        registry: where they are found.
        protocol: for every metric that has a setting of that name.
        seed: seeds whatever the file does not fix.
        note: told which metrics have no such setting.

    Returns:
        {metric: {"score": number or None, "reason": why there is none, "settings": of the metric, and its details}}.

    Raises:
        UserError: the file, a metric or the protocol is wrong.
    """
    evaluation = table_evaluation(path, read_npz(path), seed)
    choices, without = [], []
    for name in metrics or registry.entries["metrics"]:
        metric_class = registry.find("metrics", name, "--metric").load()
        if not metrics and evaluation.lacks(metric_class.needs):
            continue
        takes_protocol = "protocol" in metric_class.Config.model_fields
        settings = {"protocol": protocol} if protocol is not None and takes_protocol else {}
        without += [] if takes_protocol else [name]
        choices.append(resolve_choice(registry, "metrics", name, settings, f"--metric {name}: --protocol {protocol}"))
    if protocol is not None and without:
        note(f"--protocol {protocol}: scored as ever, for want of such a setting: {', '.join(without)}")
    return {record.metric: _result(record) for record in score_evaluation(evaluation, choices, registry)}


def _result(record: ScoreRecord) -> dict[str, Any]:
    found = {**record.details, "score": record.score, "settings": record.settings}
    return {**found, "reason": record.reason} if record.score is None else found


def read_npz(path: Path) -> Arrays:
    """The arrays of an npz file; pickled content is refused, never run.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            _check_archive(path, stream)
            with np.load(stream, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except Exception:  # Damaged archives, and those of Python objects, raise errors of every kind.
        raise UserError(
            f"{path}: not an npz file of plain arrays, as numpy.savez writes them: damaged, or of Python objects"
        ) from None


MOST_BYTES = 4 * 2**30
"""What the arrays of a compressed file may unfold to."""


def _check_archive(path: Path, stream: IO[bytes]) -> None:
    """Make sure that a file is an archive and unfolds to no more than a memory holds.

    Raises:
        UserError: it is none, or does not.
    """
    if not zipfile.is_zipfile(stream):
        stream.seek(0)
        single = stream.read(6) == b"\x93NUMPY"
        found = "this is a single array; " if single else ""
        raise UserError(f"{path}: {found}expected an npz file of named arrays: numpy.savez(FILE, codes=...)")
    with zipfile.ZipFile(stream) as archive:
        unfolded = sum(each.file_size for each in archive.infolist() if each.compress_type != zipfile.ZIP_STORED)
    if unfolded > MOST_BYTES:
        raise UserError(
            f"{path}: its arrays unfold to {unfolded / 1e9:.3g} GB; one of that size is read only if it is written by "
            "numpy.savez, not compressed"
        )
    stream.seek(0)


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
    """The array `codes`, if its shape is right and its numbers finite.

    In double precision unless single holds every number of its type: rounding would merge codes that lie close together
    far from 0.
    """
    codes = get(path, arrays, "codes")
    require_array(right(codes.shape) and codes.size > 0, path, "codes", expected)
    require_array(finite(codes), path, "codes", "finite numbers")
    single = np.can_cast(codes.dtype, np.float32)
    with np.errstate(over="ignore"):
        converted: Codes = codes.astype(np.float32 if single else np.float64)
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
    """Codes (N, D) with whatever else the file fixes."""
    fixed = {name: array for name, array in arrays.items() if name.endswith(("_index", "_label"))}
    for name, array in fixed.items():
        limit = len(codes) if name.endswith("_index") or grid is None else len(grid.sizes)
        usable = array.dtype.kind in "iu" and array.size > 0 and array.min() >= 0 and array.max() < limit
        require_array(usable, path, name, f"whole numbers from 0 to {limit - 1}")
        shape = "(groups, size)" if name == "group_index" else "one dimension"
        require_array(array.ndim == (2 if name == "group_index" else 1), path, name, shape)
    if "group_index" in fixed and "group_label" in fixed:
        groups = len(fixed["group_index"])
        require_array(len(fixed["group_label"]) == groups, path, "group_label", f"({groups},), one factor per group")
    if (kl := arrays.get("kl")) is not None:
        require_array(kl.shape == codes.shape[1:] and finite(kl), path, "kl", "finite numbers, one per code of a model")
    return TableEvaluation(codes, grid, kl=kl, fixed=fixed, seed=seed)


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
