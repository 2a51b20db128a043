"""A small z-buffer rasteriser: which part of a mesh each pixel shows, for many views at once."""

import torch
from torch import Tensor

from harness_datasets.teapots.mesh import Mesh

_SIXTEENTHS = ((1, -3), (-1, 3), (5, 1), (-3, -5), (-5, 5), (-7, -1), (3, 7), (7, -7))
PLACES = tuple((0.5 + dx / 16, 0.5 + dy / 16) for dx, dy in _SIXTEENTHS)
"""Where in a pixel it is looked at, from its upper left corner: the usual eight places of multisampling."""


def rasterise(mesh: Mesh, views: Tensor, distance: float, focal: float, size: int) -> tuple[Tensor, Tensor]:
    """What a pinhole camera sees of a mesh on each view.

    Args:
        mesh: on the device of the views.
        views: float32 (N, 3, 3), each turns the mesh into camera coordinates: x right, y up, z towards the camera.
        distance: of the camera from the origin.
        focal: focal length, pixels.
        size: height and width, pixels; the origin is in the middle.

    Returns:
        normals: float32 (N, 3, size, size), the mean normal of what a pixel shows in camera coordinates, of
            length 1; 0 where it shows nothing. Of a surface seen from behind the normal is turned around.
        coverage: float32 (N, 1, size, size), how much of the pixel the mesh covers, in [0, 1].
    """
    # Triangles are the last dimension throughout, so that each coordinate of all of them lies together in memory.
    x, y, z = torch.einsum("nij,vj->inv", views, mesh.points)
    nearness = 1 / (distance - z)
    # Columns to the right, rows downwards.
    screen = torch.stack([size / 2 + focal * nearness * x, size / 2 - focal * nearness * y, nearness])
    corners = _corners(mesh, screen)
    visible = _visible(mesh, corners)
    corners = corners.index_select(2, visible)
    normals = _corners(mesh, torch.einsum("nij,vj->inv", views, mesh.normals)).index_select(2, visible)
    shares = _barycentric_planes(corners)
    depths = (shares * corners[:, 2]).sum(dim=1, keepdim=True)
    slopes = (shares[:, :, None] * normals).sum(dim=1)

    best = _nearest(corners, visible // len(mesh.triangles), torch.cat([shares, depths], dim=1), size, len(views))
    shown = torch.zeros(3, len(views) * size * size, device=views.device)
    rows = _rows(slopes)
    for seen, (dx, dy) in zip(best, PLACES, strict=True):
        pixel = (seen >= 0).nonzero()[:, 0]
        across, down, constant = _of_rows(rows, seen.index_select(0, pixel))
        column, row = (pixel % size).float(), (pixel // size % size).float()
        shown.index_add_(1, pixel, across * (column + dx) + down * (row + dy) + constant)
    coverage = (best >= 0).float().mean(dim=0).view(len(views), 1, size, size)
    shown = shown / shown.square().sum(dim=0).sqrt().clamp(min=1e-12)
    # Well from behind only: along an outline a smooth normal may point a little away from the camera.
    shown = torch.where(shown[2] < -0.3, -shown, shown)
    return shown.view(3, len(views), size, size).transpose(0, 1), coverage


def _corners(mesh: Mesh, coordinates: Tensor) -> Tensor:
    """Coordinates (C, N, V) of all points on all views at the corners of the triangles: (3, C, N T)."""
    return torch.stack([coordinates.index_select(2, corner).flatten(1) for corner in mesh.triangles.T])


def _doubled_area(corners: Tensor) -> Tensor:
    """Of triangles on the screen, their corners (3, 2 or more, K); positive when clockwise to the eye, (K,)."""
    (x0, y0), (x1, y1), (x2, y2) = corners[:, :2]
    area: Tensor = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    return area


def _visible(mesh: Mesh, corners: Tensor) -> Tensor:
    """Which triangles may be seen, their corners being (3, 2 or more, N T): numbers (K,)."""
    area = _doubled_area(corners)
    solid = mesh.solid.repeat(len(area) // len(mesh.solid))
    return ((area < 0) | ~solid & (area > 0)).nonzero()[:, 0]


def _barycentric_planes(corners: Tensor) -> Tensor:
    """Barycentric coordinates as linear functions of the place on the screen.

    corners (3, 2 or more, K) to the coefficients of x, y and 1 for each of the three coordinates: (3, 3, K), the
    coefficients first.
    """
    (x0, y0), (x1, y1), (x2, y2) = corners[:, :2]
    coefficients = (
        torch.stack([y1 - y2, y2 - y0, y0 - y1]),
        torch.stack([x2 - x1, x0 - x2, x1 - x0]),
        torch.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0]),
    )
    return torch.stack(coefficients) / _doubled_area(corners)


def _nearest(corners: Tensor, view: Tensor, planes: Tensor, size: int, views: int) -> Tensor:
    """The triangle that is nearest at each place of each pixel: int64 (places, N size size), -1 for none.

    Args:
        corners: of the triangles on the screen, (3, 2 or more, K).
        view: which view each belongs to, (K,).
        planes: coefficients of x, y and 1 for three barycentric coordinates and nearness, (3, 4, K).
        size: height and width, pixels.
        views: N.
    """
    triangle, column, row = _candidates(corners, size)
    across, down, constant = _of_rows(_rows(planes), triangle)
    corner = across * column + down * row + constant
    pixel = (view.index_select(0, triangle) * size + row.long()) * size + column.long()
    # The largest key is the nearest: nearness, as the bits of a positive float, then the triangle's number.
    best = torch.full((len(PLACES), views * size * size), -1, dtype=torch.int64, device=corners.device)
    for target, (dx, dy) in zip(best, PLACES, strict=True):
        first, second, third, nearness = corner + dx * across + dy * down
        inside = (torch.minimum(torch.minimum(first, second), third) >= 0).nonzero()[:, 0]
        key = nearness.index_select(0, inside).view(torch.int32).long() << 32 | triangle.index_select(0, inside)
        target.scatter_reduce_(0, pixel.index_select(0, inside), key, "amax")
    return torch.where(best < 0, best, best & 0xFFFFFFFF)


def _candidates(corners: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Every triangle with every pixel of its bounding box: its number (M,) and the pixel's column and row, float32."""
    low = corners[:, :2].amin(dim=0).floor().clamp(0, size)
    high = (corners[:, :2].amax(dim=0).floor() + 1).clamp(0, size)
    width, height = high - low
    counts = (width * height).long()
    triangle = torch.repeat_interleave(counts)
    first = (counts.cumsum(0) - counts).index_select(0, triangle)
    place = (torch.arange(len(triangle), device=corners.device) - first).float()
    width = width.index_select(0, triangle)
    row = (place / width).floor()
    return triangle, low[0].index_select(0, triangle) + place - row * width, low[1].index_select(0, triangle) + row


def _rows(planes: Tensor) -> Tensor:
    """Linear functions (3, F, K) as one row of coefficients for each triangle, (K, 3 F), which is quick to fetch."""
    return planes.flatten(0, 1).T.contiguous()


def _of_rows(rows: Tensor, triangle: Tensor) -> Tensor:
    """Some of these rows, numbered by (M,), as linear functions (3, F, M) again."""
    return rows.index_select(0, triangle).T.contiguous().view(3, rows.shape[1] // 3, len(triangle))
