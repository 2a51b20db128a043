"""Results on disk: one folder per study, one folder per trial, every file written whole or not at all."""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from harness.errors import UserError
from harness.suite import Suite
from harness.trial import Result, Trial

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
"""Version of the files' format; readers refuse a newer one."""


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, flush it to the disk and move it there in one go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write plain data as JSON, whole or not at all."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **data}, indent=1)
    write_whole(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Raises:
        UserError: the file is broken or comes from a newer version of the harness.
        FileNotFoundError: there is no such file.
    """
    try:
        data = json.loads(path.read_bytes())
        schema_version = data.pop("schema_version")
    except (ValueError, KeyError, AttributeError):
        raise UserError(f"{path}: not a file of this harness, or damaged; delete it to do its work again") from None
    if schema_version > SCHEMA_VERSION:
        raise UserError(f"{path}: written by a newer version of the harness; upgrade disentanglement-harness")
    return data  # type: ignore[no-any-return] # a JSON object, as the pop above has shown


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file that the kernel frees at any death; yields whether it was got."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


class TrialFolder:
    """The files of one trial."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trial_file = path / "trial.json"
        self.checkpoint = path / "checkpoint.safetensors"
        """Everything needed to continue; only while training."""
        self.model = path / "model.safetensors"
        """The trained model's parameters and buffers."""
        self.history = path / "history.parquet"
        self.result_file = path / "result.json"
        self.log = path / "log.txt"
        """What the worker process wrote to its standard error."""
        self.lock = path / "lock"

    @property
    def result(self) -> Result | None:
        """How the trial ended; None while it has not."""
        try:
            return Result.from_json(read_json(self.result_file))
        except FileNotFoundError:
            return None

    def write_trial(self, trial: Trial) -> None:
        """Record what the trial is."""
        write_json(self.trial_file, trial.to_json())

    def write_result(self, result: Result) -> None:
        """Record how the trial ended."""
        write_json(self.result_file, result.to_json())


class ResultsFolder:
    """The files of one study: its suite, its trials and the tables made from them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suite_file = path / "suite.json"

    def create(self) -> None:
        """Make the folder if there is none.

        Raises:
            UserError: it cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise UserError(f"{self.path}: cannot write results there: {error.strerror}") from None

    def trial(self, trial_id: str) -> TrialFolder:
        """The folder of one trial."""
        return TrialFolder(self.path / "trials" / trial_id)

    def comparison(self, key: str) -> Path:
        """The file of one selector's comparison of one pool."""
        return self.path / "comparisons" / f"{key}.json"

    def write_suite(self, suite: Suite) -> None:
        """Record which suite the folder belongs to."""
        write_json(self.suite_file, suite.to_json())

    @property
    def suite(self) -> Suite:
        """The suite that was last run into this folder.

        Raises:
            UserError: this is not a results folder.
        """
        try:
            return Suite.from_json(read_json(self.suite_file))
        except FileNotFoundError:
            found = sorted(file.parent.name for file in self.path.glob("*/suite.json"))
            hint = f"; did you mean {self.path / found[0]}?" if found else "; `harness run` writes one"
            raise UserError(f"{self.path}: not a results folder, it has no suite.json{hint}") from None

    def table(self, name: str) -> Path:
        """The file of a table: scores, selections or leaderboard."""
        return self.path / f"{name}.parquet"

    def write_table(self, name: str, table: "pd.DataFrame") -> None:
        """Write a table as Parquet, after `harness.tables`' schema of that name."""
        write_table(self.table(name), name, table)


def write_table(path: Path, schema: str, table: "pd.DataFrame") -> None:
    """Write a table as Parquet, whole or not at all, with the schema's column types and meanings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from harness.tables import arrow_schema

    arrow = pa.Table.from_pandas(table, schema=arrow_schema(schema, table), preserve_index=False)
    write_whole(path, lambda file: pq.write_table(arrow, file))
