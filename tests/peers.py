"""Libraries that train a beta-VAE too, each with a process of its own that steps when it is asked to."""

import importlib
import warnings
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import process_time

import torch
from plain_training import DEVICE, PlainLoop, without_few_channels

from harness.benchmark.case_file import read_cases
from harness.benchmark.measure import load_images, make_one
from harness.execution.allocator import keep_freed_memory
from harness.plugins.manager import PluginManager
from support import TESTS


def beta_vae(image_size, width):
    """The case of the standard set's sprites with a beta-VAE of another size."""
    sprites = read_cases(TESTS / "benchmarks" / "standard.toml").cases[1]
    settings = {**sprites.dataset_settings, "image_size": image_size}
    return replace(sprites, model="beta-vae", settings={"width": width}, dataset_settings=settings)


class PeersLoop(PlainLoop):
    """The plain loop's batches and networks under another library's loss."""

    def __init__(self, case, images, make):
        super().__init__(case, PluginManager().registry, images)
        self.peer, self.loss_of = make(self.model, images.image)
        self.peer.train()
        self.optimizer = torch.optim.Adam(self.peer.parameters(), self.objectives[0].optimizer.lr_at(0))

    @without_few_channels
    def step(self, step):
        images = self.batches.next().contiguous()
        self.optimizer.zero_grad()
        self.loss_of(images).backward()
        self.optimizer.step()


def pythae(model, image):
    """pythae's BetaVAE with our networks."""
    models = importlib.import_module("pythae.models")
    base = importlib.import_module("pythae.models.nn")
    output = importlib.import_module("pythae.models.base.base_utils").ModelOutput

    class Encoder(base.BaseEncoder):
        def __init__(self):
            super().__init__()
            self.net = model.encoder

        def forward(self, images):
            mean, log_variance = self.net(images)
            return output(embedding=mean, log_covariance=log_variance)

    class Decoder(base.BaseDecoder):
        def __init__(self):
            super().__init__()
            self.net = model.decoder

        def forward(self, codes):
            return output(reconstruction=self.net(codes).sigmoid())

    size = (image.channels, image.height, image.width)
    config = models.BetaVAEConfig(
        input_dim=size, latent_dim=model.config.latents, reconstruction_loss="bce", beta=model.config.beta
    )
    vae = models.BetaVAE(config, Encoder(), Decoder())
    return vae, lambda images: vae({"data": images}).loss


def disent(model, image):
    """disent's BetaVae with our networks."""
    frameworks = importlib.import_module("disent.frameworks.vae")
    parts = importlib.import_module("disent.model")
    size, latents = (image.channels, image.height, image.width), model.config.latents

    class Encoder(parts.DisentEncoder):
        def __init__(self):
            super().__init__(x_shape=size, z_size=latents, z_multiplier=2)
            self.net = model.encoder

        def encode(self, images):
            return torch.cat(self.net(images), dim=1)

    class Decoder(parts.DisentDecoder):
        def __init__(self):
            super().__init__(x_shape=size, z_size=latents)
            self.net = model.decoder

        def decode(self, codes):
            return self.net(codes)

    config = frameworks.BetaVae.cfg(recon_loss="bce", loss_reduction="mean_sum", beta=model.config.beta)
    framework = frameworks.BetaVae(parts.AutoEncoder(Encoder(), Decoder()), config)
    return framework, lambda images: framework.do_training_step({"x_targ": (images,)}, 0)


PEERS = {"pythae": ("pythae.models", pythae), "disent": ("disent.frameworks.vae", disent)}
"""By name what has to be importable, and what makes a model of theirs."""


def make_loop(name, case):
    """A loop with a method `step`: "here", "plain" or a peer's."""
    registry = PluginManager().registry
    images = load_images(case, registry, DEVICE)
    if name == "here":
        keep_freed_memory()
        return make_one(case, registry, images, 0, print)
    return PlainLoop(case, registry, images) if name == "plain" else PeersLoop(case, images, PEERS[name][1])


def _serve(name, case, threads, connection: Connection) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    loop, done = make_loop(name, case), 0
    connection.send(None)
    while steps := connection.recv():
        before = process_time()
        for _ in range(steps):
            loop.step(done)
            done += 1
        connection.send((process_time() - before) / steps)


class Stepping:
    """A loop in a process of its own.

    In one process each would have the memory allocator's settings of the others.
    """

    def __init__(self, name, case):
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        arguments = (name, case, torch.get_num_threads(), other)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        other.close()
        self._connection.recv()

    def __call__(self, steps):
        """Do steps; returns the seconds that the process computed for each."""
        self._connection.send(steps)
        return self._connection.recv()

    def end(self):
        """End the process."""
        self._connection.send(0)
        self._process.join()
