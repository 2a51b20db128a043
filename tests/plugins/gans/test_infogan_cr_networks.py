"""The networks of InfoGAN-CR have the sizes and layers that the paper and the code of its authors give them."""

from typing import Any

import torch
from images import batch, size
from torch import nn

from harness import ImageSpec, Rng
from harness.config import parse
from harness.model import build
from harness_gans.infogan_cr import InfoGANCR
from harness_gans.infogan_modified import InfoGANModified

SMALL = ImageSpec(1, 32, 32)
CELEBA = ImageSpec(3, 32, 32)


def make(cls: type[InfoGANModified] = InfoGANCR, image: ImageSpec = SMALL, **config: Any) -> Any:
    return build(cls, parse(cls.Config, {"width": 0.1, **config}, ""), image, Rng(0)).train()


def count(network: nn.Module, *kinds: type[nn.Module]) -> int:
    return sum(isinstance(layer, kinds) for layer in network.modules())


def test_the_papers_networks_have_its_sizes() -> None:
    model = make(image=ImageSpec(1, 64, 64), width=1.0)
    # FC 10-128, BN; FC 128-1024, BN; deconv 64-64, BN; 64-32, BN; 32-32, BN; 32-1.
    generator = 1_408 + 256 + 132_096 + 2_048 + 65_600 + 128 + 32_800 + 64 + 16_416 + 64 + 513
    assert size(model.generator) == generator
    # conv 1-32, 32-32, 32-64, 64-64; FC 1024-128. D: 128-1. Q: 128-128, 128-5.
    trunk = 544 + 16_416 + 32_832 + 65_600 + 131_200
    assert size(model.discriminator) == trunk + 129 + 16_512 + 645
    # The same trunk on two images, FC 128-5.
    assert size(model.contrast) == trunk + 512 + 645
    teapots = make(image=ImageSpec(1, 64, 64), width=1.0, networks="teapots")
    assert size(teapots.generator) == generator
    assert size(teapots.discriminator) == size(model.discriminator)
    assert size(teapots.contrast) == trunk + 512 + 645 + 2 * (32 + 64 + 64 + 128)


def test_the_smallest_images_leave_out_the_layers_of_32_channels() -> None:
    model = make(image=ImageSpec(1, 16, 16), width=1.0)
    # FC 10-128, BN; FC 128-1024, BN; deconv 64-64, BN; 64-1.
    assert size(model.generator) == 1_408 + 256 + 132_096 + 2_048 + 65_600 + 128 + 1_025
    # conv 1-64, 64-64; FC 1024-128. D: 128-1. Q: 128-128, 128-5.
    assert size(model.discriminator) == 1_088 + 65_600 + 131_200 + 129 + 16_512 + 645


def test_cdsprites_has_two_codes() -> None:
    model = make(image=ImageSpec(1, 64, 64), width=1.0, codes=2)
    assert model.latents.width == 7
    # FC 7-128 in G; FC 128-2 in Q and CRD, where five codes have FC 10-128 and 128-5.
    five = make(image=ImageSpec(1, 64, 64), width=1.0)
    assert size(five.generator) - size(model.generator) == 3 * 128
    assert size(five.discriminator) - size(model.discriminator) == 3 * 129
    assert size(five.contrast) - size(model.contrast) == 3 * 129


def test_celebas_networks_have_its_sizes() -> None:
    model = make(image=ImageSpec(3, 32, 32), width=1.0, networks="celeba", noise=100)
    # FC 105-1024, BN; FC 1024-4096, BN; deconv 5x5: 256-128, BN; 128-64, BN; 64-3 with bias.
    generator = 107_520 + 2_048 + 4_194_304 + 8_192 + 819_200 + 256 + 204_800 + 128 + 4_803
    assert size(model.generator) == generator
    # conv 5x5: 3-64, 64-128, 128-256, 256-512, to 2x2.
    assert size(model.discriminator.trunk) == 4_864 + 204_928 + 819_456 + 3_277_312
    # D: 2048-1. Q, without a layer of its own: 2048-5.
    assert size(model.discriminator.judge) == 2_049
    assert size(model.discriminator.q) == 10_245
    # conv 5x5: 6-64 with bias; 64-128, BN; 128-256, BN; 256-512, BN; FC 2048-5.
    assert size(model.contrast) == 9_664 + 204_800 + 256 + 819_200 + 512 + 3_276_800 + 1_024 + 10_245
    kernels = {layer.kernel_size for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)}
    assert kernels == {(5, 5)}


def test_celebas_normalisation_is_where_the_code_has_it() -> None:
    model = make(image=CELEBA, networks="celeba")
    spectral = [layer for layer in model.modules() if "u" in dict(layer.named_buffers(recurse=False))]
    weighted = [layer for layer in model.discriminator.modules() if list(layer.parameters(recurse=False))]
    assert set(weighted) == set(spectral)
    names = [type(layer).__name__ for layer in model.contrast]
    assert names[:3] == ["Signed", "SameConv2d", "LeakyReLU"]
    assert names[3:] == ["SameConv2d", "BatchNorm2d", "LeakyReLU"] * 3 + ["Flatten", "Linear"]
    names = [type(layer).__name__ for layer in model.generator]
    fully_connected, deconvolution = ["Linear", "BatchNorm1d", "ReLU"], ["SameConvTranspose2d", "BatchNorm2d", "ReLU"]
    last = ["SameConvTranspose2d", "Tanh", "Unsigned"]
    assert names == fully_connected * 2 + ["Unflatten"] + deconvolution * 2 + last


def test_celebas_networks_see_images_from_minus_one_to_one() -> None:
    model = make(image=CELEBA, networks="celeba")
    images = batch(CELEBA)
    for network, given in ((model.discriminator.trunk, images), (model.contrast, torch.cat([images, images], 1))):
        torch.testing.assert_close(network[0](given), 2 * given - 1)
    latents = model.latents.draw(6, Rng(0))
    before = nn.Sequential(*list(model.generator)[:-2])(latents)
    torch.testing.assert_close(model.generator(latents), (before.tanh() + 1) / 2)


def test_normalisation_is_where_the_paper_has_it() -> None:
    model = make()
    spectral = [layer for layer in model.modules() if "u" in dict(layer.named_buffers(recurse=False))]
    weighted = [layer for layer in model.discriminator.modules() if list(layer.parameters(recurse=False))]
    assert set(weighted) <= set(spectral)
    assert not count(model.discriminator, nn.BatchNorm1d, nn.BatchNorm2d)
    *hidden, last = [layer for layer in model.contrast if list(layer.parameters())]
    assert set(hidden) <= set(spectral)
    assert last not in spectral
    assert not count(model.generator, type(spectral[0]))
    kinds = [type(layer).__name__ for layer in model.generator]
    for index, kind in enumerate(kinds):
        if kind.startswith("BatchNorm"):
            assert kinds[index - 1] in ("ReLU", "LeakyReLU")  # after the activation
    batch_normed = make(networks="teapots").contrast
    assert [type(layer).__name__ for layer in batch_normed][:3] == ["SameConv2d", "LeakyReLU", "SameConv2d"]
    assert count(batch_normed, nn.BatchNorm1d, nn.BatchNorm2d) == count(batch_normed, nn.LeakyReLU) - 1
