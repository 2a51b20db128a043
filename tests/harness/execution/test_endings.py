"""Every end of a trial is recorded or told, whatever plugins, signals and observers do."""

import errno
import io
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, suppress
from pathlib import Path

import pytest
from prepared import PreparedServer
from strange import ended

from harness.cli import main
from harness.errors import StorageError
from harness.execution.plan import RunOptions
from harness.execution.study import run
from harness.results.folder import ResultsFolder
from support import TESTS

PLUGIN = (TESTS / "ending.py").read_text()

SUITE = """
seeds = {seeds}
[dataset]
name = "dots"
[training]
steps = 3
batch_size = 4
[[models]]
name = "ending"
config.how = "{how}"
[evaluation]
metrics = ["{metric}"]
selectors = {selectors}
"""


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "ending_plugin.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def suite(suite_file):
    def write(how="", metric="nought", seeds=1, selectors="[]"):
        return suite_file(SUITE.format(how=how, metric=metric, seeds=seeds, selectors=selectors))

    return write


def the_result(folder):
    (file,) = Path(folder).glob("trials/*/result.json")
    return ResultsFolder(folder).trial(file.parent.name).result


@pytest.mark.parametrize(
    ("how", "outcome", "reason"),
    [
        ("sys.exit", "failed", "SystemExit: 0"),
        ("os._exit", "crashed", "the process ended with code 0 before there was a result"),
    ],
)
def test_a_loss_that_ends_its_process_is_a_recorded_failure(command, suite, plugin, tmp_path, how, outcome, reason):
    found = command("run", suite(how), "--plugin", plugin, "--output", "out")
    assert found.returncode == 1, found.stderr
    assert the_result(tmp_path / "out").outcome == outcome
    assert reason in the_result(tmp_path / "out").reason


def test_a_metric_that_ends_the_process_is_a_recorded_failure(command, suite, plugin, tmp_path):
    found = command("run", suite(metric="quitting"), "--plugin", plugin, "--output", "out")
    assert found.returncode == 1, found.stderr
    assert "SystemExit" in found.stderr


@pytest.mark.parametrize("where", ["load", "images"])
def test_so_is_a_dataset_that_does(command, suite, plugin, tmp_path, where):
    found = command("run", suite(), "--plugin", plugin, "--output", "out", "--set", f"dataset.quits='{where}'")
    assert found.returncode == 1, found.stderr
    assert "SystemExit: 0" in the_result(tmp_path / "out").reason


@pytest.mark.parametrize("where", ["constructor", "data_files", "factors"])
def test_where_a_plugin_would_end_the_command_itself_a_line_says_so(suite, plugin, tmp_path, where):
    code, _, error = ended(
        *("run", suite(), "--plugin", plugin, "--output", tmp_path / "out", "--set", f"dataset.quits='{where}'")
    )
    assert code == 1
    assert f"harness: {plugin}, line " in error
    assert "ends the process (SystemExit: 0), which nothing in a plugin may do" in error


@pytest.mark.parametrize("wanted", ["", "1"])
def test_where_a_message_comes_from_is_shown_if_that_is_wanted(suite, plugin, tmp_path, monkeypatch, wanted):
    monkeypatch.setenv("HARNESS_TRACEBACK", wanted)
    command = ["harness", "run", str(suite()), "--plugin", str(plugin), "--set", "dataset.quits='not there'"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as end, redirect_stderr(io.StringIO()) as error:
        main()
    assert end.value.code == 1
    told = error.getvalue().splitlines()
    assert told[-1].startswith("harness: not there: No such file or directory")
    assert told[-1].endswith(" (HARNESS_TRACEBACK=1 shows where this was met)") is not bool(wanted)
    assert any("ending_plugin.py" in line and "in end" in line for line in told) is bool(wanted)


def test_a_selector_that_ends_the_process_costs_no_other_selectors_comparison(command, suite, plugin, tmp_path):
    selectors = '["size", {name = "size", how = "os._exit"}, {name = "size", how = "SIGKILL"}, "random"]'
    found = command("run", suite(seeds=2, selectors=selectors), "--plugin", plugin, "--output", "out")
    assert found.returncode == 1, found.stderr
    told = [line for line in found.stderr.splitlines() if line.startswith("failed: ")]
    assert len(told) == 2
    assert told[0].startswith("failed: size how=os._exit: the process ended with code 0 before there was a result")
    assert told[1].startswith("failed: size how=SIGKILL: the process was ended by SIGKILL")
    assert "random" in found.stdout


def test_a_worker_that_is_terminated_every_time_leaves_a_line_and_code_1(command, suite, plugin):
    found = command("run", suite("SIGTERM"), "--plugin", plugin, "--output", "out")
    assert found.returncode == 1, found.stderr
    assert "not done: ending seed=0" in found.stderr


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("file", "dots: there is no file data.bin"),
        (
            "opened",
            "dataset dots cannot be loaded: FileNotFoundError: [Errno 2] No such file or directory: 'data.bin'",
        ),
    ],
)
def test_a_mistake_about_data_is_one_line_and_is_tried_again_when_it_is_mended(
    command, suite, plugin, tmp_path, setting, line
):
    arguments = ["run", suite(seeds=2), "--plugin", plugin, "--output", "out", "--set", f"dataset.{setting}='data.bin'"]
    found = command(*arguments)
    assert found.returncode == 2, found.stderr
    assert found.stderr.splitlines() == [f"harness: {line}"]
    assert not list(tmp_path.glob("out/trials/*/result.json"))
    (tmp_path / "data.bin").write_text("")
    found = command(*arguments)
    assert found.returncode == 0, found.stderr


def test_a_process_that_a_model_leaves_behind_holds_up_nothing(command, suite, plugin, tmp_path):
    for _ in range(2):  # The second would wait for the first one's lease.
        found = command("run", suite("child"), "--plugin", plugin, "--output", "out", "--fresh")
        assert found.returncode == 0, found.stderr
    for child in (tmp_path / "children").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


def test_a_worker_that_is_deaf_to_its_parents_death_ends_with_it(suite, plugin, tmp_path, command):
    arguments = [sys.executable, "-m", "harness", "run", suite("deaf", seeds=2), "--plugin", plugin, "--output", "out"]
    victim = subprocess.Popen(
        list(map(str, arguments)), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/trials/*/trial.json")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    heir = command("run", suite("", seeds=2), "--plugin", plugin, "--output", "out")
    assert heir.returncode == 0, heir.stderr
    assert "another run" not in heir.stderr


def test_an_observer_that_ends_the_process_is_told_and_changes_nothing(suite, plugin, tmp_path, caplog):
    plugin.write_text(PLUGIN + "\n@harness.hookimpl\ndef harness_trial_started(trial):\n    sys.exit(0)\n")
    summary = run(suite(), tmp_path / "out", options=RunOptions(device="cpu"), plugins=[plugin])
    assert not summary.failures
    assert not summary.pending
    assert any("harness_trial_started failed: SystemExit" in line for line in caplog.messages)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="it takes a device that is always full")
@pytest.mark.parametrize("shell", ["{} | head -c 1", "{} > /dev/full", "{} >&-"])
def test_a_run_goes_on_where_its_output_cannot_be_written(suite, plugin, tmp_path, shell):
    command = f"{sys.executable} -m harness run {suite()} --plugin {plugin} --output out"
    found = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.format(command)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "Traceback" not in found.stderr
    assert found.returncode == 0, found.stderr
    assert the_result(tmp_path / "out").outcome == "finished"


def test_where_there_are_too_few_open_files_a_line_says_so(suite, plugin, tmp_path):
    # Python itself needs more than a worker: the limit is set when the first one is started.
    limited = (
        "import resource, sys; from pathlib import Path\n"
        "from harness import RunOptions, run\n"
        "from harness.execution import process\n"
        "before = process.Worker._start\n"
        "def start(self, *arguments):\n"
        "    import os; used = len(os.listdir('/proc/self/fd'))\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (used, used))\n"
        "    return before(self, *arguments)\n"
        "process.Worker._start = start\n"
        f"run({str(suite())!r}, 'out', options=RunOptions(device='cpu', patience=0), plugins=[Path({str(plugin)!r})])\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", limited], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert "Too many open files" in found.stderr.splitlines()[-1]
    assert "StorageError" in found.stderr.splitlines()[-1]
    assert not list(tmp_path.glob("out/trials/*/result.json"))


def refuse_threads(monkeypatch, *, but=()):
    """Let no thread be started, as a limit on processes does, but of functions of these names."""
    start = threading.Thread.start

    def refuse(thread):
        if getattr(thread._target, "__name__", "") not in but:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_where_there_are_too_few_threads_trials_run_one_by_one(suite, plugin, tmp_path, monkeypatch, caplog):
    path = suite(seeds=2)
    refuse_threads(monkeypatch, but=["_talk"])  # Those that listen to workers there are, not those that mind them.
    found = run(path, tmp_path / "out", options=RunOptions(device="cpu", jobs=2, patience=0), plugins=[plugin])
    assert not found.pending
    assert "there are too many processes and threads (`ulimit -u`); trials run one by one" in caplog.messages


def test_where_there_is_no_thread_a_run_can_be_continued(suite, plugin, tmp_path, monkeypatch):
    arguments = {"options": RunOptions(device="cpu", patience=0), "plugins": [plugin]}
    with monkeypatch.context() as patched:
        refuse_threads(patched)
        with pytest.raises(StorageError, match="a thread cannot be started: too many processes and threads"):
            run(suite(), tmp_path / "out", **arguments)
    assert not list(tmp_path.glob("out/trials/*/result.json"))
    assert not run(suite(), tmp_path / "out", **arguments).pending


def test_where_there_are_too_many_processes_a_run_can_be_continued(suite, plugin, tmp_path, monkeypatch):
    def none(*arguments, **settings):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    arguments = {"options": RunOptions(device="cpu", patience=0), "plugins": [plugin]}
    with monkeypatch.context() as patched:
        patched.setattr(PreparedServer, "fork", lambda *_: None)
        patched.setattr(subprocess, "Popen", none)
        with pytest.raises(StorageError, match="a worker process cannot be started: Resource temporarily unavailable"):
            run(suite(seeds=2), tmp_path / "out", **arguments)
    assert not list(tmp_path.glob("out/trials/*/result.json"))
