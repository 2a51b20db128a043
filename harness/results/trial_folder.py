"""The files of one trial in a results folder."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import DamagedFileError
from harness.results.result import Result
from harness.storage.atomic import read_bytes, refuse_link, remove_unfinished, set_aside
from harness.storage.records import parse_json, write_json
from harness.suite.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


class TrialFolder:
    """The files of one trial."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def trial_file(self) -> Path:
        """What the trial is."""
        return self.path / "trial.json"

    @property
    def checkpoint(self) -> Path:
        """Everything needed to continue; only while training."""
        return self.path / "checkpoint.safetensors"

    @property
    def previous_checkpoint(self) -> Path:
        """The checkpoint before that, for when the last one is damaged."""
        return self.path / "previous.safetensors"

    @property
    def model(self) -> Path:
        """The trained model's parameters and buffers."""
        return self.path / "model.safetensors"

    @property
    def history(self) -> Path:
        """The table of losses and speed during the training."""
        return self.path / "history.parquet"

    @property
    def result_file(self) -> Path:
        """How the trial ended."""
        return self.path / "result.json"

    @property
    def pictures_file(self) -> Path:
        """Pictures of the trained model, where a run was asked for them."""
        return self.path / "pictures.safetensors"

    @property
    def pictures(self) -> "dict[str, NDArray[np.uint8]]":
        """Pictures of the trained model (H, W, 3), by name; none where there is no such file, or a damaged one."""
        from harness.storage.tensors import load_tensors  # torch, which those who only read results do without.

        try:
            found, _ = load_tensors(self.pictures_file)
        except FileNotFoundError:
            return {}
        except DamagedFileError as error:
            logger.warning("%s", error)
            return {}
        return {name: pixels.numpy() for name, pixels in found.items()}

    @property
    def log(self) -> Path:
        """What the worker process wrote to its standard error."""
        return self.path / "log.txt"

    @property
    def lease(self) -> Path:
        """Held by the run that sees to the trial and by its worker, see `harness.storage.leases`."""
        return self.path / "lease"

    @property
    def result(self) -> Result | None:
        """How the trial ended; None while it has not, or if the file is damaged, which is logged."""
        try:
            return self.parse_result(read_bytes(self.result_file))
        except FileNotFoundError:
            return None

    def parse_result(self, content: bytes) -> Result | None:
        """How the trial ended by the content of its file; None if that is damaged, which is logged."""
        try:
            return self._parse_result(content)
        except DamagedFileError as error:
            logger.warning("%s", error)
            return None

    def _parse_result(self, content: bytes) -> Result:
        data = parse_json(self.result_file, content)
        try:
            return Result.from_json(data)
        except (KeyError, TypeError, ValueError):
            raise DamagedFileError(f"{self.result_file}: damaged, or not the result of a trial") from None

    def set_aside_damaged(self) -> None:
        """Rename trial.json and result.json where they are damaged, and log it; only for who holds the lease."""
        for file, parse in (
            (self.trial_file, parse_json),
            (self.result_file, lambda _, text: self._parse_result(text)),
        ):
            try:
                parse(file, read_bytes(file))
            except FileNotFoundError:
                continue
            except DamagedFileError as error:
                logger.warning("%s; it is %s now, and the trial is done again", error, set_aside(file).name)

    def write_trial(self, trial: Trial) -> None:
        """Record what the trial is."""
        write_json(self.trial_file, trial.to_json())

    def write_result(self, result: Result) -> None:
        """Record how the trial ended."""
        write_json(self.result_file, result.to_json())

    def remove_unfinished(self) -> None:
        """Remove files that a killed process was still writing aside, on a disk."""
        remove_unfinished(self.path)

    def refuse_links(self) -> None:
        """Refuse a folder of which a part is a link: writing there would change what it leads to.

        Raises:
            UserError: there is one.
        """
        for path in (self.path.parent, self.path, self.log):
            refuse_link(path)
