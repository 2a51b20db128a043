"""Fleets that are killed while they are saved continue to the same bits."""

import pytest
import torch

from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder
from harness.storage.tensors import load_tensors
from harness.suite.build import load_dataset
from harness.suite.schema import Training
from harness.suite.trial import Choice, Trial
from harness.training import loop
from harness.training.events import Alert
from harness.training.trainer import Callbacks, train
from support import ODD, Killed, kill_at

STEPS = 8


class Fleet:
    """Three trials of one fleet, and what is left of them in a folder."""

    def __init__(self, path, registry, model="sound", weights=(1.0, 2.0, 0.5)):
        self.registry = registry
        self.folder = ResultsFolder(path)
        self.failed = {}
        training = Training(steps=STEPS, batch_size=8)
        configs = [{"norm": "batch", "weight": weight} for weight in weights]
        self.trials = [Trial(Choice("odd"), Choice(model, each), training, seed) for seed, each in enumerate(configs)]

    def train(self, trials=None):
        """Train those that have not failed; returns warnings."""
        warnings = []
        callbacks = Callbacks(
            report=lambda trial, event: warnings.append(event.text) if isinstance(event, Alert) else None,
            failed=lambda trial, error: self.failed.update({trial.id: error}),
            stopping=lambda: False,
            provenance=dict,
        )
        pending = [trial for trial in trials or self.trials if trial.id not in self.failed]
        dataset = load_dataset(self.registry, Choice("odd"), "cpu")
        train(pending, self.registry, dataset, self.folder, callbacks, engine="eager", checkpoint_seconds=0)
        return warnings

    def models(self):
        """What every trial has learned; None for one that failed."""
        files = [self.folder.trial(trial.id).model for trial in self.trials]
        return [load_tensors(file)[0] if file.exists() else None for file in files]


@pytest.fixture(scope="module")
def registry():
    return PluginManager([ODD], blocked=["harness_linear"]).registry


@pytest.fixture(autouse=True)
def saved_after_every_step(monkeypatch):
    monkeypatch.setattr(loop, "SAVING_SHARE", 1e9)


def same(models, expected):
    return all(
        one is other or all(torch.equal(value, other[name]) for name, value in one.items())
        for one, other in zip(models, expected, strict=True)
    )


KILLS = [
    *(("save_checkpoint", call) for call in (1, 2, 3, 4, 5, 9, 14, 15, 17, 20, 22, 23, 24, 25)),
    *(("save_tensors", call) for call in (1, 2, 3)),
]


@pytest.mark.parametrize(("model", "weights"), [("sound", (1.0, 2.0, 0.5)), ("quitting", (1.0, -1.0, 0.5))])
def test_a_fleet_that_was_killed_between_two_saves_ends_with_the_same_bits(
    registry, tmp_path, monkeypatch, model, weights
):
    straight = Fleet(tmp_path / "straight", registry, model, weights)
    straight.train()
    expected = straight.models()
    killed = 0
    for function, call in KILLS:
        fleet = Fleet(tmp_path / f"{function} {call}", registry, model, weights)
        with monkeypatch.context() as patched:
            kill_at(patched, loop, function, call)
            try:
                fleet.train()
            except Killed:
                killed += 1
        fleet.train()
        assert same(fleet.models(), expected), (function, call)
        assert fleet.failed.keys() == straight.failed.keys()
    assert killed > 10


def test_a_fleet_may_be_killed_at_every_save(registry, tmp_path, monkeypatch):
    straight = Fleet(tmp_path / "straight", registry)
    straight.train()
    fleet = Fleet(tmp_path / "killed", registry)
    for attempt in range(12):
        with monkeypatch.context() as patched:
            kill_at(patched, loop, "save_checkpoint", 5 + attempt % 3)
            try:
                fleet.train()
            except Killed:
                continue
            break
    else:
        fleet.train()
    assert attempt > 2
    assert same(fleet.models(), straight.models())


def test_the_last_member_of_a_fleet_goes_on_as_it_would_have(registry, tmp_path, monkeypatch):
    weights = (1.0, -1.0, -2.0)
    straight = Fleet(tmp_path / "straight", registry, "quitting", weights)
    straight.train()
    fleet = Fleet(tmp_path / "killed", registry, "quitting", weights)
    with monkeypatch.context() as patched:
        kill_at(patched, loop, "save_checkpoint", 15)
        with pytest.raises(Killed):
            fleet.train()
    assert len(fleet.failed) == 2
    fleet.train()
    assert same(fleet.models(), straight.models())


def test_a_fleet_one_of_whose_members_is_lost_begins_anew_and_says_so(registry, tmp_path, monkeypatch):
    straight = Fleet(tmp_path / "straight", registry)
    straight.train()
    fleet = Fleet(tmp_path / "killed", registry)
    with monkeypatch.context() as patched:
        kill_at(patched, loop, "save_checkpoint", 8)
        with pytest.raises(Killed):
            fleet.train()
    folder = fleet.folder.trial(fleet.trials[1].id)
    for file in (folder.checkpoint, folder.previous_checkpoint):
        file.unlink(missing_ok=True)
    assert fleet.train() == ["its fleet of 3 has no checkpoints that were made together, and begins anew"]
    assert same(fleet.models(), straight.models())
