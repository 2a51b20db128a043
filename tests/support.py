"""Places that many tests name."""

from pathlib import Path

from harness.execution.protocol import StopRequest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
TOY = TESTS / "toy.py"
"""A plugin in a single file; see there."""
ODD = TESTS / "odd.py"
"""A plugin in a single file whose datasets and models break their contracts."""
REFERENCE = TESTS / "reference"
"""Representations with their trusted scores; see the README there."""


class StopAfter(StopRequest):
    """Asks the training to stop when it has asked so many times, which is before each step."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0
