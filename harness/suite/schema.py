"""The tables and keys of a suite."""

from typing import Annotated, Any, Literal

from harness.config import Field, Settings
from harness.suite.search import Search


class Training(Settings):
    """How every model of a suite is trained; a model's own `training` table overrides single keys."""

    steps: int = Field(10_000, ge=0, description="training steps; 0 leaves the model untrained")
    batch_size: int = Field(64, gt=0, description="images per batch; pairs of them for a model of pairs")
    held_out: int = Field(0, ge=0, description="images kept from training, the same for every trial of a dataset")
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32", description="of products: float32; tf32 on GPUs; bfloat16 by autocast. All else is float32"
    )

    @property
    def images(self) -> int:
        """How many images a model is trained on, repetitions included."""
        return self.steps * self.batch_size


class Halving(Settings):
    """Successive halving of a model's settings: the best of them, over all their seeds, are trained on."""

    at: list[Annotated[int, Field(gt=0)]] = Field(min_length=1, description="steps after which to choose")
    keep: float = Field(0.5, gt=0, lt=1, description="the share of settings that is trained on, rounded down, but one")
    aim: str | dict[str, Any] = Field(
        description="a metric or a selector, or a table of its name and settings, or loss:OBJECTIVE/TERM"
    )


class ModelEntry(Settings):
    """A `[[models]]` table of a suite: a model, its settings, and what of them is swept."""

    name: str = Field(description="a registered model")
    label: str = Field("", description="the name in tables, where one model stands twice; the model's name by default")
    config: dict[str, Any] = Field({}, description="hyperparameters")
    sweep: dict[str, Any] = Field(
        {},
        description="hyperparameters, or training.KEY, with a list of values or a range each; lists multiply, "
        "and those in a table `zip` go together",
    )
    search: Search | None = Field(None, description="settings drawn instead of swept, as many as a budget allows")
    halving: Halving | None = Field(
        None, description="successive halving: settings that do badly are trained no further"
    )
    training: dict[str, Any] = Field({}, description="training settings of this model alone")
    seeds: int | list[int] | None = Field(None, description="seeds of this model alone")


class EvaluationTable(Settings):
    """The `[evaluation]` table of a suite: its metrics and selectors, and the seed of what they draw."""

    metrics: list[str | dict[str, Any]] = Field([], description="names, or tables with a name and settings")
    selectors: list[str | dict[str, Any]] = Field([], description="names, or tables with a name and settings")
    seed: int = Field(0, description="seeds the draws on which all models are scored")
    at: list[Annotated[int, Field(ge=0)]] = Field(
        [], description="steps after which models are scored on their way, too; one training serves all of its steps"
    )


class SuiteFile(Settings):
    """The keys of a suite."""

    title: str = Field("", description="a line that says what the suite is for")
    seeds: int | list[int] = Field(1, description="how many seeds (0, 1, ...), or a list of them")
    dataset: dict[str, Any] = Field(description="name, the dataset's own settings, and a table `training`")
    training: Training = Field(Training(), description="how models are trained")
    models: list[ModelEntry] = Field(min_length=1, description="what is compared")
    evaluation: EvaluationTable = Field(EvaluationTable(), description="how models are scored and selected")
