"""What is shown of the details of a score; `harness.metric.Score` says what a metric may give."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from harness.summary.rounding import short


class Matrix(NamedTuple):
    """A matrix among the details: its name, the number of each row's code, and its values (rows, columns)."""

    name: str
    rows: list[int]
    values: list[list[float | None]]


def numbers(details: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers among the details, by name."""
    return {name: short(value) for name, value in details.items() if isinstance(value, int | float)}


def matrices(details: Mapping[str, Any]) -> Iterator[Matrix]:
    """The matrices among the details.

    Rows are the active codes where there are as many of both, and otherwise numbered from 0.
    """
    active = active_codes(details)
    for name, value in details.items():
        if _is_matrix_name(name) and _is_matrix(value):
            rows = active if active is not None and len(active) == len(value) else list(range(len(value)))
            yield Matrix(name, rows, [[short(number) for number in row] for row in value])


def active_codes(details: Mapping[str, Any]) -> list[int] | None:
    """The numbers of the codes that vary with the images, by the metric; None where it does not tell."""
    found = details.get("active_codes")
    if isinstance(found, list) and all(type(code) is int and code >= 0 for code in found):
        return found
    return None


def _is_matrix_name(name: str) -> bool:
    return name in ("mutual_information", "matrix") or name.endswith("_matrix")


def _is_matrix(value: Any) -> bool:
    rows = isinstance(value, list) and bool(value) and all(isinstance(row, list) and row for row in value)
    return rows and len({len(row) for row in value}) == 1
