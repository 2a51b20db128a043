"""Results folders merged into one: the union of their trials, which are named by what they are."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import DamagedFileError, UserError
from harness.results.earlier import earlier_trials, told_apart
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result
from harness.results.trial_folder import TrialFolder
from harness.storage.atomic import exists, read_bytes, write_whole
from harness.storage.leases import sole_lease
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Merged:
    """The result of a merge.

    Attributes:
        suite: that of the merged folder.
        conflicts: what two folders say differently of one trial, a line each; the folder that was named first is right.
    """

    suite: Suite
    conflicts: Sequence[str]


def merge(sources: Sequence[ResultsFolder], output: ResultsFolder) -> Merged:
    """Merge results folders into another one, which may be there already and then counts as the first of them.

    A trial of two folders is taken from the first in which it is finished. Scores by metrics that this one lacks are
    taken from the others, if the trained parameters are equal. Whatever is done a second time finds nothing left to
    do; a merge that was killed is complete when it has run again.

    Raises:
        UserError: one is no results folder, their evaluations have other seeds, the output cannot be written, or a run
            works on one of its trials.
        StorageError: a file cannot be read or written.
    """
    folders = [*([output] if exists(output.suite_file) else []), *sources]
    suites = [folder.suite for folder in folders]
    if len(seeds := {suite.evaluation_seed for suite in suites}) > 1:
        told = ", ".join(
            f"{suite.evaluation_seed} in {folder.path}" for folder, suite in zip(folders, suites, strict=True)
        )
        raise UserError(f"the folders' models are scored on other draws: evaluation.seed is {told}; choose one")
    output.create()
    conflicts = []
    trials: dict[str, Trial] = {}
    for folder, suite in zip(folders, suites, strict=True):
        for trial in suite.trials:
            trials.setdefault(trial.id, trial)
        if str(folder.path) == str(output.path):
            continue
        for trial in (*suite.trials, *earlier_trials(folder, suite)):
            source, target = folder.trial(trial.id), output.trial(trial.id)
            if not exists(source.path):
                continue
            target.refuse_links()
            with sole_lease(target.lease):
                conflicts += [f"{trial.title} ({trial.id}): {line}" for line in _take(source, target)]
        for comparison in sorted((folder.path / "comparisons").glob("*.json")):
            if not exists(output.comparison(comparison.stem)):
                _copy(comparison, output.comparison(comparison.stem))
    merged = Suite(
        title=suites[0].title,
        name=output.path.name,
        trials=tuple(told_apart(list(trials.values()))),
        metrics=_union([suite.metrics for suite in suites]),
        selectors=_union([suite.selectors for suite in suites]),
        evaluation_seed=seeds.pop(),
    )
    output.write_suite(merged)
    return Merged(merged, conflicts)


def _union(choices: Sequence[Sequence[Choice]]) -> tuple[Choice, ...]:
    return tuple({choice.key: choice for each in choices for choice in each}.values())


def _take(source: TrialFolder, target: TrialFolder) -> list[str]:
    """Take what a folder has of a trial, as far as the output lacks it; returns the conflicts."""
    ours, theirs = target.result, source.result
    if ours is None or (theirs and _is_better(theirs, ours)):
        if theirs is not None or not exists(target.trial_file):
            _copy_trial(source, target, ended=theirs is not None)
        return []
    if theirs is None or Outcome.FINISHED not in (ours.outcome, theirs.outcome) or _is_better(ours, theirs):
        return []
    return _reconcile(source, target, ours, theirs)


def _is_better(result: Result, other: Result) -> bool:
    return result.outcome is Outcome.FINISHED and other.outcome is not Outcome.FINISHED


def _reconcile(source: TrialFolder, target: TrialFolder, ours: Result, theirs: Result) -> list[str]:
    """Add the scores that only the source has to those of a trial that both have finished."""
    if not _equal_models(source.model, target.model):
        return [f"{source.path} has trained it to other parameters, whose scores are not taken"]
    kept = {record.key: record for record in ours.scores}
    conflicts, better = [], {}
    for record in theirs.scores:
        mine = kept.get(record.key)
        if mine is None or (mine.status == "failed" and record.status == "ok"):
            better[record.key] = record
        elif mine.status == record.status == "ok" and mine.score != record.score:
            conflicts.append(f"{record.metric} is {mine.score:.6g}, and {record.score:.6g} in {source.path}")
    if better:
        scores = [better.pop(key, record) for key, record in kept.items()]
        target.write_result(replace(ours, scores=(*scores, *better.values())))
    return conflicts


def _equal_models(one: Path, other: Path) -> bool:
    """Whether two files hold the same parameters; where a file is not there, nothing speaks against it."""
    from harness.storage.tensors import load_tensors

    try:
        (ours, _), (theirs, _) = load_tensors(one), load_tensors(other)
    except FileNotFoundError:
        return True
    except DamagedFileError as error:
        logger.warning("%s", error)
        return True
    return ours.keys() == theirs.keys() and all(ours[name].equal(theirs[name]) for name in ours)


def _copy_trial(source: TrialFolder, target: TrialFolder, *, ended: bool) -> None:
    """Copy a trial's files, those that say that it is there and how it ended last: without them, all is done again."""
    target.remove_unfinished()
    files = [source.model, source.history, source.log, source.pictures_file]
    files += [source.checkpoint, source.previous_checkpoint, source.trial_file]
    for file in (*files, source.result_file) if ended else files:
        with suppress(FileNotFoundError):
            _copy(file, target.path / file.name)


def _copy(file: Path, to: Path) -> None:
    content = read_bytes(file)
    write_whole(to, lambda out: out.write(content))
