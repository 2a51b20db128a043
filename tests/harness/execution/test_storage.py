"""Full disks and folders that cannot be written, as file systems of their own: never a traceback, nothing lost."""

import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.errors import StorageError, UserError
from harness.execution.claims import claim_trials
from harness.execution.plan import RunOptions, plan_run
from harness.execution.protocol import TrialJob
from harness.execution.study import Study
from harness.execution.worker.trials import run_trials
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result
from harness.results.status import StudyStatus
from harness.storage.records import write_json
from harness.suite.suite import load_suite
from harness.summary.tables import read_tables, write_tables
from support import TOY, StopAfter, bars_suite

SUITE = bars_suite(steps=30, seeds=1, model="config.size = 400", metrics=["error"])


def mount(*arguments):
    run = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip(f"this user may not mount file systems: {run.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=200k", "none", folder)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def read_only():
    """Makes folders read-only, for root too."""
    mounted = []

    def make(folder):
        mount("--bind", folder, folder)
        mounted.append(folder)
        mount("-o", "remount,ro,bind", folder)

    yield make
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def suite(suite_file, registry):
    return load_suite(suite_file(SUITE), registry)


def do(job, steps=10_000):
    run_trials(job, lambda *_: None, StopAfter(steps))
    return ResultsFolder(job.folder).trial(job.trials[0].id)


def test_a_full_disk_is_the_end_of_no_trial_which_continues_when_there_is_room(suite, small_disk, tmp_path):
    job = TrialJob(suite.trials, str(small_disk / "out"), suite.metrics, 0, plugins=[str(TOY)])
    folder = ResultsFolder(job.folder).trial(suite.trials[0].id)
    with pytest.raises(StorageError, match=rf"{folder.checkpoint}: No space left on device"):
        do(job)
    assert folder.result is None
    # Its model of 400 codes has 64 x 400 x 2 numbers, 205 kB; a checkpoint has Adam's averages of them too.
    mount("-o", "remount,size=10m", small_disk)
    folder = do(job, steps=20)
    assert folder.checkpoint.stat().st_size > 600_000
    folder = do(job)
    straight = do(replace(job, folder=str(tmp_path / "straight")))
    assert folder.result.outcome is Outcome.FINISHED
    assert folder.result.scores[0].score == straight.result.scores[0].score


def test_what_was_there_before_the_disk_was_full_is_still_whole(small_disk):
    write_json(small_disk / "a.json", {"number": 1})
    with pytest.raises(StorageError, match=r"a\.json: No space left on device"):
        write_json(small_disk / "a.json", {"number": 2, "much": "x" * 300_000})
    assert '"number": 1' in (small_disk / "a.json").read_text()
    assert [file.name for file in small_disk.iterdir()] == ["a.json"]


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_where_nothing_can_be_recorded_one_line_says_so(suite_file, tmp_path, read_only, command):
    out = tmp_path / "out"
    (out / "trials").mkdir(parents=True)
    read_only(out / "trials")
    found = command("run", suite_file(SUITE), "--plugin", TOY, "--output", out)
    assert found.returncode == 1, found.stderr
    (line,) = found.stderr.splitlines()
    assert line.startswith(f"harness: {out}/trials/")
    assert line.endswith(": Read-only file system")


def test_a_run_waits_for_room_then_stops_and_the_same_command_continues(suite_file, small_disk, command):
    arguments = ["run", suite_file(SUITE), "--plugin", TOY, "--output", small_disk / "out", "--patience", 1]
    found = command(*arguments)
    assert found.returncode == 1, found.stderr
    assert "Traceback (most recent call last)" not in found.stderr
    assert "No space left on device; trying again in 1 s" in found.stderr
    assert not list(small_disk.glob("out/trials/*/result.json"))
    mount("-o", "remount,size=10m", small_disk)
    found = command(*arguments)
    assert found.returncode == 0, found.stderr


def test_a_results_folder_that_cannot_be_written_can_be_read(suite, suite_file, tmp_path, read_only):
    folder = ResultsFolder(tmp_path / "out")
    folder.create()
    folder.write_suite(suite)
    folder.trial(suite.trials[0].id).write_result(Result(suite.trials[0].id, Outcome.DIVERGED, "too large"))
    read_only(folder.path)
    board = run("leaderboard", folder.path, "--format", "csv")
    assert board.exit_code == 0, board.output
    assert "too large" in board.output
    again = run("run", suite_file(SUITE), "--plugin", TOY, "--output", folder.path)
    assert str(again.exception) == f"{folder.path}: cannot write results there: Read-only file system"
    rebuilt = run("leaderboard", folder.path, "--rebuild")
    assert isinstance(rebuilt.exception, StorageError)
    assert str(rebuilt.exception).startswith(f"{folder.path}/scores.parquet: ")


@pytest.mark.skipif(sys.platform != "linux", reason="the place that nobody may write to is Linux's")
def test_a_place_where_nobody_may_write_is_the_users_mistake(suite_file):
    found = run("run", suite_file(SUITE), "--plugin", TOY, "--output", "/proc/results")
    assert "/proc/results: cannot write results there" in str(found.exception)


def test_only_unfinished_files_of_our_own_are_removed_and_links_are_refused(suite, tmp_path):
    job = TrialJob(suite.trials, str(tmp_path / "out"), suite.metrics, 0, plugins=[str(TOY)])
    folder = ResultsFolder(job.folder).trial(suite.trials[0].id)
    folder.path.mkdir(parents=True)
    ours = folder.path / f".model.safetensors.{'0' * 32}.part"
    foreign = [folder.path / name for name in (".bashrc", ".ipynb_checkpoints", ".notes.part")]
    for file in (ours, foreign[0], foreign[2]):
        file.write_text("")
    foreign[1].mkdir()
    do(job)
    assert not ours.exists()
    assert all(file.exists() for file in foreign)

    elsewhere = tmp_path / "home"
    folder.path.rename(elsewhere)
    folder.path.symlink_to(elsewhere)
    with pytest.raises(UserError, match="it is a link"), claim_trials(job, pytest.fail):
        pass
    folder.path.unlink()
    folder.path.mkdir()
    folder.log.symlink_to(elsewhere / ".bashrc")
    with pytest.raises(UserError, match=r"log\.txt: it is a link"), claim_trials(job, pytest.fail):
        pass
    (tmp_path / "out" / "comparisons").symlink_to(elsewhere)
    with pytest.raises(UserError, match=r"comparisons: it is a link"):
        ResultsFolder(job.folder).create()


def test_what_another_run_works_on_is_not_deleted(suite, tmp_path):
    job = TrialJob(suite.trials, str(tmp_path / "out"), suite.metrics, 0, plugins=[str(TOY)])
    folder = ResultsFolder(job.folder)
    do(job)
    with claim_trials(job, pytest.fail), pytest.raises(UserError, match="works on it; stop that run first"):
        folder.discard(suite.trials)
    assert folder.trial(suite.trials[0].id).result
    folder.discard(suite.trials)
    assert not folder.trial(suite.trials[0].id).path.exists()


def test_tables_of_another_suite_that_was_run_here_meanwhile_are_not_taken_for_ours(suite, tmp_path, manager):
    folder = ResultsFolder(tmp_path / "out")
    folder.create()
    other = replace(suite, title="Another", metrics=())
    folder.write_suite(suite)
    status = StudyStatus.read(suite, folder)
    folder.write_suite(other)  # By another run, before this one ends.
    write_tables(folder, status, manager)
    assert read_tables(folder, StudyStatus.read(suite, folder)) is not None
    assert read_tables(folder, StudyStatus.read(other, folder)) is None


def test_a_run_says_who_holds_what_it_waits_for(suite, tmp_path, manager, caplog):
    job = TrialJob(suite.trials, str(tmp_path / "out"), suite.metrics, 0, plugins=[str(TOY)])
    options = RunOptions(device="cpu", jobs=1)
    study = Study(suite, tmp_path / "out", manager, plan_run(suite, manager, options), options)
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    with claim_trials(job, pytest.fail), ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(study.run)
        while not caplog.messages and not waiting.done():
            time.sleep(0.02)
        study.stop()
        assert [trial.id for trial in waiting.result().pending] == [trial.id for trial in suite.trials]
    assert caplog.messages[0] == f"another run ({holder}) holds 1 of the trials that are left; waiting for it"
