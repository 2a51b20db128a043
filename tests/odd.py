"""A plugin in a single file: datasets and models that break their contracts, each in its own way."""

import random
import time
from typing import Literal

import numpy as np
import torch
from torch import nn

import harness
from harness import Adam, Field, ImageSpec, LabelledDataset, LatentSpace, Model, Normal, Objective, Settings


@harness.hookimpl
def harness_register_datasets(register):
    register("odd", Odd, "noise that may be odd")


@harness.hookimpl
def harness_register_models(register):
    for model in MODELS:
        register(model.__name__.lower(), model, "may draw where it must not")


class Odd(LabelledDataset):
    """Forty images of noise, in four classes."""

    class Config(Settings):
        kind: str = Field("plain", description="what is wrong with the images")
        one: int = Field(-1, description="the only image that is wrong; -1 for all")
        first: int = Field(0, description="the smallest label")
        labels: str = Field("plain", description="what is wrong with the labels")
        last: int = Field(3, description="the label of the last image")

    image = ImageSpec(1, 4, 4)
    classes = 4

    def __len__(self):
        return 40

    def images(self, indices):
        x = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0))[indices]
        if self.config.one != -1 and self.config.one not in indices:
            return x
        if self.config.kind == "augmented":
            return (x + 0.01 * torch.rand_like(x)).clamp(0, 1)
        kinds = {
            "plain": x,
            "bytes": (255 * x).byte(),
            "half": x.half(),
            "double": x.double(),
            "signed": 2 * x - 1,
            "channels last": x.permute(0, 2, 3, 1),
            "undefined": torch.where(x > 0.5, torch.nan, x),
            "infinite": torch.where(x > 0.5, torch.inf, x),
            "flat": x.flatten(1),
            "too few": x[1:],
            "numpy": x.numpy(),
            "elsewhere": x.to("meta"),
            "sparse": x.to_sparse(),
            "nothing": None,
        }
        return kinds[self.config.kind]

    def labels(self, indices):
        y = torch.where(indices == 39, self.config.last, indices % 4) + self.config.first
        kinds = {
            "plain": y,
            "float": y.float(),
            "int32": y.int(),
            "column": y[:, None],
            "one-hot": nn.functional.one_hot(indices % 4, 4),
            "numpy": y.numpy(),
        }
        return kinds[self.config.labels]


class Sound(Model):
    """A linear autoencoder."""

    class Config(Settings):
        codes: int = Field(3, gt=0, description="codes")
        norm: Literal["none", "batch"] = Field("none", description="normalisation of the codes")
        weight: float = Field(1.0, description="of the error")

    def __init__(self, config, image):
        super().__init__(config, image)
        self.latents = LatentSpace({"codes": Normal(config.codes)})
        self.encoder = nn.Sequential(nn.Flatten(), *self.between(), nn.Linear(16, config.codes))
        if config.norm == "batch":
            self.encoder.append(nn.BatchNorm1d(config.codes))
        self.decoder = nn.Linear(config.codes, 16)

    def between(self):
        return []

    def objectives(self):
        return [Objective("all", trains=[self.encoder, self.decoder], loss=self.error, optimizer=Adam(1e-3))]

    def error(self, images, draws):
        return {"error": self.config.weight * (self.decoder(self.encoder(images)) - images.flatten(1)).square().mean()}

    def encode(self, images):
        return self.encoder(images)

    def generate(self, latents):
        return self.decoder(latents).sigmoid().unflatten(1, (1, 4, 4))


class Probable(Sound):
    """Its loss is one that torch refuses for images beyond [0, 1]."""

    def error(self, images, draws):
        found = self.decoder(self.encoder(images)).sigmoid()
        return {"error": nn.functional.binary_cross_entropy(found, images.flatten(1))}


class Dropout(Sound):
    """Has torch drop what it sees."""

    def between(self):
        return [nn.Dropout(0.3)]


class Noisy(Sound):
    """Adds noise of its own."""

    def error(self, images, draws):
        return super().error(images + 0.1 * torch.randn_like(images), draws)


class Numpy(Sound):
    """Weighs its error by chance."""

    def error(self, images, draws):
        return {"error": float(np.random.rand()) * super().error(images, draws)["error"]}


class Python(Sound):
    """Weighs its error by chance."""

    def error(self, images, draws):
        return {"error": random.random() * super().error(images, draws)["error"]}


class Undrawn(Sound):
    """Does not draw from the generator that it is given."""

    def draw(self, n, rng):
        return {"noise": torch.randn(n, 3)}


class Ending(Sound):
    """Draws at the end of a step."""

    def finish_step(self):
        torch.rand(1)


class Late(Sound):
    """Draws in the loss that comes later."""

    def objectives(self):
        losses = {0: self.error, 5: self.late}
        return [Objective("all", trains=[self.encoder, self.decoder], loss=losses, optimizer=Adam(1e-3))]

    def late(self, images, draws):
        return super().error(images + 0.1 * torch.randn_like(images), draws)


class Warming(Sound):
    """Drops what it sees, but not in its first steps."""

    def schedule(self, step):
        self.warm = step >= 5
        return {}

    def error(self, images, draws):
        return super().error(nn.functional.dropout(images, 0.3) if self.warm else images, draws)


class Scheduling(Sound):
    """Draws what changes with the step."""

    def schedule(self, step):
        return {"weight": random.random()}


class Reseeding(Sound):
    """Draws the same numbers in every step, whatever the trial's seed."""

    def error(self, images, draws):
        torch.manual_seed(0)
        return super().error(images + torch.rand(1), draws)


class Weighing(Sound):
    """Weighs its error by something that is no argument."""

    def error(self, images, draws):
        return {"error": self.factor() * super().error(images, draws)["error"]}


class OwnNumpy(Weighing):
    """A generator of NumPy's that nobody seeds."""

    def factor(self):
        return float(np.random.default_rng().random())


class OwnTorch(Weighing):
    """A generator of torch's that it keeps."""

    kept = torch.Generator()

    def factor(self):
        return torch.rand((), generator=self.kept)


class OwnDrawing(Sound):
    """Draws from a generator of its own where it is given one."""

    def draw(self, n, rng):
        return {"noise": torch.from_numpy(np.random.default_rng().random(n))}


class Clock(Weighing):
    """The time."""

    def factor(self):
        return 1000 * time.perf_counter() % 1


class Counting(Weighing):
    """How often it was called."""

    calls = 0

    def factor(self):
        self.calls += 1
        return self.calls


class Returning(Sound):
    """Its loss returns what a setting says."""

    class Config(Sound.Config):
        what: str = Field("", description="what the loss returns")

    def error(self, images, draws):
        error = super().error(images, draws)["error"]
        kinds = {"a number": error, "nothing": None, "a list": [error], "none": {}, "a float": {"error": 1.0}}
        return kinds[self.config.what] if self.config.what in kinds else {"error": error.expand(3)}


class Quitting(Sound):
    """Raises in its fifth step where its weight is negative."""

    def schedule(self, step):
        if step == 4 and self.config.weight < 0:
            raise ZeroDivisionError("on purpose")
        return {}


MODELS = (
    *(Sound, Dropout, Noisy, Numpy, Python, Undrawn, Ending, Late, Warming, Scheduling, Reseeding, OwnNumpy, OwnTorch),
    *(OwnDrawing, Clock, Counting, Quitting, Probable, Returning),
)
