"""The scenes of 3D Teapots: their factors, the camera, the colour and the light."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness_datasets.teapots.mesh import Mesh, teapot
from harness_datasets.teapots.rasteriser import rasterise

Values = NDArray[np.float64]

SOURCE = (
    "3D Teapots (Eastwood & Williams, 2018, A Framework for the Quantitative Evaluation of Disentangled "
    "Representations; Lin et al., 2020, arXiv:1906.06034); drawn by our own code"
)

DISTANCE, FOCAL = 0.5, 105 / 64
"""Of the camera from the teapot's middle, and its focal length in widths of the image."""

SCALE = 0.042
"""Of the mesh: with it no pose touches the border. (0.09 is for the smaller mesh of InfoGAN-CR's authors.)"""

COLOUR = (0.3, 0.5, 0.9)
"""Red, green and blue where they do not vary."""

AMBIENT, DIFFUSE = 0.5, 0.9
"""A surface has its colour times AMBIENT + DIFFUSE * cosine of the angle between its normal and the light."""


@dataclass(frozen=True)
class Scene:
    """What varies between images, and what it does. Values are float (N, F) tensors, one column per factor.

    Attributes:
        factors: from a uniform number in [0, 1) to the value, by the factor's name.
        pose: azimuth of the teapot, elevation of the camera, and turn of the image counter-clockwise, (N,) radians.
        colour: red, green and blue, (N, 3).
        light: direction to the light in camera coordinates (x right, y up, z towards the camera), (N, 3).
    """

    factors: Mapping[str, Callable[[Values], Values]]
    pose: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
    colour: Callable[[Tensor], Tensor]
    light: Callable[[Tensor], Tensor]


def _full_turn(share: Values) -> Values:
    return 2 * pi * share


def _quarter_turn(share: Values) -> Values:
    return pi / 2 * share


def _share(share: Values) -> Values:
    return share


def _polar(share: Values) -> Values:
    """From the pole, of a uniform direction."""
    return np.arccos(1 - 2 * share)


def _latitude(share: Values) -> Values:
    """From the equator, of a uniform direction."""
    return np.arcsin(2 * share - 1)


def _fixed_colour(values: Tensor) -> Tensor:
    return values.new_tensor(COLOUR).expand(len(values), 3)


def _above_teapot(values: Tensor) -> Tensor:
    elevation = values[:, 1]
    return torch.stack([torch.zeros_like(elevation), elevation.cos(), elevation.sin()], dim=1)


def _above_camera(values: Tensor) -> Tensor:
    return values.new_tensor([0, 1, 0]).expand(len(values), 3)


def _from_direction(values: Tensor) -> Tensor:
    azimuth, elevation = values[:, 3], values[:, 4]
    return torch.stack([elevation.cos() * azimuth.sin(), elevation.sin(), elevation.cos() * azimuth.cos()], dim=1)


_ROTATION = {"angle": _full_turn, "polar": _polar, "azimuth": _full_turn}


def _any_rotation(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return values[:, 2], pi / 2 - values[:, 1], values[:, 0]


SCENES = {
    "colors": Scene(
        {"azimuth": _full_turn, "elevation": _quarter_turn, "red": _share, "green": _share, "blue": _share},
        lambda values: (values[:, 0], values[:, 1], torch.zeros_like(values[:, 0])),
        lambda values: values[:, 2:],
        _above_teapot,
    ),
    "rotation": Scene(_ROTATION, _any_rotation, _fixed_colour, _above_camera),
    "light": Scene(
        {**_ROTATION, "light_azimuth": _full_turn, "light_elevation": _latitude},
        _any_rotation,
        _fixed_colour,
        _from_direction,
    ),
}
"""The three variants of InfoGAN-CR's authors."""


def centred_teapot(device: torch.device) -> Mesh:
    """The teapot at the scale of the scenes, the middle of its bounding box at the origin."""
    mesh = teapot()
    points = SCALE * (mesh.points - (mesh.points.amin(dim=0) + mesh.points.amax(dim=0)) / 2)
    return Mesh(*(part.to(device) for part in (points, mesh.normals, mesh.triangles, mesh.solid)))


def draw(scene: Scene, mesh: Mesh, values: Tensor, size: int) -> Tensor:
    """What the pixels show: (N, 4, size, size), the normal in camera coordinates and the coverage."""
    normals, coverage = rasterise(mesh, _views(*scene.pose(values)), DISTANCE, FOCAL * size, size)
    return torch.cat([normals, coverage], dim=1)


def brightness(scene: Scene, drawn: Tensor, values: Tensor) -> Tensor:
    """What the surfaces in drawings (N, 4, H, W) make of their colour: (N, 1, H, W), before it is cut off at 1."""
    light = scene.light(values)[:, :, None, None]
    # Summed in this order whatever the batch, so that an image is always the same to the last bit.
    cosine = drawn[:, 0:1] * light[:, 0:1] + drawn[:, 1:2] * light[:, 1:2] + drawn[:, 2:3] * light[:, 2:3]
    return AMBIENT + DIFFUSE * cosine.clamp(min=0)


def shade(scene: Scene, drawn: Tensor, values: Tensor) -> Tensor:
    """Drawings (N, 4, H, W) coloured and lit, on white: images (N, 3, H, W) in [0, 1].

    As on graphics hardware a pixel is shaded once, cut off at 1, and mixed with the background by coverage.
    """
    coverage = drawn[:, 3:]
    surface = (scene.colour(values)[:, :, None, None] * brightness(scene, drawn, values)).clamp(max=1)
    return coverage * surface + (1 - coverage)


def _views(azimuth: Tensor, elevation: Tensor, roll: Tensor) -> Tensor:
    """Rotations (N, 3, 3) from the teapot's coordinates, z up, to the camera's, y up and z towards the camera.

    At azimuth 0 the spout points right; it turns counter-clockwise seen from above.
    """
    zero, one = torch.zeros_like(azimuth), torch.ones_like(azimuth)

    def matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)

    turn = matrix((azimuth.cos(), -azimuth.sin(), zero), (azimuth.sin(), azimuth.cos(), zero), (zero, zero, one))
    look = matrix(
        (one, zero, zero), (zero, elevation.sin(), elevation.cos()), (zero, -elevation.cos(), elevation.sin())
    )
    tilt = matrix((roll.cos(), -roll.sin(), zero), (roll.sin(), roll.cos(), zero), (zero, zero, one))
    return tilt @ look @ turn
