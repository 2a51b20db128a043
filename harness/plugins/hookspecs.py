"""Every hook that a plugin may implement.

A plugin is a module with functions marked `@harness.hookimpl`, found through the entry-point group
`harness` (or named with `--plugin`). Hooks register things and observe runs. What a model or a metric
*does* is not a hook: it is a class that fulfils a contract (`harness.Model`, `harness.Metric`, ...).

Registration hooks are called once, plugin by plugin; observing hooks are called in the process of
the command line, never per batch, and cannot change a result.
"""

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import click
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from harness.registry import Register
    from harness.results.result import Result
    from harness.suite.suite import Suite
    from harness.suite.trial import Trial
    from harness.training.events import Progress

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


# Registration


@hookspec
def harness_register_models(register: "Register") -> None:
    """Register models.

    Call `register(name, target, summary)` for each; the target is the class or, so that listing
    imports nothing heavy, the text "module:Class".

    Example:
        @harness.hookimpl
        def harness_register_models(register):
            register("my-vae", "my_package.my_vae:MyVAE", "My VAE (Me, 2026)")
    """


@hookspec
def harness_register_datasets(register: "Register") -> None:
    """Register datasets, as models are registered.

    Example:
        @harness.hookimpl
        def harness_register_datasets(register):
            register("my-images", "my_package.images:MyImages", "Images of mine")
    """


@hookspec
def harness_register_metrics(register: "Register") -> None:
    """Register metrics, as models are registered.

    Example:
        @harness.hookimpl
        def harness_register_metrics(register):
            register("my-score", "my_package.score:MyScore", "How much I like it")
    """


@hookspec
def harness_register_selectors(register: "Register") -> None:
    """Register model selectors, as models are registered.

    Example:
        @harness.hookimpl
        def harness_register_selectors(register):
            register("my-choice", "my_package.choice:MyChoice", "Agreement of codes")
    """


@hookspec
def harness_register_samplers(register: "Register") -> None:
    """Register samplers, which suggest settings to try, as models are registered.

    Example:
        @harness.hookimpl
        def harness_register_samplers(register):
            register("my-search", "my_package.search:MySearch", "Settings near the best so far")
    """


@hookspec
def harness_register_commands(group: "click.Group") -> None:
    """Add commands to the command line.

    Example:
        @harness.hookimpl
        def harness_register_commands(group):
            @group.command()
            def hello():
                "Say hello."
                click.echo("hello")
    """


# Observation


@hookspec
def harness_suite_started(suite: "Suite", trials: "list[Trial]", folder: "Path") -> None:
    """A run begins; `trials` are those still to do, `folder` is where results go: a path, or what stands for a URL.

    Example:
        @harness.hookimpl
        def harness_suite_started(suite, trials, folder):
            print(f"{suite.title}: {len(trials)} trials")
    """


@hookspec
def harness_trials_chosen(suite: "Suite", trials: "list[Trial]") -> None:
    """A search has chosen trials by the results of earlier ones; they are done next.

    Example:
        @harness.hookimpl
        def harness_trials_chosen(trials):
            print(f"{len(trials)} more, chosen by {trials[0].chosen_by}")
    """


@hookspec
def harness_trial_started(trial: "Trial") -> None:
    """A trial begins or continues in its worker process.

    Example:
        @harness.hookimpl
        def harness_trial_started(trial):
            print(f"{trial.id} {trial.label}")
    """


@hookspec
def harness_trial_progress(trial: "Trial", progress: "Progress") -> None:
    """A trial reports where it is, about once a second.

    Example:
        @harness.hookimpl
        def harness_trial_progress(trial, progress):
            print(progress.step, progress.losses)
    """


@hookspec
def harness_trial_note(trial: "Trial", text: str) -> None:
    """A trial has something to say that is not wrong, such as why a fleet is trained one member at a time.

    Example:
        @harness.hookimpl
        def harness_trial_note(trial, text):
            print(f"{trial.label}: {text}")
    """


@hookspec
def harness_trial_finished(trial: "Trial", result: "Result") -> None:
    """A trial ended, well or badly; `result.outcome` says how.

    Example:
        @harness.hookimpl
        def harness_trial_finished(trial, result):
            print(trial.id, result.outcome)
    """


@hookspec
def harness_trial_pictures(trial: "Trial", pictures: "Mapping[str, NDArray[np.uint8]]") -> None:
    """A trial is trained, and pictures of its model are drawn, which `harness run --pictures` asks for.

    They are "samples" and "traversals" of a model that generates, each (H, W, 3). The hook is called before
    `harness_trial_finished`.

    Example:
        @harness.hookimpl
        def harness_trial_pictures(trial, pictures):
            for name, pixels in pictures.items():
                print(trial.id, name, pixels.shape)
    """


@hookspec
def harness_comparison_progress(progress: "Progress") -> None:
    """Selectors are comparing the finished models; `progress.stage` names the one at work.

    Example:
        @harness.hookimpl
        def harness_comparison_progress(progress):
            print(f"{progress.stage}: selector {progress.step + 1} of {progress.steps}")
    """


@hookspec
def harness_suite_finished(suite: "Suite", folder: "Path", tables: "Mapping[str, pd.DataFrame]") -> None:
    """The run ended and the tables in `folder` are written; `tables` are these, by their names.

    Example:
        @harness.hookimpl
        def harness_suite_finished(suite, folder):
            print(f"see {folder / 'leaderboard.parquet'}")
    """
