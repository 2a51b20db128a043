"""A plugin in a single file: a small dataset, a fast model, and members that misbehave on purpose."""

import os
import signal
import time
from typing import ClassVar
from weakref import WeakSet

import numpy as np
import torch
from torch import nn

import harness
from harness import Adam, Field, ImageSpec, LatentSpace, Normal, Objective, Settings


@harness.hookimpl
def harness_register_datasets(register):
    register("bars", Bars, "two bars on an 8x8 image")


@harness.hookimpl
def harness_register_models(register):
    register("linear", Linear, "a linear autoencoder with noisy codes")
    for model in (Raising, Diverging, Dying, Hanging, Printing, Greedy, Crowding):
        register(model.__name__.lower(), model, "misbehaves")


@harness.hookimpl
def harness_register_metrics(register):
    register("spread", Spread, "standard deviation of the codes")
    register("error", Error, "reconstruction error")
    register("broken", Broken, "raises")
    register("nan", NotANumber, "is not a number")


@harness.hookimpl
def harness_register_selectors(register):
    register("alike", Alike, "how alike codes are")
    register("broken-selector", BrokenSelector, "raises")
    register("hanging-selector", HangingSelector, "never returns")


class Bars(harness.GroundTruthDataset):
    """A horizontal and a vertical bar; their positions are the factors."""

    class Config(Settings):
        brightness: float = Field(1.0, gt=0, le=1, description="value of a bar's pixels")

    image = ImageSpec(1, 8, 8)

    def __init__(self, config):
        super().__init__(config)
        self.factors = harness.FactorGrid(["row", "column"], [8, 8])

    def images(self, indices):
        ids = torch.from_numpy(self.factors.ids(indices.cpu().numpy()))
        images = torch.zeros(len(indices), 1, 8, 8)
        images[torch.arange(len(indices)), 0, ids[:, 0]] = self.config.brightness
        images[torch.arange(len(indices)), 0, :, ids[:, 1]] = self.config.brightness
        return images.to(self.device)


class Linear(harness.Model):
    """Encodes and decodes linearly, with noise on the codes."""

    class Config(Settings):
        size: int = Field(3, gt=0, description="codes")
        noise: float = Field(0.1, ge=0, description="standard deviation of the noise")
        pause: float = Field(0.0, ge=0, description="seconds that a step takes at least")

    def __init__(self, config, image):
        super().__init__(config, image)
        image.require(image.height == image.width, "linear", "square ones")
        self.latents = LatentSpace({"codes": Normal(config.size)})
        pixels = image.channels * image.height * image.width
        self.encoder = nn.Linear(pixels, config.size)
        self.decoder = nn.Linear(config.size, pixels)

    def draw(self, n, rng):
        return {"noise": rng.normal(n, self.config.size)}

    def objectives(self):
        return [Objective("autoencoder", trains=[self.encoder, self.decoder], loss=self.loss, optimizer=Adam(1e-2))]

    def loss(self, images, draws):
        time.sleep(self.config.pause)
        codes = self.encode(images) + self.config.noise * draws["noise"]
        return {"error": (self.generate(codes) - images).square().mean(), "size": 1e-4 * codes.square().mean()}

    def encode(self, images):
        return self.encoder(images.flatten(1))

    def generate(self, latents):
        return self.decoder(latents).unflatten(1, (1, 8, 8))

    def reconstruct(self, images):
        return self.generate(self.encode(images))


class Raising(Linear):
    """Raises in its loss."""

    def loss(self, images, draws):
        raise ZeroDivisionError("on purpose")


class Diverging(Linear):
    """Its loss becomes infinite."""

    def schedule(self, step):
        return {"factor": 10.0**step}

    def loss(self, images, draws):
        return {"error": (self.encode(images).square().mean() + 1) * draws["factor"]}


class Dying(Linear):
    """Kills its own process."""

    def loss(self, images, draws):
        os.kill(os.getpid(), signal.SIGKILL)


class Hanging(Linear):
    """Never returns."""

    def loss(self, images, draws):
        time.sleep(3600)


class Printing(Linear):
    """Writes to standard output, where the worker's events must not be disturbed."""

    def loss(self, images, draws):
        print("hello from the model")
        os.write(1, b"hello from a C library\n")
        return super().loss(images, draws)


class Greedy(Linear):
    """Asks for more memory than there is."""

    def loss(self, images, draws):
        torch.empty(2**60)
        return {}


class Crowding(Linear):
    """Asks for more memory than there is where it is not nearly alone in its process."""

    class Config(Linear.Config):
        room: int = Field(1, gt=0, description="models like it for which there is memory")

    living: ClassVar = WeakSet()

    def __init__(self, config, image):
        super().__init__(config, image)
        self.living.add(self)

    def loss(self, images, draws):
        if len(self.living) > self.config.room:
            torch.empty(2**60)
        return super().loss(images, draws)


class Spread(harness.Metric):
    """The standard deviation of the codes, averaged."""

    def score(self, evaluation):
        codes = evaluation.codes(np.arange(len(evaluation.grid())))
        return harness.Score(float(codes.std(axis=0).mean()), {"per_code": codes.std(axis=0)})


class Error(harness.Metric):
    """Mean squared error of reconstructions; smaller is better."""

    needs = ("reconstruct",)
    higher_is_better = False

    def score(self, evaluation):
        images = evaluation.images(np.arange(len(evaluation.dataset)))
        error = float((evaluation.reconstruct(images) - images).square().mean())
        return harness.Score(error, {"held_out": evaluation.held_out})


class Broken(harness.Metric):
    """Raises."""

    def score(self, evaluation):
        raise RuntimeError("broken on purpose")


class NotANumber(harness.Metric):
    """Is not a number."""

    def score(self, evaluation):
        return harness.Score(float("nan"))


class Alike(harness.Selector):
    """Minus the distance between the spreads of two models' codes."""

    def compare(self, pool):
        spreads = np.array([model.codes(np.arange(64)).std() for model in pool], dtype=float)
        return -abs(spreads[:, None] - spreads[None])

    def scores(self, comparisons):
        return comparisons.sum(axis=1)


class BrokenSelector(harness.Selector):
    """Raises."""

    def compare(self, pool):
        raise RuntimeError("broken on purpose")


class HangingSelector(harness.Selector):
    """Never returns."""

    def compare(self, pool):
        time.sleep(3600)
