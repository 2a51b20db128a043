"""Copying large arrays block by block into a decoded copy."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import progress

ROWS = 4096
"""Images per block: some 50 MB at 64x64 RGB."""


def copy_blocks(
    blocks: Iterable[NDArray[Any]],
    target: NDArray[Any],
    description: str,
    change: Callable[[NDArray[Any]], NDArray[Any]] = np.asarray,
    rows: int = ROWS,
) -> None:
    """Fill a target with changed blocks of so many rows, one after the other along the first axis."""
    start = 0
    for block in progress(blocks, description, -(-len(target) // rows)):
        target[start : start + len(block)] = change(block)
        start += len(block)
