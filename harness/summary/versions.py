"""The versions behind a table of scores, and a warning where several stand side by side."""

from collections import Counter
from collections.abc import Iterator

import pandas as pd

TOLD = {"torch_version": "torch", "harness_version": "the harness"}
"""Columns of scores whose numbers depend on them, and what they are the versions of."""


def version_notes(scores: pd.DataFrame) -> Iterator[str]:
    """Say that a table of scores has several versions of torch side by side, or of the harness, a line for each."""
    trials = scores.drop_duplicates(["dataset", "trial"])
    for column, name in TOLD.items():
        counts = Counter(version for version in trials[column] if version)
        if len(counts) > 1:
            told = ", ".join(f"{version} ({count} trials)" for version, count in sorted(counts.items()))
            yield f"trials of several versions of {name} stand side by side: {told}; scores may differ by that alone"
