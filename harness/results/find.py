"""Finding a trial by a path and the beginning of its identity or title."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.errors import UserError, nearest
from harness.results.earlier import earlier_trials
from harness.results.folder import ResultsFolder
from harness.storage.atomic import exists, storing
from harness.suite.trial import Trial


def find_trial(place: Path) -> tuple[ResultsFolder, Trial]:
    """The trial that a path names: a results folder, and then the trial's identity or title.

    Of either the beginning will do where it fits a single trial. `FOLDER/trials/ID` is understood too.

    Raises:
        UserError: there is no such folder or trial, or the name fits several.
    """
    for folder, name in _splits(place):
        if exists(folder / "suite.json"):
            return _find(ResultsFolder(folder), name)
    with storing(place):
        folder = place if place.is_dir() else place.parent
    return _find(ResultsFolder(folder), place.name)


def _find(folder: ResultsFolder, name: str) -> tuple[ResultsFolder, Trial]:
    """A trial of the suite that was run last, or else one of an earlier suite that is still in the folder."""
    suite = folder.suite
    trials = suite.trials
    if name and not _fitting(name, trials):
        trials = (*trials, *earlier_trials(folder, suite))
    return folder, _named(name, trials, folder.path)


def _splits(place: Path) -> Iterable[tuple[Path, str]]:
    """Every way to read a path as a folder and a name in it; a title may hold slashes."""
    for folder in [place, *place.parents]:
        parts = place.relative_to(folder).parts
        yield folder, "/".join(parts[1:] if parts[:1] == ("trials",) else parts)


def _fitting(name: str, trials: Sequence[Trial]) -> list[Trial]:
    """The trials of a name, or else those whose identity or title begins with it."""
    exact = [trial for trial in trials if name in (trial.id, trial.title)]
    return exact or [trial for trial in trials if trial.id.startswith(name) or trial.title.startswith(name)]


def _named(name: str, trials: Sequence[Trial], folder: Path) -> Trial:
    found = _fitting(name, trials)
    if len(found) == 1:
        return found[0]
    if not found and name:
        raise UserError(f"{folder}: there is no trial '{name}'; {nearest(name, [trial.title for trial in trials])}")
    several = "\n".join(f"  {trial.id}  {trial.title}" for trial in found[:10])
    more = f"\n  and {len(found) - 10} more" if len(found) > 10 else ""
    asked = f"'{name}' fits {len(found)} trials" if name else "name one of its trials behind the folder"
    raise UserError(f"{folder}: {asked}:\n{several}{more}")
