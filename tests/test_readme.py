"""What the README and the shipped suites promise."""

import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from harness.execution.plan import RunOptions
from harness.execution.study import run
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


def test_a_folder_and_a_spreadsheet_become_a_scored_model(suite_file, tmp_path, monkeypatch, manager, results):
    """The suite of suites/README.md, on pictures that are no complete grid; briefly trained."""
    text = (ROOT / "suites/README.md").read_text()
    (example,) = (each for each in re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL) if 'name = "folder"' in each)
    assert len(example.splitlines()) == 10
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    pictures = tmp_path / "my-pictures"
    (pictures / "left").mkdir(parents=True)
    rng, lines = np.random.default_rng(0), ["file,shape,size,shade"]
    for number in range(150):
        shape, size, shade = rng.choice(["disc", "box"]), int(rng.integers(5, 30)), rng.uniform(100, 255)
        name = f"left/{number:04}.png"
        picture = Image.new("RGB", (80, 70), "black")
        draw = {"disc": ImageDraw.Draw(picture).ellipse, "box": ImageDraw.Draw(picture).rectangle}[shape]
        draw((40 - size, 35 - size, 40 + size, 35 + size), fill=(int(shade),) * 3)
        picture.save(pictures / name)
        lines.append(f"{name},{shape},{size},{shade}")
    (pictures / "factors.csv").write_text("\n".join(lines))
    run(
        suite_file(example),
        tmp_path / "out",
        options=RunOptions(device="cpu", jobs=1, threads=1),
        plugins=manager,
        overrides=[f"dataset.path={pictures}", "training.steps=3", "seeds=1", "models.beta-vae.config.width=0.1"],
    )
    scores = results(tmp_path / "out")["beta-vae 0"]["scores"]
    assert {score["metric"]: score["status"] for score in scores} == {"mig": "ok", "dci": "ok", "factorvae": "ok"}
