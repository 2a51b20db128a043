"""Numbers short enough to be shown, and such as JSON has."""

import math
from collections.abc import Mapping
from typing import Any

DIGITS = 4

LARGEST_INTEGER = 2**53
"""Up to here JavaScript keeps every integer exactly."""


def short(value: object) -> float | None:
    """A number to four significant digits; None where there is none or it is not finite."""
    if value is None or not isinstance(value, int | float) or not is_finite(value):
        return None
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def is_finite(value: float) -> bool:
    """Whether a number is finite as a double is; integers of 400 digits are not."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def for_javascript(value: Any) -> Any:
    """The same data with text in place of numbers that JSON or JavaScript does not have: infinities, huge integers.

    >>> for_javascript({"beta": float("inf"), "seed": 2**60, "steps": 3})
    {'beta': 'inf', 'seed': '1152921504606846976', 'steps': 3}
    """
    if isinstance(value, Mapping):
        return {str(name): for_javascript(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [for_javascript(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if type(value) is int and abs(value) > LARGEST_INTEGER:
        return str(value)
    return value
