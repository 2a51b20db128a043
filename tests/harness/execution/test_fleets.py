from dataclasses import replace

import pytest

from harness import UserError
from harness.execution.engine_choice import DEFAULT_SIZE, settle_engine
from harness.execution.fleets import LARGEST_SIZE, form_fleets, most_that_fit
from harness.suite.resolve import resolve_choice
from harness.suite.schema import Training
from harness.suite.trial import Trial


@pytest.fixture
def trial(registry):
    def make(seed=0, training=None, **settings):
        dataset = resolve_choice(registry, "datasets", "bars", {}, "dataset")
        model = resolve_choice(registry, "models", "linear", settings, "model")
        return Trial(dataset, model, training or Training(steps=10, batch_size=8), seed)

    return make


def test_seeds_and_numbers_that_losses_read_share_a_fleet(registry, trial):
    trials = [trial(seed, noise=noise) for noise in (0.1, 0.2) for seed in range(2)]
    assert form_fleets(trials, registry, 8) == [trials]


def test_what_differs_in_structure_data_or_training_does_not(registry, trial):
    other_data = replace(trial(), dataset=resolve_choice(registry, "datasets", "bars", {"brightness": 0.5}, "dataset"))
    other_version = replace(trial(), model=replace(trial().model, version="2"))
    trials = [trial(), trial(size=2), trial(training=Training(steps=10, batch_size=9)), other_data, other_version]
    assert form_fleets(trials, registry, 8) == [[each] for each in trials]


@pytest.mark.parametrize(("size", "sizes"), [(1, [1] * 7), (2, [1, 2, 2, 2]), (3, [2, 2, 3]), (7, [7]), (100, [7])])
def test_fleets_are_as_even_as_can_be_and_keep_the_order(registry, trial, size, sizes):
    trials = [trial(seed) for seed in range(7)]
    fleets = form_fleets(trials, registry, size)
    assert sorted(map(len, fleets)) == sizes
    assert [each for fleet in fleets for each in fleet] == trials


@pytest.mark.parametrize("size", [1, 2])
def test_the_states_of_one_training_are_together_and_count_once(registry, trial, size):
    trials = [
        replace(trial(training=Training(steps=steps, batch_size=8)), seed=seed) for steps in (5, 9) for seed in (0, 1)
    ]
    early, late = trials[:2], trials[2:]
    fleets = form_fleets(trials, registry, size)
    each = [[early[0], late[0]], [early[1], late[1]]]
    assert fleets == (each if size == 1 else [[*each[0], *each[1]]])


def test_each_group_has_the_size_that_suits_its_trials(registry, trial):
    small, large = ([trial(seed, size=size) for seed in range(6)] for size in (2, 64))
    fleets = form_fleets(small + large, registry, lambda like: 6 if like.model.config["size"] == 2 else 3)
    assert [len(fleet) for fleet in fleets] == [6, 3, 3]


def test_as_many_fit_as_there_is_memory_for(registry, trial):
    fitting = [most_that_fit(trial(), registry, memory) for memory in (1, 10**5, 2 * 10**5, 10**12)]
    assert fitting[0] == 1, "one has to be tried"
    assert fitting[-1] == LARGEST_SIZE
    assert 1 < fitting[1] <= fitting[2] / 2 + 1
    larger = trial(training=Training(steps=10, batch_size=64))
    assert most_that_fit(larger, registry, 2 * 10**5) < fitting[2]


@pytest.mark.parametrize(
    ("engine", "fleet", "settled"),
    [
        ("auto", None, ("eager", 1)),
        ("auto", 5, ("eager", 5)),
        ("fleet", None, ("eager", DEFAULT_SIZE)),
        ("fleet", 3, ("eager", 3)),
        ("eager", 1, ("eager", 1)),
        ("compiled", None, ("compiled", 1)),
        ("graph", None, ("graph", 1)),
        ("graph", 4, ("graph", 4)),
        ("compiled", 4, ("compiled", 4)),
    ],
)
def test_an_engine_is_what_was_asked_for_and_fleets_where_their_size_was(engine, fleet, settled):
    assert settle_engine(engine, fleet) == settled


@pytest.mark.parametrize(
    ("fleet", "gpus", "trials", "settled"),
    [(None, 1, 40, ("graph", 16)), (None, 4, 8, ("graph", 2)), (None, 8, 3, ("graph", 1)), (3, 1, 40, ("graph", 3))],
)
def test_on_gpus_auto_records_fleets_of_what_each_gpu_gets_and_at_most_16(fleet, gpus, trials, settled):
    assert settle_engine("auto", fleet, gpus=gpus, trials=trials) == settled


def test_fleets_do_not_go_with_the_engine_of_single_trials():
    with pytest.raises(UserError, match="--fleet 4: it does not go with --engine eager"):
        settle_engine("eager", 4)
