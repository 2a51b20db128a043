"""The checks that apply to a model, dataset, metric, selector or sampler."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.dataset import Dataset
from harness.errors import UserError, nearest
from harness.metric import Metric
from harness.model import ImageSpec, Model
from harness.plugins.manager import PluginManager
from harness.registry import KINDS
from harness.sampler import Sampler
from harness.selector import Selector
from harness.testing.abilities import ABILITY_MODEL_CHECKS
from harness.testing.check import Check, title_of
from harness.testing.datasets import DATASET_CHECKS, DatasetSubject
from harness.testing.engines import ENGINE_CHECKS, trains_compiled_as_eager
from harness.testing.model_subject import ModelSubject
from harness.testing.models import TRAINING_CHECKS
from harness.testing.samplers import SAMPLER_CHECKS, SamplerSubject
from harness.testing.scorers import METRIC_CHECKS, SELECTOR_CHECKS, MetricSubject, SelectorSubject

IMAGE = ImageSpec(1, 32, 32)


def checks(
    subject: str | type,
    settings: Mapping[str, Any] | None = None,
    *,
    image: ImageSpec = IMAGE,
    plugins: Sequence[Path] = (),
    compiled: bool = False,
) -> list[Check]:
    """The checks of one plugin class, to be called one by one.

    Args:
        subject: a registered name, or the class itself.
        settings: its settings, where the defaults are too large for a check; a model should be made small.
        image: the shape of the pictures that a model is trained on and a metric is given.
        plugins: single-file plugins to load.
        compiled: also train a model by torch.compile, which takes minutes and, on the CPU, a C++ compiler.

    Raises:
        UserError: there is no such name, or a setting is wrong.
    """
    found = _find(subject, plugins) if isinstance(subject, str) else subject
    settings = settings or {}
    if issubclass(found, Model):
        functions = (*TRAINING_CHECKS, *ABILITY_MODEL_CHECKS, *ENGINE_CHECKS)
        extra = (trains_compiled_as_eager,) if compiled else ()
        return _checks(found, (*functions, *extra), ModelSubject.of(found, settings, image))
    if issubclass(found, Dataset):
        return _checks(found, DATASET_CHECKS, DatasetSubject.of(found, settings))
    if issubclass(found, Metric):
        return _checks(found, METRIC_CHECKS, MetricSubject.of(found, settings, image))
    if issubclass(found, Selector):
        return _checks(found, SELECTOR_CHECKS, SelectorSubject.of(found, settings, image))
    if issubclass(found, Sampler):
        return _checks(found, SAMPLER_CHECKS, SamplerSubject.of(found, settings))
    raise UserError(
        f"{found.__name__} is not a Model, Dataset, Metric, Selector or Sampler of harness: let it inherit from one"
    )


def _checks(found: type, functions: Sequence[Callable[[Any], None]], subject: Any) -> list[Check]:
    home = Path(inspect.getfile(found)).parent
    return [Check(title_of(function), partial(function, subject), home) for function in functions]


def _find(name: str, plugins: Sequence[Path]) -> type:
    registry = PluginManager(plugins).registry
    for kind in KINDS:
        if name in registry.entries[kind]:
            found: type = registry.find(kind, name).load()
            return found
    problems = [f"\n  ({problem})" for problem in registry.problems]
    names = {other for kind in KINDS for other in registry.entries[kind]}
    raise UserError(f"there is no '{name}'; {nearest(name, names)}{''.join(problems)}")
