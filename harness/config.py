"""Settings: typed, documented and frozen hyperparameters, and clear words for wrong ones."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from harness.errors import UserError, nearest

__all__ = ["Field", "FilePath", "Settings", "describe", "named_files", "parse"]


class Settings(BaseModel):
    """Base class of every table of settings: of a model, a dataset, a metric, a suite.

    Declare each setting with `Field(default, description="...", ge=..., le=...)`; `harness show`
    prints the declaration and suites are checked against it. Values are never coerced: "3" is not
    a number and 1 is not a truth value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, protected_namespaces=())

    def values(self) -> dict[str, Any]:
        """Every setting with its resolved value, as plain JSON data."""
        return self.model_dump(mode="json")


class FilePath(str):
    """The type of a setting that names a file, such as pretrained weights: the file's absolute path.

    What the file holds is part of a trial's identity in place of its path, so that other content is another trial,
    and the same content elsewhere the same one. A suite is refused where the file is missing. In a suite a relative
    path is below the folder of the suite that is run; elsewhere below the working directory.
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A text that becomes an absolute path."""
        return core_schema.with_info_after_validator_function(
            cls._absolute,
            core_schema.str_schema(min_length=1),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def _absolute(cls, text: str, info: ValidationInfo) -> "FilePath":
        folder = (info.context or {}).get("folder") or Path()
        try:
            return cls(os.path.abspath(folder / Path(text).expanduser()))
        except RuntimeError:
            raise ValueError("a path: there is no such user, whose folder it would be in") from None


def named_files(value: object, place: str) -> Iterator[tuple[str, FilePath]]:
    """Every file that settings name, with the place of the setting below `place`."""
    return ((where, leaf) for where, leaf in leaves(value, place) if isinstance(leaf, FilePath))


def leaves(value: object, place: str) -> Iterator[tuple[str, object]]:
    """Every value among settings, however deep, that holds no others, with its place below `place`."""
    if isinstance(value, Settings):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{place}[{index}]")
    else:
        yield place, value


S = TypeVar("S", bound=Settings)

SHOWN = 200
"""Characters of a wrong value that its message repeats."""


def parse(cls: type[S], data: Mapping[str, Any], place: str, folder: Path | None = None) -> S:
    """Check a table of plain data against a declaration.

    `place` is where the table stands, such as "models[2].config"; `folder` is what relative paths of files are below,
    by default the working directory. All problems are reported at once, each with its place and, for an unknown key,
    the nearest right one.

    Raises:
        UserError: a key is unknown, a value has the wrong type or is out of range.
    """
    try:
        # Through JSON, so that TOML's arrays may fill tuples while nothing else is coerced.
        return cls.model_validate_json(json.dumps(data, default=str), context={"folder": folder})
    except ValidationError as error:
        raise UserError("\n".join(_explain(cls, problem, place) for problem in error.errors())) from None


def _explain(cls: type[Settings], problem: Any, place: str) -> str:
    """Say what is wrong with a setting, and what is right, from an error of pydantic's."""
    location = problem["loc"]
    where = _join(place, location)
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key; {nearest(str(location[-1]), _keys_at(cls, location[:-1]))}"
    if problem["type"] == "missing":
        return f"{where}: this key is required"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    # pydantic's own words are "List should have at least 1 item after validation, not 0".
    message = re.sub(r"^\w+ should have (.*?)( after validation, not \d+)?$", r"\1", message)
    if problem["type"] in ("dict_type", "model_type"):
        message = "a table"  # TOML's word for what pydantic calls an object.
    shown = repr(problem["input"])
    return f"{where}: got {shown if len(shown) <= SHOWN else shown[:SHOWN] + '...'}, expected {message}"


def _join(place: str, location: tuple[int | str, ...]) -> str:
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
    return place


def _keys_at(cls: type[Settings], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at `location` inside `cls` may have."""
    current: Any = cls
    for step in location:
        if isinstance(step, int):
            continue
        field = current.model_fields.get(step)
        current = _settings_in(field.annotation) if field else None
        if current is None:
            return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _settings_in(annotation: Any) -> type[Settings] | None:
    """The Settings class inside an annotation such as `tuple[ModelEntry, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _settings_in(argument):
            return found
    return None


def describe(cls: type[Settings]) -> list[dict[str, str]]:
    """Every setting of a declaration as text: name, type, default, range and meaning."""
    return [
        {
            "name": name,
            "type": _type_name(field.annotation),
            "default": "required" if field.is_required() else _default(field),
            "range": _range(field),
            "meaning": field.description or "",
        }
        for name, field in cls.model_fields.items()
    ]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return "that of each key" if isinstance(value, Settings) else json.dumps(value)


def _type_name(annotation: Any) -> str:
    """A type as a person would write it: tuple[square | heart, ...]."""
    if annotation is Ellipsis:
        return "..."
    if annotation is type(None):
        return "none"
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, UnionType):
        return " | ".join(map(_type_name, arguments))
    name = getattr(origin or annotation, "__name__", str(annotation))
    return f"{name}[{', '.join(map(_type_name, arguments))}]" if arguments else name


def _range(field: FieldInfo) -> str:
    symbols = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "length >=", "max_length": "length <="}
    found = [
        f"{symbol} {bound}"
        for constraint in field.metadata
        for key, symbol in symbols.items()
        if (bound := getattr(constraint, key, None)) is not None
    ]
    return ", ".join(found)
