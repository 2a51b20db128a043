"""TensorBoard's event files: one for each running trial."""

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from harness import Trial


class Writer:
    """Writes the numbers of one trial to its event file."""

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write named numbers at a step."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is buffered and close the file."""
        self._writer.close()


class Writers:
    """The writers of the trials that are running, in folders named by title and id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Writer] = {}

    def of(self, trial: Trial) -> Writer:
        """The writer of a trial, opened when it is first asked for."""
        if trial.id not in self._open:
            self._open[trial.id] = Writer(self._folder / f"{trial.title} {trial.id}".replace("/", "-"))
        return self._open[trial.id]

    def close(self, trial: Trial) -> None:
        """Close the writer of a trial that has ended."""
        if writer := self._open.pop(trial.id, None):
            writer.close()
