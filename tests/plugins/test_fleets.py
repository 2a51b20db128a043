"""Every registered model trains in a fleet as it does alone."""

from typing import get_args

import pytest

from harness.config import parse
from harness.plugins import PluginManager
from harness.testing.fleets import compare

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


def compared(variant, dataset, **how):
    name, networks = variant
    model_class = REGISTRY.find("models", name).load()
    settings = {**SMALL, **({"networks": networks} if networks else {})}
    known = {name: value for name, value in settings.items() if name in model_class.Config.model_fields}
    return compare(model_class, known, dataset, **how)


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
