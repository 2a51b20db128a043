"""Doing a finished trial again, to see whether the same numbers come out and, if not, what else is different."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from harness.errors import UserError
from harness.execution.plan import Plan, RunOptions, plan_run
from harness.execution.study import Study
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.results.trial_folder import TrialFolder
from harness.storage.atomic import exists
from harness.storage.tensors import load_tensors
from harness.suite.resolve import resolve_choice
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial, score_key


@dataclass(frozen=True)
class Compared:
    """One score of before and of now; None stands for a score that there is not, for a reason."""

    metric: str
    recorded: float | None
    again: float | None
    recorded_reason: str = ""
    again_reason: str = ""

    @property
    def difference(self) -> float | None:
        """The new score minus the recorded one; None unless there are both."""
        return None if self.recorded is None or self.again is None else self.again - self.recorded

    def equal(self, tolerance: float) -> bool:
        """Whether the scores differ by no more than the tolerance, or are both missing for the same reason."""
        if self.difference is None:
            return self.recorded == self.again and self.recorded_reason == self.again_reason
        return abs(self.difference) <= tolerance


@dataclass(frozen=True)
class Reproduction:
    """A recorded trial beside the same trial done again.

    Attributes:
        recorded: how it ended before.
        again: how it ended now.
        scores: its scores, metric by metric.
        parameters: largest difference between parameters of the two trained models; None unless there are both.
        changed: what differs between the two in code, packages, hardware and placement: {name: (before, now)}.
    """

    recorded: Result
    again: Result
    scores: list[Compared]
    parameters: float | None
    changed: dict[str, tuple[Any, Any]]

    def equal(self, tolerance: float = 0.0) -> bool:
        """Whether it ended alike, with scores that differ by no more than the tolerance."""
        return self.recorded.outcome is self.again.outcome and all(score.equal(tolerance) for score in self.scores)


def reproduce(folder: ResultsFolder, trial: Trial, manager: PluginManager, output: Path) -> Reproduction:
    """Train a trial anew and score it as it was scored, with the device, threads and engine that it had.

    Where those are not to be had here, others are used, and `Reproduction.changed` says so. A trial that was trained
    in a fleet is now trained alone.

    Args:
        folder: where the trial is recorded.
        trial: one of its trials.
        manager: the plugins.
        output: a results folder for the trial of now.

    Raises:
        UserError: the trial is not done, its plugins are not there, or `output` holds it already.
    """
    recorded = folder.trial(trial.id).result
    if recorded is None:
        raise UserError(f"{trial.title}: it is not done, so there is nothing to compare with")
    metrics = _metrics(folder.suite, recorded)
    now = replace(
        trial,
        dataset=_as_now(manager.registry, "datasets", trial.dataset),
        model=_as_now(manager.registry, "models", trial.model),
    )
    if exists(ResultsFolder(output).trial(now.id).path):
        raise UserError(f"{output}: the trial is there already; choose another folder")
    suite = replace(
        folder.suite,
        trials=(now,),
        metrics=tuple(_as_now(manager.registry, "metrics", metric) for metric in metrics),
        selectors=(),
    )
    plan, options = _plan(suite, manager, recorded.provenance)
    run = Study(suite, output, manager, plan, options).run()
    again = run.status.results.get(now.id)
    if again is None:
        raise UserError(f"{trial.title}: it was stopped before its end")
    return Reproduction(
        recorded,
        again,
        _compare_scores(metrics, recorded, suite, again),
        _distance(folder.trial(trial.id), run.folder.trial(now.id)),
        {
            **_changed({**recorded.provenance, "data": trial.dataset.data}, again.provenance),
            **_changed_choice(trial.model, now.model),
            **_changed_choice(trial.dataset, now.dataset),
        },
    )


def _metrics(suite: Suite, recorded: Result) -> Sequence[Choice]:
    """Every metric that a trial was scored by on the suite's draws."""
    scored = [record for record in recorded.scores if record.key == score_key(record.choice, suite.evaluation_seed)]
    return [record.choice for record in scored] or suite.metrics


def _as_now(registry: Registry, kind: str, choice: Choice) -> Choice:
    """The same thing with the same settings, of the plugin and the files of now."""
    return resolve_choice(registry, kind, choice.name, choice.config, choice.name)


def _plan(suite: Suite, manager: PluginManager, provenance: Mapping[str, Any]) -> tuple[Plan, RunOptions]:
    """Where a trial was trained, and by which engine, as far as that is possible here."""
    cuda = provenance.get("device_type") == "cuda" and torch.cuda.is_available()
    engine = str(provenance.get("engine", "eager"))
    options = RunOptions(
        device="cuda:0" if cuda else "cpu", jobs=1, engine=engine if cuda or engine != "graph" else "eager"
    )
    plan = plan_run(suite, manager, options)
    # As many threads as then, even if there are fewer cores now: they decide the order of sums.
    return replace(plan, slots=replace(plan.slots, threads=int(provenance.get("threads", 1)))), options


def _compare_scores(metrics: Sequence[Choice], recorded: Result, suite: Suite, again: Result) -> list[Compared]:
    found = []
    for old_metric, new_metric in zip(metrics, suite.metrics, strict=True):
        old, new = (
            _score_of(result, score_key(metric, suite.evaluation_seed))
            for result, metric in ((recorded, old_metric), (again, new_metric))
        )
        found.append(Compared(old_metric.name, old[0], new[0], old[1], new[1]))
    return found


def _score_of(result: Result, key: str) -> tuple[float | None, str]:
    """A score, and the reason why there is none."""
    found = [(record.score, record.reason) for record in result.scores if record.key == key]
    return found[0] if found else (None, "not scored")


def _distance(recorded: TrialFolder, again: TrialFolder) -> float | None:
    files = [folder.model for folder in (recorded, again)]
    if not all(exists(file) for file in files):
        return None
    before, now = (load_tensors(file)[0] for file in files)
    if {name: value.shape for name, value in before.items()} != {name: value.shape for name, value in now.items()}:
        return float("inf")
    return max(((before[name].double() - now[name].double()).abs().max().item() for name in before), default=0.0)


def _changed(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What is recorded of how a number came about and differs now, by name: its values (then, now)."""
    pairs = {name: (recorded.get(name, "unknown"), again.get(name, "unknown")) for name in {**recorded, **again}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _changed_choice(before: Choice, now: Choice) -> dict[str, tuple[Any, Any]]:
    """The version of a plugin, and the content of files that settings name, where they are different now."""
    name = f"version of {before.name}"
    return _changed({name: before.version, **before.files}, {name: now.version, **now.files})
