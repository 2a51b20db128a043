"""harness: a plugin-based benchmark harness for disentangling generative models.

Everything a plugin author needs is imported from here. Names are resolved on first use, so that
`import harness` is quick and the command line answers before torch is loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.config import Field as Field
    from harness.config import Settings as Settings
    from harness.dataset import Dataset as Dataset
    from harness.dataset import GroundTruthDataset as GroundTruthDataset
    from harness.dataset import LabelledDataset as LabelledDataset
    from harness.errors import HarnessError as HarnessError
    from harness.errors import NotApplicableError as NotApplicableError
    from harness.errors import UserError as UserError
    from harness.evaluation import Evaluation as Evaluation
    from harness.evaluation import TableEvaluation as TableEvaluation
    from harness.factors import FactorGrid as FactorGrid
    from harness.hookspecs import hookimpl as hookimpl
    from harness.latents import Categorical as Categorical
    from harness.latents import LatentSpace as LatentSpace
    from harness.latents import Normal as Normal
    from harness.latents import Sphere as Sphere
    from harness.latents import Uniform as Uniform
    from harness.metric import Metric as Metric
    from harness.metric import Score as Score
    from harness.model import ImageSpec as ImageSpec
    from harness.model import Model as Model
    from harness.model_evaluation import ModelEvaluation as ModelEvaluation
    from harness.objective import Adam as Adam
    from harness.objective import Objective as Objective
    from harness.rng import Rng as Rng
    from harness.selector import Selector as Selector

_HOMES = {
    "harness.config": ("Field", "Settings"),
    "harness.dataset": ("Dataset", "GroundTruthDataset", "LabelledDataset"),
    "harness.errors": ("HarnessError", "NotApplicableError", "UserError"),
    "harness.evaluation": ("Evaluation", "TableEvaluation"),
    "harness.factors": ("FactorGrid",),
    "harness.hookspecs": ("hookimpl",),
    "harness.latents": ("Categorical", "LatentSpace", "Normal", "Sphere", "Uniform"),
    "harness.metric": ("Metric", "Score"),
    "harness.model": ("ImageSpec", "Model"),
    "harness.model_evaluation": ("ModelEvaluation",),
    "harness.objective": ("Adam", "Objective"),
    "harness.rng": ("Rng",),
    "harness.selector": ("Selector",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605 - the names are listed once, in _HOMES


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
