"""The mesh of the teapot, and the rasteriser on shapes whose pictures are known."""

import math

import pytest
import torch

from harness_datasets.teapots.mesh import Mesh, patches, teapot
from harness_datasets.teapots.rasteriser import rasterise

UPRIGHT = torch.eye(3)[None]


def triangle_mesh(*triangles, solid=False):
    """Separate triangles, their normals towards the camera."""
    points = torch.tensor(triangles, dtype=torch.float32).view(-1, 3)
    normals = torch.tensor([0.0, 0.0, 1.0]).expand(len(points), 3)
    numbers = torch.arange(len(points)).view(-1, 3)
    return Mesh(points, normals, numbers, torch.full((len(numbers),), solid))


def square(z, half=0.1):
    """Two triangles facing the camera, counter-clockwise."""
    a, b, c, d = ((x, y, z) for x, y in ((-half, -half), (half, -half), (half, half), (-half, half)))
    return (a, b, c), (a, c, d)


def sphere(radius, n=40):
    polar, azimuth = torch.meshgrid(torch.linspace(0, math.pi, n), torch.linspace(0, 2 * math.pi, 2 * n), indexing="ij")
    normals = torch.stack([polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin(), polar.cos()], dim=-1)
    corner = torch.arange(polar.numel()).view(polar.shape)
    a, b, c, d = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    triangles = torch.cat([torch.stack(three, -1).view(-1, 3) for three in ((a, b, c), (a, c, d))])
    return Mesh(radius * normals.view(-1, 3), normals.view(-1, 3), triangles, torch.ones(len(triangles)).bool())


def farthest(points, others):
    """The largest distance of a point from the nearest other one."""
    distances = torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.amin(dim=1).max()


class TestMesh:
    @pytest.fixture(scope="class")
    @classmethod
    def mesh(cls):
        return teapot()

    def test_patches(self):
        assert patches().shape == (32, 4, 4, 3)
        # Of the published table: 306 points, of which the lid's edge is moved and patches share many.
        assert {tuple(point) for point in patches().view(-1, 3).tolist()} >= {(2.0, -1.12, 0.9), (3.3, 0.25, 2.4)}

    def test_bounds(self, mesh):
        assert mesh.points.amin(dim=0).tolist() == pytest.approx([-3, -2, 0], abs=0.01)
        assert mesh.points.amax(dim=0).tolist() == pytest.approx([3.434, 2, 3.15], abs=0.01)

    def test_mirror_symmetry(self, mesh):
        mirrored = mesh.points * torch.tensor([1, -1, 1])
        assert farthest(mirrored, mesh.points) < 1e-5

    def test_body_is_round(self, mesh):
        body = mesh.points[: 24 * 49]
        turned = torch.stack([body[:, 1], -body[:, 0], body[:, 2]], dim=1)
        assert farthest(turned, body) < 1e-5

    def test_normals_point_outwards(self, mesh):
        assert (mesh.normals.norm(dim=1) - 1).abs().max() < 1e-4
        corners = mesh.points[mesh.triangles]
        faces = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert ((faces * mesh.normals[mesh.triangles].mean(dim=1)).sum(dim=1) > -1e-6).all()
        # The volume by the divergence theorem has the right sign and size: a body of radius 2 and height 2.4 or so.
        volume = (corners[:, 0] * torch.linalg.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert 24 < volume < 28


class TestRasterise:
    def test_a_square_covers_its_pixels(self):
        # Half width 0.1 at distance 0.5 and focal length 100 is 20 pixels.
        _, coverage = rasterise(triangle_mesh(*square(0)), UPRIGHT, 0.5, 100, 64)
        expected = torch.zeros(64, 64)
        expected[12:52, 12:52] = 1
        assert torch.equal(coverage[0, 0], expected)

    def test_perspective(self):
        _, coverage = rasterise(triangle_mesh(*square(-0.5)), UPRIGHT, 0.5, 100, 64)
        assert coverage.sum() == 20 * 20

    def test_edges_are_smooth(self):
        _, coverage = rasterise(triangle_mesh(*square(0, 0.1025)), UPRIGHT, 0.5, 100, 64)
        assert coverage[0, 0, 11, 20] == 0.5
        assert coverage.sum() == pytest.approx(41**2, rel=0.01)

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_nearest_is_seen(self, order):
        mesh = triangle_mesh(*(square(0.1, 0.05) + square(-0.1))[::order])
        tilted = torch.tensor([0.6, 0.0, 0.8])
        mesh = Mesh(mesh.points, torch.where(mesh.points[:, 2:] > 0, tilted, mesh.normals), mesh.triangles, mesh.solid)
        normals, _ = rasterise(mesh, UPRIGHT, 0.5, 100, 64)
        assert normals[0, :, 32, 32].tolist() == pytest.approx([0.6, 0, 0.8])
        assert normals[0, :, 18, 32].tolist() == pytest.approx([0, 0, 1])
        assert normals[0, :, 2, 2].tolist() == [0, 0, 0]

    def test_backs_are_seen_unless_solid(self):
        turned = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))[None]
        normals, coverage = rasterise(triangle_mesh(*square(0)), turned, 0.5, 100, 64)
        assert coverage.sum() == 1600
        assert normals[0, :, 32, 32].tolist() == pytest.approx([0, 0, 1]), "turned towards the camera"
        assert rasterise(triangle_mesh(*square(0), solid=True), turned, 0.5, 100, 64)[1].sum() == 0
        assert rasterise(triangle_mesh(*square(0), solid=True), UPRIGHT, 0.5, 100, 64)[1].sum() == 1600

    def test_a_sphere(self):
        normals, coverage = rasterise(sphere(0.1), UPRIGHT, 0.5, 100, 64)
        # Its outline is a circle where lines of sight touch it: tangent of asin(0.1 / 0.5).
        radius = 100 * math.tan(math.asin(0.2))
        assert coverage.sum() == pytest.approx(math.pi * radius**2, rel=0.01)
        x = (torch.arange(64) + 0.5 - 32) / 100
        ray = torch.stack(torch.broadcast_tensors(x, -x[:, None], torch.tensor(-1.0)))
        ray = ray / ray.norm(dim=0)
        # Where the line of sight from (0, 0, 0.5) meets it.
        along = 0.5 * -ray[2]
        inside = (along**2 - (0.25 - 0.01)).clamp(min=0).sqrt()
        normal = (torch.tensor([0, 0, 0.5])[:, None, None] + (along - inside) * ray) / 0.1
        whole = coverage[0, 0] == 1
        core = whole & (normal[2] > 0.4)
        assert core.sum() > 1000
        assert (normals[0] - normal)[:, core].norm(dim=0).max() < 0.06

    def test_outside_the_picture_is_cut_off(self):
        _, coverage = rasterise(triangle_mesh(*square(0, 5)), UPRIGHT, 0.5, 100, 16)
        assert (coverage == 1).all()

    def test_views_do_not_disturb_each_other(self):
        turned = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
        views = torch.stack([UPRIGHT[0], turned])
        mesh = sphere(0.05, 10)
        mesh = Mesh(mesh.points + torch.tensor([0.05, 0.0, 0.0]), mesh.normals, mesh.triangles, mesh.solid)
        both = rasterise(mesh, views, 0.5, 50, 32)
        for number in range(2):
            alone = rasterise(mesh, views[number : number + 1], 0.5, 50, 32)
            for left, right in zip(both, alone, strict=True):
                assert torch.equal(left[number], right[0])
