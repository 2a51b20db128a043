"""The record of a selector's comparison of trained models: one JSON file for each selector of a study."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from harness.errors import DamagedFileError
from harness.results.folder import ResultsFolder
from harness.storage.records import read_json, write_json
from harness.suite.trial import Choice, Trial, checked, digest

logger = logging.getLogger(__name__)

RULE = "models of one kind; scores of one model as they are"
"""Which models are compared with each other, and how that is written; what was made by another rule is made again."""


@dataclass(frozen=True)
class ComparedTrials:
    """Trials that were compared with each other.

    Attributes:
        trials: their M ids.
        comparisons: nested lists, M x M, or M of a selector that scores models one by one; None is not a number.
    """

    trials: list[str]
    comparisons: list[Any]


@dataclass
class ComparisonRecord:
    """What a selector has compared.

    Attributes:
        selector: its name.
        kinds: what `Selector.kind` says of each trial that can be compared, by id.
        left_out: why another cannot, by id.
        compared: sets of trials with their comparisons.
        failed: the error that ended it; "" if there was none.
        traceback: of that.
    """

    selector: str
    kinds: dict[str, str]
    left_out: dict[str, str]
    compared: list[ComparedTrials]
    failed: str = ""
    traceback: str = ""

    @classmethod
    def of_nothing(cls, selector: Choice, failed: str = "") -> Self:
        """The record of a selector that has compared nothing yet, or could not for some reason."""
        return cls(selector.name, {}, {}, [], failed)


def comparison_key(selector: Choice, trials: Sequence[Trial], seed: int) -> str:
    """Names one selector's comparison of one set of trained models by its content."""
    return digest([RULE, selector.identity, sorted(trial.id for trial in trials), seed])


def write_comparison(
    folder: ResultsFolder, choice: Choice, trials: Sequence[Trial], seed: int, record: ComparisonRecord
) -> None:
    """Write what a selector found of these trials.

    Raises:
        StorageError: it cannot be written.
    """
    write_json(folder.comparison(comparison_key(choice, trials, seed)), asdict(record))


def read_comparison(
    folder: ResultsFolder, choice: Choice, trials: Sequence[Trial], seed: int
) -> ComparisonRecord | None:
    """What `write_comparison` wrote, or None if there is nothing, or if that is damaged, which is logged."""
    file = folder.comparison(comparison_key(choice, trials, seed))
    try:
        return _parsed(file, read_json(file), {trial.id for trial in trials})
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        logger.warning("%s", error)
        return None


def _parsed(file: Path, content: dict[str, Any], trials: set[str]) -> ComparisonRecord:
    """The record in a file, which must be about these trials.

    Raises:
        DamagedFileError: it lacks something, or is about others.
    """
    try:
        record: ComparisonRecord = checked(ComparisonRecord, content)
    except (ValueError, TypeError):
        raise DamagedFileError(f"{file}: damaged, or not a selector's comparison") from None
    named = {*record.kinds, *record.left_out, *(trial for part in record.compared for trial in part.trials)}
    if not named <= trials or any(len(set(part.trials)) != len(part.comparisons) for part in record.compared):
        raise DamagedFileError(f"{file}: damaged, or a comparison of other trials")
    return record
