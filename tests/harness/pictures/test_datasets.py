"""Pictures of datasets, read back pixel by pixel."""

import pytest
import torch

from harness import Dataset, FactorGrid, GroundTruthDataset, ImageSpec, LabelledDataset, Settings
from harness.pictures import datasets as dataset_pictures
from harness.pictures.datasets import dataset_picture

SPEC = ImageSpec(1, 64, 64)


def plain(values):
    """Images of one grey value each."""
    return torch.as_tensor(values, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 64, 64)


class Greys(GroundTruthDataset):
    """Brightness is the first factor; the second has 20 levels and makes hardly a difference."""

    image = SPEC
    factors = FactorGrid(["grey_value", "other"], [3, 20], [[-1e-7, 0.5, 1.0], [0, 1, 2.12345, *range(3, 20)]])

    def images(self, indices):
        ids = self.factors.ids(indices.numpy())
        return plain(ids[:, 0] / 2 - ids[:, 1] / 255)


class Classes(LabelledDataset):
    """Image i has class i mod 3 and the brightness of its class; of class 2 there are four images."""

    image, classes = SPEC, 3

    def __len__(self):
        return 60

    def labels(self, indices):
        return torch.where(indices < 12, indices % 3, indices % 2)

    def images(self, indices):
        return plain(self.labels(indices) / 4)


class Pictures(Dataset):
    image = SPEC

    def __len__(self):
        return 25

    def images(self, indices):
        return plain(indices / 255)


@pytest.fixture
def drawn(monkeypatch):
    """drawn(dataset): what is handed to the sheet, images as their one grey value."""
    kept = {}

    def sheet(rows, **labels):
        kept.update(labels, greys=rows[:, :, 0, 0, 0])

    monkeypatch.setattr(dataset_pictures, "sheet", sheet)

    def draw(dataset):
        dataset_picture(dataset, "a title")
        return kept

    return draw


def test_one_row_for_each_factor(drawn):
    found = drawn(Greys(Settings()))
    assert found["title"] == "a title"
    assert found["row_labels"] == ["grey value", "other"]
    # Three levels, the other factor at level 10; the rest of the row is white.
    assert found["greys"][0].tolist() == [0, 118, 245, *[255] * 7]
    assert found["tile_labels"][:10] == ["0", "0.5", "1", *[""] * 7]
    # Ten of twenty levels, the first and the last among them.
    assert found["tile_labels"][10] == "0"
    assert found["tile_labels"][11] == "2.123"
    assert found["tile_labels"][-1] == "19"
    assert len(found["tile_labels"]) == 20


def test_one_row_for_each_class(drawn):
    found = drawn(Classes(Settings()))
    assert found["row_labels"] == ["class 0", "class 1", "class 2"]
    assert found["greys"][0].tolist() == [0] * 10
    assert found["greys"][1].tolist() == [64] * 10
    assert found["greys"][2].tolist() == [128] * 4 + [255] * 6


def test_samples_of_anything_else(drawn):
    found = drawn(Pictures(Settings()))
    assert found["greys"].shape == (3, 10)
    assert sorted(found["greys"].flatten().tolist()) == [*range(25), *[255] * 5]
