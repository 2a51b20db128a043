"""What the README and the shipped suites promise."""

import re

import pytest

from harness.plugins.manager import PluginManager
from harness.suite.suite import load_suite
from support import ROOT

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("path", sorted((ROOT / "suites").rglob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_suite_is_valid_and_says_what_it_is_for(path):
    suite = load_suite(path, PluginManager().registry)
    assert suite.trials
    assert suite.metrics
    assert suite.title != path.stem


def test_the_readmes_suite_is_valid(suite_file):
    (example,) = blocks("toml")
    suite = load_suite(suite_file(example), PluginManager().registry)
    assert len(suite.trials) == 4 * 3


def test_the_readmes_model_runs(command, suite_file, tmp_path, results):
    _, model = blocks("python")
    (tmp_path / "my_vae.py").write_text(model)
    suite = suite_file(
        """
        [dataset]
        name = "sprites"
        image_size = 32
        scales = 2
        orientations = 5
        positions_x = 3
        positions_y = 3
        [training]
        steps = 50
        batch_size = 16
        [[models]]
        name = "my-vae"
        [evaluation]
        metrics = ["mig"]
        """
    )
    run = command("run", suite, "--plugin", "my_vae.py", "--output", "out")
    assert run.returncode == 0, run.stderr
    assert results(tmp_path / "out")["my-vae 0"]["scores"][0]["status"] == "ok"


def test_the_readmes_codes_are_scored(capsys):
    scoring, _ = blocks("python")
    exec(compile(scoring, "README.md", "exec"), {})
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert {name: float(value) > 0.8 for name, value in printed.items()} == {
        "mig": True,
        "sap": True,
        "modularity": True,
    }


def test_everything_built_in_is_in_the_readmes_table():
    for entries in PluginManager(blocked=["harness_linear"]).registry.entries.values():
        for name in entries:
            assert f"`{name}`" in README, name
