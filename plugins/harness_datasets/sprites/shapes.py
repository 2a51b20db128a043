"""The three sprites of dSprites, as sets of points of the plane.

Points are in a sprite's own frame: unrotated, at scale 1, the origin at the centre of rotation, in
pixels of a 64-pixel-wide image, u to the right and v *down*. Each function takes two tensors of one
shape and tells for every point whether the sprite covers it.

dSprites (Matthey, Higgins, Hassabis & Lerchner, 2017) was drawn with the LÖVE engine and its drawing
code was not published. The sizes below were measured on the animation in the dSprites repository. They
reproduce its squares and ellipses but for a few pixels in 40 rotations; the heart is approximated to
about 4 pixels in 222.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Shape:
    """One sprite.

    Attributes:
        label: its number in dSprites, which is its value in the factor grid.
        radius: a bound on the distance of its points from the origin.
        covers: whether it covers points (u, v).
    """

    label: int
    radius: float
    covers: Callable[[Tensor, Tensor], Tensor]


def square(u: Tensor, v: Tensor) -> Tensor:
    """A square of side 19.2, which is 0.3 of the image."""
    return (u.abs() <= 9.6) & (v.abs() <= 9.6)


def ellipse(u: Tensor, v: Tensor) -> Tensor:
    """An ellipse with semi-axes 12.8 along u and 7.2 along v."""
    return (u / 12.8) ** 2 + (v / 7.2) ** 2 <= 1


def heart(u: Tensor, v: Tensor) -> Tensor:
    """A heart, its lobes up: two discs, a bar that joins them, and a triangle with its tip at (0, 8.6)."""
    u = u.abs()
    lobes = (u - 4.76) ** 2 + (v + 4.35) ** 2 <= 4.88**2
    bar = (u <= 4.76) & (v >= -4.35) & (v <= -0.47)
    triangle = (v >= -0.47) & (u <= 8.73 * (8.6 - v) / (8.6 + 0.47))
    return lobes | bar | triangle


SHAPES = {
    "square": Shape(1, 13.6, square),
    "ellipse": Shape(2, 12.81, ellipse),
    "heart": Shape(3, 11.4, heart),
}
