"""A model plugin in one file. `harness run my_vae.toml --plugin my_vae.py` trains and scores it beside beta-VAE."""

from torch import nn

import harness
from harness import Adam, Field, LatentSpace, Model, Normal, Objective, Settings
from harness.nn import normal_kl


class MyVAE(Model):
    """A small VAE of mine."""

    class Config(Settings):
        beta: float = Field(4.0, ge=0, description="weight of the KL term")
        codes: int = Field(5, gt=0, description="codes")

    def __init__(self, config, image):
        super().__init__(config, image)
        pixels = image.channels * image.height * image.width
        self.latents = LatentSpace({"codes": Normal(config.codes)})
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 64), nn.ReLU(), nn.Linear(64, 2 * config.codes))
        self.decoder = nn.Sequential(
            nn.Linear(config.codes, 64),
            nn.ReLU(),
            nn.Linear(64, pixels),
            nn.Unflatten(1, (image.channels, image.height, image.width)),
        )

    def draw(self, n, rng):
        """Every random number of a step."""
        return {"noise": rng.normal(n, self.config.codes)}

    def objectives(self):
        """The updates of a step, in order: one, of all networks."""
        return [Objective("elbo", trains=[self.encoder, self.decoder], loss=self.elbo, optimizer=Adam(1e-3))]

    def elbo(self, images, draws):
        """Pure: images and draws in, named terms out."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        codes = mean + (log_variance / 2).exp() * draws["noise"]
        error = (self.decoder(codes) - images).square().flatten(1).sum(1).mean()
        return {"reconstruction": error, "kl": self.config.beta * normal_kl(mean, log_variance).sum(1).mean()}

    def encode(self, images):
        """The codes that metrics see: means, (N, codes)."""
        return self.encoder(images).chunk(2, dim=1)[0]

    def generate(self, latents):
        """Images of latents, in [0, 1]."""
        return self.decoder(latents).clamp(0, 1)


@harness.hookimpl
def harness_register_models(register):
    """Offer the model under a name that suites use."""
    register("my-vae", MyVAE, "a small VAE of mine")
