"""How much of a selector's work is done."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from harness.training.events import Event, Progress
from harness.training.loop import PROGRESS_SECONDS


def stage_progress(report: Callable[[Event], None], stage: Progress) -> Callable[[float], None]:
    """What is told the share of a selector's work that is done, from 0 to 1, and reports it about once a second."""
    reported = monotonic()

    def progress(share: float) -> None:
        nonlocal reported
        if monotonic() - reported >= PROGRESS_SECONDS:
            reported = monotonic()
            report(replace(stage, share=share))

    return progress


def part_progress(progress: Callable[[float], None], sizes: Sequence[int], part: int) -> Callable[[int, int], None]:
    """What one of several comparisons tells how many of how many parts of it are done; `progress` hears of all.

    Each is taken to last as long as it has pairs.

    Args:
        progress: is told the share of all that is done.
        sizes: numbers of models of all comparisons, in their order.
        part: the number of the one that tells, from 0.
    """
    pairs = [size**2 for size in sizes]

    def tell(done: int, of: int) -> None:
        progress((sum(pairs[:part]) + pairs[part] * done / max(1, of)) / sum(pairs))

    return tell
