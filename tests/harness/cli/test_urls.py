"""Studies whose results are on an S3 server, here moto's."""

import json
import socket
from pathlib import Path
from threading import Timer

import pytest
import s3fs
import torch
from click.testing import CliRunner
from strange import ended

import harness
from harness.cli import cli
from harness.errors import StorageError
from harness.execution.protocol import StopRequest, TrialJob
from harness.execution.worker.trials import run_trials
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome
from harness.results.status import StudyStatus
from harness.storage.atomic import exists
from harness.storage.location import location
from harness.storage.tensors import load_tensors
from harness.suite.suite import load_suite
from support import TOY, StopAfter, bars_suite

SUITE = bars_suite(steps=30, title="Far away")


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def suite(suite_file, registry):
    return load_suite(suite_file(SUITE), registry)


def test_a_study_runs_resumes_and_is_read_at_a_url(s3, suite, suite_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["run", suite_file(SUITE), "--plugin", TOY, "--output", s3]
    first = run(*arguments)
    assert first.exit_code == 0, first.output
    folder = ResultsFolder(s3)
    files = {file.name for file in folder.trial(suite.trials[0].id).path.iterdir()}
    kept = {"model.safetensors", "checkpoint.safetensors", "history.parquet", "log.txt"}
    assert files == {"trial.json", "result.json", *kept}
    assert {trial.id: result.outcome for trial, result in folder.results(suite.trials)} == {
        trial.id: Outcome.FINISHED for trial in suite.trials
    }

    again = run(*arguments)
    assert again.exit_code == 0, again.output
    assert "All 2 trials are done already" in again.output

    board = run("leaderboard", s3, "--format", "json")
    assert json.loads(board.output)[0]["n"] == 2
    rebuilt = run("leaderboard", s3, "--format", "json", "--rebuild", "--plugin", TOY)
    assert rebuilt.output == board.output
    table = run("leaderboard", s3)
    assert "Far away" in table.output

    samples = run("samples", f"{s3}/linear seed=1", "--plugin", TOY, "--output", "drawn")
    assert samples.exit_code == 0, samples.output
    assert Path("drawn.png").stat().st_size
    page = run("report", s3, "--plugin", TOY, "--output", "page.html")
    assert page.exit_code == 0, page.output
    assert "Far away" in Path("page.html").read_text()

    results = harness.Results(s3, plugins=[TOY])
    assert results.settings == ["linear"]
    assert results.scores["score"].tolist() == [trial.scores["spread"] for trial in results.trials]
    assert results.leaderboard["mean"].tolist() == [json.loads(board.output)[0]["mean"]]
    best = results.best("spread")
    assert results.trial("linear seed=1").id == results.trials[1].id
    assert best.history()["step"].iloc[-1] == 30
    assert best.model().encode(best.dataset().images(torch.arange(3))).shape == (3, 3)

    assert not StudyStatus.read(suite, folder).pending
    folder.discard(suite.trials)
    assert len(StudyStatus.read(suite, folder).pending) == 2


def test_a_trial_continues_from_its_checkpoint_at_a_url_to_the_same_numbers(s3, suite, tmp_path):
    ends = []
    for place in (s3, str(tmp_path / "disk")):
        job = TrialJob(suite.trials[:1], place, suite.metrics, 0, plugins=[str(TOY)])
        folder = ResultsFolder(place).trial(suite.trials[0].id)
        for _ in range(2):
            run_trials(job, lambda *_: None, StopAfter(10))
        assert load_tensors(folder.checkpoint)[1]["step"] == 20
        assert load_tensors(folder.previous_checkpoint)[1]["step"] == 10
        run_trials(job, lambda *_: None, StopRequest())
        assert not folder.previous_checkpoint.exists()
        ends.append(folder.result.scores[0].score)
    assert ends[0] == ends[1]


def test_what_only_one_process_can_see_is_refused(suite_file):
    found = run("run", suite_file(SUITE), "--plugin", TOY, "--output", "memory://study")
    assert "memory://study: trials run in processes of their own" in str(found.exception)


@pytest.mark.parametrize("command", ["run", "leaderboard", "select", "report", "samples"])
def test_a_bucket_that_is_not_there_is_named(s3, suite_file, command):
    place = s3.replace("bucket", "nowhere")
    extra = {"run": [suite_file(SUITE), "--output", place], "samples": [f"{place}/linear"]}
    found = run(command, *extra.get(command, [place]), "--plugin", TOY)
    assert place in str(found.exception), found.output
    assert type(found.exception).__name__ == "UserError"


@pytest.fixture
def server(monkeypatch):
    """An S3 server of its own, with a bucket; `stop` ends it, `start` begins it anew where it was."""
    from moto.server import ThreadedMotoServer

    class Server:
        port = 0

        def start(self):
            self.running = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
            self.running.start()
            self.port = self.running.get_host_and_port()[1]

        def stop(self):
            self.running.stop()

    server = Server()
    server.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}", "AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("other")
    yield server
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_store_that_takes_calls_and_never_answers_is_given_up(s3_server, monkeypatch):
    monkeypatch.setattr("harness.storage.location.SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        closing = Timer(20, silent.close)  # Whoever still waits then meets another error.
        closing.start()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for name, value in {**s3_server, "AWS_ENDPOINT_URL": address, "AWS_MAX_ATTEMPTS": "1"}.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(StorageError, match="Read timeout on endpoint URL"):
            exists(location("s3://other/study/suite.json"))
        closing.cancel()
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_store_out_of_reach_is_the_end_of_no_trial_and_of_every_command_in_a_line(
    server, suite, suite_file, tmp_path
):
    place = "s3://other/study"
    jobs = [TrialJob(suite.trials[:1], to, suite.metrics, 0, plugins=[str(TOY)]) for to in (place, str(tmp_path / "x"))]
    run_trials(jobs[0], lambda *_: None, StopAfter(10))
    server.stop()
    with pytest.raises(StorageError, match="Could not connect to the endpoint URL"):
        run_trials(jobs[0], lambda *_: None, StopRequest())
    arguments = ["run", suite_file(SUITE), "--output", place, "--patience", 1]
    for command in (arguments, *([name, place] for name in ("leaderboard", "select", "report", "samples", "compare"))):
        code, _, error = ended(*command, "--plugin", TOY) if command[0] != "compare" else ended(*command)
        lines = [line for line in error.splitlines() if "trying again in 1 s" not in line]
        assert (code, len(lines)) == (1, 1), error
        assert "Could not connect to the endpoint URL" in lines[0]
        assert ("trying again in 1 s" in error) == (command[0] == "run")
    server.start()
    ends = []
    for job in jobs:
        run_trials(job, lambda *_: None, StopRequest())
        ends.append(ResultsFolder(job.folder).trial(suite.trials[0].id).result)
    assert ends[0].outcome is Outcome.FINISHED
    assert ends[0].scores[0].score == ends[1].scores[0].score
