"""Selectors at work: every finished model is loaded once and compared with every other."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.errors import DamagedFileError, NotApplicableError, in_a_line
from harness.evaluation import Evaluation
from harness.execution.protocol import CompareJob, Exit
from harness.execution.worker.comparison_progress import part_progress, stage_progress
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.results.folder import ResultsFolder
from harness.scoring.model_evaluation import ModelEvaluation
from harness.scoring.score import json_data
from harness.selection import guard
from harness.selection.record import ComparedTrials, ComparisonRecord, write_comparison
from harness.selection.supervised import stored_comparisons
from harness.selection.tables import compared_together
from harness.suite.build import build_initial_model, build_selector, load_dataset
from harness.suite.resolve import check_unchanged
from harness.suite.trial import Choice, digest
from harness.training.events import Alert, Event, Progress
from harness.training.trainer import load_weights
from harness.training.trial_state import set_aside_model


def run_comparison(job: CompareJob, report: Callable[[Event], None]) -> Exit:
    """Let each selector compare the trials' models, and write what it found.

    If a model is damaged or missing, nothing is compared: its trial is to be done again first.
    """
    registry = PluginManager([Path(file) for file in job.plugins], job.blocked).registry
    folder = ResultsFolder(job.folder)
    for kind, choices in (
        ("datasets", [job.trials[0].dataset]),
        ("models", [trial.model for trial in job.trials]),
        ("selectors", job.selectors),
    ):
        for choice in {choice.key: choice for choice in choices}.values():
            check_unchanged(registry, kind, choice)
    dataset = load_dataset(registry, job.trials[0].dataset, job.placement.device)
    evaluations: dict[str, Evaluation] = {}
    for trial in job.trials:
        model = build_initial_model(registry, trial, dataset)
        try:
            load_weights(model, folder.trial(trial.id))
        except (DamagedFileError, FileNotFoundError) as error:
            report(Alert(f"{trial.title}: {error}; {set_aside_model(folder.trial(trial.id))}"))
            continue
        evaluation = ModelEvaluation(
            model, dataset, held_out=trial.training.held_out, seed=job.evaluation_seed, registry=registry
        )
        evaluation.setting = digest([trial.model.identity, trial.training.values()])
        evaluations[trial.id] = evaluation
    if len(evaluations) < len(job.trials):  # Compared when all are there again.
        return Exit.INCOMPLETE
    for done, choice in enumerate(job.selectors):
        report(Progress(done, len(job.selectors), stage=choice.name))
        progress = stage_progress(report, Progress(done, len(job.selectors), stage=choice.name))
        found = _compare(choice, registry, progress, job, folder, evaluations)
        write_comparison(folder, choice, job.trials, job.evaluation_seed, found)
    return Exit.DONE


def _compare(
    choice: Choice,
    registry: Registry,
    progress: Callable[[float], None],
    job: CompareJob,
    folder: ResultsFolder,
    evaluations: dict[str, Evaluation],
) -> ComparisonRecord:
    """One selector's comparisons; an error in it is recorded, and costs no other selector's."""
    found = ComparisonRecord.of_nothing(choice)
    try:
        selector = build_selector(registry, choice)
        selector.at_once = job.at_once
        found.left_out = {
            name: reason
            for name, evaluation in evaluations.items()
            if (reason := guard.text(selector.lacks(evaluation), "what a model lacks"))
        }
        compared = {name: evaluation for name, evaluation in evaluations.items() if name not in found.left_out}
        found.kinds = {
            name: guard.text(selector.kind(evaluation), "a model's kind") for name, evaluation in compared.items()
        }
        groups = compared_together(selector, found.kinds, job.trials)
        for number, members in enumerate(groups):
            selector.progress = part_progress(progress, [len(group) for group in groups], number)
            results = (folder.trial(member).result for member in members)
            comparisons = stored_comparisons(choice, selector, results, job.evaluation_seed)
            try:
                if comparisons is None:
                    comparisons = guard.compare(selector, [evaluations[member] for member in members])
                if np.isnan(guard.scores(selector, comparisons)).all():
                    raise NotApplicableError("the selector has no score for any of the models")
            except NotApplicableError as error:
                found.left_out.update(dict.fromkeys(members, str(error)))
            else:
                found.compared.append(ComparedTrials(members, json_data(comparisons)))
    except (Exception, SystemExit) as error:  # A selector may raise anything.
        reason = str(error) if isinstance(error, guard.SelectorError) else in_a_line(error)
        traceback.print_exc()  # Into the log.
        return replace(found, compared=[], failed=reason, traceback=traceback.format_exc())
    return found
