"""Versions of plugins: of a distribution or, where its files may be edited, of their content."""

import ast
import hashlib
import importlib
import importlib.util
import json
import os
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, PathFinder
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path

from harness.errors import UserError
from harness.registry import DISTRIBUTION

SUFFIXES = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
"""Of files that can be imported."""


def entry_point_version(point: EntryPoint) -> str:
    """The version of an entry point's distribution and, where it may be edited, of its files' content."""
    return _module_version(point.dist, point.module) if point.dist else "unknown"


def built_in_version(package: str) -> str:
    """The version of a built-in plugin: the harness's and, in a checkout that may be edited, of the package's files.

    Of its own files only, so that an edited GAN leaves VAEs as they are. The core's files are not part of it: what of
    them a trial was trained with is told by `code_commit` in its provenance.
    """
    try:
        return _module_version(distribution(DISTRIBUTION), package)
    except PackageNotFoundError:
        return f"uninstalled+{files_digest(_sources(package))}"


def file_version(file: Path) -> str:
    """The version of a plugin in a single file: the content of the file, and of modules beside it that it imports.

    Whatever `sys.path` says, which the file may change itself.
    """
    found = [Path(os.path.realpath(file))]
    for source in found:  # Which grows meanwhile.
        for name in set(_imported(source)) - {__name__.partition(".")[0]}:
            found += [each for each in _sources(name, source.parent) if each not in found]
    return files_digest([found[0], *sorted(found[1:])])


def _imported(file: Path) -> list[str]:
    """The first parts of the names of modules that a Python file imports."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (OSError, SyntaxError, ValueError):  # Whoever imports it is told.
        return []
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return [name.partition(".")[0] for name in names]


def _module_version(its: Distribution, module: str) -> str:
    """The version of a distribution and, unless it was installed whole, of the content of a module's files."""
    sources = _sources(module)
    edited = json.loads(its.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable", False)
    installed = Path(str(its.locate_file(module.partition(".")[0]))).resolve()
    whole = any(file.is_relative_to(installed) or file == installed.with_suffix(".py") for file in sources)
    if edited or not whole:
        return f"{its.version}+{files_digest(sources)}"
    return its.version


def _sources(module: str, folder: Path | None = None) -> list[Path]:
    """The files of a module or package, of one in a folder or of any: Python's and compiled ones, in order."""
    spec = PathFinder.find_spec(module, [str(folder)]) if folder else importlib.util.find_spec(module)
    if spec is None:
        return []
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = [file for folder in folders for file in folder.rglob("*") if file.name.endswith(SUFFIXES)]
    return sorted(file.resolve() for file in ([Path(spec.origin)] if spec.origin and not folders else files))


def files_digest(files: Sequence[Path]) -> str:
    """Files that are edited have no version; their content stands for one."""
    content = hashlib.sha256()
    for file in files:
        try:
            content.update(file.read_bytes())
        except OSError as error:
            raise UserError(f"{error.strerror or error}") from None
    return content.hexdigest()[:12]
