"""Trials that differ in their steps alone are states of one training, which serves them all."""

from pathlib import Path

import pytest
import torch

from harness.errors import StorageError
from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.results.trial_folder import TrialFolder
from harness.rng import Rng
from harness.storage.tensors import load_tensors
from harness.suite.build import load_dataset
from harness.suite.schema import Training
from harness.suite.trial import Choice, Trial, by_training
from harness.training import loop
from harness.training.trainer import Callbacks, Interrupted, train
from harness.training.trial_state import furthest_state, save_checkpoint
from support import ODD, Killed, kill_at, move_to_another_device

AT = (0, 3, 5, 8)


@pytest.fixture(scope="module")
def registry():
    return PluginManager([ODD], blocked=["harness_linear"]).registry


@pytest.fixture(autouse=True)
def saved_after_every_step(monkeypatch):
    monkeypatch.setattr(loop, "SAVING_SHARE", 1e9)


@pytest.fixture
def steps(monkeypatch):
    """Counts the steps that are done, of a fleet once."""
    counted = []
    make = loop.make_engine

    def counting(*arguments, **options):
        engine = make(*arguments, **options)
        step = engine.step

        def counted_step(numbers):
            counted.append(list(numbers))
            return step(numbers)

        engine.step = counted_step
        return engine

    monkeypatch.setattr(loop, "make_engine", counting)
    return counted


def trials(seeds, model="sound", weight=1.0, at=AT):
    """A trial for each seed and each number of steps."""
    return [
        Trial(
            Choice("odd"), Choice(model, {"norm": "batch", "weight": weight}), Training(steps=steps, batch_size=8), seed
        )
        for steps in at
        for seed in range(seeds)
    ]


def trained(registry, path, some, stop_at=None, *, others=(), keep=True):
    """Trains trials, beside `others` in the folder; returns how those that ended badly did."""
    failed = {}
    asked = []

    def stopping():
        asked.append(None)
        return stop_at is not None and len(asked) > stop_at

    callbacks = Callbacks(
        report=lambda trial, event: None,
        failed=lambda trial, error: failed.update({trial.id: error}),
        stopping=stopping,
        provenance=dict,
    )
    dataset = load_dataset(registry, Choice("odd"), "cpu")
    train(
        some,
        registry,
        dataset,
        ResultsFolder(path),
        callbacks,
        engine="eager",
        checkpoint_seconds=0,
        keep_checkpoints=keep,
        others={trial.id: [other.id for other in others if other.training_key == trial.training_key] for trial in some},
    )
    return failed


def save(checkpoint, step=10):
    state = {"generator/draws": Rng(0).state, "batches/taken": torch.tensor(step)}
    meta = {"step": step, "threads": 1, "seconds": 1.0, "fleet": {}}
    save_checkpoint(TrialFolder(checkpoint.parent), state, meta)


def of_steps(some, number):
    return [trial for trial in some if trial.training.steps == number]


def weights(path, trial):
    return load_tensors(ResultsFolder(path).trial(trial.id).model)[0]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture(scope="module", params=[1, 3])
def alone(request, registry, tmp_path_factory):
    """Trials of one or three seeds, those of each number of steps trained without the others; and their models."""
    some = trials(request.param)
    found = {}
    for number in AT:
        path = tmp_path_factory.mktemp("alone")
        own = of_steps(some, number)
        assert not trained(registry, path, own)
        found |= {trial.id: weights(path, trial) for trial in own}
    return some, found


def test_one_training_gives_each_state_bit_for_bit_as_a_trial_of_so_many_steps(registry, tmp_path, steps, alone):
    some, expected = alone
    assert not trained(registry, tmp_path, some)
    assert len(steps) == max(AT)
    assert all(same(weights(tmp_path, trial), expected[trial.id]) for trial in some)
    assert {file.parent.name for file in tmp_path.rglob("*.safetensors") if file.name != "model.safetensors"} == {
        trial.id for trial in of_steps(some, 8)
    }


def test_a_trial_of_more_steps_continues_from_one_of_fewer_bit_for_bit(registry, tmp_path, monkeypatch, steps, alone):
    some, expected = alone
    short, long = of_steps(some, 3), of_steps(some, 8)
    assert not trained(registry, tmp_path, short)
    real = loop.save_checkpoint
    kill_at(monkeypatch, loop, "save_checkpoint", 2 * len(long) + 1)
    with pytest.raises(Killed):
        trained(registry, tmp_path, long, others=some)
    monkeypatch.setattr(loop, "save_checkpoint", real)
    assert not trained(registry, tmp_path, long, others=some)
    assert [numbers[0] for numbers in steps] == [0, 1, 2, 3, 4, 5, 5, 6, 7]
    assert all(same(weights(tmp_path, trial), expected[trial.id]) for trial in (*short, *long))
    history = read_table(ResultsFolder(tmp_path).trial(long[0].id).history)
    assert list(history["step"]) == list(range(1, 9))


def test_a_training_that_was_stopped_serves_trials_of_fewer_steps_too(registry, tmp_path, steps, alone):
    some, expected = alone
    with pytest.raises(Interrupted):
        trained(registry, tmp_path, of_steps(some, 8), stop_at=4)
    assert not trained(registry, tmp_path, of_steps(some, 5), others=some)
    assert [numbers[0] for numbers in steps] == [0, 1, 2, 3, 4]
    assert all(same(weights(tmp_path, trial), expected[trial.id]) for trial in of_steps(some, 5))


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b"rubbish"), move_to_another_device])
def test_a_trial_begins_anew_where_another_has_more_steps_or_no_good_checkpoint_of_its_device(
    registry, tmp_path, steps, alone, spoil
):
    some, expected = alone
    trained(registry, tmp_path, of_steps(some, 8))
    damaged = of_steps(some, 3)
    trained(registry, tmp_path, damaged)
    for trial in damaged:
        spoil(ResultsFolder(tmp_path).trial(trial.id).checkpoint)
    del steps[:]
    assert not trained(registry, tmp_path, of_steps(some, 5), others=some, keep=False)
    assert len(steps) == 5
    assert all(same(weights(tmp_path, trial), expected[trial.id]) for trial in of_steps(some, 5))
    assert not any(ResultsFolder(tmp_path).trial(trial.id).checkpoint.exists() for trial in of_steps(some, 5))
    assert not list(tmp_path.rglob("*.damaged")), "other trials' files are not touched"


@pytest.mark.parametrize("change", [Path.unlink, save], ids=["removed", "written anew"])
def test_a_checkpoint_that_another_run_has_changed_is_not_gone_on_from_but_tried_again(tmp_path, change):
    folder = ResultsFolder(tmp_path).trial("a" * 12)
    save(folder.checkpoint, step=2)
    found = furthest_state([folder], 100, torch.device("cpu"))
    assert found.state()["batches/taken"] == found.step == 2
    change(folder.checkpoint)
    with pytest.raises(StorageError, match=r"checkpoint\.safetensors: it was removed or written anew"):
        found.state()


@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("function", ["save_checkpoint", "save_tensors"])
def test_a_training_that_is_killed_goes_on_to_the_same_states(
    registry, tmp_path, monkeypatch, steps, alone, function, call
):
    some, expected = alone
    real = getattr(loop, function)
    kill_at(monkeypatch, loop, function, call)
    with pytest.raises(Killed):
        trained(registry, tmp_path, some)
    monkeypatch.setattr(loop, function, real)
    before = len(steps)
    assert not trained(registry, tmp_path, some)
    assert len(steps) - before <= max(AT)
    assert all(same(weights(tmp_path, trial), expected[trial.id]) for trial in some)


def test_a_state_that_a_training_is_past_already_is_trained_for_itself(registry, tmp_path, steps, alone):
    some, expected = alone
    last = of_steps(some, 8)
    with pytest.raises(Interrupted):
        trained(registry, tmp_path, last, stop_at=4)
    del steps[:]
    assert not trained(registry, tmp_path, some)
    assert len(steps) == (8 - 4) + 3
    assert all(same(weights(tmp_path, trial), expected[trial.id]) for trial in some)


def test_a_training_that_fails_keeps_the_states_that_it_came_past(registry, tmp_path):
    some = trials(1, "quitting", -1.0)
    failed = trained(registry, tmp_path, some)
    reached = [trial for trial in some if trial.id not in failed]
    assert 0 < len(reached) < len(some)
    assert max(trial.training.steps for trial in reached) < min(
        trial.training.steps for trial in some if trial.id in failed
    )
    assert all(ResultsFolder(tmp_path).trial(trial.id).model.exists() == (trial in reached) for trial in some)


def test_trials_of_one_training_are_told_from_others(registry):
    some = trials(2)
    assert [[trial.training.steps for trial in states] for states in by_training(some)] == [list(AT), list(AT)]
    assert len({trial.id for trial in some}) == len(some)
