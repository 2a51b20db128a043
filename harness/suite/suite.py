"""Suites: a TOML file becomes a checked list of trials."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from harness.config import parse
from harness.errors import UserError, in_a_line
from harness.plugins.manager import PluginManager
from harness.registry import Registry
from harness.suite.file import read_suite_file, with_overrides
from harness.suite.resolve import TRAINING, resolve_choice, resolve_class
from harness.suite.schema import ModelEntry, SuiteFile, Training
from harness.suite.search import drawn
from harness.suite.sweep import IN_TRAINING, Point, expand
from harness.suite.trial import Choice, Trial, checked

if TYPE_CHECKING:
    from harness.model import ImageSpec

MOST_SEEDS = 100_000
"""Of one model; more are a slip of the keyboard, for whose trials there would be no memory."""


@dataclass(frozen=True)
class Suite:
    """A checked suite: nothing in it is unknown, and every setting is resolved."""

    title: str
    name: str
    trials: tuple[Trial, ...]
    metrics: tuple[Choice, ...]
    selectors: tuple[Choice, ...]
    evaluation_seed: int

    def to_json(self) -> dict[str, Any]:
        """Plain data: what a results folder remembers of the suite."""
        return {
            "title": self.title,
            "name": self.name,
            "trials": [trial.to_json() for trial in self.trials],
            "metrics": [metric.to_json() for metric in self.metrics],
            "selectors": [selector.to_json() for selector in self.selectors],
            "evaluation_seed": self.evaluation_seed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Suite":
        """The opposite of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: something in the data is missing or of another type.
        """
        suite = checked(cls, {**data, "trials": [Trial.from_json(trial) for trial in data["trials"]]})
        if not suite.trials:
            raise ValueError("a suite has trials")
        return suite


def load_suite(path: Path, registry: Registry, overrides: Sequence[str] = ()) -> Suite:
    """Read, override and check a suite. Of data files that are there the content is looked at, see `Choice.data`.

    Args:
        path: the TOML file.
        registry: the models, datasets, metrics and selectors there are.
        overrides: texts such as "training.steps=100" or "models.beta-vae.config.beta=2".

    Raises:
        UserError: anything in the file is unknown, mistyped, out of range or does not fit together.
    """
    content = read_suite_file(path, overrides)
    if not path.stem.strip("."):
        raise UserError(f"{path}: a suite's file has a name before .toml, which its results folder gets")
    return _checked_suite(content, path.stem, registry, path.parent.absolute())


def make_suite(
    content: Mapping[str, Any],
    registry: Registry | None = None,
    *,
    name: str = "study",
    overrides: Sequence[str] = (),
) -> Suite:
    """Check a suite that is written in Python: the tables and keys of a TOML file as dictionaries and lists.

    Args:
        content: such as {"dataset": {"name": "sprites"}, "models": [{"name": "beta-vae"}]}. Relative paths are below
            the working directory.
        registry: the models, datasets, metrics and selectors there are; by default those of installed plugins.
        name: what the suite's results folder and tables call it.
        overrides: texts such as "training.steps=100".

    Raises:
        UserError: as `load_suite`.
    """
    if registry is None:
        registry = PluginManager().registry
    return _checked_suite(with_overrides(content, overrides, name), name, registry, Path().absolute())


def _checked_suite(content: Mapping[str, Any], name: str, registry: Registry, folder: Path) -> Suite:
    """A suite of plain content; relative paths are below `folder`."""
    table = parse(SuiteFile, content, "")
    data = _Data.of(registry, _choose(registry, "datasets", table.dataset, "dataset", folder))
    trials = [
        trial
        for index, entry in enumerate(table.models)
        for trial in _expand(registry, table, entry, index, data, folder)
    ]
    _check_distinct(trials)
    return Suite(
        title=table.title or name,
        name=name,
        trials=tuple(trials),
        metrics=tuple(_choose_all(registry, "metrics", table.evaluation.metrics, folder)),
        selectors=tuple(_choose_all(registry, "selectors", table.evaluation.selectors, folder)),
        evaluation_seed=table.evaluation.seed,
    )


def _choose(registry: Registry, kind: str, item: str | Mapping[str, Any], place: str, folder: Path) -> Choice:
    """A name, or a table of a name and settings side by side."""
    settings = {"name": item} if isinstance(item, str) else dict(item)
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise UserError(f"{place}.name: this key is required and is a text")
    return resolve_choice(registry, kind, name, settings, place, folder)


def _choose_all(
    registry: Registry, kind: str, items: Sequence[str | Mapping[str, Any]], folder: Path
) -> Iterator[Choice]:
    for index, item in enumerate(items):
        yield _choose(registry, kind, item, f"evaluation.{kind}[{index}]", folder)


@dataclass(frozen=True)
class _Data:
    """A suite's dataset and what is known of it without its images.

    Attributes:
        choice: the dataset.
        image: the shape of one image.
        images: how many may be trained on; None where only the files tell.
        partners: whether models can learn from pairs of its images.
    """

    choice: Choice
    image: "ImageSpec"
    images: int | None
    partners: bool

    @classmethod
    def of(cls, registry: Registry, choice: Choice) -> Self:
        """Build the dataset, and count the images that `[dataset.training]` leaves.

        Raises:
            UserError: that table does not fit the dataset's factors.
        """
        from harness.dataset import GroundTruthDataset
        from harness.suite.build import build_dataset

        dataset = build_dataset(registry, choice)
        if not isinstance(dataset, GroundTruthDataset):
            return cls(choice, dataset.image, None, dataset.has_partners())
        training = dataset.training_images
        if training is None or not hasattr(dataset, "factors"):  # Some know their factors only when they are loaded.
            return cls(choice, dataset.image, len(dataset), dataset.has_partners())
        try:
            count = int((training.weights(dataset.factors) > 0).sum())
            return cls(choice, dataset.image, count, dataset.has_partners())
        except UserError as error:
            raise UserError(f"dataset.{TRAINING}: {error}") from None


def _expand(
    registry: Registry, table: SuiteFile, entry: ModelEntry, index: int, data: _Data, folder: Path
) -> Iterator[Trial]:
    """Every trial of one `[[models]]` table: the combinations of its sweep, for each seed."""
    place = f"models[{index}]"
    points = _points(entry, place)
    seeds = _seeds(table.seeds, "seeds") if entry.seeds is None else _seeds(entry.seeds, f"{place}.seeds")
    if untrained := registry.find("models", entry.name, f"{place}.config").load().trained_elsewhere:
        seeds = _one_seed(entry, points[0], place)
    for swept in points:
        settings, trained = dict(entry.config), {**table.training.values(), **entry.training}
        for name, value in swept.items():
            (trained if name.startswith(IN_TRAINING) else settings)[name.removeprefix(IN_TRAINING)] = value
        if untrained:
            trained["steps"] = 0
        training = parse(Training, trained, f"{place}.training")
        model = resolve_choice(registry, "models", entry.name, settings, f"{place}.config", folder)
        _check_fit(registry, data, model, training, place)
        for each, named in _at(table.evaluation.at, training, swept, f"{place}.{_varied(entry)}"):
            for seed in seeds:
                yield Trial(data.choice, model, each, seed, entry.label or entry.name, named)


def _at(
    steps: Sequence[int], training: Training, swept: Mapping[str, Any], place: str
) -> Iterator[tuple[Training, Mapping[str, Any]]]:
    """A training, stopped after each of some numbers of steps before its last, and as it is; each with its name.

    Raises:
        UserError: the steps are swept too.
    """
    name = f"{IN_TRAINING}steps"
    earlier = sorted({step for step in steps if step < training.steps})
    if earlier and name in swept:
        raise UserError(f"evaluation.at: {place}.{name} lists steps, too; keep one")
    for step in (*earlier, training.steps):
        stopped = Training(**{**training.values(), "steps": step})
        yield stopped, {**swept, name: step} if earlier else swept


def _points(entry: ModelEntry, place: str) -> list[Point]:
    """The combinations of a model's sweep, or what its search draws; none of the keys is set beside it."""
    if entry.search and entry.sweep:
        raise UserError(f"{place}.sweep: {place}.search draws settings; put the lists into its space")
    points = drawn(entry.search, f"{place}.search") if entry.search else expand(entry.sweep, f"{place}.sweep")
    for name in points[0]:
        if name in {*entry.config, *(f"{IN_TRAINING}{key}" for key in entry.training)}:
            table = place if name.startswith(IN_TRAINING) else f"{place}.config"
            raise UserError(f"{place}.{_varied(entry)}.{name}: the key also stands in {table}; keep one")
    return points


def _varied(entry: ModelEntry) -> str:
    """The table of a model's settings that have several values."""
    return "search.space" if entry.search else "sweep"


def _seeds(seeds: int | list[int], place: str) -> Sequence[int]:
    count = seeds if isinstance(seeds, int) else len(seeds)
    if not 0 < count <= MOST_SEEDS:
        raise UserError(f"{place}: got {seeds!r}, expected from 1 to {MOST_SEEDS:,} seeds")
    return range(seeds) if isinstance(seeds, int) else seeds


def _one_seed(entry: ModelEntry, swept: Point, place: str) -> Sequence[int]:
    """The seed of a model that was trained elsewhere.

    Raises:
        UserError: it is asked to be trained.
    """
    if entry.seeds is not None:
        raise UserError(f"{place}.seeds: {entry.name} was trained elsewhere, once; it has no seeds here")
    if "steps" in entry.training or any(name.startswith(IN_TRAINING) for name in swept):
        raise UserError(f"{place}.training.steps: {entry.name} was trained elsewhere; it is not trained here")
    return [0]


def _check_fit(registry: Registry, data: _Data, model: Choice, training: Training, place: str) -> None:
    """Find out before training, and without the data, that images and batches suit the model."""
    import torch

    if data.images is not None:
        which = f" that dataset.{TRAINING} leaves" if TRAINING in data.choice.config else ""
        _check_numbers(training, f"the {data.images} images of {data.choice.name}{which}", data.images, place)
    model_class, config = resolve_class(registry, "models", model, place)
    try:
        with torch.device("meta"):  # Shapes without memory.
            pairs = model_class(config, data.image).pairs()
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    except Exception as error:  # Sizes that no memory can hold, or whatever else a model raises.
        raise UserError(f"{place}: {model.name} cannot be built with these settings: {in_a_line(error)}") from error
    if pairs is not None and not data.partners:
        raise UserError(
            f"{place}: {model.name} learns from pairs of images that share factors, and {data.choice.name} has none"
        )


def _check_numbers(training: Training, which: str, images: int, place: str) -> None:
    """Compare numbers of images with those that the dataset has."""
    left = images - training.held_out
    if left <= 0:
        raise UserError(f"{place}.training.held_out: {training.held_out} leaves none of {which}")
    if training.batch_size > left:
        limit = which + (f" less {training.held_out} held out" if left < images else "")
        raise UserError(f"{place}.training.batch_size: {training.batch_size} is more than {limit}")


def _check_distinct(trials: Sequence[Trial]) -> None:
    """Ask that no two trials are the same, and that tables can tell all settings apart."""
    seen: dict[str, Trial] = {}
    named: dict[str, Trial] = {}
    for trial in trials:
        if other := seen.get(trial.id):
            raise UserError(f"two trials are the same: '{other.title}' and '{trial.title}'")
        seen[trial.id] = trial
        first = named.setdefault(trial.setting, trial)
        if (first.model, first.training) != (trial.model, trial.training):
            raise UserError(
                f"two [[models]] are called '{trial.setting}' and have other settings; give one of them a `label`"
            )
