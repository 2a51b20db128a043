"""A progress bar for what takes long."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Go through items with a progress bar on the standard error."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    total = len(items) if total is None and isinstance(items, Sequence) else total
    yield from track(items, description, total, console=console, disable=not console.is_terminal)
