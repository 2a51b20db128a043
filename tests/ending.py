"""A plugin in a single file: a dataset, a model, metrics and a selector that end their process, each in its way."""

import multiprocessing
import os
import signal
import sys
import time

import numpy as np
import torch
from torch import nn

import harness
from harness import Adam, FactorGrid, Field, ImageSpec, LatentSpace, Normal, Objective, PointwiseSelector, Settings


@harness.hookimpl
def harness_register_datasets(register):
    register("dots", Dots, "one dot")


@harness.hookimpl
def harness_register_models(register):
    register("ending", Ending, "ends its process")


@harness.hookimpl
def harness_register_selectors(register):
    register("size", Size, "the size of codes")


@harness.hookimpl
def harness_register_metrics(register):
    register("quitting", Quitting, "calls sys.exit")
    register("nought", Nought, "is 0")


class Dots(harness.GroundTruthDataset):
    class Config(Settings):
        file: str = Field("", description="a file that must be there")
        opened: str = Field("", description="another, which is opened without asking")
        quits: str = Field("", description="what ends the process")

    image = ImageSpec(1, 4, 4)

    def __init__(self, config):
        super().__init__(config)
        self.grid = FactorGrid(["place"], [16])
        self.end("constructor")

    def end(self, where):
        if self.config.quits == "not there":
            os.stat("not there")
        if self.config.quits == where:
            sys.exit(0)

    @property
    def factors(self):
        self.end("factors")
        return self.grid

    def data_files(self):
        self.end("data_files")
        return ()

    def load(self, device="cpu"):
        self.end("load")
        if self.config.file and not os.path.exists(self.config.file):
            raise harness.UserError(f"dots: there is no file {self.config.file}")
        if self.config.opened:
            open(self.config.opened).close()
        super().load(device)

    def images(self, indices):
        self.end("images")
        images = torch.zeros(len(indices), 16)
        images[torch.arange(len(indices)), indices.cpu()] = 1.0
        return images.reshape(-1, 1, 4, 4).to(self.device)


class Ending(harness.Model):
    class Config(Settings):
        how: str = Field("", description="how it ends")

    def __init__(self, config, image):
        super().__init__(config, image)
        self.latents = LatentSpace({"codes": Normal(2)})
        self.encoder = nn.Linear(16, 2)

    def draw(self, n, rng):
        return {}

    def objectives(self):
        return [Objective("all", trains=[self.encoder], loss=self.loss, optimizer=Adam(1e-2))]

    def loss(self, images, draws):
        match self.config.how:
            case "sys.exit":
                sys.exit(0)
            case "os._exit":
                os.unlink(os.readlink("/proc/self/fd/2"))  # Its log.
                os._exit(0)
            case "SIGTERM":
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.2)
            case "child":
                if not multiprocessing.active_children():
                    multiprocessing.get_context("fork").Process(target=leave_the_group, daemon=True).start()
            case "deaf":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(3600)
        return {"size": self.encode(images).square().mean()}

    def encode(self, images):
        return self.encoder(images.flatten(1))


def leave_the_group():
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open("children", "a") as file:
        print(os.getpid(), file=file)
    time.sleep(600)


class Quitting(harness.Metric):
    def score(self, evaluation):
        sys.exit(0)


class Size(PointwiseSelector):
    class Config(Settings):
        how: str = Field("", description="how it ends the process")

    def compare(self, pool):
        if self.config.how == "os._exit":
            os._exit(0)
        if self.config.how:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.array([model.codes(np.arange(16)).std() for model in pool])


class Nought(harness.Metric):
    def score(self, evaluation):
        return harness.Score(0.0)
