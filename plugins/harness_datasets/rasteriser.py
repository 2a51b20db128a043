"""A small z-buffer rasteriser: which part of a mesh each pixel shows, for many views at once."""

import torch
from torch import Tensor

from harness_datasets.teapot_mesh import Mesh

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
    turned = torch.einsum("nij,vj->nvi", views, mesh.points)
    nearness = 1 / (distance - turned[..., 2])
    # Columns to the right, rows downwards.
    screen = size / 2 + focal * nearness[..., None] * turned[..., :2] * turned.new_tensor([1, -1])
    corners, depths = screen[:, mesh.triangles], nearness[:, mesh.triangles]
    planes, depth_planes = _barycentric_planes(corners, depths)

    triangle, pixel = _candidates(mesh, corners, planes, size)
    # A pixel's nearest triangle has the largest key: nearness, as the bits of a positive float, then its number.
    empty = -1
    best = torch.full((len(PLACES), len(views) * size * size), empty, dtype=torch.int64, device=views.device)
    x, y = (pixel % size).float(), (pixel // size % size).float()
    number = triangle % len(mesh.triangles)
    candidate_planes, candidate_depths = planes[:, :, triangle], depth_planes[:, triangle]
    for target, (dx, dy) in zip(best, PLACES, strict=True):
        inside = (_at(candidate_planes, x + dx, y + dy) >= 0).all(dim=0).nonzero()[:, 0]
        nearest = _at(candidate_depths[:, inside], x[inside] + dx, y[inside] + dy)
        key = nearest.view(torch.int32).long() << 32 | number[inside]
        target.scatter_reduce_(0, pixel[inside], key, "amax")

    normals = torch.zeros(len(views) * size * size, 3, device=views.device)
    for seen, (dx, dy) in zip(best, PLACES, strict=True):
        where = (seen != empty).nonzero()[:, 0]
        shown = seen[where] & 0xFFFFFFFF
        x, y = (where % size).float() + dx, (where // size % size).float() + dy
        shares = _at(planes[:, :, where // (size * size) * len(mesh.triangles) + shown], x, y)
        normals[where] += (shares.T[..., None] * mesh.normals[mesh.triangles[shown]]).sum(dim=1)
    coverage = (best != empty).float().mean(dim=0).view(len(views), 1, size, size)
    normals = torch.einsum("nij,npj->nip", views, normals.view(len(views), -1, 3)).view(-1, 3, size, size)
    normals = torch.nn.functional.normalize(normals, dim=1)
    # Well from behind only: along an outline a smooth normal may point a little away from the camera.
    return torch.where(normals[:, 2:] < -0.3, -normals, normals), coverage


def _barycentric_planes(corners: Tensor, depths: Tensor) -> tuple[Tensor, Tensor]:
    """Barycentric coordinates, and depth, as linear functions of the place on the screen.

    corners (N, T, 3, 2) and depths (N, T, 3) to coefficients of x, y and 1: for the three coordinates
    (3, 3, N T), the coefficients first, and for depth (3, N T). Triangles seen edge-on cover nothing: theirs are
    not numbers.
    """
    (x0, y0), (x1, y1), (x2, y2) = (corner.unbind(-1) for corner in corners.flatten(0, 1).unbind(1))
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    coefficients = (
        torch.stack([y1 - y2, y2 - y0, y0 - y1]),
        torch.stack([x2 - x1, x0 - x2, x1 - x0]),
        torch.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0]),
    )
    planes = torch.stack(coefficients) / area
    return planes, (planes * depths.flatten(0, 1).T).sum(dim=1)


def _at(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Linear functions, their coefficients (3, ..., M), at places (M,) on the screen."""
    return planes[0] * x + planes[1] * y + planes[2]


def _candidates(mesh: Mesh, corners: Tensor, planes: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Every triangle with every pixel that it may touch: numbers of triangles (M,) and of pixels (M,)."""
    triangles = len(mesh.triangles)
    low = corners.amin(dim=2).floor().long().clamp(0, size).flatten(0, 1)
    high = corners.amax(dim=2).floor().long().add(1).clamp(0, size).flatten(0, 1)
    extent = high - low
    # On the screen, where rows go downwards, what is counter-clockwise has a negative area.
    (x0, y0), (x1, y1), (x2, y2) = (corner.unbind(-1) for corner in corners.unbind(2))
    hidden = mesh.solid & ((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0) > 0)
    counts = extent.prod(dim=-1).masked_fill(hidden.flatten(), 0)
    triangle = torch.repeat_interleave(counts)
    place = torch.arange(len(triangle), device=corners.device) - (counts.cumsum(0) - counts)[triangle]
    width = extent[triangle, 0]
    x, y = low[triangle, 0] + place % width, low[triangle, 1] + place // width
    # Of the bounding box a slanted triangle misses much: pixels all on one side of one of its edges.
    chosen = planes[:, :, triangle]
    touched = (_at(chosen, x, y) + chosen[:2].clamp(min=0).sum(dim=0) >= 0).all(dim=0).nonzero()[:, 0]
    pixel = (triangle // triangles * size + y) * size + x
    return triangle[touched], pixel[touched]
