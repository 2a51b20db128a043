"""Every registered model trains by every engine, and is evaluated in a stack, as alone by the eager one.

A model of a third party that is installed is among them; `harness check` asks the same of one that is not.
"""

from functools import partial
from typing import get_args

import pytest
import torch

from harness import Rng
from harness.benchmark.cost import cost_of
from harness.config import parse
from harness.model import build
from harness.plugins.manager import PluginManager
from harness.scoring.stacked_models import StackedModels
from harness.testing.comparison import compare_engine, compare_fleet, varied
from harness.testing.fake_cuda_graph import FakeCudaCapture
from harness.training.batches import Batches
from harness.training.engines.compiled import CompiledStepper
from harness.training.engines.cuda_graphs import CudaCapture
from harness.training.engines.eager import EagerStepper
from harness.training.engines.graph import GraphStepper
from harness.training.memory import training_bytes
from harness.training.precision import products

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
    """Every registered model that is trained here, with each of its choices of networks."""
    for name in REGISTRY.entries["models"]:
        if REGISTRY.find("models", name).load().trained_elsewhere:
            continue
        choice = REGISTRY.find("models", name).load().Config.model_fields.get("networks")
        for networks in get_args(choice.annotation) if choice else [None]:
            yield pytest.param((name, networks), id=f"{name} {networks}" if networks else name)


DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module", params=DEVICES)
def dataset(request):
    sprites = REGISTRY.find("datasets", "sprites").load()
    grid = {"image_size": 32, "scales": 2, "orientations": 3, "positions_x": 3, "positions_y": 3}
    made = sprites(parse(sprites.Config, grid, "dataset"))
    made.load(request.param)
    with products("float32"):
        yield made


@pytest.fixture
def capture(dataset):
    """What records steps: CUDA graphs, or on a CPU what does as they do."""
    return FakeCudaCapture() if dataset.device.type == "cpu" else CudaCapture()


def small(variant):
    """The class of a variant's model and its settings."""
    name, networks = variant
    model_class = REGISTRY.find("models", name).load()
    settings = {**SMALL, **({"networks": networks} if networks else {})}
    return model_class, {name: value for name, value in settings.items() if name in model_class.Config.model_fields}


def compared(engine, variant, dataset, steps, capture=None):
    """An engine beside the eager one; in double precision where its kernels have that."""
    how = {"steps": steps, "double": dataset.device.type == "cpu"}
    match engine:
        case "fleet":
            return compare_fleet(*small(variant), dataset, **how)
        case "recorded fleet":
            return compare_fleet(*small(variant), dataset, capture=capture, **how)
        case "compiled fleet":
            return compare_fleet(*small(variant), dataset, compiled=True, **how)
        case "graph":
            return compare_engine(partial(GraphStepper, capture=capture), *small(variant), dataset, **how)
        case "compiled":
            return compare_engine(CompiledStepper, *small(variant), dataset, **how)


def assert_alike(found, dataset):
    least = 1e-9 if dataset.device.type == "cpu" else 1e-3
    # Adversarial training carries any two runs apart in time, were they a bit from each other.
    for apart, rounding in zip(found.apart, found.rounding, strict=True):
        assert apart < max(least, 1e4 * rounding)


@pytest.mark.parametrize("variant", list(variants()))
def test_a_model_trains_in_a_fleet_as_alone(variant, dataset):
    found = compared("fleet", variant, dataset, steps=4)
    assert_alike(found, dataset)
    assert not found.notes, "a built-in model can be stacked whole"
    assert found.varied, "members must differ in settings to show that each keeps its own"


@pytest.mark.parametrize("variant", list(variants()))
def test_a_model_trains_alike_when_its_steps_are_recorded(variant, dataset, capture):
    found = compared("graph", variant, dataset, steps=12, capture=capture)
    assert_alike(found, dataset)
    assert not found.notes, "a built-in model's steps can be recorded"
    assert capture.captured


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch._prims_common.check. is deprecated:FutureWarning")  # within torch.compile
@pytest.mark.parametrize("engine", ["fleet", "recorded fleet", "graph", "compiled"])
@pytest.mark.parametrize("variant", list(variants()))
def test_a_model_trains_alike_for_a_hundred_steps(variant, engine, dataset, capture):
    found = compared(engine, variant, dataset, steps=100, capture=capture)
    assert_alike(found, dataset)
    assert not found.notes


if torch.cuda.is_available():

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore:.torch._prims_common.check. is deprecated:FutureWarning")  # as above
    @pytest.mark.parametrize("dataset", ["cuda"], indirect=True)
    @pytest.mark.parametrize("variant", list(variants()))
    def test_a_model_trains_alike_in_a_compiled_fleet(variant, dataset):
        found = compared("compiled fleet", variant, dataset, steps=100)
        assert_alike(found, dataset)
        assert not found.notes


@pytest.mark.parametrize("variant", list(variants()))
def test_a_model_encodes_and_generates_in_a_stack_as_alone(variant, dataset):
    model_class, settings = small(variant)
    configs = varied(model_class, parse(model_class.Config, settings, "model"), dataset)
    models = [build(model_class, config, dataset.image, Rng(seed)).eval() for seed, config in enumerate(configs)]
    for model in models:
        model.to(dataset.device)
    indices, rng = torch.arange(5, device=dataset.device), Rng(9, dataset.device)
    images = dataset.images(indices)
    stacked = StackedModels(models, pytest.fail)

    def close(found, alone):
        torch.testing.assert_close(found, torch.stack(alone), rtol=1e-4, atol=1e-5)

    with torch.no_grad():
        if models[0].can("encode"):
            noise = rng.normal(5, models[0].code_noise)
            close(stacked.represent(images, noise), [model.represent(images, noise) for model in models])
        if models[0].can("generate"):
            latents = [model.latents.draw(5, rng) for model in models]
            alone = [model.generate(own) for model, own in zip(models, latents, strict=True)]
            close(stacked.generate(torch.stack(latents)), alone)


@pytest.mark.parametrize("variant", list(variants()))
def test_twice_the_batch_takes_more_memory_but_not_twice(variant, dataset):
    """Parameters are there once."""
    model_class, settings = small(variant)
    model = build(model_class, parse(model_class.Config, settings, "model"), dataset.image, Rng(0))
    one, two = (training_bytes(model, dataset.image, batch_size, [0, 10]) for batch_size in (8, 16))
    assert one < two < 2 * one


@pytest.mark.parametrize("variant", list(variants()))
def test_what_a_step_costs_can_be_counted(variant, dataset):
    model_class, settings = small(variant)
    model = build(model_class, parse(model_class.Config, settings, "model"), dataset.image, Rng(0)).to(dataset.device)
    draws = Rng(1, dataset.device)
    batches = Batches(dataset, 4, 0, pairs=model.pairs())
    cost = cost_of(EagerStepper(model.train(), batches, draws=draws, resets=Rng(2)))
    # Each parameter is read at least once.
    assert cost.bytes > 4 * sum(parameter.numel() for parameter in model.parameters())
    assert cost.flop > 0
