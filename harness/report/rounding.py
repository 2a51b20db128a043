"""Numbers short enough for a page."""

import math

DIGITS = 4


def short(value: object) -> float | None:
    """A number to four significant digits; None where there is none or it is not finite."""
    if value is None or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
