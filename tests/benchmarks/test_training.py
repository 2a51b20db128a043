"""How fast models are trained, beside a plain loop in the same run.

The plain loop is what a person writes: NCHW, torch's own convolutions, `torch.optim.Adam` as it comes, `backward`
through everything. Its steps alternate with the harness's, so that both see the same machine. Every row reports the
plain loop's median step as `extra_info.plain_seconds`. On a machine with other work to do, the times that the process
itself computed, which are printed too, say more.
"""

from dataclasses import replace
from statistics import median
from time import perf_counter

import pytest
from plain_training import DEVICE, PlainLoop, Stopwatch

from harness.benchmark.case_file import read_cases
from harness.benchmark.measure import load_images, make_one
from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder
from harness.suite.resolve import resolve_choice
from harness.suite.schema import Training
from harness.suite.trial import Trial
from harness.training.engines.eager import EagerStepper
from harness.training.engines.fleet import FleetEngine
from harness.training.trainer import Callbacks, train
from support import TESTS

REGISTRY = PluginManager().registry
ROUNDS = 5

STANDARD = read_cases(TESTS / "benchmarks" / "standard.toml").cases
SPRITES = {**STANDARD[1].dataset_settings, "image_size": 32}
SMALL = replace(STANDARD[1], model="beta-vae", settings={"width": 0.25}, dataset_settings=SPRITES)
"""A model so small that what is done around its products shows."""


def beside(benchmark, ours, plain, of):
    """Benchmark our work, and before each round the plain one; print both."""
    ours, plain = Stopwatch(ours), Stopwatch(plain)
    benchmark.pedantic(ours, setup=plain, rounds=ROUNDS, warmup_rounds=2)
    wall, plain_wall = median(ours.walls[-ROUNDS:]), median(plain.walls[-ROUNDS:])
    process, plain_process = median(ours.processes[-ROUNDS:]), median(plain.processes[-ROUNDS:])
    benchmark.extra_info.update(plain_seconds=plain_wall, process_seconds=process, plain_process_seconds=plain_process)
    print(
        f"\n{of}: {wall:.4f} s, plain {plain_wall:.4f} s ({plain_wall / wall:.2f} times); "
        f"computing {process:.4f} s, plain {plain_process:.4f} s ({plain_process / process:.2f} times)"
    )


def two_steps(engine):
    """Two steps at a time, because some models take turns."""
    done = iter(range(10**9))

    def work():
        for _ in range(2):
            engine.step(next(done))

    return work


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", [*STANDARD, SMALL], ids=lambda case: case.model)
def test_a_step(benchmark, case, precision):
    benchmark.group = f"{case.model}, two steps"
    images = load_images(case, REGISTRY, DEVICE)
    ours = make_one(replace(case, precision=precision), REGISTRY, images, 0, print)
    beside(benchmark, two_steps(ours), two_steps(PlainLoop(case, REGISTRY, images)), f"{case.model} {precision}")


@pytest.mark.parametrize("members", [2, 4, 8])
@pytest.mark.parametrize("case", [SMALL, replace(STANDARD[0], settings={"width": 0.25})], ids=lambda case: case.model)
def test_a_step_of_a_fleet(benchmark, case, members):
    """Beside the same models stepped one after the other by the eager engine."""
    benchmark.group = f"{case.model}, a step of each model"
    images = load_images(case, REGISTRY, DEVICE)
    alone, together = ([make_one(case, REGISTRY, images, n, print) for n in range(members)] for _ in range(2))
    fleet, done = FleetEngine(together, print), [0, 0]

    def step_fleet():
        fleet.step([done[0]] * members)
        done[0] += 1

    def step_alone():
        for engine in alone:
            engine.step(done[1])
        done[1] += 1

    beside(benchmark, step_fleet, step_alone, f"{case.model}, {members} models")


@pytest.mark.parametrize("checkpoint_seconds", [1, 30])
def test_what_is_not_training(benchmark, tmp_path, monkeypatch, checkpoint_seconds):
    """The share of a training's time that is not spent in steps: progress, history, checkpoints."""
    choice = [
        resolve_choice(REGISTRY, kind, name, settings, kind)
        for kind, name, settings in (
            ("datasets", SMALL.dataset, SMALL.dataset_settings),
            ("models", SMALL.model, SMALL.settings),
        )
    ]
    trial = Trial(*choice, Training(steps=2_000, batch_size=SMALL.batch_size), seed=0)
    images = load_images(SMALL, REGISTRY, DEVICE)
    step, inside = EagerStepper.step, []

    def timed(engine, number):
        started = perf_counter()
        losses = step(engine, number)
        inside.append(perf_counter() - started)
        return losses

    monkeypatch.setattr(EagerStepper, "step", timed)
    callbacks = Callbacks(
        lambda trial, progress: None, lambda trial, error: pytest.fail(str(error)), lambda: False, dict
    )

    often = {"checkpoint_seconds": checkpoint_seconds}

    def whole():
        train([trial], REGISTRY, images, ResultsFolder(tmp_path), callbacks, engine="eager", **often)

    benchmark.pedantic(whole, rounds=1)
    if benchmark.stats:  # None under --benchmark-disable
        share = 1 - sum(inside) / benchmark.stats.stats.median
        benchmark.extra_info["share"] = share
        print(f"\nprogress, history and checkpoints every {checkpoint_seconds} s: {share:.2%} of {sum(inside):.1f} s")
