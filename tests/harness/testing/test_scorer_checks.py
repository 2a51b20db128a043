"""Broken metrics and selectors are told what to change."""

import numpy as np
import pytest
import torch

from harness import (
    Field,
    Metric,
    NotApplicableError,
    Score,
    Selector,
    Settings,
    UserError,
)
from harness.testing import checks
from support import failures


class Number(Metric):
    """Returns a number."""

    def score(self, evaluation):
        return 0.5


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


class Tensor(Mean):
    """A tensor where a number is expected."""

    def score(self, evaluation):
        return Score(torch.tensor(0.5))


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


@pytest.mark.parametrize("good", [Mean, Careful, Similar])
def test_good_ones_pass(good):
    assert failures(good) == []


@pytest.mark.parametrize(
    ("broken", "change"),
    [
        (Needy, "`needs` names telepathy; choose from: encode"),
        (Number, "return Score(value) from `score`, not float: 0.5"),
        (Dividing, "define it, or raise NotApplicableError"),
        (Global, "score draws from NumPy's global generator"),
        (Wandering, "take random numbers from `evaluation.rng`"),
        (Outside, "the score is 1.5, which is outside of the metric's range from 0 to 1: state the `range`"),
        (Tensor, "the value of a Score is a number, not Tensor"),
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
    with pytest.raises(UserError, match="not a Model, Dataset, Metric, Selector or Sampler"):
        checks(torch.nn.Linear)
    with pytest.raises(UserError, match="there is no 'beta-vea'; did you mean 'beta-vae'"):
        checks("beta-vea")
    with pytest.raises(UserError, match=r"Mean\.sample: unknown key; did you mean 'samples'"):
        checks(Mean, {"sample": 3})
