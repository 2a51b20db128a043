"""Grey images given a random colour each."""

from torch import Tensor

from harness_datasets.hashed import hashed_uniform


def tint(images: Tensor, indices: Tensor, *purpose: object) -> Tensor:
    """Grey images (N, 1, H, W) times a colour of their own: (N, 3, H, W).

    Red, green and blue of image i are uniform in [0.5, 1], by its index and the purpose, as in the Color
    variant of dSprites (Locatello et al., 2019, arXiv:1811.12359).
    """
    colours = 0.5 + 0.5 * hashed_uniform(indices, 3, *purpose)
    return images * colours[:, :, None, None]
