"""Broken datasets, metrics and selectors are found out as well."""

import warnings
from typing import ClassVar

import numpy as np
import pytest
import torch

from harness import (
    Dataset,
    FactorGrid,
    Field,
    GroundTruthDataset,
    ImageSpec,
    LabelledDataset,
    Metric,
    NotApplicableError,
    Score,
    Selector,
    Settings,
    UserError,
)
from harness.testing import CheckFailed, ContractAdvice, checks


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


class Number(Metric):
    """Returns a number."""

    def score(self, evaluation):
        return 0.5


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


class Mean(Metric):
    """The mean of the codes."""

    class Config(Settings):
        samples: int = Field(10, gt=1, description="images")

    def score(self, evaluation):
        codes = evaluation.codes(evaluation.sample("mean", self.config.samples))
        return Score(float(codes.mean()), {"per_code": codes.mean(axis=0)})


class Needy(Mean):
    """Needs what nothing has."""

    needs = ("encode", "telepathy")


class Dividing(Mean):
    """Divides by the spread of a code."""

    def score(self, evaluation):
        codes = evaluation.codes(evaluation.sample("mean", 10))
        with np.errstate(all="ignore"):
            return Score(float((codes.mean(axis=0) / codes.std(axis=0)).mean()))


class Careful(Dividing):
    """Does not apply where the spread is 0."""

    def score(self, evaluation):
        if (evaluation.codes(evaluation.sample("mean", 10)).std(axis=0) == 0).any():
            raise NotApplicableError("a code is dead")
        return super().score(evaluation)


class Global(Mean):
    """Draws from NumPy's global generator."""

    def score(self, evaluation):
        return Score(float(np.random.rand()))


class Wandering(Mean):
    """Draws from a generator of its own without a seed."""

    def score(self, evaluation):
        return Score(float(np.random.default_rng().random()))


class Cluttered(Mean):
    """Details that no file can hold."""

    def score(self, evaluation):
        return Score(0.0, {"evaluation": evaluation})


class Outside(Mean):
    """Scores outside of its range."""

    range = (0, 1)

    def score(self, evaluation):
        return Score(1.5)


class Scaling(Mean):
    """Scales the codes in place."""

    def score(self, evaluation):
        codes = getattr(evaluation, "table", None)
        if codes is not None:
            codes *= 2
        return Score(0.0)


class Similar(Selector):
    """How near the means of the codes are."""

    def compare(self, pool):
        means = np.array([model.codes(np.arange(20)).mean() for model in pool], dtype=float)
        return -abs(means[:, None] - means[None])

    def scores(self, comparisons):
        return comparisons.sum(axis=1)


class Flat(Similar):
    """One number a model."""

    def compare(self, pool):
        return super().compare(pool)[0]


class Undecided(Similar):
    """Scores that are not numbers."""

    def scores(self, comparisons):
        return comparisons.sum(axis=1) * np.nan


class Whimsical(Similar):
    """Compares by chance."""

    def compare(self, pool):
        return np.random.default_rng().random((len(pool), len(pool)))


def failures(plugin):
    found = []
    for check in checks(plugin):
        try:
            check()
        except CheckFailed as failure:
            found.append(str(failure))
    return found


@pytest.mark.parametrize("good", [Ramp, Kept, Table, Mean, Careful, Similar])
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
        (Needy, "`needs` names telepathy; choose from: encode"),
        (Number, "return Score(value) from `score`, not float: 0.5"),
        (Dividing, "define it, or raise NotApplicableError"),
        (Global, "score draws from NumPy's global generator"),
        (Wandering, "take random numbers from `evaluation.rng`"),
        (Outside, "the score is 1.5, which is outside of the metric's range from 0 to 1: state the `range`"),
        (Cluttered, "keep `details` to texts, numbers"),
        (Scaling, "the codes are changed on the way"),
        (Flat, "return (4, 4) comparisons from `compare`, not (4,)"),
        (Undecided, "return 4 scores from `scores`"),
        (Whimsical, "comparing the same models again gives other numbers"),
    ],
)
def test_broken_ones_are_told_what_to_change(broken, change):
    assert any(change in failure for failure in failures(broken)), failures(broken)


def test_only_plugins_can_be_checked():
    with pytest.raises(UserError, match="not a Model, Dataset, Metric or Selector"):
        checks(torch.nn.Linear)
    with pytest.raises(UserError, match="there is no 'beta-vea'; did you mean 'beta-vae'"):
        checks("beta-vea")
    with pytest.raises(UserError, match=r"Mean\.sample: unknown key; did you mean 'samples'"):
        checks(Mean, {"sample": 3})


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
