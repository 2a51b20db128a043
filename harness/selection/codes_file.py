"""Files of several models' codes, or of comparisons of models made elsewhere: selected from."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import NotApplicableError, UserError
from harness.evaluation import TableEvaluation
from harness.registry import Registry
from harness.scoring.codes_file import finite, make_table, read_codes, read_grid, require_array
from harness.scoring.score import json_data
from harness.scoring.table_files import Arrays, read_npz
from harness.selection import guard
from harness.selection.judge import largest
from harness.selector import Selector, several_kinds
from harness.suite.build import build_selector
from harness.suite.resolve import resolve_choice


def select_from_file(path: Path, names: Sequence[str], registry: Registry) -> dict[str, dict[str, Any]]:
    """Apply selectors to the codes of several models, or to comparisons of them.

    Args:
        path: an npz file as in `harness select --help`.
        names: registered names; with none, those that the file is for.
        registry: where they are found.

    Returns:
        {selector: {"scores": one per model, None for a model without one, "chosen": index of the best, the first of
        several that tie, "tied": how many share the largest score}}.

    Raises:
        UserError: the file or a selector is wrong, or a selector needs what the file does not have.
    """
    arrays = read_npz(path)
    selected = {}
    for name in names or _meant(arrays, registry):
        selector = build_selector(registry, resolve_choice(registry, "selectors", name, {}, "--selector"))
        try:
            scores = guard.scores(selector, _comparisons(path, arrays, name, selector))
        except guard.SelectorError as error:
            raise UserError(f"{path}: {name} failed: {error}") from error
        if np.isnan(scores).all():
            raise UserError(f"{path}: {name} has no score for any of these models")
        best = np.flatnonzero(largest(scores))
        selected[name] = {"scores": json_data(scores), "chosen": int(best[0]), "tied": len(best)}
    return selected


def _meant(arrays: Arrays, registry: Registry) -> list[str]:
    """Name the selectors whose comparisons a file holds or, if it holds none, those that any codes will do for."""
    classes = {}
    for name, entry in registry.entries["selectors"].items():
        with suppress(UserError):  # A selector that cannot be loaded is told where it is named.
            classes[name] = entry.load()
    compared = [name for name, selector in classes.items() if selector.comparisons_array in arrays]
    return compared or [name for name, selector in classes.items() if selector.default_for_codes]


def _comparisons(path: Path, arrays: Arrays, name: str, selector: Selector) -> NDArray[np.float64]:
    """Comparisons that stand in the file, or those of the codes there."""
    if selector.comparisons_array in arrays:
        matrix = _square(path, arrays, selector.comparisons_array)
        if "latent_structures" in arrays:
            structures = arrays["latent_structures"]
            require_array(structures.shape == matrix.shape[:1], path, "latent_structures", f"{matrix.shape[:1]}")
            if reason := several_kinds(map(str, structures)):
                raise UserError(f"{path}: {name} cannot select from this file: {reason}")
        return matrix
    pool = _pool(path, arrays)
    if reason := selector.lacks(pool[0]):
        other = f"; a file may give it '{selector.comparisons_array}'" if selector.comparisons_array else ""
        raise UserError(f"{path}: {name} cannot select from a file of codes: {reason}{other}")
    try:
        return guard.compare(selector, pool)
    except NotApplicableError as error:
        raise UserError(f"{path}: {name} cannot select from this file: {error}") from None


def _square(path: Path, arrays: Arrays, name: str) -> NDArray[np.float64]:
    """The comparisons of a file, which must be a square matrix."""
    matrix = arrays[name]
    square = matrix.ndim == 2 and len(set(matrix.shape)) == 1 and len(matrix) > 1
    require_array(square and finite(matrix), path, name, "(models, models) of two models or more, finite numbers")
    return matrix.astype(float)


def _pool(path: Path, arrays: Arrays) -> list[TableEvaluation]:
    """The evaluations of several models' codes; they know the factors if the file does."""
    expected = "(models, N, D) of two models or more"
    codes = read_codes(path, arrays, expected, lambda shape: len(shape) == 3 and shape[0] > 1)
    models, observations, dimensions = codes.shape
    grid = read_grid(path, arrays) if "factor_sizes" in arrays else None
    if grid is not None:
        require_array(len(grid) == observations, path, "codes", f"(models, {len(grid)}, D), one row per grid point")
    for name, shape in {"kl": (models, dimensions), "hyperparameters": (models,)}.items():
        require_array(name not in arrays or arrays[name].shape == shape, path, name, f"{shape}, like codes")
    pool = []
    for model, table in enumerate(codes):
        its_own = {"kl": arrays["kl"][model]} if "kl" in arrays else {}
        evaluation = make_table(path, {**arrays, **its_own}, table, grid)
        evaluation.setting = str(arrays["hyperparameters"][model]) if "hyperparameters" in arrays else ""
        pool.append(evaluation)
    return pool
