"""The networks of InfoGAN for each of the paper's datasets."""

from typing import Any

import pytest
import torch
from images import size
from torch import Tensor, nn

from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.model import build
from harness_gans.infogan import InfoGAN

MNIST = {"categorical": [10], "continuous": 2, "noise": 62}
SVHN = {"categorical": [10] * 4, "continuous": 4, "noise": 124}
CELEBA = {"categorical": [10] * 10, "continuous": 0, "noise": 128}
FACES = {"categorical": [], "continuous": 5, "noise": 128}
CHAIRS = {"categorical": [20] * 3, "continuous": 1, "noise": 128}


def make(networks: str, image: ImageSpec, **config: Any) -> InfoGAN:
    return build(InfoGAN, parse(InfoGAN.Config, {"networks": networks, **config}, ""), image, Rng(0)).train()


def shapes(network: nn.Sequential, x: Tensor, kinds: tuple[type[nn.Module], ...]) -> list[tuple[int, ...]]:
    """What each layer of some kinds returns for one input, in order."""
    found = []
    for layer in network:
        x = layer(x)
        if isinstance(layer, kinds):
            found.append(tuple(x.shape[1:]))
    return found


WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@pytest.mark.parametrize(
    ("networks", "codes", "image", "width", "parameters"),
    [
        ("mnist", MNIST, ImageSpec(1, 28, 28), 74, 14),
        ("svhn", SVHN, ImageSpec(3, 32, 32), 168, 48),
        ("svhn", CELEBA, ImageSpec(3, 32, 32), 228, 100),
        ("faces", FACES, ImageSpec(1, 32, 32), 133, 10),
        ("chairs", CHAIRS, ImageSpec(1, 64, 64), 189, 62),
    ],
)
def test_the_papers_code_layouts(
    networks: str, codes: dict[str, Any], image: ImageSpec, width: int, parameters: int
) -> None:
    """Widths of the latent vector; Q's parameters: a logit per category, a mean and a variance per continuous code."""
    model = make(networks, image, width=0.02, **codes).eval()
    assert model.latents.width == width
    images = model.generate(model.latents.draw(3, Rng(0)))
    assert images.shape == (3, image.channels, image.height, image.width)
    assert model.discriminator(images)[1].shape == (3, parameters)
    assert model.encode(images).shape == (3, sum(codes["categorical"]) + codes["continuous"])


def test_svhn_layers() -> None:
    model = make("svhn", ImageSpec(3, 32, 32), **SVHN)
    # FC 168-1792, BN; deconv 448-256, BN; 256-128; 128-64; 64-3, the last three with bias.
    generator = 301_056 + 3_584 + 1_835_008 + 512 + 524_416 + 131_136 + 3_075
    assert size(model.generator) == generator
    # conv 3-64; 64-128, BN; 128-256, BN, to 4x4.
    assert size(model.discriminator.trunk) == 3_136 + 131_072 + 256 + 524_288 + 512
    assert size(model.discriminator.judge) == 4_097
    # FC 4096-128, BN; FC 128-48.
    assert size(model.discriminator.q) == 524_288 + 256 + 6_192
    latents = model.latents.draw(2, Rng(0))
    maps = [(1792,), (256, 4, 4), (128, 8, 8), (64, 16, 16), (3, 32, 32)]
    assert shapes(model.generator, latents, WEIGHTED) == maps
    assert shapes(model.discriminator.trunk, torch.rand(2, 3, 32, 32), WEIGHTED) == [
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
    ]
    assert isinstance(model.generator[-2], nn.Tanh)


def test_faces_layers() -> None:
    model = make("faces", ImageSpec(1, 32, 32), **FACES)
    # FC 133-1024, BN; FC 1024-8192, BN; deconv 128-64, BN; 64-1 with bias.
    assert size(model.generator) == 136_192 + 2_048 + 8_388_608 + 16_384 + 131_072 + 128 + 1_025
    # conv 1-64; 64-128, BN; FC 8192-1024, BN.
    assert size(model.discriminator.trunk) == 1_088 + 131_072 + 256 + 8_388_608 + 2_048
    # D and Q share all but their last layers: FC 1024-1 and FC 1024-10.
    assert size(model.discriminator.judge) == 1_025
    assert size(model.discriminator.q) == 10_250
    assert isinstance(model.generator[-1], nn.Sigmoid)


def test_chairs_layers() -> None:
    model = make("chairs", ImageSpec(1, 64, 64), **CHAIRS)
    # FC 189-1024, BN; FC 1024-16384, BN; deconv 256-256, BN, twice; 256-128, BN; 128-64, BN; 64-1 with bias.
    generator = 193_536 + 2_048 + 16_777_216 + 32_768 + 2 * (1_048_576 + 512) + 524_288 + 256 + 131_072 + 128 + 1_025
    assert size(model.generator) == generator
    # conv 1-64; 64-128, BN; 128-256, BN; 256-256, BN, twice; FC 16384-1024, BN.
    trunk = 1_088 + 131_072 + 256 + 524_288 + 512 + 2 * (1_048_576 + 512) + 16_777_216 + 2_048
    assert size(model.discriminator.trunk) == trunk
    # Shared but for the last layers: FC 1024-1 and FC 1024-62.
    assert size(model.discriminator.judge) == 1_025
    assert size(model.discriminator.q) == 63_550
    assert shapes(model.generator, model.latents.draw(2, Rng(0)), WEIGHTED) == [
        (1024,),
        (16_384,),
        (256, 8, 8),
        (256, 8, 8),
        (128, 16, 16),
        (64, 32, 32),
        (1, 64, 64),
    ]
    assert shapes(model.discriminator.trunk, torch.rand(2, 1, 64, 64), WEIGHTED) == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (256, 8, 8),
        (256, 8, 8),
        (1024,),
    ]
    assert isinstance(model.generator[-1], nn.Sigmoid)


@pytest.mark.parametrize("networks", ["mnist", "faces", "svhn", "chairs"])
def test_batch_normalisation_stands_between_a_layer_without_bias_and_its_activation(networks: str) -> None:
    model = make(networks, ImageSpec(1, 32, 32), width=0.05)
    plain = {"mnist": 1, "faces": 1, "svhn": 3, "chairs": 1}[networks]  # of the generator, its last included
    trunk = model.discriminator.trunk
    for network, without, activation in ((model.generator, plain, nn.ReLU), (trunk, 1, nn.LeakyReLU)):
        layers = list(network)
        weighted = [index for index, layer in enumerate(layers) if isinstance(layer, WEIGHTED)]
        normalised = [index for index in weighted if isinstance(layers[index + 1], nn.BatchNorm1d | nn.BatchNorm2d)]
        assert len(weighted) - len(normalised) == without
        for index in weighted:
            layer = layers[index]
            assert (layer.bias is None) == (index in normalised)
            if index in normalised:
                assert isinstance(layers[index + 2], activation)


def test_svhns_networks_see_images_from_minus_one_to_one() -> None:
    model = make("svhn", ImageSpec(3, 32, 32), width=0.05)
    images = torch.rand(2, 3, 32, 32)
    conv = model.discriminator.trunk[1]
    expected = nn.functional.conv2d(2 * images - 1, conv.weight, conv.bias, stride=2, padding=1)
    torch.testing.assert_close(model.discriminator.trunk[:2](images), expected)
    latents = model.latents.draw(2, Rng(0))
    before = nn.Sequential(*list(model.generator)[:-2])(latents)
    torch.testing.assert_close(model.generator(latents), (before.tanh() + 1) / 2)


@pytest.mark.parametrize(
    ("networks", "image", "divisor"),
    [
        ("mnist", ImageSpec(1, 30, 28), 4),
        ("faces", ImageSpec(1, 32, 30), 4),
        ("svhn", ImageSpec(3, 28, 28), 16),
        ("svhn", ImageSpec(3, 32, 40), 16),
        ("chairs", ImageSpec(1, 64, 60), 8),
    ],
)
def test_other_sizes_are_refused_with_words(networks: str, image: ImageSpec, divisor: int) -> None:
    with pytest.raises(UserError, match=f"networks for {networks} cannot take {image} images.* that {divisor} divides"):
        make(networks, image)


@pytest.mark.parametrize(
    ("networks", "image"),
    [("faces", ImageSpec(3, 20, 12)), ("svhn", ImageSpec(1, 48, 16)), ("chairs", ImageSpec(3, 24, 32))],
)
def test_other_sizes_that_fit(networks: str, image: ImageSpec) -> None:
    model = make(networks, image, width=0.05)
    images = model.generate(model.latents.draw(3, Rng(0)))
    assert images.shape == (3, image.channels, image.height, image.width)
    assert model.encode(images).shape == (3, 12)
