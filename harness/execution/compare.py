"""Selectors at work: every finished model is loaded once and compared with every other."""

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.config import parse
from harness.errors import in_a_line
from harness.evaluation import Evaluation
from harness.execution.job import CompareJob
from harness.execution.life import load_dataset
from harness.model_evaluation import ModelEvaluation
from harness.plugins import PluginManager, Registry
from harness.selection import comparison_key
from harness.selector import Selector
from harness.store import ResultsFolder, write_json
from harness.training.trainer import load_weights, new_model
from harness.trial import Choice, Progress, Trial


def compare(job: CompareJob, report: Callable[[Progress], None]) -> None:
    """Let each selector compare the trials' models, and write what it found."""
    registry = PluginManager([Path(file) for file in job.plugins], job.blocked).registry
    folder = ResultsFolder(Path(job.folder))
    dataset = load_dataset(job.trials[0].dataset, registry, job.placement.device)
    evaluations: dict[str, Evaluation] = {}
    for trial in job.trials:
        model = new_model(trial, registry, dataset)
        load_weights(model, folder.trial(trial.id))
        evaluations[trial.id] = ModelEvaluation(model, dataset, held_out=trial.held_out, seed=job.evaluation_seed)
    for done, choice in enumerate(job.selectors):
        report(Progress(done, len(job.selectors), stage=choice.name))
        found = _compare(choice, registry, job.trials, evaluations)
        write_json(folder.comparison(comparison_key(choice, job.trials, job.evaluation_seed)), found)


def _compare(
    choice: Choice, registry: Registry, trials: Sequence[Trial], evaluations: dict[str, Evaluation]
) -> dict[str, object]:
    """One selector's comparison as plain data; an error in it is recorded."""
    selector_class = registry.find("selectors", choice.name).load()
    selector: Selector = selector_class(parse(selector_class.Config, choice.config, choice.name))
    left_out = {trial.id: reason for trial in trials if (reason := evaluations[trial.id].lacks(selector.needs))}
    members = [trial.id for trial in trials if trial.id not in left_out]
    found: dict[str, object] = {"selector": choice.name, "trials": members, "left_out": left_out}
    try:
        comparisons = selector.compare([evaluations[member] for member in members]) if len(members) > 1 else None
    except Exception as error:  # A selector may raise anything; it must not cost the other selections.
        return {**found, "comparisons": None, "failed": in_a_line(error), "traceback": traceback.format_exc()}
    return {**found, "comparisons": None if comparisons is None else comparisons.tolist(), "failed": ""}
