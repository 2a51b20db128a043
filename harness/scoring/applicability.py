"""Which metrics of a suite will have no score, known before anything is trained."""

from collections.abc import Mapping
from typing import TypeAlias

from harness.errors import UserError, in_a_line
from harness.evaluation import lacking
from harness.registry import Registry
from harness.scoring.model_evaluation import abilities_of
from harness.suite.build import build_dataset, build_metric
from harness.suite.resolve import resolve_class
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial

Subject: TypeAlias = tuple[str, str, int]
"""What decides the abilities of a trial: its model and hyperparameters, its dataset, the images held out."""


def inapplicable(suite: Suite, registry: Registry) -> dict[str, Mapping[str, list[str]]]:
    """For each metric that some models of a suite cannot be scored by: the reasons, and the labels of these models.

    Reasons that only the trained model can tell are not among them.
    """
    abilities = _abilities(suite, registry)
    found: dict[str, Mapping[str, list[str]]] = {}
    for metric in suite.metrics:
        reasons: dict[str, dict[str, None]] = {}
        here = _missing_here(registry, metric)
        needs = registry.find("metrics", metric.name).load().needs
        for trial in suite.trials:
            if reason := lacking(needs, abilities[_subject(trial)]) or here:
                reasons.setdefault(reason, {})[trial.label] = None
        if reasons:
            found[metric.name] = {reason: list(labels) for reason, labels in reasons.items()}
    return found


def never_scored(suite: Suite, registry: Registry) -> list[str]:
    """The metrics that no model of a suite will have a score of, and why, a line each."""
    labels = {trial.label for trial in suite.trials}
    return [
        f"{metric} will have no score: {'; '.join(reasons)}"
        for metric, reasons in inapplicable(suite, registry).items()
        if {label for models in reasons.values() for label in models} == labels
    ]


def _abilities(suite: Suite, registry: Registry) -> dict[Subject, set[str]]:
    datasets = {trial.dataset.key: build_dataset(registry, trial.dataset) for trial in suite.trials}
    found = {}
    for trial in {_subject(trial): trial for trial in suite.trials}.values():
        model_class, config = resolve_class(registry, "models", trial.model)
        dataset = datasets[trial.dataset.key]
        found[_subject(trial)] = abilities_of(model_class, config, dataset, trial.training.held_out)
    return found


def _subject(trial: Trial) -> Subject:
    return trial.model.key, trial.dataset.key, trial.training.held_out


def _missing_here(registry: Registry, metric: Choice) -> str:
    try:
        return build_metric(registry, metric).missing()
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # A metric may raise anything; when it scores, that is its failure.
        return in_a_line(error)
