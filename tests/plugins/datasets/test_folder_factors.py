"""One's own pictures with ground truth: a table beside a folder, or an npz of images and factors."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import harness
from harness.data import FactorTable
from harness.dataset import GroundTruthDataset
from harness.errors import UserError
from harness_datasets.folder import Folder

GRID = list(itertools.product((10, 20, 30), ("disc", "square")))
"""Sizes and shapes; a picture's shade is 8 times its number."""


def load(**config):
    made = Folder(Folder.Config(image_size=8, channels=1, **config))
    made.load()
    return made


def shades(dataset):
    """Each image's shade as the number that it stands for."""
    images = dataset.images(torch.arange(len(dataset)))
    assert (images == images[:, :, :1, :1]).all()
    return (images[:, 0, 0, 0] * 255 / 8).round().int().tolist()


@pytest.fixture
def folder(data):
    """Pictures in a subfolder, whose names are in no order of the factors."""
    (data / "mine/pictures").mkdir(parents=True)
    for number in range(len(GRID)):
        picture = Image.fromarray(np.full((8, 8), 8 * number, dtype=np.uint8))
        picture.save(data / f"mine/pictures/{(number * 5) % 6}.png")
    return data / "mine"


def rows():
    files = [f"pictures/{(number * 5) % 6}.png" for number in range(len(GRID))]
    return pd.DataFrame(GRID, columns=["size", "shape"]).assign(file=files)


@pytest.mark.parametrize("suffix", ["csv", "txt", "parquet"])
def test_a_complete_grid_in_any_order_becomes_one(folder, suffix, assert_keeps_contract):
    table = rows().sample(frac=1, random_state=1)
    if suffix == "parquet":
        table.to_parquet(folder / "factors.parquet")
    else:
        table.to_csv(folder / f"factors.{suffix}", index=False)
    dataset = load(path="mine", factors=f"factors.{suffix}")
    assert isinstance(dataset, GroundTruthDataset)
    assert not isinstance(dataset.factors, FactorTable)
    assert list(dataset.factors.names) == ["size", "shape"]
    assert list(dataset.factors.categorical) == [False, True]
    assert [values.tolist() for values in dataset.factors.values] == [[10, 20, 30], [0, 1]]
    assert shades(dataset) == list(range(6))
    assert_keeps_contract(dataset)


def test_pictures_that_are_no_grid_become_a_table(folder, assert_keeps_contract):
    table = rows().drop(index=3).assign(angle=np.linspace(0, 1, 6)[:5])
    table.to_csv(folder / "factors.csv", index=False)
    dataset = load(path="mine", factors="factors.csv", continuous=["angle"])
    assert isinstance(dataset.factors, FactorTable)
    assert shades(dataset) == [0, 1, 2, 4, 5]
    assert dataset.factors.levels[:, :2].tolist() == [[0, 0], [0, 1], [1, 0], [2, 0], [2, 1]]
    assert dataset.factors.real_values(np.arange(5))[:, 2] == pytest.approx(np.linspace(0, 0.8, 5))
    assert_keeps_contract(dataset)


@pytest.mark.parametrize("colour", [(), (1,), (3,)])
@pytest.mark.parametrize("complete", [True, False])
def test_an_npz_of_images_and_factors(data, colour, complete, assert_keeps_contract):
    order = [4, 0, 5, 2, 1, 3] if complete else [4, 0, 5]
    images = np.multiply.outer(8 * np.array(order), np.ones((16, 16, *colour), dtype=np.uint8)).astype(np.uint8)
    factors = np.array([[number // 2, number % 2] for number in order])
    data.mkdir(exist_ok=True)
    np.savez(data / "mine.npz", images=images, factors=factors, names=np.array(["size", "shape"]))
    dataset = load(path="mine.npz", categorical=["shape"])
    assert list(dataset.factors.names) == ["size", "shape"]
    assert isinstance(dataset.factors, FactorTable) != complete
    assert shades(dataset) == (list(range(6)) if complete else order)
    assert_keeps_contract(dataset)


def test_factors_that_are_all_continuous_are_scored(data):
    """As of 3DIdent: each picture is a point of its own, and no two share a level."""
    factors = np.random.default_rng(0).uniform(size=(1000, 2))
    images = np.zeros((1000, 8, 8), dtype=np.uint8)
    images[:, :, :4], images[:, :, 4:] = (255 * factors.T[:, :, None, None]).round()
    data.mkdir(exist_ok=True)
    np.savez(data / "mine.npz", images=images, factors=factors, names=np.array(["left", "right"]))
    dataset = load(path="mine.npz")
    assert list(dataset.factors.sizes) == [20, 20]
    assert dataset.factors.real_values(np.arange(1000)) == pytest.approx(factors)
    metrics = ["mig", "dci-lasso", "sap", "modularity", "infom", "factorvae", "betavae", "irs", "jemmig"]
    scores = harness.evaluate(None, dataset, metrics, encode=lambda images: images[:, 0, 0, [0, 4]])
    assert list(scores) == metrics
    # One code is one factor, but for what is lost between intervals and bytes.
    assert min(scores[metric] for metric in ("dci-lasso", "sap", "factorvae", "modularity")) > 0.9
    # Histograms of 20 x 20 cells find about 19 * 19 / 2000 nats between independent factors of ln 20.
    assert scores["mig"] == pytest.approx(1 - 19 * 19 / 2000 / np.log(20), abs=0.08)


def test_factors_without_names_are_numbered(data):
    data.mkdir(exist_ok=True)
    np.savez_compressed(data / "a.npz", images=np.zeros((4, 8, 8), np.uint8), factors=[[0, 0], [0, 1], [1, 0], [1, 1]])
    assert list(load(path="a.npz").factors.names) == ["factor0", "factor1"]


def test_without_factors_a_folder_has_none(folder):
    assert not isinstance(load(path="mine"), GroundTruthDataset)


def test_table_and_pictures_are_its_files(folder):
    rows().to_csv(folder / "factors.csv", index=False)
    files = Folder(Folder.Config(path="mine", factors="factors.csv")).data_files()
    assert [file.name for file in files] == ["factors.csv", "0.png", "5.png", "4.png", "3.png", "2.png", "1.png"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda table: table.rename(columns={"file": "name"}),
            "no column 'file' .* are size, shape, name",
        ),
        (lambda table: table[["file"]], "no column of a factor"),
        (lambda table: table.head(0), "has no rows"),
        (lambda table: table.assign(file="pictures/0.png"), r"lines 2, 3 both name 'pictures/0\.png'"),
        (lambda table: table.replace("pictures/4.png", "9.png"), r"line 4 names '9\.png', which is not in .*mine"),
        (lambda table: table.replace("pictures/4.png", "../x.png"), r"line 4 names '\.\./x\.png', which is not below"),
        (lambda table: table.replace("pictures/4.png", "/etc/x.png"), "line 4 names '/etc/x.png', which is not below"),
        (lambda table: table.replace("pictures/4.png", None), r"1 of 6 rows lack a value in file \(line 4\)"),
        (lambda table: table.assign(size=[1, 2, None, 4, 5, 6]), r"1 of 6 rows lack a value in size \(line 4\)"),
        (lambda table: table.assign(shape="disc"), "column shape is disc in every row; leave it out"),
    ],
)
def test_a_wrong_table_is_explained(folder, change, message):
    change(rows()).to_csv(folder / "factors.csv", index=False)
    with pytest.raises(UserError, match=rf"mine/factors\.csv: .*{message}"):
        load(path="mine", factors="factors.csv")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b'file,a\n"x', b"PAR1"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_no_table_is_refused_in_a_line(folder, content, suffix):
    (folder / f"factors.{suffix}").write_bytes(content)
    with pytest.raises(UserError, match=rf"mine/factors\.{suffix}: "):
        load(path="mine", factors=f"factors.{suffix}")


def test_a_missing_table_is_named_when_it_is_needed(folder):
    dataset = Folder(Folder.Config(path="mine", factors="factors.csv"))
    assert dataset.memory() is None
    with pytest.raises(UserError, match=r"mine/factors\.csv: there is no such file"):
        dataset.load()


def test_an_unknown_factor_is_named(folder):
    rows().to_csv(folder / "factors.csv", index=False)
    with pytest.raises(UserError, match=r"factors.csv: categorical: there is no column 'angle'; there are size, shape"):
        load(path="mine", factors="factors.csv", categorical=["angle"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((4, 8, 8), np.uint8)}, "has no array 'factors'"),
        ({"images": np.zeros((4, 8, 8)), "factors": np.eye(4)}, "'images' is float64 4 x 8 x 8, expected uint8"),
        (
            {"images": np.zeros((4, 8, 8), np.uint8), "factors": np.eye(3)},
            "is float64 3 x 3, expected .*4 x N",
        ),
        ({"images": np.uint8(3), "factors": np.eye(3)}, "'images' is uint8 , expected uint8"),
        (
            {"images": np.zeros((4, 8, 8), np.uint8), "factors": np.eye(4), "names": np.array(["a"])},
            "1 different names, expected 4",
        ),
    ],
)
def test_a_wrong_npz_is_explained(data, arrays, message):
    data.mkdir(exist_ok=True)
    np.savez(data / "a.npz", **arrays)
    with pytest.raises(UserError, match=rf"a\.npz: .*{message}"):
        load(path="a.npz")
