"""Places that many tests name, and what many of them do."""

import json
import time
from pathlib import Path

import torch

from harness.execution.protocol import StopRequest
from harness.storage.tensors import load_tensors, save_tensors
from harness.testing import checks

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


def score_values(found):
    """The scores of each trial of what the fixture `results` reads, by title."""
    return {title: [score["score"] for score in result["scores"]] for title, result in found.items()}


def failures(plugin, **how):
    """What the checks of its contract find wrong with a plugin."""
    found = []
    for check in checks(plugin, **how):
        try:
            check()
        except Exception as failure:  # Once something is broken, later checks may stumble over it.
            found.append(str(failure))
    return found


def wait_for(condition, seconds=60):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def places(data):
    """Every (container, key) in nested data."""
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in list(keys):
        yield data, key
        yield from places(data[key])


def bars_suite(*, seeds=2, steps, batch_size=16, title="", model="", metrics=("spread",), selectors=()):
    """A suite as TOML: the toy model "linear" on the toy dataset "bars"; `model` are further lines of its table."""
    return f"""
title = {json.dumps(title)}
seeds = {seeds}
[dataset]
name = "bars"
[training]
steps = {steps}
batch_size = {batch_size}
[[models]]
name = "linear"
{model}
[evaluation]
metrics = {json.dumps(metrics)}
selectors = {json.dumps(selectors)}
"""


def move_to_another_device(checkpoint):
    """Make a checkpoint one of a training on another kind of device, whose generator has another state."""
    state, meta = load_tensors(checkpoint)
    save_tensors(checkpoint, {**state, "generator/draws": torch.zeros(16, dtype=torch.uint8)}, meta)


class Killed(BaseException):
    """What nothing catches, as nothing catches a SIGKILL."""


def kill_at(monkeypatch, module, function, call):
    """Be killed instead of a call of a module's function: of the first, the second, ..."""
    calls, real = [], getattr(module, function)

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == call:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(module, function, killed)
