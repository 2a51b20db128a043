"""`harness show` on datasets: size, memory, time, and a picture."""

import re

import pytest
from PIL import Image

from harness.cli.options import settings_of
from harness.cli.show_dataset import in_units
from harness.errors import UserError

FEW = ("--set", "image_size=16", "--set", "orientations=2", "--set", "positions_x=3", "--set", "positions_y=1")


@pytest.fixture
def show(command, tmp_path):
    """Runs `harness show` with an empty data root."""

    def run(*arguments):
        return command("show", *arguments, env={"HARNESS_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"})

    return run


def test_a_drawn_dataset_is_measured(show):
    run = show("sprites", *FEW)
    assert run.returncode == 0, run.stderr
    # 3 shapes x 6 scales x 2 orientations x 3 positions, of 16 x 16 bits each.
    assert "image: 1x16x16\nimages: 108\n" in run.stdout
    assert "factors: shape 3 (1 to 3), scale 6 (0.5 to 1), orientation 2 (0 to 6.28)," in run.stdout
    assert "position_y 1 (0.5)\n" in run.stdout
    assert "memory: 3.5 kB on cpu\n" in run.stdout
    assert re.search(r"load: \d+\.\d\d s, measured just now", run.stdout)


def test_levels_that_have_names_are_told_by_them(show, tmp_path):
    folder, rows = tmp_path / "mine", ["file,shape,size"]
    folder.mkdir()
    for number, shape in enumerate(["round", "flat", "round", "flat"]):
        Image.new("L", (8, 8), number).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{shape},{number // 2}")
    (folder / "factors.csv").write_text("\n".join(rows))
    settings = ("--set", f"path={folder}", "--set", "factors=factors.csv", "--set", "image_size=8")
    run = show("folder", *settings)
    assert "factors: shape 2 (flat, round), size 2 (0 to 1)\n" in run.stdout, run.stderr


def test_classes_are_told(show):
    run = show("digits")
    assert "classes: 10\nmemory: 1.8 MB on cpu\n" in run.stdout


def test_absent_files_are_no_failure(show, tmp_path):
    run = show("shapes3d")
    assert run.returncode == 0
    assert "memory: 5.9 GB expected\n" in run.stdout
    assert f"not loaded: {tmp_path}/data/shapes3d/3dshapes.h5: there is no such file" in run.stdout
    assert "or run again with --download" in run.stdout


def test_the_folder_is_chosen_by_an_option(show, tmp_path):
    run = show("folder", "--data", tmp_path / "mine")
    assert run.returncode == 0
    assert f"not loaded: {tmp_path}/mine/pictures: there is no such" in run.stdout


def test_a_picture_of_absent_files_is_a_mistake(show):
    run = show("shapes3d", "--pictures", "out.png")
    assert run.returncode == 2
    assert "3dshapes.h5: there is no such file" in run.stderr


def test_a_picture_has_a_row_for_each_factor(show, tmp_path):
    run = show("sprites", *FEW, "--pictures", "some/out.png")
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("some/out.png\n")
    with Image.open(tmp_path / "some/out.png") as picture:
        assert picture.format == "PNG"
        # Images are enlarged to 64 pixels; five rows of them with their values, and a title.
        assert picture.height > 5 * 64
        assert picture.width > 10 * 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--pictures", "out.jpg"), "--pictures out.jpg: the picture is a PNG"),
        (("digits", "--set", "image_sise=32"), "dataset.image_sise: unknown key; did you mean 'image_size'?"),
        (("digits", "--set", "image_size=3"), "dataset.image_size: got 3, expected"),
        (("digits", "--set", "image_size"), "--set image_size: expected KEY=VALUE"),
        (("mig", "--pictures", "out.png"), "--set and --pictures are for datasets, and 'mig' is none"),
        (("dcgan", "--set", "width=1"), "--set and --pictures are for datasets, and 'dcgan' is none"),
    ],
)
def test_mistakes_are_explained(show, arguments, message):
    run = show(*arguments)
    assert run.returncode == 2
    assert message in run.stderr


def test_a_picture_that_cannot_be_written(show, tmp_path):
    (tmp_path / "folder.png").mkdir()
    run = show("digits", "--pictures", "folder.png")
    assert run.returncode == 2
    assert "--pictures folder.png: this is a folder" in run.stderr
    (tmp_path / "file").write_text("")
    run = show("digits", "--pictures", "file/out.png")
    assert run.returncode == 2
    assert "file/out.png: cannot write the picture there" in run.stderr


def test_settings_are_toml():
    assert settings_of(["a=1", "b = true", 'c=["x"]', "d=plain"]) == {"a": 1, "b": True, "c": ["x"], "d": "plain"}
    with pytest.raises(UserError):
        settings_of(["=1"])


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.0 kB"),
        (552_960, "553 kB"),
        (1_840_128, "1.8 MB"),
        (377_487_360, "377 MB"),
        (3_072_000_000, "3.1 GB"),
        (37 * 10**9, "37 GB"),
    ],
)
def test_units(size, text):
    assert in_units(size) == text
