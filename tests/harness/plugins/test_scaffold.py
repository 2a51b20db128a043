"""`harness new` makes packages that work at once."""

import os
import subprocess
import sys

import pytest

from harness.errors import UserError
from harness.plugins.scaffold import KIND_NAMES, create


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A package of each kind, and the folder into which pip has installed them all."""
    parent, site = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("site")
    folders = {kind: create(kind, f"new-{kind}", parent) for kind in KIND_NAMES}
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--target", site]
    subprocess.run([*pip, *options, *folders.values()], check=True, capture_output=True)
    return folders, site


@pytest.fixture
def folders(made, monkeypatch):
    """The packages, which this process and those it starts find installed."""
    monkeypatch.syspath_prepend(made[1])
    monkeypatch.setenv("PYTHONPATH", str(made[1]), prepend=os.pathsep)
    return made[0]


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_its_suite_runs(kind, folders, command, tmp_path, results):
    options = ["--set", "training.steps=5", "--set", "seeds=2"]
    if kind != "dataset":
        options += ["--set", "dataset.positions_x=2", "--set", "dataset.positions_y=3"]
    if kind != "metric":
        options += ["--set", "evaluation.metrics=['mig']"]
    if kind == "sampler":
        options += ["--set", "seeds=1", "--set", "models.beta-vae.search.budget=3"]
    run = command("run", folders[kind] / "suite.toml", *options, "--output", "out")
    assert run.returncode == 0, run.stderr
    for result in results(tmp_path / "out").values():
        assert {record["status"] for record in result["scores"]} == {"ok"}
    assert f"new-{kind}" in run.stdout + (folders[kind] / "suite.toml").read_text()


def test_their_own_tests_pass(folders):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--import-mode=importlib", "."],
        cwd=folders["model"].parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    for kind in KIND_NAMES:
        assert f"\nnew-{kind}/" in run.stdout


def test_check_says_that_it_keeps_its_contract(folders, command):
    run = command("check", "new-metric")
    assert run.returncode == 0, run.stderr
    assert "new-metric keeps its contract" in run.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MyModel", "expected small letters and digits with single hyphens, such as my-model"),
        ("beta-vae", "a model is called that already"),
        ("torch", "Python has a module or a word 'torch' already"),
        ("class", "Python has a module or a word 'class' already"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name, message, tmp_path):
    with pytest.raises(UserError, match=message):
        create("model", name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "my-model").mkdir()
    with pytest.raises(UserError, match="it exists already; choose another name"):
        create("model", "my-model", tmp_path)
    assert not list((tmp_path / "my-model").iterdir())


def test_a_failing_check_ends_with_exit_code_1_and_says_what_to_change(command, tmp_path):
    (tmp_path / "bad.py").write_text(
        "import harness\n"
        "class Bad(harness.Metric):\n"
        "    '''Always infinite.'''\n"
        "    def score(self, evaluation):\n"
        "        return harness.Score(float('inf'))\n"
        "@harness.hookimpl\n"
        "def harness_register_metrics(register):\n"
        "    register('bad', Bad, 'always infinite')\n"
    )
    run = command("check", "bad", "--plugin", "bad.py")
    assert run.returncode == 1
    assert "the score of an untrained model is inf" in run.stdout
    assert "Traceback" not in run.stderr
