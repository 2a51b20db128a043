"""A linear autoencoder: all that a model must say about itself."""

from torch import nn

from harness import Adam, Field, LatentSpace, Model, Normal, Objective, Settings


class LinearAutoencoder(Model):
    """Codes are linear functions of the pixels, trained to reconstruct them."""

    class Config(Settings):
        codes: int = Field(5, gt=0, description="number of codes")
        learning_rate: float = Field(1e-3, gt=0, description="Adam's learning rate")

    def __init__(self, config, image):
        super().__init__(config, image)
        pixels = image.channels * image.height * image.width
        self.latents = LatentSpace({"codes": Normal(config.codes)})
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, config.codes))
        self.decoder = nn.Sequential(
            nn.Linear(config.codes, pixels), nn.Unflatten(1, (image.channels, image.height, image.width))
        )

    def objectives(self):
        optimizer = Adam(self.config.learning_rate)
        return [Objective("autoencoder", trains=[self.encoder, self.decoder], loss=self.loss, optimizer=optimizer)]

    def loss(self, images, draws):
        return {"reconstruction": (self.reconstruct(images) - images).square().mean()}

    def encode(self, images):
        return self.encoder(images)

    def generate(self, latents):
        return self.decoder(latents).clamp(0, 1)

    def reconstruct(self, images):
        return self.decoder(self.encoder(images))
