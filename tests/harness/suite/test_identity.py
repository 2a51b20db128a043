"""A trial's identity holds all that decides its numbers: the files that settings name, the data, the plugins' code."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from harness import UserError
from harness.data import digests
from harness.data.digests import content_digest
from harness.data.files import state
from harness.execution.protocol import TrialJob
from harness.execution.worker.trials import run_trials
from harness.plugins.manager import PluginManager
from harness.plugins.versions import built_in_version
from harness.results.folder import ResultsFolder
from harness.results.result import Outcome
from harness.suite.resolve import check_unchanged, resolve_choice
from harness.suite.suite import load_suite
from harness.suite.trial import Trial, score_key
from support import StopAfter

PLUGIN = '''
from pathlib import Path

import numpy as np
import torch

import harness
from harness import Field, FilePath, ImageSpec, Settings
from harness.data import data_root

from toy import Bars, Linear, Spread


@harness.hookimpl
def harness_register_models(register):
    register("pretrained", Pretrained, "begins with given weights")


@harness.hookimpl
def harness_register_datasets(register):
    register("brightness-file", Dimmed, "bars of a brightness that a file holds")


@harness.hookimpl
def harness_register_metrics(register):
    register("measured", Measured, "spread in units that a file holds")


class Pretrained(Linear):
    class Config(Linear.Config):
        weights: FilePath = Field(description="where to begin")
        more: tuple[FilePath, ...] = Field((), description="other files")


class Dimmed(Bars):
    """Bars."""

    @property
    def file(self):
        return data_root() / "brightness.npy"

    def data_files(self):
        if not self.file.exists():
            raise harness.UserError(f"{self.file}: there is no such file")
        return [self.file]

    def load(self, device="cpu"):
        super().load(device)
        self.brightness = float(np.load(self.data_files()[0]))

    def images(self, indices):
        return super().images(indices) * self.brightness


class Measured(Spread):
    class Config(Settings):
        unit: FilePath = Field(description="the unit")
'''

SUITE = """
[dataset]
name = "brightness-file"
[training]
steps = 4
batch_size = 8
[[models]]
name = "pretrained"
config.weights = "weights.bin"
[evaluation]
metrics = [{name = "measured", unit = "unit.txt"}]
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with a suite, the files that it names, its data and its plugin."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "brightness.npy", 0.5)
    (tmp_path / "weights.bin").write_bytes(b"one")
    (tmp_path / "unit.txt").write_text("1")
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "study.toml").write_text(SUITE)
    return tmp_path


def loaded(folder, *overrides):
    """The suite's one trial, and the key of its one score."""
    suite = load_suite(folder / "study.toml", PluginManager([folder / "plugin.py"]).registry, overrides)
    return suite.trials[0], score_key(suite.metrics[0], 0)


def replaced(file, content):
    """Other content of the same size and, as `cp -p` leaves it, of the same time."""
    before = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("file", ["weights.bin", "data/brightness.npy"])
def test_other_content_of_a_file_is_another_trial(study, file):
    trial, key = loaded(study)
    content = bytearray((study / file).read_bytes())
    content[-1] ^= 1
    replaced(study / file, bytes(content))
    other, same_key = loaded(study)
    assert other.id != trial.id
    assert same_key == key


def test_other_content_of_a_metrics_file_is_another_score_of_the_same_trial(study):
    trial, key = loaded(study)
    (study / "unit.txt").write_text("2")
    same, other_key = loaded(study)
    assert other_key != key
    assert same.id == trial.id


def test_the_weights_that_a_built_in_metric_sees_through_are_part_of_its_scores(registry, tmp_path):
    keys = set()
    for content in ("1", "2", "1"):
        (tmp_path / "inception.pth").write_text(content)
        settings = {"features": "imagenet", "weights": str(tmp_path / "inception.pth")}
        keys.add(score_key(resolve_choice(registry, "metrics", "fid", settings, "metrics[0]"), 0))
    assert len(keys) == 2


def test_the_same_content_elsewhere_is_the_same_trial_and_the_path_stays_readable(study, tmp_path_factory, monkeypatch):
    trial, key = loaded(study)
    assert trial.model.config["weights"] == str(study / "weights.bin")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "moved"
    study.rename(elsewhere)
    monkeypatch.setenv("HARNESS_DATA", str(elsewhere / "data"))
    moved, moved_key = loaded(elsewhere)
    assert moved.model.config["weights"] == str(elsewhere / "weights.bin")
    assert (moved.id, moved_key) == (trial.id, key)


def test_a_trial_with_files_is_read_as_it_was_written(study):
    trial, _ = loaded(study, "models.pretrained.config.more=['unit.txt', 'weights.bin']")
    found = Trial.from_json(json.loads(json.dumps(trial.to_json())))
    assert found == trial
    assert found.id == trial.id
    assert set(found.model.files) == {str(study / "weights.bin"), str(study / "unit.txt")}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("models.pretrained.config.weights=no.bin", r"models\[0\]\.config\.weights: .*no\.bin: No such file"),
        ("models.pretrained.config.more=['weights.bin', 'no.bin']", r"models\[0\]\.config\.more\[1\]: .*no\.bin"),
        ("models.pretrained.config.weights=data", r"models\[0\]\.config\.weights: .*data: Is a directory"),
        ("models.pretrained.config.weights=5", r"models\[0\]\.config\.weights: got 5, expected a valid string"),
    ],
)
def test_a_file_that_is_missing_or_none_is_refused_before_anything_trains(study, override, message):
    with pytest.raises(UserError, match=message):
        loaded(study, override)


def test_a_suite_is_read_where_the_data_are_not(study):
    with_data, _ = loaded(study)
    (study / "data" / "brightness.npy").unlink()
    without, _ = loaded(study)
    assert without.dataset.data == ""
    assert without.id != with_data.id


def test_a_digest_is_kept_until_the_file_is_replaced_even_by_one_of_equal_size_and_time(study, monkeypatch):
    monkeypatch.setattr(digests, "FRESH_SECONDS", -60)  # Kept at once.
    file = study / "weights.bin"
    digest = content_digest([file])
    (kept,) = (study / "data" / "cache" / "digests").iterdir()
    kept.write_text("kept")
    assert content_digest([file]) == "kept"
    before = state(file)
    while state(file) == before:  # The clock of files has ticks of some milliseconds.
        replaced(file, b"two")
    assert content_digest([file]) not in {"kept", digest}


def test_the_order_and_the_names_of_files_are_part_of_their_digest(tmp_path):
    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.write_text(file.name)
    digest = content_digest(files)
    files[2].rename(tmp_path / "d")
    assert content_digest([*files[:2], tmp_path / "d"]) != digest
    assert content_digest([tmp_path / "d", *files[:2]]) != content_digest([*files[:2], tmp_path / "d"])


@pytest.mark.parametrize(
    ("file", "kind", "message"),
    [
        ("weights.bin", "models", r"pretrained: .*weights\.bin has been replaced since the run began"),
        ("data/brightness.npy", "datasets", "brightness-file: the dataset's files have been replaced"),
        ("plugin.py", "models", r"pretrained: its plugin .*plugin\.py is not the one that the run began with"),
    ],
)
def test_a_worker_refuses_what_is_no_longer_what_its_job_says(study, file, kind, message):
    trial, _ = loaded(study)
    choice = {"models": trial.model, "datasets": trial.dataset}[kind]
    check_unchanged(PluginManager([study / "plugin.py"]).registry, kind, choice)
    (study / file).write_bytes((study / file).read_bytes() + b"\n#")
    with pytest.raises(UserError, match=message):
        check_unchanged(PluginManager([study / "plugin.py"]).registry, kind, choice)


def job_of(folder):
    """What a run asks its worker to do now."""
    suite = load_suite(folder / "study.toml", PluginManager([folder / "plugin.py"]).registry)
    return TrialJob(suite.trials, str(folder / "out"), suite.metrics, 0, plugins=[str(folder / "plugin.py")])


def do(job, steps=10_000):
    """Do a job in this process, or so many steps of it; returns the folder of its trial."""
    run_trials(job, lambda *_: None, StopAfter(steps))
    return ResultsFolder(job.folder).trial(job.trials[0].id)


def test_pictures_that_are_replaced_while_a_training_is_interrupted_are_not_trained_on(study):
    interrupted = job_of(study)
    begun = do(interrupted, steps=1)
    assert begun.checkpoint.exists()
    np.save(study / "data" / "brightness.npy", 0.25)
    with pytest.raises(UserError, match="the dataset's files have been replaced since the run began"):
        do(interrupted)
    assert begun.result is None
    again = job_of(study)
    ended = do(again)
    assert ended.path != begun.path, "what was begun on other pictures is not continued"
    assert ended.result.outcome is Outcome.FINISHED
    assert ended.result.provenance["data"] == again.trials[0].dataset.data


def test_a_plugin_that_is_edited_while_a_run_goes_on_trains_nothing_under_the_old_name(study):
    job = job_of(study)
    (study / "plugin.py").write_text(PLUGIN + "# edited")
    with pytest.raises(UserError, match=r"is not the one that the run began with .* run it again"):
        do(job)
    assert ResultsFolder(job.folder).trial(job.trials[0].id).result is None
    assert job_of(study).trials[0].id != job.trials[0].id


def test_editing_one_built_in_plugin_leaves_the_versions_of_others(tmp_path, monkeypatch):
    from shutil import copytree

    root = Path(__file__).parents[3] / "plugins"
    for package in ("harness_gans", "harness_vaes"):
        copytree(root / package, tmp_path / package)
    monkeypatch.setattr("sys.path", [str(tmp_path), *os.sys.path])
    for package in ("harness_gans", "harness_vaes"):
        monkeypatch.delitem(os.sys.modules, package, raising=False)
    before = {package: built_in_version(package) for package in ("harness_gans", "harness_vaes")}
    (tmp_path / "harness_gans" / "dcgan.py").write_text("# edited")
    assert built_in_version("harness_gans") != before["harness_gans"]
    assert built_in_version("harness_vaes") == before["harness_vaes"]


@pytest.mark.parametrize(
    ("kind", "name", "package"),
    [("models", "vae", "harness_vaes"), ("models", "dcgan", "harness_gans"), ("metrics", "mig", "harness_metrics")],
)
def test_builtin_choices_carry_the_version_of_their_package(registry, kind, name, package):
    assert resolve_choice(registry, kind, name, {}, "").version == built_in_version(package)
