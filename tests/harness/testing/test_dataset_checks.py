"""Broken datasets are told what to change."""

import warnings
from typing import ClassVar

import numpy as np
import pytest
import torch

from harness import (
    Dataset,
    FactorGrid,
    GroundTruthDataset,
    ImageSpec,
    LabelledDataset,
)
from harness.testing import ContractAdvice, checks
from support import failures


class Ramp(LabelledDataset):
    """Four brightnesses."""

    classes = 4

    def __init__(self, config):
        super().__init__(config)
        self.image = ImageSpec(1, 2, 2)

    def __len__(self):
        return 4

    def images(self, indices):
        return (indices / 3).float()[:, None, None, None].expand(-1, 1, 2, 2)

    def labels(self, indices):
        return indices


class Detour(Ramp):
    """Gathers its images by numpy."""

    def images(self, indices):
        return torch.from_numpy((indices.numpy() / 3).astype(np.float32))[:, None, None, None].expand(-1, 1, 2, 2)


class Waiting(Ramp):
    """Looks at each index."""

    def images(self, indices):
        return torch.stack([torch.full((1, 2, 2), index.item() / 3) for index in indices])


class Kept(Ramp):
    """Indexes a tensor on the device, as datasets should."""

    def load(self, device="cpu"):
        super().load(device)
        self.kept = super().images(torch.arange(4)).to(self.device)

    def images(self, indices):
        return self.kept[indices]


class Filtering(Kept):
    """Chooses by a mask, whose number of images the device has to tell."""

    def images(self, indices):
        mask = torch.ones_like(indices, dtype=torch.bool)
        return self.kept[indices][mask]


class Shapeless(Ramp):
    """Has no shape before it is loaded."""

    def __init__(self, config):
        Dataset.__init__(self, config)

    def load(self, device="cpu"):
        super().load(device)
        self.image = ImageSpec(1, 2, 2)


class Empty(Ramp):
    """Has no images."""

    def __len__(self):
        return 0


class Bright(Ramp):
    """Goes to 255."""

    def images(self, indices):
        return 255 * super().images(indices)


class Doubled(Ramp):
    """Numbers of the wrong kind."""

    def images(self, indices):
        return super().images(indices).double()


class Relative(Ramp):
    """An image depends on the batch."""

    def images(self, indices):
        images = super().images(indices)
        return images / images.max().clamp(min=0.1)


class Fickle(Ramp):
    """Other images each time it is loaded."""

    loads = 0

    def load(self, device="cpu"):
        super().load(device)
        Fickle.loads += 1

    def images(self, indices):
        return super().images(indices) / Fickle.loads


class Mislabelled(Ramp):
    """More labels than classes."""

    classes = 2


class Table(GroundTruthDataset):
    """Three images of the four combinations of two factors, one combination twice."""

    LEVELS: ClassVar = np.array([[0, 0], [1, 1], [0, 0]])

    class Levels(FactorGrid):
        """Levels by image, and for levels the first image that has them."""

        def __len__(self):
            return len(Table.LEVELS)

        def ids(self, indices):
            return Table.LEVELS[np.asarray(indices)]

        def indices(self, ids):
            return np.argmax((np.asarray(ids)[:, None] == Table.LEVELS).all(axis=-1), axis=-1)

    def __init__(self, config):
        super().__init__(config)
        self.image = ImageSpec(1, 2, 2)
        self.factors = self.Levels(["a", "b"], [2, 2])

    def images(self, indices):
        return (indices / 3).float()[:, None, None, None].expand(-1, 1, 2, 2)


class Beyond(Table):
    """A level that its factor does not have."""

    class Levels(Table.Levels):
        """One more than there are."""

        def ids(self, indices):
            return super().ids(indices) + 1


class Muddled(Table):
    """Finds an image with other levels."""

    class Levels(Table.Levels):
        """Always the second."""

        def indices(self, ids):
            return np.ones(len(ids), dtype=np.int64)


class Short(Table):
    """More images than its factors know of."""

    def __len__(self):
        return 4


@pytest.mark.parametrize("good", [Ramp, Kept, Table])
def test_good_ones_pass(good):
    assert failures(good) == []


@pytest.mark.parametrize(
    ("broken", "change"),
    [
        (Shapeless, "set `self.image"),
        (Empty, "the number of images from `__len__`"),
        (Bright, "numbers in [0, 255], not float32"),
        (Doubled, "gives float64"),
        (Relative, "let an image depend on its index alone"),
        (Fickle, "loading again gives other images"),
        (Mislabelled, "gives labels from 0 to 3, not int64 (4,) from 0 to 1"),
        (Beyond, "return levels from 0 to each factor's size - 1"),
        (Muddled, "the factors' `indices` do not undo their `ids`"),
        (Short, "the factors number 3 images, the dataset has 4"),
    ],
)
def test_broken_ones_are_told_what_to_change(broken, change):
    assert any(change in failure for failure in failures(broken)), failures(broken)


@pytest.mark.parametrize("hindered", [Detour, Waiting, Filtering])
def test_a_dataset_that_cannot_be_recorded_is_advised_and_does_not_fail(hindered):
    (check,) = [check for check in checks(hindered) if "CUDA graph" in str(check)]
    with pytest.warns(ContractAdvice, match="keep what `images` needs in tensors"):
        check()


def test_a_dataset_that_does_as_it_should_is_not_advised():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ContractAdvice)
        for check in checks(Kept):
            check()
