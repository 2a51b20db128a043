"""Places that many tests name."""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
TOY = TESTS / "toy.py"
"""A plugin in a single file; see there."""
ODD = TESTS / "odd.py"
"""A plugin in a single file whose datasets and models break their contracts."""
REFERENCE = TESTS / "reference"
"""Representations with their trusted scores; see the README there."""
