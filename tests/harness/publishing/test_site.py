"""A published study: a site that holds all of it, and its repository on a stand-in of the Hugging Face Hub."""

import signal
import subprocess
import sys
import tomllib
from functools import partial

import pandas as pd
import pytest
import yaml

import harness
from harness.errors import StorageError, UserError
from harness.publishing.hub import upload
from harness.publishing.site import site_files, write_site
from harness.results.folder import ResultsFolder
from harness.suite.suite import load_suite
from harness.suite.written import suite_toml
from harness.summary.versions import version_notes
from support import ROOT, TOY


@pytest.fixture(scope="module")
def site(study, manager, tmp_path_factory):
    output = tmp_path_factory.mktemp("site")
    write_site(study, output, manager, authors=["Ada"], which="none")
    return output


def test_a_site_is_complete_and_read_as_results_are(site, study, manager):
    names = {file.name for file in site.iterdir()}
    assert {"index.html", "README.md", "CITATION.cff", "suite.toml", "scores.parquet", "leaderboard.parquet"} <= names
    pd.testing.assert_frame_equal(harness.Results(site).leaderboard, harness.Results(study.path).leaderboard)
    again = {file.name: file.read_bytes() for file in site.iterdir() if file.suffix in (".parquet", ".toml")}
    (site / "scores.parquet").unlink()  # As if it had been killed.
    write_site(study, site, manager, authors=["Ada"], which="none")
    assert {name: (site / name).read_bytes() for name in again} == again


def test_nothing_of_an_earlier_site_is_left_in_one_of_other_results(synthetic, manager, tmp_path):
    site = tmp_path / "site"
    (site / "index-pictures").mkdir(parents=True)
    for name in ("selections.parquet", "selector_scores.parquet", "index-pictures/00000.webp", "notes.txt"):
        (site / name).write_bytes(b"earlier")
    write_site(synthetic(1), site, manager, which="none")
    assert {str(file.relative_to(site)) for file in site.rglob("*") if file.is_file()} == {
        *("README.md", "CITATION.cff", "suite.toml", "index.html", "scores.parquet", "leaderboard.parquet"),
        "notes.txt",
    }


def test_the_suite_of_a_site_makes_the_same_trials(site, study, registry):
    suite = load_suite(site / "suite.toml", registry)
    assert {trial.id for trial in suite.trials} == {trial.id for trial in study.suite.trials}
    assert [metric.key for metric in suite.metrics] == [metric.key for metric in study.suite.metrics]


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "suites").rglob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_suite_written_out_makes_the_same_trials(path, registry, tmp_path):
    suite = load_suite(path, registry)
    (tmp_path / "suite.toml").write_text(suite_toml(suite, registry))
    assert {trial.id for trial in load_suite(tmp_path / "suite.toml", registry).trials} == {
        trial.id for trial in suite.trials
    }


def test_the_card_says_how_the_study_was_made(site, study):
    text = (site / "README.md").read_text()
    _, head, body = text.split("---\n", 2)
    facts = yaml.safe_load(head)
    assert facts["pretty_name"] == study.suite.title
    assert {each["data_files"] for each in facts["configs"]} <= {file.name for file in site.iterdir()}
    made = study.trial(study.suite.trials[0].id).result.provenance
    assert "harness run suite.toml" in body
    assert f"| 6 | version of torch: {made['torch']} |" in body
    assert f"| 6 | CPU threads: {made['threads']} |" in body
    board = pd.read_parquet(site / "leaderboard.parquet")
    assert body.count("\n| linear |") == len(board[board["model"] == "linear"])
    citation = yaml.safe_load((site / "CITATION.cff").read_text())
    assert citation["authors"] == [{"name": "Ada"}]
    assert citation["title"] == study.suite.title
    assert tomllib.loads((site / "suite.toml").read_text())["title"] == study.suite.title


def test_results_are_not_published_into_results_nor_before_there_are_any(
    study, manager, registry, suite_file, tmp_path
):
    with pytest.raises(UserError, match="it holds results; publish into a folder of its own"):
        write_site(study, study.path, manager)
    suite = load_suite(suite_file('[dataset]\nname = "bars"\n[[models]]\nname = "linear"\n'), manager.registry)
    empty = ResultsFolder(tmp_path / "empty")
    empty.create()
    empty.write_suite(suite)
    with pytest.raises(UserError, match="no trial has ended; there is nothing to publish"):
        write_site(empty, tmp_path / "site", manager)


def test_a_site_becomes_a_repository_and_only_its_own_files_do(site, hub):
    (site / "notes.txt").write_text("mine")
    address = upload(site, "me/study", list(site_files()), kind="dataset", private=True)
    assert address == f"{hub.address}/datasets/me/study"
    assert hub.made[0]["type"] == "dataset"
    assert hub.made[0]["visibility"] == "private"
    expected = {file.name: file.read_bytes() for file in site.iterdir() if file.name != "notes.txt"}
    assert hub.repositories["datasets/me/study"] == expected


def test_an_upload_that_broke_off_is_completed_by_the_next_one(site, hub):
    hub.refuse = 403
    with pytest.raises(UserError, match=r"--hub me/study: HfHubHTTPError: .*403"):
        upload(site, "me/study", list(site_files()), kind="dataset", private=False)
    assert hub.repositories == {"datasets/me/study": {}}
    upload(site, "me/study", list(site_files()), kind="dataset", private=False)
    assert hub.commits == 1
    assert "index.html" in hub.repositories["datasets/me/study"]


def test_what_the_hub_does_not_take_is_told_in_a_line(site, hub, monkeypatch):
    with pytest.raises(UserError, match=r"--hub me/stu dy: HFValidationError"):
        upload(site, "me/stu dy", ["README.md"], kind="dataset", private=False)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError, match=r"--hub me/study: .*401"):
        upload(site, "me/study", ["README.md"], kind="dataset", private=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"http://127\.0\.0\.1:9/datasets/me/study: "):
        upload(site, "me/study", ["README.md"], kind="dataset", private=False)


def test_a_publication_that_is_killed_while_it_uploads_is_completed_by_the_next_one(study, hub, tmp_path):
    arguments = ["publish", study.path, "--plugin", TOY, "--output", "site", "--pictures", "none", "--hub", "me/study"]
    command, run = [sys.executable, "-m", "harness", *map(str, arguments)], partial(subprocess.run, timeout=120)
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    hub.before_commit = process.kill
    assert process.wait(120) == -signal.SIGKILL
    hub.before_commit = lambda: None
    assert run(command, cwd=tmp_path, stdout=subprocess.DEVNULL, check=False).returncode == 0
    written = {str(file.relative_to(tmp_path / "site")) for file in (tmp_path / "site").rglob("*") if file.is_file()}
    assert set(hub.repositories["datasets/me/study"]) == written


def test_a_wrong_repository_is_told_of_before_anything_is_written(study, command, tmp_path):
    for name in ("publish", "export"):
        told = command(name, study.path, "--plugin", TOY, "--output", "out", "--hub", "me/my/study")
        assert told.returncode == 2
        assert told.stderr.startswith("harness: --hub me/my/study: HFValidationError: ")
        assert not (tmp_path / "out").exists()


def test_the_command_writes_the_site_and_uploads_it(study, hub, command, tmp_path):
    told = command(
        "publish", study.path, "--plugin", TOY, "--output", "site", "--pictures", "none", "--hub", "me/study"
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == f"{hub.address}/datasets/me/study"
    assert "names no author" in told.stderr
    assert hub.repositories["datasets/me/study"]["README.md"] == (tmp_path / "site/README.md").read_bytes()


def test_versions_that_stand_side_by_side_are_told(site):
    scores = pd.read_parquet(site / "scores.parquet")
    assert list(version_notes(scores)) == []
    scores.loc[scores["seed"] == 1, "torch_version"] = "9.9"
    (note,) = version_notes(scores)
    assert "several versions of torch stand side by side" in note
    assert "9.9 (3 trials)" in note
