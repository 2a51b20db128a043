"""Results on disk or at a URL: one folder per study and one per trial."""

import errno
import logging
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DamagedFileError, StorageError, UserError, nearest
from harness.registry import DISTRIBUTION
from harness.results.parquet import IncompleteTableError, read_table, write_table
from harness.results.result import Result
from harness.results.schema import TABLES
from harness.results.trial_folder import TrialFolder
from harness.storage.atomic import (
    exists,
    refuse_link,
    remove_folder,
    remove_unfinished,
    set_aside,
    storing,
    write_whole,
)
from harness.storage.leases import sole_lease
from harness.storage.location import is_local, location, remote
from harness.storage.records import read_json, write_json
from harness.suite.suite import Suite
from harness.suite.trial import Trial, digest

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

READ_AT_ONCE = 1000
"""Files that are fetched together from a URL."""


MISPLACED = (
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP,
    errno.ENAMETOOLONG, errno.EINVAL,
)  # fmt: skip
"""Errors of a place where no results can be kept, however long one waits."""


def _studies(folder: Path) -> list[Path]:
    """The results folders in a folder."""
    return sorted(file.parent for file in folder.glob("*/suite.json"))


class ResultsFolder:
    """The files of one study: its suite, its trials and the tables made from them.

    Args:
        place: a path or a URL.
    """

    def __init__(self, place: str | Path) -> None:
        self.path = location(place)
        self.suite_file = self.path / "suite.json"

    def create(self) -> None:
        """Make the folder if there is none, and remove what killed processes were still writing in it.

        Raises:
            UserError: it cannot be made or written, or not by several processes.
            StorageError: not now, because the disk is full or the store out of reach.
        """
        if not is_local(self.path) and remote(self.path).protocol == "memory":
            raise UserError(f"{self.path}: trials run in processes of their own, which cannot write there")
        try:
            if is_local(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.path):
                    pass
                refuse_link(self.comparisons_lease.parent)
                for place in (self.path, self.comparisons_lease.parent):
                    remove_unfinished(place)
            else:
                probe = self.path / f".{uuid.uuid4().hex}"
                write_whole(probe, lambda file: file.write(b"can be written"))
                probe.unlink()
        except OSError as error:
            reason = f"cannot write results there: {error.strerror or error}"
            # What stores raise has the type but not always the number.
            if error.errno not in MISPLACED and not isinstance(error.__cause__, FileNotFoundError | PermissionError):
                raise StorageError(error.errno, reason, str(self.path)) from None
            raise UserError(f"{self.path}: {reason}") from None

    def trial(self, trial_id: str) -> TrialFolder:
        """The folder of one trial."""
        return TrialFolder(self.path / "trials" / trial_id)

    def results(self, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Result | None]]:
        """Trials and how they ended, see `TrialFolder.result`."""
        folders = [self.trial(trial.id) for trial in trials]
        contents = self.contents([folder.result_file for folder in folders])
        for trial, folder, content in zip(trials, folders, contents, strict=True):
            yield trial, None if content is None else folder.parse_result(content)

    def contents(self, files: Sequence[Path]) -> Iterator[bytes | None]:
        """The bytes of files of the folder, None where there is no such file; from a URL many are fetched at once.

        Raises:
            StorageError: one cannot be read.
        """
        if is_local(self.path):
            yield from map(_content, files)
            return
        for start in range(0, len(files), READ_AT_ONCE):
            yield from self._fetched(files[start : start + READ_AT_ONCE])

    def _fetched(self, files: Sequence[Path]) -> Iterator[bytes | None]:
        paths = [remote(file).path for file in files]
        with storing(self.path):
            found: dict[str, Any] = remote(self.path).fs.cat(paths, on_error="return")
        for file, path in zip(files, paths, strict=True):
            content = found[path]
            if isinstance(content, FileNotFoundError):
                yield None
            elif isinstance(content, Exception):
                raise StorageError(0, str(content), str(file))
            else:
                yield content

    def discard(self, trials: Iterable[Trial]) -> None:
        """Delete what there is of trials, and all comparisons.

        Raises:
            UserError: another run works on one of them; nothing is deleted then.
        """
        folders = [folder for trial in trials if exists((folder := self.trial(trial.id)).path)]
        for folder in folders:
            folder.refuse_links()
        refuse_link(self.comparisons_lease.parent)
        leases = [*(folder.lease for folder in folders), self.comparisons_lease]
        for path in leases:
            with sole_lease(path):
                pass
        for path in leases:
            with sole_lease(path):
                remove_folder(path.parent)

    @property
    def comparisons_lease(self) -> Path:
        """Held by the run that compares models, see `harness.storage.leases`."""
        return self.path / "comparisons" / "lease"

    def set_aside_damaged_comparisons(self) -> None:
        """Rename comparisons that cannot be read, and say so; only for who holds their lease."""
        with storing(self.path):
            files = list((self.path / "comparisons").glob("*.json"))
        for file in files:
            try:
                read_json(file)
            except DamagedFileError as error:
                logger.warning("%s; it is %s now, and the comparison is made again", error, set_aside(file).name)

    def comparison(self, key: str) -> Path:
        """The file of one selector's comparison of one pool."""
        return self.path / "comparisons" / f"{key}.json"

    def others(self, suite: Suite) -> list[str]:
        """The ids of trials in the folder that are none of a suite's: of another one, or of other settings."""
        own = {trial.id for trial in suite.trials}
        trials = self.path / "trials"
        with storing(trials):
            found = [file.name for file in trials.iterdir()] if trials.is_dir() else []
        return sorted(name for name in found if name not in own and not name.startswith("."))

    def write_suite(self, suite: Suite) -> None:
        """Record which suite the folder belongs to, unless that stands there already."""
        data = suite.to_json()
        with suppress(FileNotFoundError, DamagedFileError):
            if read_json(self.suite_file) == data:
                return
        write_json(self.suite_file, data)

    @property
    def suite(self) -> Suite:
        """The suite that was last run into this folder.

        Raises:
            UserError: this is not a results folder, or the file is damaged.
        """
        try:
            return Suite.from_json(read_json(self.suite_file))
        except FileNotFoundError:
            raise UserError(f"{self.path}: not a results folder, {self._lack()}") from None
        except StorageError as error:
            if error.errno != errno.ENOTDIR:
                raise
            raise UserError(f"{self.path}: not a results folder but a file") from None
        except DamagedFileError as error:
            raise UserError(f"{error}; `harness run` with the suite's file writes it again") from None
        except (KeyError, TypeError, ValueError):
            raise UserError(
                f"{self.suite_file}: damaged, or not a suite; `harness run` with the suite's file writes it again"
            ) from None

    def _lack(self) -> str:
        """Why this is no results folder, and which one may have been meant: inside it, or beside what is not there."""
        local = is_local(self.path)
        if local and not self.path.exists():
            others = [str(found) for parent in (self.path.parent, Path("results")) for found in _studies(parent)]
            return f"it is not there; {nearest(str(self.path), set(others)) if others else '`harness run` writes one'}"
        inside = _studies(self.path) if local else []
        return f"it has no suite.json; {f'did you mean {inside[0]}?' if inside else '`harness run` writes one'}"

    def state(self, suite: Suite | None = None) -> str:
        """A hash of what tables, of a suite, are made from: it changes with every result or comparison that is written.

        It is another for another suite, which another run may have written here meanwhile, and for another version of
        the harness.
        """
        with storing(self.path):
            stamps = sorted(self._local_stamps() if is_local(self.path) else self._remote_stamps())
        return digest([version(DISTRIBUTION), suite.to_json() if suite else None, stamps], 64)

    def _local_stamps(self) -> Iterator[str]:
        trials, comparisons = self.path / "trials", self.path / "comparisons"
        names = [f"trials/{name}/result.json" for name in (os.listdir(trials) if trials.is_dir() else [])]
        names += [f"comparisons/{file.name}" for file in comparisons.glob("*.json")]
        for name in names:
            with suppress(FileNotFoundError, NotADirectoryError):
                found = os.stat(f"{self.path}/{name}")
                yield f"{name} {found.st_size} {found.st_mtime_ns}"

    def _remote_stamps(self) -> Iterator[str]:
        root = remote(self.path)
        for name, found in root.fs.find(root.path, detail=True).items():
            if name.endswith(".json") and "/lease/" not in name and name != f"{root.path}/suite.json":
                written = [found.get(key) for key in ("size", "ETag", "LastModified", "created", "updated", "mtime")]
                yield f"{name} {written}"

    def is_published(self, table: str) -> bool:
        """Whether this is a table without its trials, as it is published.

        Raises:
            StorageError: that cannot be found out.
        """
        return not exists(self.suite_file) and exists(self.table(table))

    def table(self, name: str) -> Path:
        """The file of a table: scores, selections or leaderboard."""
        return self.path / f"{name}.parquet"

    def current_table(self, name: str, state: str) -> "pd.DataFrame | None":
        """A table as it was written, if what it was made from is the `state` of now; damage is said."""
        try:
            table = read_table(self.table(name))
        except FileNotFoundError:
            return None
        except IncompleteTableError:  # An older version had fewer columns; the table is made anew.
            return None
        except DamagedFileError as error:
            command = f"compare {self.path}" if name == "comparisons" else f"leaderboard {self.path} --rebuild"
            logger.warning("%s; `harness %s` makes it anew", error, command)
            return None
        known = {column.name for column in TABLES[name]} <= set(table.columns)  # Some columns were added later.
        return table if known and table.attrs.get("made_from") == state else None

    def write_table(self, name: str, table: "pd.DataFrame", state: str) -> None:
        """Write a table as Parquet, with the columns of `harness.results.schema`; `state` is what it was made from."""
        write_table(self.table(name), name, table, {"made_from": state})


def _content(file: Path) -> bytes | None:
    with suppress(FileNotFoundError, NotADirectoryError), storing(file, FileNotFoundError, NotADirectoryError):
        return file.read_bytes()
    return None
