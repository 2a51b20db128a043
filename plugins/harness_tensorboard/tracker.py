"""TensorBoard's event files: one for each running trial, and one for the study's tables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from harness import Tracker, Trial, TrialTracker


class TensorBoardTrial(TrialTracker):
    """Writes the event file of one trial."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._writer = SummaryWriter(str(folder))
        self._writer.add_text("settings", _markdown(["setting", "value"], settings.items()))

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write named numbers at a step."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Write a picture (H, W, 3)."""
        self._writer.add_image(name, pixels, step, dataformats="HWC")

    def close(self, outcome: str) -> None:
        """Write how the trial ended, and close the file."""
        self._writer.add_text("outcome", outcome)
        self._writer.close()


class TensorBoardTracker(Tracker):
    """Writes a folder for each trial, named by its title and identity."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def trial(self, trial: Trial, settings: Mapping[str, Any]) -> TrialTracker:
        """Begin a further file of a trial; TensorBoard shows all files of a folder as one."""
        return TensorBoardTrial(self._folder / f"{trial.title} {trial.id}".replace("/", "-"), settings)

    def tables(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Write the leaderboard as a text."""
        with SummaryWriter(str(self._folder / "study")) as writer:
            board = tables["leaderboard"][["model", "swept", "metric", "mean", "ci_low", "ci_high", "n"]]
            writer.add_text("leaderboard", _markdown(board.columns, board.itertuples(index=False)))


def _markdown(columns: Any, rows: Any) -> str:
    """A table that TensorBoard shows as one."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.replace("|", "\\|")
