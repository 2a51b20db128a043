"""The Utah teapot (Newell, 1975): its Bezier patches as a mesh of triangles.

The 32 published patches have two symmetries, and only what these leave is written down here. Lid, rim, body and
bottom are surfaces of revolution, given by their profiles; handle and spout are tubes, mirrored at the
plane y = 0, given by their cross-sections. Unit: that of the published table, in which the teapot is 3.15
high; z points up and the spout along x. The published lid ends at radius 1.3 and leaves a gap to the rim, through
which one sees inside; here it ends at 1.4, where the rim begins.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

PROFILES = (
    # Rim, upper and lower body: three cubic curves, each starting where the last ended; (radius, z).
    (
        *((1.4, 2.4), (1.3375, 2.53125), (1.4375, 2.53125), (1.5, 2.4)),
        *((1.75, 1.875), (2.0, 1.35), (2.0, 0.9)),
        *((2.0, 0.45), (1.5, 0.225), (1.5, 0.15)),
    ),
    # Knob and lid.
    ((0.0, 3.15), (0.8, 3.15), (0.0, 2.85), (0.2, 2.7), (0.4, 2.55), (1.4, 2.55), (1.4, 2.4)),
    # Bottom.
    ((0.0, 0.0), (1.425, 0.0), (1.5, 0.075), (1.5, 0.15)),
)
"""Control points of the profiles."""

TUBES = (
    # Handle.
    (
        *((-1.6, 2.025, -1.5, 2.25, 0.3), (-2.3, 2.025, -2.5, 2.25, 0.3), (-2.7, 2.025, -3.0, 2.25, 0.3)),
        (-2.7, 1.8, -3.0, 1.8, 0.3),
        *((-2.7, 1.575, -3.0, 1.35, 0.3), (-2.5, 1.125, -2.65, 0.9375, 0.3), (-2.0, 0.9, -1.9, 0.6, 0.3)),
    ),
    # Spout.
    (
        *((1.7, 1.425, 1.7, 0.6, 0.66), (2.6, 1.425, 3.1, 0.825, 0.66), (2.3, 2.1, 2.4, 2.025, 0.25)),
        (2.7, 2.4, 3.3, 2.4, 0.25),
        *((2.8, 2.475, 3.525, 2.49375, 0.25), (2.9, 2.475, 3.45, 2.5125, 0.15), (2.8, 2.4, 3.2, 2.4, 0.15)),
    ),
)
"""Control points of half the cross-sections along the tubes, as (x1, z1, x2, z2, w): the cubic curve through
(x1, 0, z1), (x1, -w, z1), (x2, -w, z2) and (x2, 0, z2)."""

DIVISIONS = 6
"""How many parts each side of a patch is cut into."""

CIRCLE = 0.56
"""Where Newell put the inner control points of a quarter circle, in radii; 0.5523 would be rounder."""


@dataclass(frozen=True)
class Mesh:
    """Triangles with normals that point outwards.

    Attributes:
        points: float32 (V, 3).
        normals: float32 (V, 3), of length 1.
        triangles: int64 (T, 3), numbers of points; counter-clockwise when seen from outside.
        solid: bool (T,), whether only the outside can ever be seen.
    """

    points: Tensor
    normals: Tensor
    triangles: Tensor
    solid: Tensor


def patches() -> Tensor:
    """Control points of the 32 patches, float64 (32, 4, 4, 3)."""
    found = []
    for profile in PROFILES:
        rings = torch.stack([_quarter(radius, z) for radius, z in profile])
        for quarter in range(4):
            found += _segments(_turn(rings, quarter))
    for tube in TUBES:
        half = torch.stack([_half_section(*section) for section in tube])
        found += _segments(half) + _segments(half * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))
    return torch.stack(found)


def teapot() -> Mesh:
    """The teapot with each patch cut into 6 x 6 quadrilaterals of two triangles."""
    steps = torch.linspace(0, 1, DIVISIONS + 1, dtype=torch.float64)
    control = patches()
    weights = _bernstein(steps)
    points = torch.einsum("ui,vj,pijk->puvk", weights, weights, control)
    # At a pole one derivative vanishes, so normals are taken a little inside the patch.
    inside = steps.clamp(1e-3, 1 - 1e-3)
    weights, slopes = _bernstein(inside), _bernstein_slope(inside)
    along = torch.einsum("ui,vj,pijk->puvk", slopes, weights, control)
    across = torch.einsum("ui,vj,pijk->puvk", weights, slopes, control)
    normals = torch.nn.functional.normalize(torch.linalg.cross(along, across), dim=-1)
    outward = _outward(control, normals)
    normals = normals * outward[:, None, None, None]

    corners = torch.arange(points[..., 0].numel()).view(points.shape[:3])
    # A patch that faces inwards is read backwards, so that its triangles go around the other way.
    corners = torch.where(outward[:, None, None] > 0, corners, corners.flip(1))
    a, b, c, d = (corners[:, u : u + DIVISIONS, v : v + DIVISIONS] for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)))
    triangles = torch.stack([torch.stack([a, b, c], dim=-1), torch.stack([a, c, d], dim=-1)], dim=1)
    # Into the open spout, the last four patches, one can see.
    solid = torch.arange(len(control)) < len(control) - 4
    return Mesh(
        points.reshape(-1, 3).float(),
        normals.reshape(-1, 3).float(),
        triangles.reshape(-1, 3),
        solid.repeat_interleave(2 * DIVISIONS**2),
    )


def _quarter(radius: float, z: float) -> Tensor:
    """Control points (4, 3) of a quarter circle around the axis."""
    inner = CIRCLE * radius
    return torch.tensor(
        [[radius, 0, z], [radius, -inner, z], [inner, -radius, z], [0, -radius, z]], dtype=torch.float64
    )


def _turn(points: Tensor, quarters: int) -> Tensor:
    """Points turned around the axis by quarter turns."""
    for _ in range(quarters):
        points = torch.stack([points[..., 1], -points[..., 0], points[..., 2]], dim=-1)
    return points


def _half_section(x1: float, z1: float, x2: float, z2: float, width: float) -> Tensor:
    """Control points (4, 3) of half a cross-section."""
    return torch.tensor([[x1, 0, z1], [x1, -width, z1], [x2, -width, z2], [x2, 0, z2]], dtype=torch.float64)


def _segments(rows: Tensor) -> list[Tensor]:
    """The patches (4, 4, 3) of a chain of rows (3 n + 1, 4, 3) that share their end rows."""
    return [rows[start : start + 4] for start in range(0, len(rows) - 1, 3)]


def _bernstein(t: Tensor) -> Tensor:
    """The four cubic Bernstein polynomials at t (n,): (n, 4)."""
    s = 1 - t
    return torch.stack([s**3, 3 * s**2 * t, 3 * s * t**2, t**3], dim=-1)


def _bernstein_slope(t: Tensor) -> Tensor:
    """The derivatives of the four cubic Bernstein polynomials at t (n,): (n, 4)."""
    s = 1 - t
    return torch.stack([-3 * s**2, 3 * s**2 - 6 * s * t, 6 * s * t - 3 * t**2, 3 * t**2], dim=-1)


def _outward(control: Tensor, normals: Tensor) -> Tensor:
    """For each patch (P,) the sign that makes its normals point outwards.

    A surface of revolution faces away from a point inside the body, a half tube away from the plane y = 0.
    """
    middle = control.mean(dim=(1, 2))
    away = middle - torch.tensor([0.0, 0.0, 1.3], dtype=torch.float64)
    tubes = torch.arange(len(control)) >= len(control) - 8
    away[tubes] = middle[tubes] * torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    return (normals.mean(dim=(1, 2)) * away).sum(dim=-1).sign()
