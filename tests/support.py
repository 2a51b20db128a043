"""Places that many tests name."""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
TOY = TESTS / "toy.py"
"""A plugin in a single file; see there."""
REFERENCE = TESTS / "reference"
"""Representations with their trusted scores; see the README there."""
