"""A pool of models is read with NumPy and pandas alone, and holds what the harness knows of it."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

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


def test_a_pool_holds_ground_truth_and_every_parameter(pool, study, registry):
    images = np.load(pool / "images.npz")
    assert list(images["names"]) == ["row", "column"]
    assert (images["factors"] @ np.array([8, 1]) == images["index"]).all()
    models = pd.read_csv(pool / "models.csv", keep_default_na=False)
    assert [json.loads(each)["size"] for each in models["hyperparameters"]] == [2, 2, 3, 3]
    for row in models.to_dict("records"):
        state = harness.Results(study.path, [TOY]).trial(row["id"]).model().model.state_dict()
        weights = np.load(pool / "weights" / f"{row['id']}.npz")
        assert set(weights.files) == set(state)
        assert all(np.array_equal(weights[name], state[name].numpy()) for name in state)


def test_fewer_images_are_the_same_ones_for_every_model_and_each_time(study, registry, tmp_path):
    for name in ("one", "two"):
        assert export_pool(study, tmp_path / name, registry, images=10, weights=False).images == 10
    one, two = (np.load(tmp_path / name / "images.npz")["index"] for name in ("one", "two"))
    assert np.array_equal(one, two)
    assert len(set(one)) == 10
    assert not (tmp_path / "one/weights").exists()


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
