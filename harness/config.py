"""Settings: typed, documented and frozen hyperparameters, and clear words for wrong ones."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
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

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuse what `Field` does not know: pydantic would keep it, and no value would be checked by it."""
        for name, field in cls.model_fields.items():
            if isinstance(field.json_schema_extra, dict):
                unknown = ", ".join(map(repr, field.json_schema_extra))
                raise UserError(
                    f"{cls.__qualname__}.{name}: Field has no {unknown}; values are limited by ge, gt, le, lt, "
                    "multiple_of, min_length, max_length and pattern"
                )

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


@dataclass(frozen=True)
class WrongSetting:
    """What is wrong with one setting.

    Attributes:
        place: where it stands, such as "models[2].config.beta".
        reason: what is wrong.
        hint: what would be right, if that is known.
        unknown: whether there is no such setting.
        is_list: whether several values stand where one is expected.
    """

    place: str
    reason: str
    hint: str = ""
    unknown: bool = False
    is_list: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" + (f"; {self.hint}" if self.hint else "")


class SettingsError(UserError):
    """Settings that do not fit their declaration; made of a `WrongSetting` each, which are its lines."""

    args: tuple[WrongSetting, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


def parse(cls: type[S], data: Mapping[str, Any], place: str, folder: Path | None = None) -> S:
    """Check a table of plain data against a declaration.

    `place` is where the table stands, such as "models[2].config"; `folder` is what relative paths of files are below,
    by default the working directory. All problems are reported at once, each with its place and, for an unknown key,
    the nearest right one.

    Raises:
        SettingsError: a key is unknown, a value has the wrong type or is out of range.
    """
    try:
        # Through JSON, so that TOML's arrays may fill tuples while nothing else is coerced.
        return cls.model_validate_json(json.dumps(data, default=str), context={"folder": folder})
    except ValidationError as error:
        raise SettingsError(*_wrong_settings(cls, data, error.errors(), place)) from None


def _wrong_settings(
    cls: type[Settings], data: Mapping[str, Any], problems: Iterable[Any], place: str
) -> Iterator[WrongSetting]:
    """What is wrong, from errors of pydantic's; a value that none of several types takes is told of once."""
    alike: dict[tuple[int | str, ...], list[Any]] = {}
    for problem in problems:
        alike.setdefault(_path(data, problem), []).append(problem)
    for path, found in alike.items():
        yield _wrong_setting(cls, path, found, _join(place, path))


def _path(data: Any, problem: Any) -> tuple[int | str, ...]:
    """Where a problem is in the data; pydantic's own place also names the types that it has tried on the way."""
    path: list[int | str] = []
    for step in problem["loc"]:
        inside = range(len(data)) if isinstance(data, list | tuple) else data if isinstance(data, Mapping) else ()
        if step in inside:
            path.append(step)
            data = data[step]
    return (*path, problem["loc"][-1]) if problem["type"] == "missing" else tuple(path)


def _wrong_setting(
    cls: type[Settings], path: tuple[int | str, ...], problems: Sequence[Any], where: str
) -> WrongSetting:
    """Say what is wrong with a setting, and what is right."""
    kinds = [problem["type"] for problem in problems]
    if "extra_forbidden" in kinds:
        return WrongSetting(where, "unknown key", nearest(str(path[-1]), _keys_at(cls, path[:-1])), unknown=True)
    if "missing" in kinds:
        return WrongSetting(where, "this key is required")
    value = problems[0]["input"]
    shown = repr(value)
    expected = " or ".join(dict.fromkeys(_expected(problem) for problem in problems))
    return WrongSetting(
        where,
        f"got {shown if len(shown) <= SHOWN else shown[:SHOWN] + '...'}, expected {expected}",
        _in_a_list(cls, path, value) if {"list_type", "tuple_type"} & set(kinds) else "",
        is_list=isinstance(value, list) and any(kind.endswith(("_type", "_error")) for kind in kinds),
    )


def _expected(problem: Any) -> str:
    """What pydantic expected, in the words of TOML."""
    if problem["type"] in ("dict_type", "model_type"):
        return "a table"
    if problem["type"] in ("list_type", "tuple_type"):
        return "a list"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    # pydantic's own words are "List should have at least 1 item after validation, not 0".
    return re.sub(r"^\w+ should have (.*?)( after validation, not \d+)?$", r"\1", message)


def _in_a_list(cls: type[Settings], path: tuple[int | str, ...], value: Any) -> str:
    """How to write a value as the only one of a list, if such a list would do."""
    annotation: Any = getattr(_field_at(cls, path), "annotation", None)
    try:
        TypeAdapter(annotation).validate_json(json.dumps([value]), strict=True)
    except (ValidationError, TypeError):
        return ""
    return f"write [[{path[-1]}]]" if isinstance(value, Mapping) else f"write {json.dumps([value])}"


def _join(place: str, location: tuple[int | str, ...]) -> str:
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
    return place


def _keys_at(cls: type[Settings], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at `location` inside `cls` may have."""
    field = _field_at(cls, location)
    table = settings_in(field.annotation) if field else None if location else cls
    return [field.alias or name for name, field in table.model_fields.items()] if table else []


def _field_at(cls: type[Settings], location: tuple[int | str, ...]) -> FieldInfo | None:
    """The declaration of the setting at `location` inside `cls`, or of the list that it is in."""
    field: FieldInfo | None = None
    table: type[Settings] | None = cls
    for step in location:
        if isinstance(step, str):
            field = table.model_fields.get(step) if table else None
            table = settings_in(field.annotation) if field else None
    return field


def settings_in(annotation: Any) -> type[Settings] | None:
    """The Settings class inside an annotation such as `tuple[ModelEntry, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := settings_in(argument):
            return found
    return None


def wrong_declaration(error: BaseException) -> str:
    """What to change where a setting is declared without its type; "" for any other error."""
    if not isinstance(error, PydanticUserError) or error.code != "model-field-missing-annotation":
        return ""
    found = re.search(r"[`'](\w+)", str(error))
    name = found[1] if found else "NAME"
    return f"the setting '{name}' is declared without a type; write `{name}: float = Field(...)`, or another type"


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
