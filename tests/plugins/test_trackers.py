"""What the services would show of a run that is tracked: TensorBoard; Weights & Biases, MLflow and Trackio in files."""

import json
import struct
import sys
from importlib import import_module

import numpy as np
import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

import harness
from harness.suite.suite import load_suite
from support import TOY, bars_suite

SUITE = bars_suite(steps=5)


@pytest.fixture(scope="module")
def tracked(run_command, tmp_path_factory):
    """The folder of a run that all of them watch."""
    folder = tmp_path_factory.mktemp("tracked")
    (folder / "study.toml").write_text(SUITE)
    services = {
        "WANDB_PROJECT": "studies",
        "WANDB_MODE": "offline",
        "MLFLOW_TRACKING_URI": f"{folder}/mlruns",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TRACKIO_PROJECT": "studies",
        "TRACKIO_DIR": f"{folder}/trackio",
    }
    options = ["--plugin", TOY, "--output", "out", "--jobs", 1, "--pictures"]
    run = run_command("run", "study.toml", *options, cwd=folder, env=services)
    assert run.returncode == 0, run.stderr
    assert "a plugin's" not in run.stderr
    assert "Trackio" not in run.stdout
    return folder


@pytest.fixture(scope="module")
def scores(tracked):
    """The score of each trial, by its identity."""
    return harness.Results(tracked / "out").scores.set_index("trial")["score"].to_dict()


def test_tensorboard_has_losses_scores_settings_and_pictures(tracked, scores):
    folders = {folder.name.split()[-1]: folder for folder in (tracked / "out/tensorboard").iterdir()}
    assert set(folders) == {*scores, "study"}
    for trial, score in scores.items():
        events = EventAccumulator(str(folders[trial])).Reload()
        assert "autoencoder/error" in events.Tags()["scalars"]
        (shown,) = events.Scalars("score/spread")
        assert shown.value == pytest.approx(score, rel=1e-6)
        assert shown.step == 5
        assert {"samples", "traversals"} <= set(events.Tags()["images"])
        assert "settings/text_summary" in events.Tags()["tensors"]
        (picture,) = events.Images("samples")
        assert (picture.width, picture.height) == (80, 32)
    study = EventAccumulator(str(folders["study"])).Reload()
    (text,) = study.Tensors("leaderboard/text_summary")
    assert b"| linear | {} | spread |" in text.tensor_proto.string_val[0]


BLOCK = 32768


def records(file):
    """What an offline run of Weights & Biases has written: a log of LevelDB's format, of messages of protobuf's."""
    data, place, message = file.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if BLOCK - place % BLOCK < 7:  # Too short for a part's head.
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        message += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # The whole, or the last part.
            record = Record()
            record.ParseFromString(message)
            yield record
            message = b""


def test_weights_and_biases_has_a_run_for_each_trial_and_one_for_the_tables(tracked, scores):
    runs = {file.parent.name.rpartition("-")[2]: file for file in (tracked / "out/wandb").glob("offline-run-*/*.wandb")}
    assert set(scores) < set(runs)
    assert len(runs) == len(scores) + 1
    for trial, score in scores.items():
        found = list(records(runs[trial]))
        (run,) = [record.run for record in found if record.HasField("run")]
        assert (run.project, run.run_group) == ("studies", "study")
        settings = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert settings["model.size"] == 3
        assert settings["training.steps"] == 5
        rows = [
            {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
            for record in found
            if record.HasField("history")
        ]
        logged = {name: value for row in rows for name, value in row.items()}
        assert json.loads(logged["score/spread"]) == pytest.approx(score)
        assert {"autoencoder/error", "images per second"} <= set(logged)
        pictures = {file.name.partition("_")[0] for file in runs[trial].parent.glob("files/media/images/*.png")}
        assert pictures == {"samples", "traversals"}
        (end,) = [record.exit for record in found if record.HasField("exit")]
        assert end.exit_code == 0
    (tables,) = [runs[name] for name in runs if name not in scores]
    (table,) = tables.parent.glob("files/media/table/leaderboard*.json")
    assert "linear" in table.read_text()


def test_mlflow_has_a_run_for_each_trial_and_one_for_the_tables(tracked, scores, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = MlflowClient(tracking_uri=f"{tracked}/mlruns")
    experiment = client.get_experiment_by_name("study")
    runs = {run.data.tags.get("harness.trial", "tables"): run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {*scores, "tables"}
    for trial, score in scores.items():
        found = runs[trial]
        assert found.info.status == "FINISHED"
        assert found.data.params["model.size"] == "3"
        assert found.data.metrics["score/spread"] == pytest.approx(score)
        assert "autoencoder/error" in found.data.metrics
        assert {file.path for file in client.list_artifacts(found.info.run_id)} == {"samples.png", "traversals.png"}
    names = {file.path for file in client.list_artifacts(runs["tables"].info.run_id)}
    assert {"leaderboard.csv", "scores.csv"} <= names


@pytest.fixture(scope="module")
def trackio_store(tracked):
    """Trackio's database, which is where TRACKIO_DIR was when the tracked run imported the package."""
    from trackio.sqlite_storage import SQLiteStorage

    return SQLiteStorage


def named(rows):
    """All values of rows, by their names."""
    return {name: value for row in rows for name, value in row.items()}


def test_trackio_has_a_run_for_each_trial_and_one_for_the_tables(tracked, scores, trackio_store):
    runs = {run.rpartition(" ")[2]: run for run in trackio_store.get_runs("studies")}
    assert set(runs) == {*scores, "tables"}
    for trial, score in scores.items():
        config = trackio_store.get_run_config("studies", runs[trial])
        assert (config["model.size"], config["training.steps"], config["_Group"]) == (3, 5, "study")
        logged = named(trackio_store.get_logs("studies", runs[trial]))
        assert logged["score/spread"] == pytest.approx(score)
        assert {"autoencoder/error", "images per second"} <= set(logged)
        assert logged["outcome"] == "finished"
        for name in ("samples", "traversals"):
            assert (tracked / "trackio/media" / logged[name]["file_path"]).is_file()
    (row,) = named(trackio_store.get_logs("studies", runs["tables"]))["leaderboard"]["_value"]
    assert (row["model"], row["metric"]) == ("linear", "spread")


def test_runs_of_trackio_stand_side_by_side_and_a_trial_that_goes_on_is_the_same_run(
    trackio_store, suite_file, registry
):
    tracker = import_module("harness_trackio.tracker").TrackioTracker("studies", "beside")
    one, two = load_suite(suite_file(SUITE.replace("steps = 5", "steps = 6")), registry).trials
    first, second = tracker.trial(one, {}), tracker.trial(two, {})
    first.write({"loss": 1.0}, 1)
    second.write({"loss": 2.0}, 1)
    first.close("interrupted")
    second.close("finished")
    again = tracker.trial(one, {})
    again.write({"loss": 3.0}, 2)
    again.close("finished")
    for trial, losses in ((one, [1.0, 3.0]), (two, [2.0])):
        logs = trackio_store.get_logs("studies", f"{trial.title} {trial.id}")
        assert [row["loss"] for row in logs if "loss" in row] == losses
    assert sum(one.id in run for run in trackio_store.get_runs("studies")) == 1


class Broken(harness.TrialTracker, harness.Tracker):
    """A service that is there at first."""

    calls = 0

    def trial(self, trial, settings):
        return self

    def write(self, numbers, step):
        self.calls += 1
        raise ConnectionError("the service is gone")

    def picture(self, name, pixels, step):
        raise AssertionError

    def tables(self, tables):
        raise AssertionError

    def close(self, outcome):
        raise AssertionError


def test_a_service_that_fails_is_told_of_once_and_left_alone(suite_file, registry, tmp_path):
    suite, service = load_suite(suite_file(SUITE), registry), Broken()
    tracking = harness.Tracking(lambda suite, folder: service)
    tracking.harness_suite_started(suite, tmp_path)
    progress = harness.Progress(1, 5, losses={"a/b": 1.0})
    with pytest.raises(ConnectionError):
        tracking.harness_trial_progress(suite.trials[0], progress)
    tracking.harness_trial_progress(suite.trials[0], progress)
    tracking.harness_trial_pictures(suite.trials[0], {"samples": np.zeros((2, 2, 3), dtype=np.uint8)})
    tracking.harness_trial_finished(suite.trials[0], harness.Result(suite.trials[0].id, harness.Outcome.FINISHED))
    tracking.harness_suite_finished({})
    assert service.calls == 1


@pytest.mark.parametrize(
    ("module", "variable", "package"),
    [
        ("harness_wandb", "WANDB_PROJECT", "wandb"),
        ("harness_mlflow", "MLFLOW_TRACKING_URI", "mlflow"),
        ("harness_trackio", "TRACKIO_PROJECT", "trackio"),
    ],
)
def test_a_service_that_is_asked_for_and_not_installed_is_named(
    monkeypatch, suite_file, registry, module, variable, package
):

    suite = load_suite(suite_file(SUITE), registry)
    plugin = import_module(module)
    plugin.harness_suite_started(suite=suite, folder=suite_file(SUITE).parent)  # Not asked for: nothing happens.
    monkeypatch.setenv(variable, "somewhere")
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"{module}.tracker", raising=False)
    with pytest.raises(harness.UserError, match=rf"{variable} is set, and .* is not installed; do: pip install '\.\["):
        plugin.harness_suite_started(suite=suite, folder=suite_file(SUITE).parent)
