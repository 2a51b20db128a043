"""A pool of models is read with NumPy and pandas alone, and holds what the harness knows of it."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import safetensors.torch
import torch
import yaml

import harness
from harness import UserError
from harness.publishing.pool import export_pool
from harness.results.folder import ResultsFolder
from harness.suite.suite import load_suite
from support import TOY

READER = """
import json, sys
from pathlib import Path
import numpy as np, pandas as pd

pool = Path(sys.argv[1])
images, models = np.load(pool / "images.npz"), pd.read_csv(pool / "models.csv")
facts = json.loads((pool / "pool.json").read_text())
spread = []
for name in models["id"]:
    codes = np.load(pool / "codes" / f"{name}.npz")["codes"]
    assert len(codes) == len(images["index"]) == len(images["factors"])
    spread.append(codes.std(axis=0).mean())
sign = 1 if facts["scores"]["score:spread"]["higher_is_better"] else -1
best = models["title"][int(np.argmax(np.array(spread)))]
print(json.dumps([best, dict(zip(models["id"], map(float, spread))), sorted(sys.modules)]))
"""
"""A selector of somebody else's, who has no harness: the largest spread of codes."""


@pytest.fixture(scope="module")
def pool(study, registry, tmp_path_factory):
    output = tmp_path_factory.mktemp("pool")
    written = export_pool(study, output, registry, images=10_000)
    assert (written.models, written.images, written.without) == (4, 64, [])
    assert {output / file for file in written.files} == {file for file in output.rglob("*") if file.is_file()}
    return output


def test_another_selector_reads_a_pool_without_this_package(pool, study):
    told = subprocess.run(
        [sys.executable, "-I", "-c", READER, pool], capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stderr
    best, spread, modules = json.loads(told.stdout)
    assert not {"torch", "harness"} & set(modules)
    scores = harness.Results(study.path).scores
    truth = scores[(scores["metric"] == "spread") & (scores["status"] == "ok")].set_index("trial")["score"]
    assert spread == pytest.approx(truth.to_dict(), rel=1e-5)
    (named,) = [trial.title for trial in study.suite.trials if trial.id == truth.idxmax()]
    assert best == named


def test_a_pool_holds_ground_truth_and_every_parameter(pool, study, registry, tmp_path):
    images = np.load(pool / "images.npz")
    assert list(images["names"]) == ["row", "column"]
    assert (images["factors"] @ np.array([8, 1]) == images["index"]).all()
    models = pd.read_csv(pool / "models.csv", keep_default_na=False)
    assert [json.loads(each)["size"] for each in models["hyperparameters"]] == [2, 2, 3, 3]
    export_pool(study, tmp_path, registry, images=1, weights="npz")
    for row in models.to_dict("records"):
        state = harness.Results(study.path, [TOY]).trial(row["id"]).model().model.state_dict()
        for weights in (
            safetensors.numpy.load_file(pool / "weights" / f"{row['id']}.safetensors"),
            dict(np.load(tmp_path / "weights" / f"{row['id']}.npz")),
        ):
            assert set(weights) == set(state)
            assert all(np.array_equal(weights[name], state[name].numpy()) for name in state)


def test_a_model_goes_on_in_plain_pytorch(pool):
    """Its weights, images' codes and what the card says of them are all that somebody else has."""
    models = pd.read_csv(pool / "models.csv")
    identity, size = models["id"][2], json.loads(models["hyperparameters"][2])["size"]
    encoder = torch.nn.Linear(64, size)
    state = safetensors.torch.load_file(pool / "weights" / f"{identity}.safetensors")
    encoder.load_state_dict({name.partition(".")[2]: state[name] for name in state if name.startswith("encoder.")})
    rows, columns = np.load(pool / "images.npz")["factors"].T
    images = torch.zeros(64, 8, 8)
    images[torch.arange(64), rows] = images[torch.arange(64), :, columns] = 1
    codes = np.load(pool / "codes" / f"{identity}.npz")["codes"]
    np.testing.assert_allclose(encoder(images.flatten(1)).detach().numpy(), codes, rtol=1e-4, atol=1e-5)


def test_the_card_says_what_the_models_are_and_how_they_were_made(pool, study, registry):
    _, head, body = (pool / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(head)["model_name"] == "Toys"
    assert "- models: linear, raising" in body
    assert body.count("\n| linear |") == 4
    assert "| raising |" not in body
    made = study.trial(study.suite.trials[0].id).result.provenance
    assert f"| 4 | version of torch: {made['torch']} |" in body
    suite = load_suite(pool / "suite.toml", registry)
    assert {trial.id for trial in suite.trials} == {trial.id for trial in study.suite.trials}


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # Of huggingface_hub's own way to upload.
def test_a_pool_becomes_a_model_repository(study, hub, command, tmp_path):
    told = command("export", study.path, "--plugin", TOY, "--images", "5", "--hub", "me/models", "--private")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == f"{hub.address}/me/models"
    assert (hub.made[0].get("type", "model"), hub.made[0]["visibility"]) == ("model", "private")
    files = {str(file.relative_to(tmp_path / "pool")): file.read_bytes() for file in (tmp_path / "pool").rglob("*.*")}
    assert hub.repositories["me/models"] == files
    assert sum(name.endswith(".safetensors") for name in files) == 4


def test_fewer_images_are_the_same_ones_for_every_model_and_each_time(study, registry, tmp_path):
    for name in ("one", "two"):
        assert export_pool(study, tmp_path / name, registry, images=10, weights="none").images == 10
    one, two = (np.load(tmp_path / name / "images.npz")["index"] for name in ("one", "two"))
    assert np.array_equal(one, two)
    assert len(set(one)) == 10
    assert not (tmp_path / "one/weights").exists()


def test_nothing_of_an_earlier_pool_is_left_in_one_of_other_models(study, registry, tmp_path):
    export_pool(study, tmp_path, registry, images=4)
    (tmp_path / "weights" / "notes.txt").write_text("mine")
    (tmp_path / "codes" / "0123456789ab.npz").write_bytes(b"earlier")
    written = export_pool(study, tmp_path, registry, images=4, weights="npz")
    left = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {*written.files, "weights/notes.txt"}


def test_there_is_no_pool_of_nothing_nor_within_results(study, registry, suite_file, tmp_path):
    with pytest.raises(UserError, match="it holds results; export into a folder of its own"):
        export_pool(study, study.path, registry, images=10)
    empty = ResultsFolder(tmp_path / "empty")
    empty.create()
    empty.write_suite(load_suite(suite_file('[dataset]\nname = "bars"\n[[models]]\nname = "linear"\n'), registry))
    with pytest.raises(UserError, match="no trial is finished; there is no model to export"):
        export_pool(empty, tmp_path / "pool", registry, images=10)


def test_the_command_exports(study, command, tmp_path):
    told = command("export", study.path, "--plugin", TOY, "--images", "5")
    assert told.returncode == 0, told.stderr
    assert told.stdout == "pool: 4 models, codes of 5 images\n"
    assert len(list((tmp_path / "pool/codes").iterdir())) == 4
