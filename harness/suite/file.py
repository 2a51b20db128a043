"""Reading a suite's TOML: the file, the file it extends, and overrides from the command line."""

import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest

LARGEST = 2**63
"""Tables hold whole numbers of 64 bits."""

DEEPEST = 50
"""Tables and lists within each other, and suites that extend each other."""

_LONG_KEY = re.compile(r"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){1000}""")
"""A key of a thousand parts; the time that tomllib takes for one grows with the square of their number."""


def read_suite_file(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The plain content of a suite after `extends` and overrides.

    Raises:
        UserError: a file cannot be read, is not TOML, or extends itself; an override cannot be placed.
    """
    return with_overrides(_read(path, ()), overrides, str(path))


def with_overrides(content: Mapping[str, Any], overrides: Sequence[str], place: str) -> dict[str, Any]:
    """A copy of the plain content of a suite with overrides, all of whose numbers a table of results can hold.

    Raises:
        UserError: an override cannot be placed, a number is too large or not finite, or tables are too deep.
    """
    try:
        data = deepcopy(dict(content))
        for override in overrides:
            _override(data, override)
        check_values(data, "")
        _check_depth(data)
    except RecursionError:
        raise UserError(f"{place}: its tables are nested too deeply") from None
    return data


def _check_depth(value: Any, depth: int = 0) -> None:
    """Refuse tables that are deeper than any suite's.

    Raises:
        RecursionError: they are.
    """
    if depth > DEEPEST:
        raise RecursionError
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(item, depth + 1)


def check_values(value: Any, place: str) -> None:
    """Refuse numbers that no results table can hold, and the character that no path can.

    Raises:
        UserError: there is one; the message names its place.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            check_values(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_values(item, f"{place}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{place}: got {value}, expected a finite number")
    elif isinstance(value, int) and not -LARGEST <= value < LARGEST:
        shown = str(value) if abs(value) < 10**30 else "a number of more than 30 digits"
        raise UserError(f"{place}: got {shown}, expected a whole number of at most 64 bits")
    elif isinstance(value, str) and "\0" in value:
        raise UserError(f"{place}: got {value!r}, expected a text without the character U+0000")


def _read(path: Path, descendants: tuple[str, ...]) -> dict[str, Any]:
    real = os.path.realpath(path)  # Of a loop of links `Path.resolve` makes an error.
    if real in descendants:
        raise UserError(f"{path}: the suite extends itself")
    if len(descendants) > DEEPEST:
        raise UserError(f"{path}: more than {DEEPEST} suites extend each other")
    try:
        if path.exists() and not path.is_file():  # Reading a device or a pipe might never end.
            raise UserError(f"{path}: not a file{_suites_beside(path)}")
        data = _parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}{_suites_beside(path)}") from None
    except ValueError as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None
    parent = data.pop("extends", None)
    if parent is None:
        return data
    if not isinstance(parent, str):
        raise UserError(f"{path}: extends: expected the path of another suite, got {parent!r}")
    check_values(parent, f"{path}: extends")
    return _merge(_read(path.parent / parent, (*descendants, real)), data)


def _parse(text: str) -> dict[str, Any]:
    """The content of TOML.

    Raises:
        ValueError: it is none, or no suite could be like it; tomllib limits neither depth nor digits by itself.
    """
    if _LONG_KEY.search(text):
        raise ValueError("its tables are nested too deeply")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its tables are nested too deeply") from None


def _suites_beside(path: Path) -> str:
    """Which suite may have been meant: of the same name, or of a similar one, there or in suites/ here."""
    beside = path.parent.glob("*.toml") if path.parent.is_dir() else ()
    suites = {str(file): file for file in (*beside, *Path("suites").rglob("*.toml")) if _is_suite(file)}
    same = sorted(name for name, file in suites.items() if file.stem == path.stem)
    return f"; did you mean '{same[0]}'?" if same else f"; {nearest(str(path), suites)}" if suites else ""


def _is_suite(file: Path) -> bool:
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""  # Reading a pipe might never end.
    except (OSError, ValueError):
        return False
    return "[[models]]" in text or text.startswith("extends")


def _merge(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """Tables merge key by key; everything else, lists of models too, is replaced."""
    merged = dict(parent)
    for key, value in child.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both_tables else value
    return merged


def _override(data: dict[str, Any], text: str) -> None:
    """Apply "path.to.key=value"; in a list of tables a step is a number, as messages write it, a label or a name."""
    path, separator, value = text.partition("=")
    key = re.sub(r"\[(\d+)\](?=\.|$)", r".\1", path.strip())
    if not separator or not all(key.split(".")):
        raise UserError(f"--set {text}: expected path.to.key=value")
    targets: list[Any] = [data]
    rest = key
    while "." in rest:
        step, rest = _next_step(targets, rest)
        targets = [found for target in targets for found in _descend(target, step)]
        if not targets:
            raise UserError(f"--set {text}: there is no '{key[: -len(rest) - 1]}' in the suite")
    for target in targets:
        if not isinstance(target, dict):
            raise UserError(f"--set {text}: '{key[: -len(rest) - 1]}' is not a table")
        target[rest] = value_of(value.strip())


def _next_step(targets: Sequence[Any], path: str) -> tuple[str, str]:
    """The first step of a path, and the rest: up to a dot, or a whole label that has dots itself."""
    tables = [item for target in targets if isinstance(target, list) for item in target if isinstance(item, dict)]
    labels = [
        label for table in tables if isinstance(label := table.get("label"), str) and path.startswith(f"{label}.")
    ]
    step = max(labels, key=len, default=path.partition(".")[0])
    return step, path[len(step) + 1 :]


def _descend(target: Any, step: str) -> list[Any]:
    if isinstance(target, dict):
        return [target.setdefault(step, {})]
    if isinstance(target, list):
        if step.isdecimal():
            return target[int(step) : int(step) + 1]
        return [item for item in target if isinstance(item, dict) and step in (item.get("label"), item.get("name"))]
    return []


def value_of(text: str) -> Any:
    """A TOML value; anything that is none is taken as a text.

    Raises:
        UserError: it is nested too deeply, or has too many digits.
    """
    try:
        return _parse(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except ValueError as error:
        raise UserError(f"{text[:30]}...: {error}") from None
