"""From a `[[models]]` table to trials: its settings, its steps, its seeds, checked against the dataset."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.config import parse
from harness.errors import UserError, in_a_line
from harness.registry import Registry
from harness.suite.resolve import TRAINING, resolve_choice, resolve_class
from harness.suite.schema import ModelEntry, SuiteFile, Training
from harness.suite.search import drawn
from harness.suite.sweep import IN_TRAINING, Point, expand
from harness.suite.trial import Choice, Trial

if TYPE_CHECKING:
    from harness.model import ImageSpec

MOST_SEEDS = 100_000
"""Of one model; more are a slip of the keyboard, for whose trials there would be no memory."""

STEPS = f"{IN_TRAINING}steps"


@dataclass(frozen=True)
class Data:
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
        from harness.data.checks import check_image_spec
        from harness.dataset import GroundTruthDataset
        from harness.suite.build import build_dataset

        dataset = build_dataset(registry, choice)
        check_image_spec(dataset, choice.name)
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


@dataclass(frozen=True)
class Expansion:
    """What makes trials of the settings of one `[[models]]` table.

    Attributes:
        registry: the models there are.
        table: the suite.
        entry: the table.
        place: where it stands, such as "models[0]".
        data: the suite's dataset.
        folder: what relative paths of files are below.
    """

    registry: Registry
    table: SuiteFile
    entry: ModelEntry
    place: str
    data: Data
    folder: Path

    @property
    def label(self) -> str:
        """What tables call the trials."""
        return self.entry.label or self.entry.name

    @cached_property
    def points(self) -> list[Point]:
        """The combinations of the sweep, or what the search draws; none of the keys is set beside it.

        Raises:
            UserError: one is, or there is no such sweep or search.
        """
        entry, place = self.entry, self.place
        if entry.search and entry.sweep:
            raise UserError(f"{place}.sweep: {place}.search draws settings; put the lists into its space")
        points = drawn(entry.search, f"{place}.search") if entry.search else expand(entry.sweep, f"{place}.sweep")
        self.check_names(points[0])
        return points

    def check_names(self, names: Iterable[str]) -> None:
        """Ask that no setting with several values is also set beside them.

        Raises:
            UserError: one is.
        """
        for name in names:
            if name in {*self.entry.config, *(f"{IN_TRAINING}{key}" for key in self.entry.training)}:
                table = self.place if name.startswith(IN_TRAINING) else f"{self.place}.config"
                raise UserError(f"{self._varied}.{name}: the key also stands in {table}; keep one")

    def states(self, point: Point, at: Sequence[int], which: str) -> list[list[Trial]]:
        """The trials of some settings, one for each seed: after some numbers of steps and, last, after all.

        Args:
            point: the settings.
            at: numbers of steps; those that are not before the training's last are left out.
            which: the table that names these steps, for errors.

        Raises:
            UserError: a setting is wrong, the model does not fit the dataset, or the steps are swept too.
        """
        settings, trained = dict(self.entry.config), {**self.table.training.values(), **self.entry.training}
        for name, value in point.items():
            (trained if name.startswith(IN_TRAINING) else settings)[name.removeprefix(IN_TRAINING)] = value
        if self._trained_elsewhere:
            trained["steps"] = 0
        training = parse(Training, trained, f"{self.place}.training")
        where = f"{self.place}.config"
        model = resolve_choice(self.registry, "models", self.entry.name, settings, where, self.folder)
        _check_fit(self.registry, self.data, model, training, self.place)
        earlier = sorted({step for step in at if step < training.steps})
        if earlier and STEPS in point:
            raise UserError(f"{which}: {self._varied}.{STEPS} lists steps, too; keep one")
        return [
            [
                Trial(
                    self.data.choice,
                    model,
                    Training(**{**training.values(), "steps": step}),
                    seed,
                    self.label,
                    {**point, STEPS: step} if earlier else point,
                )
                for seed in self._seeds
            ]
            for step in (*earlier, training.steps)
        ]

    @cached_property
    def _trained_elsewhere(self) -> bool:
        model = self.registry.find("models", self.entry.name, f"{self.place}.name").load()
        return bool(model.trained_elsewhere)

    @cached_property
    def _seeds(self) -> Sequence[int]:
        entry, place = self.entry, self.place
        if self._trained_elsewhere:
            return _one_seed(entry, self.points[0], place)
        return _seeds(self.table.seeds, "seeds") if entry.seeds is None else _seeds(entry.seeds, f"{place}.seeds")

    @property
    def _varied(self) -> str:
        """The table of the settings that have several values."""
        return f"{self.place}.search.space" if self.entry.search else f"{self.place}.sweep"


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


def _check_fit(registry: Registry, data: Data, model: Choice, training: Training, place: str) -> None:
    """Find out before training, and without the data, that images and batches suit the model."""
    from harness.model import outline  # torch, which those who only read results do without.

    if data.images is not None:
        which = f" that dataset.{TRAINING} leaves" if TRAINING in data.choice.config else ""
        _check_numbers(training, f"the {data.images} images of {data.choice.name}{which}", data.images, place)
    model_class, config = resolve_class(registry, "models", model, place)
    try:
        pairs = outline(model_class, config, data.image).pairs()
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


def check_distinct(trials: Sequence[Trial]) -> None:
    """Ask that no two trials are the same, and that tables can tell all settings apart."""
    seen: dict[str, Trial] = {}
    named: dict[str, Trial] = {}
    for trial in trials:
        if other := seen.get(trial.id):
            raise UserError(f"two trials are the same: '{other.title}' and '{trial.title}'")
        seen[trial.id] = trial
        first = named.setdefault(_as_read(trial.setting), trial)
        if (first.model, first.training) != (trial.model, trial.training):
            alike = "" if first.setting == trial.setting else f" or {first.setting!a}, which reads alike,"
            called = f"two [[models]] are called '{trial.setting}'{alike}"
            raise UserError(f"{called} and have other settings; give one of them a `label`")


def _as_read(text: str) -> str:
    """What people see of a text: neither how spaces and accents are written nor signs that take no room."""
    text = unicodedata.normalize("NFC", text)
    return " ".join("".join(sign for sign in text if sign.isspace() or unicodedata.category(sign) != "Cf").split())
