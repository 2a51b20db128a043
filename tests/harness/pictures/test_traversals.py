"""What traversals show of a model whose latents are known."""

import numpy as np

from harness import LatentSpace, Uniform
from harness.pictures.latent_paths import codes_of
from harness.pictures.traversals import liveliest_codes, traversal_images


def test_the_brightness_code_makes_images_brighter_and_moves_nothing(painter):
    brightness = codes_of(painter.latents)[0]
    images = traversal_images(painter, brightness, painter.sample_latents(range(6)), steps=5)
    assert images.shape == (5, 6, 8, 8, 3)
    light = images.astype(int).sum(axis=(2, 3, 4))
    assert (np.diff(light, axis=0) > 0).all()
    assert (light[0] == 0).all()
    lit = images[1:, ..., 0] > 0
    assert (lit == lit[:1]).all()


def test_the_corner_code_visits_every_corner_at_the_same_brightness(painter):
    corner = codes_of(painter.latents)[1]
    images = traversal_images(painter, corner, painter.sample_latents(range(3)), steps=9)[..., 0]
    assert images.shape[0] == 4
    assert (images > 0).any(axis=0).all()
    assert (images.max(axis=(2, 3)) == images.max(axis=(2, 3))[:1]).all()


def test_the_liveliest_codes_are_those_that_change_the_image_in_their_own_order(painter):
    space = LatentSpace({"a": Uniform(3), "b": Uniform(3)})

    def generate(latents):
        light = 0.5 + 0.2 * latents[:, 4:5] + 0.3 * latents[:, 1:2]
        return light[..., None, None].expand(-1, 1, 8, 8)

    painter.model.latents, painter.model.generate = space, generate
    assert [code.name for code in liveliest_codes(painter, 2)] == ["a 1", "b 1"]
    assert [code.name for code in liveliest_codes(painter, 1)] == ["a 1"]
    assert len(liveliest_codes(painter, 6)) == 6
