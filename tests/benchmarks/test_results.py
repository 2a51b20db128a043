"""How long it takes to look through results, and with how much memory, from a thousand trials to a hundred thousand.

Every command runs in a process of its own, so that what it must import counts.
"""

import os
import subprocess
import sys

import pytest

from support import TOY


@pytest.fixture(scope="module", params=[1_000, 10_000, 100_000])
def study(request, recorded_study, registry, tmp_path_factory):
    """A suite and the results folder of so many trials, with tables."""
    path, results = recorded_study(tmp_path_factory.mktemp("study"), request.param, registry)
    harness("run", path, "--plugin", TOY, "--output", results.path)
    return path, results


def harness(*arguments):
    """Run a command; returns its peak memory, MiB."""
    command = [sys.executable, "-m", "harness", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


def measure(benchmark, *arguments):
    memory = benchmark.pedantic(harness, arguments, rounds=3)
    benchmark.extra_info["peak_mib"] = round(memory)


@pytest.mark.benchmark(group="leaderboard")
def test_leaderboard(benchmark, study):
    measure(benchmark, "leaderboard", study[1].path)


@pytest.mark.benchmark(group="leaderboard --rebuild")
def test_leaderboard_made_anew(benchmark, study):
    measure(benchmark, "leaderboard", study[1].path, "--rebuild", "--plugin", TOY)


@pytest.mark.benchmark(group="run with nothing left")
def test_run_with_nothing_left(benchmark, study):
    path, results = study
    measure(benchmark, "run", path, "--plugin", TOY, "--output", results.path)
