"""Where results are: a path on this machine, or a URL of any filesystem that fsspec knows."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.errors import UserError

if TYPE_CHECKING:
    from upath import UPath


SECONDS = 20
"""Time in which a store answers, or gives the next part of an answer."""


def location(place: str | Path) -> Path:
    """What is read and written at a path or a URL, such as `s3://bucket/results`.

    A URL becomes a `upath.UPath`, which behaves like a path as far as the harness uses it.

    Raises:
        UserError: it is empty, the packages for such a URL are not installed, or there is no such kind.
    """
    if not isinstance(place, str):
        return place
    if not place.strip():
        raise UserError("the name of a folder or file is empty")
    scheme, separator, rest = place.partition("://")
    if not separator:
        return at_home(place)
    if scheme == "file":
        return Path(rest)
    try:
        from upath import UPath

        # What other runs write must be seen at once.
        path = UPath(place, use_listings_cache=False, **_patience(scheme))
        path.fs  # noqa: B018 - made when it is asked for
    except ImportError as error:
        raise UserError(f"{place}: {error}; for s3:// do: pip install '.[s3]' in the harness's checkout") from None
    except ValueError as error:
        raise UserError(f"{place}: {error}") from None
    return cast("Path", path)


def _patience(scheme: str) -> dict[str, Any]:
    """Have an S3 store that does not answer be an error after minutes; of itself it would be one after most of an hour.

    fsspec's own settings go before these, and AWS_MAX_ATTEMPTS does.
    """
    if scheme not in ("s3", "s3a"):
        return {}
    from fsspec.config import conf

    settings: dict[str, Any] = {"connect_timeout": SECONDS, "read_timeout": SECONDS}
    if "AWS_MAX_ATTEMPTS" not in os.environ:  # s3fs tries five times as often.
        settings["retries"] = {"total_max_attempts": 2}
    return {"config_kwargs": settings | conf.get(scheme, {}).get("config_kwargs", {})}


def at_home(place: str) -> Path:
    """A path with the folder of a user in place of `~`.

    Raises:
        UserError: there is no such user.
    """
    try:
        return Path(place).expanduser()
    except RuntimeError:
        raise UserError(f"{place}: there is no such user, whose folder it would be in") from None


def is_local(path: Path) -> bool:
    """Whether a location is on a disk of this machine, or mounted like one."""
    return isinstance(path, Path)


def remote(path: Path) -> "UPath":
    """A location that is not local, with its type: a `UPath`."""
    return cast("UPath", path)


def absolute(path: Path) -> str:
    """The location as text that means the same in every process."""
    return os.path.realpath(path) if is_local(path) else str(path)
