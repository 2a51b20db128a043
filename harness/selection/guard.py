"""Calls of a selector's own code: what it raises or returns wrongly is a failure of that selector and ends nothing."""

from collections.abc import Sequence

import numpy as np

from harness.errors import HarnessError, NotApplicableError, in_a_line
from harness.evaluation import Evaluation
from harness.seeds import governed
from harness.selector import PointwiseSelector, Selector
from harness.typing import Floats


class SelectorError(HarnessError):
    """A selector raised an error or returned something else than its contract says; the message says what."""


def text(found: object, what: str) -> str:
    """What a selector says of a model, such as its kind.

    Raises:
        SelectorError: it is no text.
    """
    if not isinstance(found, str):
        raise SelectorError(f"{what} is a text, not {type(found).__name__}")
    return found


def compare(selector: Selector, pool: Sequence[Evaluation]) -> Floats:
    """A selector's comparisons of M models: (M,) of a `PointwiseSelector`, (M, M) of any other.

    Raises:
        NotApplicableError: the selector has no meaning for the pool.
        SelectorError: it raised another error, or its comparisons have another shape or are no numbers.
    """
    try:
        with governed("compare", type(selector).__name__):
            found = selector.compare(pool)
    except NotApplicableError:
        raise
    except (Exception, SystemExit) as error:  # A selector may raise anything.
        raise SelectorError(in_a_line(error)) from error
    return checked_comparisons(selector, found, len(pool))


def checked_comparisons(selector: Selector, comparisons: object, models: int) -> Floats:
    """Comparisons as an array of the shape that a selector's must have.

    Raises:
        SelectorError: they have another shape or are no numbers.
    """
    shape = (models,) if isinstance(selector, PointwiseSelector) else (models, models)
    return _array(comparisons, shape, "comparisons")


def scores(selector: Selector, comparisons: Floats) -> Floats:
    """A selector's scores of M models, (M,), from their comparisons, which stay as they are.

    Raises:
        SelectorError: it raised an error, or its scores have another shape, are no numbers or infinite.
    """
    try:
        with governed("scores", type(selector).__name__):
            found = selector.scores(comparisons.copy())
    except (Exception, SystemExit) as error:  # A selector may raise anything.
        raise SelectorError(f"scores of {len(comparisons)} models: {in_a_line(error)}") from error
    made = _array(found, (len(comparisons),), "scores")
    if np.isinf(made).any():
        raise SelectorError(f"its scores of {len(comparisons)} models are infinite")
    return made


def _array(found: object, shape: tuple[int, ...], what: str) -> Floats:
    try:
        made = np.asarray(found)
        if made.dtype.kind not in "biufO":  # Texts would be read as numbers, and complex ones cut.
            raise TypeError
        made = made.astype(np.float64)
    except Exception:  # Whatever is to become an array may raise anything.
        raise SelectorError(f"its {what} are no array of numbers") from None
    if made.shape != shape:
        raise SelectorError(f"its {what} have the shape {made.shape}, expected {shape}")
    return made
