"""Files of benchmark cases: what is measured, so that numbers of several machines can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmark.measure import Case
from harness.benchmark.time_to_score import Race
from harness.config import Field, Settings, parse
from harness.suite.file import read_suite_file

GPU_WAYS = (
    *(("eager", 1), ("graph", 1), ("compiled", 1)),
    *(("graph", fleet) for fleet in (2, 4, 8, 16, 32, 64)),
    *(("eager", 16), ("compiled", 16)),
)
"""Engines, and models trained as one, that are measured on a GPU: what recording and compiling gain, and until when a
larger fleet does."""


class CaseTable(Settings):
    """One `[[cases]]` table, or the one that is raced."""

    model: str = Field(description="a registered model")
    dataset: str = Field(description="a registered dataset")
    batch_size: int = Field(64, gt=0, description="images per batch")
    config: dict[str, Any] = Field({}, description="settings of the model")
    dataset_config: dict[str, Any] = Field({}, description="settings of the dataset")

    def case(self) -> Case:
        """The case that the table describes, by the eager engine, alone."""
        return Case(self.model, self.dataset, self.batch_size, self.config, self.dataset_config)


class StudyTable(Settings):
    """The `[study]` table: a paper's study whose hours are projected from the fastest of its model's cases."""

    model: str = Field(description="a model of the cases")
    steps: int = Field(gt=0, description="training steps of all its trials together")
    title: str = Field(description="what the study is")


class RaceTable(CaseTable):
    """The `[race]` table: a case that is trained, seed after seed, until a score is reached."""

    metric: str = Field(description="a registered metric")
    target: float = Field(description="the score to reach")
    every: int = Field(gt=0, description="steps between scores")
    steps: int = Field(gt=0, description="steps after which the next seed begins")

    def race(self) -> Race:
        """The race that the table describes."""
        return Race(self.case(), self.metric, self.target, self.every, self.steps)


class CaseFile(Settings):
    """The keys of a file of cases."""

    cases: list[CaseTable] = Field(min_length=1, description="what is measured")
    study: StudyTable | None = Field(None, description="a study to project")
    race: RaceTable | None = Field(None, description="a race to a score")


@dataclass(frozen=True)
class Benchmarks:
    """What a file of cases asks for; see the tables' classes."""

    cases: tuple[Case, ...]
    study: StudyTable | None
    race: Race | None


def read_cases(path: Path) -> Benchmarks:
    """Read a TOML file of cases, such as `tests/benchmarks/standard.toml`.

    Raises:
        UserError: the file cannot be read, or a key of it is unknown or of another type.
    """
    data: Mapping[str, Any] = read_suite_file(path)
    file = parse(CaseFile, data, "")
    return Benchmarks(tuple(table.case() for table in file.cases), file.study, file.race.race() if file.race else None)
