"""How many seeds a study needs, from earlier results."""

import json

import numpy as np
import pandas as pd
import pytest

from harness.summary.power import seeds_needed
from harness.summary.statistics import paired_power


def table(scores, metric="mig"):
    """Scores of settings by seed: {"a": {0: 0.1, ...}, ...}."""
    rows = [
        {
            "dataset": "bars",
            "model": model,
            "hyperparameters": "{}",
            "swept": "{}",
            "training": json.dumps({"steps": 1}),
            "metric": metric,
            "metric_settings": "{}",
            "seed": seed,
            "status": "ok" if score is not None else "failed",
            "score": score,
        }
        for model, by_seed in scores.items()
        for seed, score in by_seed.items()
    ]
    return pd.DataFrame(rows)


def test_seeds_are_as_many_as_the_power_of_the_paired_test_asks_for():
    rng = np.random.default_rng(0)
    common = rng.normal(size=20)  # What seeds have in common cancels.
    scores = {name: dict(enumerate(common + 0.1 * rng.normal(size=20))) for name in "abc"}
    (found,) = seeds_needed(table(scores), 0.1)
    assert (found.dataset, found.metric, found.comparisons) == ("bars", "mig", 2)
    assert found.deviation == pytest.approx(0.1 * np.sqrt(2), rel=0.25)
    assert paired_power(0.1 / found.deviation, found.seeds) >= 0.8
    assert paired_power(0.1 / found.deviation, found.seeds - 1) < 0.8
    assert str(found).startswith(f"mig: {found.seeds} seeds (differences vary by 0.1")


def test_a_hand_computed_deviation():
    scores = {"a": {0: 0.0, 1: 0.0, 2: 0.0}, "b": {0: 1.0, 1: 2.0, 2: 3.0}, "c": {0: 5.0, 1: None, 2: 5.2}}
    (found,) = seeds_needed(table(scores), 1.0)
    # Sums of squares 2 and 0.02 with 2 and 1 degrees of freedom.
    assert found.deviation == pytest.approx(np.sqrt(2.02 / 3))


def test_nothing_is_told_without_pairs_and_much_where_differences_are_small():
    assert not list(seeds_needed(table({"a": {0: 0.1}, "b": {0: 0.2}}), 0.1))
    assert not list(seeds_needed(table({"a": {0: 0.1, 1: 0.3}}), 0.1))
    assert not list(seeds_needed(table({"a": {0: 0.1, 1: 0.3}, "b": {2: 0.1, 3: 0.3}}), 0.1))
    (found,) = seeds_needed(table({"a": {0: 0.1, 1: 0.3}, "b": {0: 5.0, 1: 9.0}}), 1e-4)
    assert "more than 10,000 seeds" in str(found)
    (found,) = seeds_needed(table({"a": {0: 0.5, 1: 1.0}, "b": {0: 1.5, 1: 2.0}}), 0.1)
    assert found.seeds == 2
