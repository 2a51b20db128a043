"""A recorded trial is done again, and whatever is different is found and told."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import UserError
from harness.execution.plan import RunOptions
from harness.execution.reproduction import Compared, Reproduction, reproduce
from harness.execution.study import run
from harness.results.folder import ResultsFolder
from harness.results.provenance import dependencies, git_commit, provenance
from harness.results.result import Outcome, Result
from harness.storage.tensors import load_tensors, save_tensors
from harness.suite.suite import load_suite
from harness.suite.trial import Choice
from support import TOY

SUITE = """
[dataset]
name = "bars"
[training]
steps = 20
batch_size = 16
[[models]]
name = "linear"
[[models]]
name = "linear"
label = "waiting"
config.size = 5
[evaluation]
metrics = ["spread", "mig", "broken"]
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory, manager):
    """A study with one trial done, by two threads, and one still to do."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "bars.toml").write_text(SUITE)
    suite = load_suite(folder / "bars.toml", manager.registry)
    options = RunOptions(device="cpu", jobs=1, threads=2)
    run(replace(suite, trials=suite.trials[:1]), folder / "out", options=options, plugins=manager)
    ResultsFolder(folder / "out").write_suite(suite)
    return folder / "out"


@pytest.fixture
def study(done, tmp_path):
    """A copy of it that a test may change."""
    return ResultsFolder(shutil.copytree(done, tmp_path / "out"))


def edit(folder, change):
    """Change a trial's recorded result."""
    file = folder.trial(folder.suite.trials[0].id).result_file
    data = json.loads(file.read_text())
    del data["sha256"]
    change(data)
    file.write_text(json.dumps(data))


def test_the_same_trial_gives_the_same_bits(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["harness", "reproduce", str(study.path / "linear seed=0"), "--plugin", str(TOY), "--output", "again"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr().out
    assert end.value.code == 0
    recorded, again = (ResultsFolder(Path(path)).trial(study.suite.trials[0].id).result for path in ("out", "again"))
    assert [score.score for score in again.scores] == [score.score for score in recorded.scores]
    assert again.provenance["threads"] == 2, "the order of sums depends on the number of threads"
    lines = [line.split() for line in told.splitlines()]
    assert ["spread", *2 * [f"{recorded.scores[0].score:.10g}"], "0"] in lines
    assert "RuntimeError: broken on purpose" in told
    assert "parameters: equal bit for bit" in told
    assert "linear seed=0 is reproduced." in told

    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "the trial is there already; choose another folder" in capsys.readouterr().err


def test_what_is_different_is_told(study, tmp_path, manager):
    def change(data):
        data["scores"][0]["score"] += 0.25
        data["provenance"] |= {"torch": "1.0", "threads": 1, "device_type": "cuda", "engine": "graph", "fleet": 8}

    edit(study, change)
    trial = study.suite.trials[0]
    older = replace(trial, model=replace(trial.model, version="0.0"))
    study.trial(trial.id).path.rename(study.trial(older.id).path)
    found = reproduce(study, older, manager, tmp_path / "again")
    assert found.scores[0].metric == "spread"
    assert found.scores[0].difference == pytest.approx(-0.25)
    assert found.scores[1].difference == pytest.approx(0, abs=1e-6)
    assert not found.equal()
    assert not found.equal(0.2499)
    assert found.equal(0.2501)
    assert found.changed["torch"][0] == "1.0"
    assert found.changed["engine"] == ("graph", "eager"), "there is no CUDA graph without a GPU"
    assert found.changed["fleet"] == (8, 1)
    assert found.changed["version of linear"][0] == "0.0"
    assert not {"threads", "numpy", "processor"} & set(found.changed)


def test_what_is_not_done_cannot_be_compared(study, tmp_path, manager):
    with pytest.raises(UserError, match=r"waiting seed=0: it is not done"):
        reproduce(study, study.suite.trials[1], manager, tmp_path / "again")


def test_trials_are_equal_if_they_end_alike_with_equal_scores():
    finished = Result("a", Outcome.FINISHED)
    scores = [Compared("mig", 0.5, 0.5), Compared("fid", None, None, "no generator", "no generator")]
    assert Reproduction(finished, finished, scores, 0.0, {}).equal()
    assert not Reproduction(finished, replace(finished, outcome=Outcome.DIVERGED), scores, None, {}).equal(1.0)
    for other in (
        Compared("sap", 0.5, 0.5 + 1e-12),
        Compared("sap", 0.5, None, "", "it diverged"),
        Compared("sap", None, 0.5),
        Compared("sap", None, None, "a", "b"),
    ):
        assert not Reproduction(finished, finished, [*scores, other], 0.0, {}).equal()
    assert Reproduction(finished, finished, [Compared("sap", 0.5, 0.5 + 1e-12)], 0.0, {}).equal(1e-11)


def test_a_metric_that_is_added_elsewhere_leaves_the_provenance_of_the_training(study, manager):
    suite = replace(study.suite, trials=study.suite.trials[:1])
    files = study.trial(suite.trials[0].id)
    tensors, meta = load_tensors(files.model)
    meta["provenance"]["device"] = "another machine"
    save_tensors(files.model, tensors, meta)
    more = replace(suite, metrics=(*suite.metrics, Choice("error", {}, suite.metrics[0].version)))
    run(more, study.path, options=RunOptions(device="cpu", jobs=1, threads=1), plugins=manager)
    result = files.result
    assert len(result.scores) == 4
    assert result.provenance["device"] == "another machine"


def test_provenance_holds_versions_hardware_and_placement():
    facts = provenance("cpu")
    needed = {"torch", "numpy", "scipy", "scikit-learn", "pyarrow", "safetensors"}
    assert needed <= set(dependencies()) <= set(facts)
    assert "pytest" not in facts, "extras change no number"
    assert all(facts[name] for name in [*needed, "disentanglement-harness", "python", "platform", "processor"])
    assert facts["device"] == facts["processor"]
    assert facts["device_type"] == "cpu"
    assert facts["cores"] >= 1
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize(
    "setting", ["core.fsmonitor", "filter.own.clean", "filter.own.process", "filter.a=b.clean", "core.pager"]
)
def test_a_strangers_checkout_runs_no_program(tmp_path, setting):
    def git(*arguments):
        own = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *own, "-C", tmp_path, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("a")
    (tmp_path / ".gitattributes").write_text(f"file filter={setting.split('.')[1]}\n")
    git("add", "file", ".gitattributes")
    git("commit", "-m", "A")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'seen'}\ncat\n")
    program.chmod(0o755)
    git("config", setting, str(program))
    (tmp_path / "file").write_text("b")
    assert git_commit(tmp_path).endswith("+")
    assert not (tmp_path / "seen").exists()


def test_a_commit_says_whether_there_are_changes(tmp_path):
    def git(*arguments):
        own = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        run = subprocess.run(["git", *own, "-C", tmp_path, *arguments], check=True, capture_output=True, text=True)
        return run.stdout.strip()

    git("init")
    assert git_commit(tmp_path) == ""
    (tmp_path / "file").write_text("a")
    git("add", "file")
    git("commit", "-m", "A")
    commit = git("rev-parse", "HEAD")[:12]
    assert git_commit(tmp_path) == commit
    (tmp_path / "file").write_text("b")
    assert git_commit(tmp_path) == f"{commit}+"
    assert git_commit(tmp_path / "nowhere") == ""
