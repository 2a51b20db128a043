"""The examples of tests/examples do what they show."""

import ast
import json
import re
import runpy
import sys

import pytest
import torch

import harness
from support import TESTS

EXAMPLES = TESTS / "examples"
RUN = harness.RunOptions(jobs=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that all share, empty at first."""
    return tmp_path_factory.mktemp("examples")


@pytest.fixture
def python(folder, monkeypatch, capsys):
    """Runs an example there, in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_model_plugin_is_trained_and_scored_beside_another(run_command, folder):
    run = run_command("run", EXAMPLES / "my_vae.toml", "--plugin", EXAMPLES / "my_vae.py", cwd=folder)
    assert run.returncode == 0, run.stderr
    assert re.search(r"my-vae .*0\.\d", run.stdout)
    assert "beta-vae" in run.stdout


def test_a_model_trained_elsewhere_is_in_one_table_with_a_trial_of_a_suite(python):
    shown = python("score_my_model.py")
    assert re.search(r"my autoencoder +beta-vae seed=0", shown)
    for metric in ("mig", "sap", "modularity", "factorvae", "jemmig", "total-correlation"):
        assert re.search(rf"{metric} +\d\.\d+(e-\d+)? +\d\.\d+", shown), shown


def test_selectors_are_judged_and_their_results_read(python):
    judged = python("selector_study.py")
    assert re.search(r"supervised:mig .*0\.0+ ", judged), judged  # Who sees the labels has no regret.
    read = python("read_results.py", "selector_study")
    assert "6 scored trials of 2 settings" in read
    assert "of 3 seeds" in read
    assert "codes of three images" in read


def test_what_codes_do_to_digits_is_measured(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    model = {"name": "infogan", "config": {"width": 0.1}}
    harness.run({"dataset": {"name": "digits"}, "training": {"steps": 2}, "models": [model]}, "digits", options=RUN)
    monkeypatch.setattr(sys, "argv", ["measure_codes.py", "digits"])
    shapes = runpy.run_path(str(EXAMPLES / "measure_codes.py"), run_name="__main__")["shapes"]
    shown = capsys.readouterr().out
    assert re.search(r"slant, degrees +width, pixels +ink, %\ncontinuous 0 .*\ncontinuous 1 ", shown), shown
    images = torch.zeros(2, 1, 21, 21)
    for row in range(21):
        images[0, 0, row, 9:12] = 1  # Upright.
        images[1, 0, 20 - row, row] = 1  # From the lower left to the upper right.
    found = {name: values.tolist() for name, values in shapes(images).items()}
    assert found["slant, degrees"] == pytest.approx([0, 45])
    assert found["width, pixels"] == pytest.approx([2 * (2 / 3) ** 0.5, 0], abs=1e-6)
    assert found["ink, %"] == pytest.approx([100 * 63 / 441, 100 * 21 / 441])


@pytest.mark.parametrize("name", ["score_anything.ipynb", "run_and_compare.ipynb"])
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path, monkeypatch):
    """Its cells in one process, as a kernel does; what a cell ends with can be shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    cells = json.loads((EXAMPLES / name).read_text())["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    names, shown = {}, []
    for cell in cells:
        if cell["cell_type"] == "code":
            *statements, last = ast.parse("".join(cell["source"])).body
            exec(compile(ast.Module(statements, []), name, "exec"), names)
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), name, "eval"), names))
            else:
                exec(compile(ast.Module([last], []), name, "exec"), names)
    assert len(shown) >= 4
    assert all(re.search(r"\d|Figure", repr(each)) for each in shown)


def test_every_example_is_listed_and_run():
    listed = set(re.findall(r"\]\((\w+\.(?:py|ipynb))\)", (EXAMPLES / "README.md").read_text()))
    assert listed == {file.name for file in EXAMPLES.iterdir() if file.suffix in (".py", ".ipynb")}
    tried = (TESTS / "test_examples.py").read_text()
    assert all(name in tried for name in listed)
