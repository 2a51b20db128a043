"""harness: a plugin-based benchmark harness for disentangling generative models.

Everything a plugin author needs is imported from here; layers are in `harness.nn`, what dataset authors share in
`harness.data`, contract checks in `harness.testing`. Names are resolved on first use, so that `import harness` is
quick and the command line answers before torch is loaded.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from harness._exports import lazily

if TYPE_CHECKING:
    from harness.api.evaluate import evaluate as evaluate
    from harness.api.results import Results as Results
    from harness.api.score import score as score
    from harness.api.scores import scores_table as scores_table
    from harness.config import Field as Field
    from harness.config import FilePath as FilePath
    from harness.config import Settings as Settings
    from harness.dataset import Dataset as Dataset
    from harness.dataset import GroundTruthDataset as GroundTruthDataset
    from harness.dataset import LabelledDataset as LabelledDataset
    from harness.errors import HarnessError as HarnessError
    from harness.errors import NotApplicableError as NotApplicableError
    from harness.errors import UserError as UserError
    from harness.errors import nearest as nearest
    from harness.evaluation import Codes as Codes
    from harness.evaluation import Evaluation as Evaluation
    from harness.evaluation import TableEvaluation as TableEvaluation
    from harness.execution.plan import RunOptions as RunOptions
    from harness.execution.study import run as run
    from harness.factors import FactorGrid as FactorGrid
    from harness.factors import Indices as Indices
    from harness.latents import Categorical as Categorical
    from harness.latents import LatentSpace as LatentSpace
    from harness.latents import Normal as Normal
    from harness.latents import Part as Part
    from harness.latents import Sphere as Sphere
    from harness.latents import Uniform as Uniform
    from harness.metric import Metric as Metric
    from harness.metric import Score as Score
    from harness.model import ImageSpec as ImageSpec
    from harness.model import Model as Model
    from harness.objective import Draws as Draws
    from harness.objective import Objective as Objective
    from harness.optimizer import SGD as SGD
    from harness.optimizer import Adam as Adam
    from harness.optimizer import AdamW as AdamW
    from harness.optimizer import RMSprop as RMSprop
    from harness.pairs import LaplaceSteps as LaplaceSteps
    from harness.pairs import Pairs as Pairs
    from harness.pairs import ResampledFactors as ResampledFactors
    from harness.plugins.hookspecs import hookimpl as hookimpl
    from harness.plugins.tracking import Tracker as Tracker
    from harness.plugins.tracking import Tracking as Tracking
    from harness.plugins.tracking import TrialTracker as TrialTracker
    from harness.registry import Register as Register
    from harness.results.result import Outcome as Outcome
    from harness.results.result import Result as Result
    from harness.rng import Rng as Rng
    from harness.sampler import Axis as Axis
    from harness.sampler import Interval as Interval
    from harness.sampler import Sampler as Sampler
    from harness.scoring.model_evaluation import ModelEvaluation as ModelEvaluation
    from harness.scoring.sample_metric import SampleMetric as SampleMetric
    from harness.scoring.votes import count_votes as count_votes
    from harness.seeds import numpy_rng as numpy_rng
    from harness.seeds import seed_for as seed_for
    from harness.selector import PointwiseSelector as PointwiseSelector
    from harness.selector import Selector as Selector
    from harness.suite.suite import Suite as Suite
    from harness.suite.suite import make_suite as make_suite
    from harness.suite.trial import Trial as Trial
    from harness.suite.trial import digest as digest
    from harness.training.events import Progress as Progress
    from harness.typing import Floats as Floats

__all__, _resolve = lazily(
    __name__,
    {
        "harness.api.evaluate": ("evaluate",),
        "harness.api.results": ("Results",),
        "harness.api.score": ("score",),
        "harness.api.scores": ("scores_table",),
        "harness.config": (
            "FilePath",
            "Field",
            "Settings",
        ),
        "harness.dataset": (
            "Dataset",
            "GroundTruthDataset",
            "LabelledDataset",
        ),
        "harness.errors": (
            "HarnessError",
            "nearest",
            "NotApplicableError",
            "UserError",
        ),
        "harness.evaluation": (
            "Codes",
            "Evaluation",
            "TableEvaluation",
        ),
        "harness.execution.plan": ("RunOptions",),
        "harness.execution.study": ("run",),
        "harness.factors": (
            "FactorGrid",
            "Indices",
        ),
        "harness.latents": (
            "Categorical",
            "LatentSpace",
            "Normal",
            "Part",
            "Sphere",
            "Uniform",
        ),
        "harness.metric": (
            "Metric",
            "Score",
        ),
        "harness.model": (
            "ImageSpec",
            "Model",
        ),
        "harness.objective": (
            "Draws",
            "Objective",
        ),
        "harness.optimizer": (
            "Adam",
            "AdamW",
            "RMSprop",
            "SGD",
        ),
        "harness.pairs": (
            "LaplaceSteps",
            "Pairs",
            "ResampledFactors",
        ),
        "harness.plugins.hookspecs": ("hookimpl",),
        "harness.plugins.tracking": (
            "Tracker",
            "Tracking",
            "TrialTracker",
        ),
        "harness.registry": ("Register",),
        "harness.results.result": (
            "Outcome",
            "Result",
        ),
        "harness.rng": ("Rng",),
        "harness.sampler": (
            "Axis",
            "Interval",
            "Sampler",
        ),
        "harness.scoring.model_evaluation": ("ModelEvaluation",),
        "harness.scoring.sample_metric": ("SampleMetric",),
        "harness.scoring.votes": ("count_votes",),
        "harness.seeds": (
            "numpy_rng",
            "seed_for",
        ),
        "harness.selector": (
            "PointwiseSelector",
            "Selector",
        ),
        "harness.suite.suite": (
            "make_suite",
            "Suite",
        ),
        "harness.suite.trial": (
            "digest",
            "Trial",
        ),
        "harness.training.events": ("Progress",),
        "harness.typing": ("Floats",),
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from harness.registry import DISTRIBUTION

        return version(DISTRIBUTION)
    return _resolve(name)


def __dir__() -> list[str]:
    return list(__all__)
