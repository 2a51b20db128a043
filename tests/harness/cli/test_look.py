"""The commands that look at results: the page, and pictures of one trained trial."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from support import TOY


@pytest.fixture(scope="module")
def study(tmp_path_factory, manager):
    """A linear autoencoder of bars; an untrained DCGAN of small digits, and a model that fails."""
    from harness.execution.plan import RunOptions
    from harness.execution.study import run

    folder = tmp_path_factory.mktemp("look")
    suites = {
        "bars": 'dataset.name = "bars"\ntraining = {steps = 20, batch_size = 16}\n[[models]]\nname = "linear"\n',
        "digits": 'dataset = {name = "digits", image_size = 16}\n[[models]]\nname = "dcgan"\n'
        'config.width = 0.05\ntraining.steps = 0\n[[models]]\nname = "raising"\n',
    }
    options = RunOptions(device="cpu", jobs=1, threads=1)
    for name, text in suites.items():
        (folder / f"{name}.toml").write_text(text)
        run(folder / f"{name}.toml", folder / name, options=options, plugins=manager)
    return folder


def written(run, *names):
    """The pictures that a command says it has written."""
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [str(name) for name in names]
    return names


def test_report_writes_a_page(command, study, tmp_path):
    run = command("report", study / "bars", study / "digits", "--plugin", TOY)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("report.html (")
    assert run.stderr == "pictures of 2 of 2 trials\n"
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<title>2 studies – harness report</title>" in page
    assert page.count("data:image/webp") >= 4


def test_report_of_no_results_is_the_users_mistake(command, study):
    run = command("report", study)
    assert run.returncode == 2
    assert f"did you mean {study / 'bars'}?" in run.stderr


def test_samples_are_drawn_and_numbered(command, study, tmp_path):
    trial = study / "bars" / "linear seed=0"
    bare, numbered = tmp_path / "a.png", tmp_path / "b.png"
    options = ("--plugin", TOY, "--count", 6, "--columns", 3)
    written(command("samples", trial, *options, "--output", bare), bare)
    written(command("samples", trial, *options, "--numbered", "--output", numbered), numbered)
    with Image.open(bare) as one, Image.open(numbered) as other:
        assert one.size == (3 * 64 + 4, 2 * 64 + 2)
        assert other.width == one.width
        assert other.height > one.height
        assert other.crop((0, 0, 64, 64)).tobytes() == one.crop((0, 0, 64, 64)).tobytes()


def test_traverse_writes_a_grid_and_an_animation(command, study, tmp_path):
    run = command("traverse", study / "bars" / "linear", "--plugin", TOY, "--steps", 4, "--columns", 2)
    (trial,) = [folder.name for folder in (study / "bars" / "trials").iterdir()]
    grid, moving = written(run, f"traverse-{trial}.png", f"traverse-{trial}.gif")
    with Image.open(tmp_path / moving) as animation:
        assert animation.n_frames == 6
        # Three codes below each other.
        assert animation.height == 3 * 64 + 4
    with Image.open(tmp_path / grid) as picture:
        # Three blocks, two of them side by side.
        assert picture.height > 2 * 4 * 64
        assert picture.width > 2 * 2 * 64
    wrong = command("traverse", study / "bars" / "linear", "--plugin", TOY, "--code", "code 1")
    assert wrong.returncode == 2
    assert "--code 'code 1': linear seed=0 has no such code; did you mean 'codes 1'?" in wrong.stderr


def test_traverse_goes_as_far_as_it_is_told(command, study, tmp_path):
    options = ("--plugin", TOY, "--code", "codes 1", "--steps", 3, "--columns", 2)
    usual, same, wide = tmp_path / "usual.png", tmp_path / "same.png", tmp_path / "wide.png"
    for file, bounds in ((usual, ()), (same, ("--range", -2, 2)), (wide, ("--range", -9, 9))):
        command("traverse", study / "bars" / "linear", *options, *bounds, "--output", file)
    assert usual.read_bytes() == same.read_bytes() != wide.read_bytes()
    for bounds in ((2, -2), (1, 1), ("nan", 1), (0, "inf")):
        wrong = command("traverse", study / "bars" / "linear", *options, "--range", *bounds)
        assert wrong.returncode == 2
        assert "the first must be the lower, and both finite" in wrong.stderr


def test_interpolate_walks_in_a_ring(command, study, tmp_path):
    run = command(
        "interpolate", study / "bars" / "linear", "--plugin", TOY, "--points", 3, "--steps", 4, "--output", "w.gif"
    )
    written(run, "w.png", "w.gif")
    with Image.open(tmp_path / "w.png") as picture:
        assert picture.size == (4 * 66 - 2, 3 * 66 - 2)
    with Image.open(tmp_path / "w.gif") as animation:
        assert animation.n_frames == 9


def test_arithmetic_takes_numbers_and_levels(command, study, tmp_path):
    trial = study / "bars" / "linear"
    run = command("arithmetic", trial, "--plugin", TOY, "--plus", "1,2,3", "--minus", "4", "--output", "sum")
    written(run, "sum.png")
    for arguments, message in [
        ([], "--plus: name at least one group"),
        (["--plus", "1,x"], "--plus 1,x: expected sample numbers"),
        (["--plus", "rwo=1"], "'rwo=1': there is no factor 'rwo'; did you mean 'row'?"),
    ]:
        wrong = command("arithmetic", trial, "--plugin", TOY, *arguments)
        assert wrong.returncode == 2
        assert message in wrong.stderr


def test_filters_need_features(command, study, tmp_path):
    written(command("filters", study / "digits" / "dcgan", "--plugin", TOY, "--output", "f"), "f.png")
    wrong = command("filters", study / "bars" / "linear", "--plugin", TOY)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(
        "harness: linear seed=0: the model has no image features; of these models it can be "
    )
    assert "dcgan" in wrong.stderr


def test_forget_takes_boxes_or_a_factor(command, study, tmp_path):
    trial = study / "digits" / "dcgan"
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("sample,x0,y0,x1,y1\n" + "".join(f"{n},2,2,9,9\n" for n in range(10)))
    run = command("forget", trial, "--plugin", TOY, "--boxes", boxes, "--output", "f")
    written(run, "f.png")
    assert "maps" in run.stderr
    for arguments, message in [
        ([], "either --boxes FILE or --factor FACTOR=LEVEL"),
        (["--boxes", boxes, "--factor", "label=1"], "either --boxes FILE or --factor FACTOR=LEVEL"),
        (["--factor", "label=12"], "the levels of label are 0 to 9"),
        (["--boxes", "absent.csv"], "absent.csv: No such file"),
    ]:
        wrong = command("forget", trial, "--plugin", TOY, *arguments)
        assert wrong.returncode == 2
        assert message in wrong.stderr
    wrong = command("forget", study / "bars" / "linear", "--plugin", TOY, "--factor", "row=1")
    assert wrong.returncode == 2
    assert "linear seed=0: the model generates through 0 modules" in wrong.stderr


def test_an_unknown_trial_suggests_the_nearest(command, study):
    run = command("samples", study / "digits" / "dcgam seed=0", "--plugin", TOY)
    assert run.returncode == 2
    assert "there is no trial 'dcgam seed=0'; did you mean 'dcgan seed=0'?" in run.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(command, shell):
    run = command("completion", shell)
    assert run.returncode == 0, run.stderr
    assert f"_HARNESS_COMPLETE={shell}_complete" in run.stdout


def test_bash_understands_its_script(command, tmp_path):
    (tmp_path / "script").write_text(command("completion", "bash").stdout)
    subprocess.run(["bash", "-n", tmp_path / "script"], check=True)


COMPLETE = """
import sys
from harness.cli import cli
sys.argv = ["harness"]
try:
    cli.main(prog_name="harness")
except SystemExit:
    pass
assert not {"torch", "sklearn"} & set(sys.modules), sys.modules
"""


def completions(words, folder):
    """What the shell is offered after these words, the last of which is being typed."""
    environment = {"_HARNESS_COMPLETE": "fish_complete", "COMP_WORDS": " ".join(words[:-1]), "COMP_CWORD": words[-1]}
    run = subprocess.run(
        [sys.executable, "-c", COMPLETE],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    )
    lines = [line.partition(",")[2] for line in run.stdout.splitlines() if line.startswith(("plain,", "dir,", "file,"))]
    return {value: help for value, _, help in (line.partition("\t") for line in lines)}


def test_names_are_completed_without_torch(study, tmp_path):
    commands = completions(["harness", ""], study)
    assert {"run", "report", "traverse", "completion"} <= set(commands)
    assert commands["report"] == "Write a results folder as one HTML page."
    assert set(completions(["harness", "list", "m"], study)) == {"models", "metrics"}
    shown = completions(["harness", "show", "beta-v"], study)
    assert set(shown) == {"beta-vae"}
    assert set(completions(["harness", "run", ""], study)) == {"bars.toml", "digits.toml"}
    assert {"bars", "digits"} <= set(completions(["harness", "report", ""], study))
    trials = completions(["harness", "traverse", "digits/"], study)
    assert sorted(trials.values()) == ["dcgan seed=0", "raising seed=0"]
    assert {Path(trial).parent.name for trial in trials} == {"digits"}
    assert set(completions(["harness", "traverse", "bar"], study)) == {"bars/"}


def test_other_toml_files_are_no_suites(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert "pyproject.toml" not in completions(["harness", "run", ""], tmp_path)
