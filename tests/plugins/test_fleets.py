"""Every registered model trains in a fleet, and is evaluated with its companions, as it is alone."""

from typing import get_args

import pytest
import torch

from harness import Rng
from harness.config import parse
from harness.fleet_evaluation import Companions
from harness.model import build
from harness.plugins import PluginManager
from harness.testing.fleets import compare, varied
from harness.training.memory import training_bytes

REGISTRY = PluginManager(blocked=["harness_linear"]).registry
SMALL = {
    **dict.fromkeys(("critic_updates", "discriminator_updates", "code_discriminator_updates", "generator_updates"), 2),
    "width": 0.05,
    "code_discriminator_units": 20,
    "contrastive_start": 3,
    "gap_changes": ({"step": 4, "gap": 0.5},),
}
"""Settings that make a model quick, and switch things on and off within a few steps, where it has them."""


def variants():
    """Every registered model, with each of its choices of networks."""
    for name in REGISTRY.entries["models"]:
        choice = REGISTRY.find("models", name).load().Config.model_fields.get("networks")
        for networks in get_args(choice.annotation) if choice else [None]:
            yield pytest.param((name, networks), id=f"{name} {networks}" if networks else name)


@pytest.fixture(scope="module")
def dataset():
    sprites = REGISTRY.find("datasets", "sprites").load()
    grid = {"image_size": 32, "scales": 2, "orientations": 3, "positions_x": 3, "positions_y": 3}
    made = sprites(parse(sprites.Config, grid, "dataset"))
    made.load("cpu")
    return made


def small(variant):
    """The class of a variant's model and its settings."""
    name, networks = variant
    model_class = REGISTRY.find("models", name).load()
    settings = {**SMALL, **({"networks": networks} if networks else {})}
    return model_class, {name: value for name, value in settings.items() if name in model_class.Config.model_fields}


def compared(variant, dataset, **how):
    return compare(*small(variant), dataset, **how)


def assert_alike(found):
    # Adversarial training carries any two runs apart in time, were they a bit from each other.
    for apart, rounding in zip(found.apart, found.rounding, strict=True):
        assert apart < max(1e-9, 1e4 * rounding)


@pytest.mark.parametrize("variant", list(variants()))
def test_a_model_trains_in_a_fleet_as_alone(variant, dataset):
    found = compared(variant, dataset, steps=4)
    assert_alike(found)
    assert not found.notes, "a built-in model can be stacked whole"
    assert found.varied, "members must differ in settings to show that each keeps its own"


@pytest.mark.slow
@pytest.mark.parametrize("variant", list(variants()))
def test_a_model_trains_in_a_fleet_as_alone_for_a_hundred_steps(variant, dataset):
    assert_alike(compared(variant, dataset, steps=100))


@pytest.mark.parametrize("variant", list(variants()))
def test_a_model_encodes_and_generates_with_its_companions_as_alone(variant, dataset):
    model_class, settings = small(variant)
    configs = varied(model_class, parse(model_class.Config, settings, "model"), dataset)
    models = [build(model_class, config, dataset.image, Rng(seed)).eval() for seed, config in enumerate(configs)]
    images, rng = dataset.images(torch.arange(5)), Rng(9)
    asked = {}
    if models[0].can("encode"):
        asked["represent"] = (images, rng.normal(5, models[0].code_noise))
    if models[0].can("generate"):
        asked["generate"] = (models[0].latents.draw(5, rng),)
    with torch.no_grad():
        alone = {name: [getattr(model, name)(*inputs) for model in models] for name, inputs in asked.items()}
    companions = Companions(models, pytest.fail)
    for name, inputs in asked.items():
        torch.testing.assert_close(getattr(companions, name)(*inputs), torch.stack(alone[name]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", list(variants()))
def test_twice_the_batch_takes_more_memory_but_not_twice(variant, dataset):
    """Parameters are there once."""
    model_class, settings = small(variant)
    model = build(model_class, parse(model_class.Config, settings, "model"), dataset.image, Rng(0))
    one, two = (training_bytes(model, dataset.image, batch_size, [0, 10]) for batch_size in (64, 128))
    assert one < two < 2 * one
