import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from harness.plugins import PluginManager

# How long an example takes says nothing about whether it is right.
settings.register_profile("harness", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("harness")

TESTS = Path(__file__).parent
TOY = TESTS / "toy.py"


@pytest.fixture(scope="session")
def reference():
    """The folder of reference values."""
    return TESTS / "reference"


@pytest.fixture(scope="session")
def manager():
    """The built-in plugins and the toy plugin."""
    return PluginManager([TOY], blocked=["harness_linear"])


@pytest.fixture(scope="session")
def registry(manager):
    return manager.registry


@pytest.fixture
def suite_file(tmp_path):
    """Writes a suite with the given TOML and returns its path."""

    def write(text, name="study.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def run_command():
    """Runs the command line in a process of its own, as a person would."""

    def run(*arguments, cwd=None, timeout=300, env=None):
        return subprocess.run(
            [sys.executable, "-m", "harness", *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env={**os.environ, "PYTHONSAFEPATH": "1", "CUDA_VISIBLE_DEVICES": "", **(env or {})},
        )

    return run


@pytest.fixture
def command(run_command, tmp_path):
    """Runs the command line in an empty folder."""
    return partial(run_command, cwd=tmp_path)


@pytest.fixture
def results():
    """Reads every trial's result in a results folder, by the trial's title."""

    def read(folder):
        found = {}
        for file in sorted(Path(folder).glob("trials/*/trial.json")):
            trial = json.loads(file.read_text())
            swept = "".join(f" {name}={value}" for name, value in trial["swept"].items())
            result = file.with_name("result.json")
            found[f"{trial['label']}{swept} {trial['seed']}"] = (
                json.loads(result.read_text()) if result.exists() else None
            )
        return found

    return read
