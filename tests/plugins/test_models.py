"""What every registered model must do, whatever it is."""

from typing import get_args

import pytest
import torch

from harness import ImageSpec, Rng
from harness.config import parse
from harness.model import Model, build
from harness.plugins import PluginManager
from harness.training.batches import Batches
from harness.training.eager import EagerEngine

REGISTRY = PluginManager(blocked=["harness_linear"]).registry
IMAGE = ImageSpec(1, 32, 32)
SMALL = {"width": 0.125, "contrastive_start": 3}
"""Settings that make a model quick, and switch things on and off within a few steps, where it has them."""


@pytest.fixture(scope="module")
def dataset():
    sprites = REGISTRY.find("datasets", "sprites").load()
    grid = {"image_size": 32, "scales": 2, "orientations": 3, "positions_x": 3, "positions_y": 3}
    made = sprites(parse(sprites.Config, grid, "dataset"))
    made.load("cpu")
    return made


def variants():
    """Every registered model, with each of its choices of networks."""
    for name in REGISTRY.entries["models"]:
        choice = REGISTRY.find("models", name).load().Config.model_fields.get("networks")
        for networks in get_args(choice.annotation) if choice else [None]:
            yield pytest.param((name, networks), id=f"{name} {networks}" if networks else name)


@pytest.fixture(params=variants())
def engine(request, dataset):
    """Makes engines of one model, all alike."""
    name, networks = request.param
    model_class = REGISTRY.find("models", name).load()
    settings = {name: value for name, value in SMALL.items() if name in model_class.Config.model_fields}
    if networks:
        settings["networks"] = networks

    def make():
        model = build(model_class, parse(model_class.Config, settings, name), IMAGE, Rng(0))
        return EagerEngine(model.train(), Batches(dataset, 8, seed=0), draws=Rng(1), resets=Rng(2))

    return make


def test_it_continues_bit_for_bit_from_any_step(engine):
    straight = engine()
    states = []
    for step in range(5):
        states.append({name: value.clone() for name, value in straight.state().items()})
        losses = straight.step(step)
        assert all(value.isfinite() for value in losses.values()), losses
    for start in (0, 2, 4):
        resumed = engine()
        resumed.restore(states[start])
        for step in range(start, 5):
            resumed.step(step)
        different = [name for name, value in straight.state().items() if not torch.equal(value, resumed.state()[name])]
        assert not different


def test_it_draws_from_no_generator_but_its_own(engine):
    stepped = engine()
    before = torch.random.get_rng_state()
    stepped.step(0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_it_can_do_has_the_right_shape_and_range(engine, dataset):
    trained = engine()
    trained.step(0)
    model: Model = trained.model.eval()
    images = dataset.images(torch.arange(6))
    with torch.no_grad():
        if model.can("encode"):
            codes = model.encode(images)
            assert codes.shape[0] == 6
            assert codes.dim() == 2
            torch.testing.assert_close(model.encode(images[:2]), codes[:2], rtol=1e-4, atol=1e-5)
        if model.can("generate"):
            made = model.generate(model.latents.draw(6, Rng(0)))
            assert made.shape == images.shape
            assert 0 <= made.min() <= made.max() <= 1
        if model.can("reconstruct"):
            again = model.reconstruct(images)
            assert again.shape == images.shape
            assert 0 <= again.min() <= again.max() <= 1
        if model.can("posterior"):
            latents = model.latents.split(model.latents.draw(6, Rng(0)))
            for name, inferred in model.posterior(images).items():
                assert inferred.log_prob(latents[name]).shape == (6,)
        if model.can("features"):
            maps = model.features(images)
            assert all(each.dim() == 4 and len(each) == 6 for each in maps)
            torch.testing.assert_close(model.features(images[:2])[-1], maps[-1][:2], rtol=1e-4, atol=1e-5)
        if model.can("kl"):
            kl = model.kl(images)
            assert kl.shape == model.encode(images).shape
            assert (kl >= -1e-6).all()
