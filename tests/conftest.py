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


@pytest.fixture(scope="session")
def s3_server():
    """A local S3 server with a bucket; gives what must stand in the environment to reach it."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem().mkdir("bucket")
        yield environment
    server.stop()


@pytest.fixture
def s3(s3_server, request, monkeypatch):
    """The URL of an empty folder on the S3 server, which this process and those it starts can reach."""
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    return f"s3://bucket/{abs(hash(request.node.nodeid))}"


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
