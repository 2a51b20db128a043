"""A dataset and a trained model that are known through and through: what pictures are tested with."""

import pytest
import torch
from torch import nn

import harness
from harness import Categorical, FactorGrid, ImageSpec, LatentSpace, Uniform
from harness.config import Settings
from harness.pictures.trained_model import TrainedModel
from harness.suite.schema import Training
from harness.suite.trial import Choice, Trial


class Squares(harness.GroundTruthDataset):
    """A bright square in one of four corners, in one of three shades, on an 8x8 image."""

    image = ImageSpec(1, 8, 8)

    def __init__(self, config=None):
        super().__init__(config or Settings())
        self.factors = FactorGrid(["corner", "shade"], [4, 3])
        self.loaded = 0

    def load(self, device="cpu"):
        super().load(device)
        self.loaded += 1

    def images(self, indices):
        corner, shade = torch.from_numpy(self.factors.ids(indices.numpy())).unbind(1)
        return draw(corner, 0.4 + 0.3 * shade)


def draw(corner, brightness):
    """Images (n, 1, 8, 8) with a square of the given brightness (n,) in one of four corners (n,)."""
    images = torch.zeros(len(corner), 1, 8, 8)
    for row, (place, value) in enumerate(zip(corner.tolist(), brightness, strict=True)):
        top, left = 4 * (place // 2), 4 * (place % 2)
        images[row, 0, top : top + 4, left : left + 4] = value
    return images


class Painter(harness.Model):
    """Draws what its latents say: a brightness from -1 to 1, a corner, and noise that changes nothing."""

    def __init__(self, config=None, image=Squares.image):
        super().__init__(config or Settings(), image)
        parts = {"noise": Uniform(2), "brightness": Uniform(1), "corner": Categorical(4)}
        self.latents = LatentSpace(parts, codes=["brightness", "corner"])
        self.scale = nn.Parameter(torch.ones(()))

    def generate(self, latents):
        parts = self.latents.split(latents)
        return draw(parts["corner"].argmax(dim=1), (self.scale * 0.5 * (1 + parts["brightness"])).flatten())


@pytest.fixture
def painter():
    """A trained model whose every latent is known, beside its dataset."""
    trial = Trial(Choice("squares"), Choice("painter"), Training(steps=0, batch_size=1), 0, "painter")
    return TrainedModel(trial, Painter().eval(), Squares(), None)
