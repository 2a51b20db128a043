"""Names that a package offers, imported from their modules on first use, so that importing the package is quick."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazily(package: str, exports: Mapping[str, Sequence[str]]) -> tuple[list[str], Callable[[str], Any]]:
    """`__all__` and `__getattr__` of a package whose names live in other modules.

    Args:
        package: its name.
        exports: the names that each module offers, by the module's full name.
    """
    homes = {name: module for module, names in exports.items() for name in names}

    def getattr_(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return sorted(homes), getattr_
