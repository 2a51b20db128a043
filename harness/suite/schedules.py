"""Schedules that do not fit the training: what a model's settings ask for after its last step."""

from collections.abc import Iterator, Mapping

from harness.errors import ContractError
from harness.model import Model, outline
from harness.registry import Registry
from harness.suite.build import build_dataset
from harness.suite.resolve import resolve_class
from harness.suite.suite import Suite
from harness.suite.trial import Trial


def schedule_notes(suite: Suite, registry: Registry) -> list[str]:
    """What the models of a suite are set to do after their training has ended, a line for each setting.

    Untrained models are left out: their schedules are not meant.
    """
    trained = {trial.setting: trial for trial in suite.trials if trial.training.steps > 0}
    return [note for trial in trained.values() for note in _notes(trial, registry)]


def _notes(trial: Trial, registry: Registry) -> Iterator[str]:
    last = trial.training.steps - 1
    for setting, step in _milestones(_model(trial, registry)).items():
        if step > last:
            yield f"{trial.setting}: {setting} is for step {step:,}, but the last step of the training is {last:,}"


def _milestones(model: Model) -> Mapping[str, int]:
    """The steps that a model's settings are about.

    Raises:
        ContractError: `milestones` returns something else than steps by setting.
    """
    found = model.milestones()
    if not isinstance(found, Mapping) or not all(isinstance(step, int) for step in found.values()):
        kind = type(model).__name__
        raise ContractError(f"{kind}.milestones returns {found!r}, not steps by setting, such as {{'start': 300}}")
    return found


def _model(trial: Trial, registry: Registry) -> Model:
    image = build_dataset(registry, trial.dataset).image
    model_class, config = resolve_class(registry, "models", trial.model, trial.setting)
    return outline(model_class, config, image)
