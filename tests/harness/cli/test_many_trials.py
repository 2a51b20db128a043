"""Studies of ten thousand trials; `tests/benchmarks/test_results.py` says how long they take."""

import os
import subprocess
import sys

import pytest

from support import TOY

MOST_KIB = 1 << 20
"""A GiB of memory."""


def harness(*arguments):
    """Run a command in a process of its own; returns what it printed and its peak memory, KiB."""
    command = [sys.executable, "-m", "harness", *map(str, arguments)]
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "CUDA_VISIBLE_DEVICES": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return output, usage.ru_maxrss


@pytest.mark.slow
def test_ten_thousand_trials_take_less_than_a_gibibyte(recorded_study, registry, tmp_path):
    path, results = recorded_study(tmp_path, 10_000, registry)
    new, memory = harness("leaderboard", results.path, "--format", "csv")
    assert len(new.splitlines()) == 1 + 1_000 * 4
    assert memory < MOST_KIB
    run, memory = harness("run", path, "--plugin", TOY, "--output", results.path)
    assert "All 10000 trials are done already; nothing to do." in run
    assert memory < MOST_KIB
    stored, memory = harness("leaderboard", results.path, "--format", "csv")
    assert stored == new
    assert memory < MOST_KIB
