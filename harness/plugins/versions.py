"""Versions of plugins: of a distribution or, where its files may be edited, of their content."""

import hashlib
import importlib
import importlib.util
import json
from collections.abc import Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path

from harness.errors import UserError


def distribution_version(distribution: str) -> str:
    """The version of an installed distribution; "uninstalled" where it is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "uninstalled"


def entry_point_version(point: EntryPoint) -> str:
    """The version of an entry point's distribution and, where it is installed to be edited, of its files' content."""
    if point.dist is None:
        return "unknown"
    installed = json.loads(point.dist.read_text("direct_url.json") or "{}")
    if not installed.get("dir_info", {}).get("editable"):
        return point.dist.version
    return f"{point.dist.version}+{files_digest(_sources(point.module))}"


def _sources(module: str) -> list[Path]:
    """The Python files of a module or package that can be imported, in order."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    folders = spec.submodule_search_locations
    return sorted(file for folder in folders for file in Path(folder).rglob("*.py")) if folders else [Path(spec.origin)]


def files_digest(files: Sequence[Path]) -> str:
    """Files that are edited have no version; their content stands for one."""
    content = hashlib.sha256()
    for file in files:
        try:
            content.update(file.read_bytes())
        except OSError as error:
            raise UserError(f"{error.strerror or error}") from None
    return content.hexdigest()[:12]
