import pandas as pd
import pytest
import torch

from harness.benchmark.case_file import read_cases
from harness.benchmark.cost import OperationCounter, cost_of
from harness.benchmark.device import ceilings
from harness.benchmark.measure import Case, load_images, make_one, measure
from harness.benchmark.time_to_score import Race, run_race
from harness.results.parquet import arrow_schema
from harness.results.schema import TABLES
from harness.suite.resolve import resolve_choice
from support import TESTS

CPU = torch.device("cpu")
BARS = Case("linear", "bars", 16, settings={"size": 3})


def test_operations_are_those_of_the_matrix_products(registry):
    member = make_one(BARS, registry, load_images(BARS, registry, CPU), 0, pytest.fail)
    # 16 images of 64 pixels to 3 codes and back. Each layer's gradient takes as much for its weight, and for its
    # input as much again, which the first layer does not need.
    product = 2 * 16 * 64 * 3
    assert cost_of(member).flop == 5 * product


def test_bytes_are_those_read_and_written():
    one, other = torch.ones(10, 10), torch.ones(10, 10)
    with OperationCounter() as traffic:
        one + other
        assert traffic.bytes == 3 * 400
        one.t()[2:].flatten(0).view(-1)[3:]
        assert traffic.bytes == 3 * 400 + 2 * 320, "only flattening what is transposed copies anything"
        one.add_(other)
        assert traffic.bytes == 3 * 400 + 2 * 320 + 3 * 400


def test_ceilings_are_above_what_they_are_for():
    found = ceilings(CPU, "float32")
    assert found.flop_per_second > 1e8
    assert found.bytes_per_second > 1e8


@pytest.mark.parametrize("fleet", [1, 3])
def test_a_row_has_every_column_and_agrees_with_itself(registry, fleet):
    case = Case("linear", "bars", 16, settings={"noise": 0.5}, fleet=fleet)
    row = measure(case, registry, CPU, 10, pytest.fail)
    assert set(row) == {column.name for column in TABLES["benchmarks"]}
    arrow_schema("benchmarks", pd.DataFrame([row]))
    assert (row["engine"], row["fleet"]) == ("eager", fleet)
    assert row["model_steps_per_second"] == pytest.approx(fleet * row["steps_per_second"])
    assert row["images_per_second"] == pytest.approx(16 * row["model_steps_per_second"])
    assert row["slowest_steps_per_second"] <= row["steps_per_second"] <= row["fastest_steps_per_second"]
    assert row["flop_fraction"] == pytest.approx(
        row["flop_per_model_step"] * row["model_steps_per_second"] / row["flop_ceiling"]
    )
    assert row["start_seconds"] >= 0
    assert row["joules_per_model_step"] is None, "there is no GPU"


def test_a_race_goes_from_seed_to_seed_until_the_target_is_reached_or_time_is_up(registry):
    def run(target, limit):
        return run_race(Race(BARS, "spread", target, every=10, steps=20), registry, CPU, limit, lambda text: None)

    notes = []
    ended = run_race(Race(BARS, "spread", 1e9, every=10, steps=20), registry, CPU, 1.0, notes.append)
    assert ended["steps"] % 10 == 0
    assert [note.split(":")[0] for note in notes[:4]] == [
        "linear, seed 0",
        "linear, seed 0",
        "linear, seed 1",
        "linear, seed 1",
    ]
    assert "after 10 steps; 30 steps" in notes[2]
    won, lost = run(target=0.0, limit=100), run(target=1e9, limit=0.01)
    assert set(won) == {column.name for column in TABLES["times_to_score"]}
    assert (won["steps"], won["seconds"] > 0) == (10, True)
    assert lost["seconds"] is None
    assert 0 < lost["best"] < 1e9


def test_the_standard_set_can_be_resolved(registry):
    standard = read_cases(TESTS / "benchmarks" / "standard.toml")
    for case in (*standard.cases, standard.race.case):
        assert resolve_choice(registry, "models", case.model, case.settings, "model")
        dataset = resolve_choice(registry, "datasets", case.dataset, case.dataset_settings, "dataset")
        assert dataset.config.get("image_size", 32) in (32, 64)
