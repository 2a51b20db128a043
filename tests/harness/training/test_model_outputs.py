"""What a model returns wrongly is said in one sentence: which method, what it gives and what it should give."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from harness import Adam, Model, Objective, Settings
from harness.errors import ContractError
from harness.model import ImageSpec
from harness.rng import Rng
from harness.scoring.model_evaluation import ModelEvaluation
from harness.testing.pictures import Squares
from harness.training.model_outputs import checked_posterior, draws_of, schedule_of

IMAGE = ImageSpec(1, 4, 4)


class Told(Model):
    """Returns from every method what it is told to."""

    def __init__(self, **returned):
        super().__init__(Settings(), IMAGE)
        for method, value in returned.items():
            setattr(self, method, lambda *_, value=value: value)

    encode = generate = reconstruct = kl = features = posterior = lambda self, images: images


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ([torch.ones(2)], "gives list of Tensor, not a dict of tensors"),
        ({"noise": 0.5}, "gives dict of float, not a dict of tensors"),
        (None, "gives NoneType, not a dict of tensors"),
    ],
)
def test_draws_are_tensors_by_name(returned, said):
    with pytest.raises(ContractError, match=f"the model's `draw` {said}"):
        draws_of(Told(draw=returned), 2, Rng(0))


@pytest.mark.parametrize("returned", [[1.0], None, {"beta": "four"}, {"beta": torch.ones(2)}])
def test_a_schedule_is_numbers_by_name(returned):
    with pytest.raises(ContractError, match=r"the model's `schedule` gives .*, not a dict of numbers"):
        schedule_of(Told(schedule=returned), 0)


@pytest.mark.parametrize("number", [1, 0.5, np.float32(0.5), np.int64(3)])
def test_any_real_number_may_be_scheduled(number):
    assert schedule_of(Told(schedule={"beta": number}), 0) == {"beta": number}


CODES, PICTURES = torch.zeros(6, 3), torch.zeros(6, 1, 4, 4)


@pytest.mark.parametrize(
    ("method", "returned", "said"),
    [
        ("encode", (CODES, CODES), "gives tuple of Tensor, not a row of real codes for each image, (N, D)"),
        ("encode", CODES[:, 0], "gives torch.float32 (6,), not a row of real codes for each image, (N, D)"),
        ("encode", CODES.numpy(), "gives ndarray, not a row of real codes for each image, (N, D)"),
        ("reconstruct", (PICTURES, CODES), "gives tuple of Tensor, not (6, 1, 4, 4) images"),
        ("reconstruct", PICTURES[..., :3], "gives torch.float32 (6, 1, 4, 3), not (6, 1, 4, 4) images"),
        ("kl", CODES.sum(dim=1), "gives torch.float32 (6,), not a divergence for each image and code, (N, D)"),
        ("features", PICTURES, "gives torch.float32 (6, 1, 4, 4), not a list of (N, channels, height, width) maps"),
        ("features", [], "gives list, not a list of (N, channels, height, width) maps"),
        ("posterior", CODES, "gives torch.float32 (6, 3), not a distribution for each part of `latents`"),
        ("posterior", {"codes": CODES}, "gives dict of Tensor, not a distribution for each part of `latents`"),
    ],
)
def test_an_ability_gives_what_metrics_read(method, returned, said):
    images = Squares(IMAGE)
    images.load()
    model = Told()
    evaluation = ModelEvaluation(model, images)
    setattr(model, method, lambda inputs: returned)
    model.represent = lambda inputs, noise: returned
    ask = {
        "encode": lambda: evaluation.encode_dataset(np.arange(6)),
        "kl": lambda: evaluation.kl(np.arange(6)),
    }.get(method, lambda: getattr(evaluation, method)(torch.zeros(6, 1, 4, 4)))
    with pytest.raises(ContractError, match=re.escape(f"the model's `{method}` {said}")):
        ask()


def test_a_posterior_is_what_has_likelihoods():
    found = {"codes": Independent(Normal(CODES, torch.ones(6, 3)), 1)}
    assert checked_posterior(found) == found


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"when": 5}, "`when` is a function of the step, such as lambda step: step >= 100, not 5"),
        ({"repeats": 0}, "`repeats` is a number of updates, 1 or more, not 0"),
        ({"repeats": 1.5}, "`repeats` is a number of updates, 1 or more, not 1.5"),
        ({"reset_at": 5}, "`reset_at` is a list of steps, not 5"),
        ({"loss": {10: len}}, "`loss` has no function before step 10; add one from 0, or begin later by `when`"),
    ],
)
def test_an_objective_is_checked_where_it_is_declared(declared, said):
    arguments = {"name": "all", "trains": [nn.Linear(2, 2)], "loss": len, "optimizer": Adam(1e-3)}
    with pytest.raises(ContractError, match=re.escape(f"objective 'all': {said}")):
        Objective(**{**arguments, **declared})


def test_a_loss_may_begin_late_where_its_objective_does():
    Objective("late", [nn.Linear(2, 2)], {10: len}, Adam(1e-3), when=lambda step: step >= 10)
