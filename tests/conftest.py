import io
import json
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from harness.plugins.manager import PluginManager
from support import TESTS, TOY

pytest_plugins = ["painter", "prepared"]

# Commands print for a wide terminal, whatever the tests themselves run in.
os.environ["COLUMNS"] = "160"

# How long an example takes says nothing about whether it is right. Every run sees the same examples, so that a
# failure is a change's and not luck's; `pytest --hypothesis-profile=search` looks for others, and for more.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("harness", settings.get_profile("search"), derandomize=True, max_examples=30)
settings.load_profile("harness")


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
def run_process():
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


@dataclass
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def written_to(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


@pytest.fixture(scope="session")
def run_command():
    """Runs the command line in this process, where torch is loaded already; workers are processes of their own."""
    from harness.cli import main

    def run(*arguments, cwd=None, env=None):
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            before = dict(os.environ)
            os.environ.update({"CUDA_VISIBLE_DEVICES": "", **(env or {})})
            patch.setattr(sys, "argv", ["harness", *map(str, arguments)])
            if cwd:
                patch.chdir(cwd)
            try:
                main()
            except SystemExit as end:
                return Ended(end.code, written_to(out), written_to(err))
            finally:
                os.environ.clear()
                os.environ.update(before)
                # What it has told once is told again by the next command.
                logging.getLogger("harness").handlers.clear()

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


@pytest.fixture(scope="session")
def recorded_study():
    """Writes a suite of so many trials, ten of each setting, and the results folder that it would leave."""
    from harness.results.folder import ResultsFolder
    from harness.results.provenance import provenance
    from harness.results.result import Outcome, Result, ScoreRecord
    from harness.storage.checksum import BLANK, seal
    from harness.suite.suite import load_suite
    from harness.suite.trial import score_key

    def write(folder, trials, registry):
        noises = [number / 1000 for number in range(trials // 10)]
        path = folder / "study.toml"
        path.write_text(
            f'seeds = 10\n[dataset]\nname = "bars"\n[training]\nsteps = 10\n[[models]]\nname = "linear"\n'
            f'sweep.noise = {noises}\n[evaluation]\nmetrics = ["spread", "error", "mig", "modularity"]\n'
        )
        suite = load_suite(path, registry)
        results = ResultsFolder(folder / "out")
        results.create()
        results.write_suite(suite)
        where = provenance("cpu")

        def record(file, data):  # Without waiting for the disk, which the files of a real study have done one by one.
            file.write_bytes(seal(json.dumps({"schema_version": 1, "sha256": BLANK, **data}, indent=1).encode()))

        for number, trial in enumerate(suite.trials):
            scores = [
                ScoreRecord(
                    score_key(metric, 0), metric.name, dict(metric.config), "1", metric.name != "error", "ok",
                    score=(37 * number % 101) / 101, details={"per_code": [0.1, 0.2, 0.3]},
                )
                for metric in suite.metrics
            ]  # fmt: skip
            result = Result(
                trial.id,
                Outcome.FINISHED,
                seconds=1.0,
                finished_at="2026-01-01T00:00:00+00:00",
                scores=tuple(scores),
                provenance=where,
            )
            own = results.trial(trial.id)
            own.path.mkdir(parents=True)
            record(own.trial_file, trial.to_json())
            record(own.result_file, result.to_json())
        return path, results

    return write


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
