"""Runs in processes of their own that are killed, told to end, or stopped by Ctrl-C."""

import os
import pty
import random
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd

from support import TOY, bars_suite, score_values, wait_for

HANGING = """
[dataset]
name = "bars"
[training]
steps = 5
batch_size = 16
[[models]]
name = "linear"
[[models]]
name = "hanging"
[evaluation]
metrics = ["spread"]
"""

SLOW = bars_suite(steps=100, model="config.pause = 0.02", metrics=["spread", "error"])


def arguments(path, output):
    """A run that saves its state every few steps."""
    run = [sys.executable, "-P", "-m", "harness", "run", path, "--plugin", TOY, "--output", output]
    return [*map(str, run), "--checkpoint-seconds", "0.1"]


def start(tmp_path, path, output):
    return subprocess.Popen(
        arguments(path, output), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for_checkpoint(folder, run):
    wait_for(lambda: list(folder.glob("trials/*/checkpoint.safetensors")) or run.poll() is not None)


def descendants(pid):
    """The processes that a process has started, and those that they have."""
    children = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        children += map(int, (thread / "children").read_text().split())
    return children + [each for child in children for each in descendants(child)]


def terminate(run):
    """Have every process of a run told twice to end, as whoever shuts a machine down does."""
    everyone = [run.pid, *descendants(run.pid)]
    for _ in range(2):
        for each in everyone:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGTERM)
        time.sleep(0.3)


def test_a_killed_run_continues_to_the_same_numbers(command, suite_file, tmp_path, results):
    path = suite_file(SLOW)
    command("run", path, "--plugin", TOY, "--output", "straight")
    expected = score_values(results(tmp_path / "straight"))
    moments = random.Random(0)
    killed = 0
    for end in (terminate, subprocess.Popen.kill):
        run = start(tmp_path, path, "killed")
        wait_for_checkpoint(tmp_path / "killed", run)
        time.sleep(moments.uniform(0, 1))
        killed += run.poll() is None
        end(run)
        run.communicate()
        ended = results(tmp_path / "killed").values()
        assert {result["outcome"] for result in ended if result} <= {"finished"}
    assert killed, "no kill hit a running suite"
    last = command("run", path, "--plugin", TOY, "--output", "killed")
    assert last.returncode == 0, last.stderr
    assert score_values(results(tmp_path / "killed")) == expected
    histories = [pd.read_parquet(file) for file in (tmp_path / "killed").glob("trials/*/history.parquet")]
    assert all(history["step"].tolist() == list(range(1, 101)) for history in histories)


def in_a_terminal(arguments, folder, press):
    """What a program shows in a terminal of its own, and its exit code; `press` gives a key, or None."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv(arguments[0], arguments)
    shown = b""
    with suppress(OSError):  # How a terminal ends on Linux.
        while True:
            if (key := press()) is not None:
                os.write(terminal, key)
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65536)
    os.close(terminal)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_ctrl_c_in_a_terminal_is_seen_at_once_and_nothing_is_lost(command, suite_file, tmp_path, results):
    path = suite_file(SLOW)
    pressed = []

    def press():
        if not pressed and list(tmp_path.glob("out/trials/*/checkpoint.safetensors")):
            pressed.append(b"\x03")
            return pressed[0]
        return None

    shown, code = in_a_terminal(arguments(path, "out"), tmp_path, press)
    assert code == 130, shown
    # A part of the table that is drawn again and again, so that nothing overwrites it.
    assert "Stopping: running trials" in shown
    assert shown.rindex("Stopping: running trials") < shown.rindex(
        "2 of 2 trials are left. The same command continues."
    )
    assert "Traceback" not in shown
    last = command("run", path, "--plugin", TOY, "--output", "out")
    assert last.returncode == 0
    assert {result["outcome"] for result in results(tmp_path / "out").values()} == {"finished"}


def test_workers_end_when_their_parent_is_killed(suite_file, tmp_path):
    run = start(tmp_path, suite_file(HANGING), "out")
    wait_for(lambda: len(list((tmp_path / "out").glob("trials/*/result.json"))) == 1)
    workers = descendants(run.pid)
    assert workers
    run.send_signal(signal.SIGKILL)
    run.communicate()

    def alive(pid):
        try:
            return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False

    wait_for(lambda: not any(alive(pid) for pid in workers), seconds=10)
