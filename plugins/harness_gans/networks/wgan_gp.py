"""The residual networks of WGAN-GP (Gulrajani et al., 2017) for CIFAR-10, unconditional.

For 32x32 images; every convolution has kernel 3, stride 1, a bias and 128 channels:

    generator   FC 128·4·4; three blocks up; BN, ReLU, conv C, tanh
    critic      a first block down; a block down; two blocks; ReLU, mean over positions, FC 1

    block       (BN,) ReLU, conv, (BN,) ReLU, conv, added to a shortcut; BN in the generator only
    up          the branch doubles the map before its first convolution, the shortcut after its own
    down        the branch takes 2x2 means after its second convolution, the shortcut before its own
    first down  as down, without the first ReLU

The shortcut is a 1x1 convolution where the map changes size, on the smaller of the two maps (on the larger in
most of the code's blocks, which comes to the same), and nothing elsewhere. Squares of side 4·2ⁿ have n blocks up
and n - 1 down, the smallest map of the critic being 8x8. `width` multiplies the channels.
"""

from torch import Tensor, nn

from harness import ImageSpec
from harness.nn import SameConv2d, halvings, scaled


class GlorotConv2d(SameConv2d):
    """A convolution that no ReLU follows, a shortcut's or the generator's last: it starts with half the variance."""


class Generator(nn.Sequential):
    """(N, inputs) latent vectors to (N, C, H, W) images in [-1, 1]."""

    def __init__(self, inputs: int, image: ImageSpec, width: float) -> None:
        channels = scaled(128, width)
        super().__init__(
            nn.Linear(inputs, 4 * 4 * channels),
            nn.Unflatten(1, (channels, 4, 4)),
            *[_up(channels) for _ in range(halvings(image))],
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            GlorotConv2d(channels, image.channels, kernel=3, stride=1),
            nn.Tanh(),
        )


class Critic(nn.Sequential):
    """(N, C, H, W) images in [-1, 1] to (N, 1) scores."""

    def __init__(self, image: ImageSpec, width: float) -> None:
        channels = scaled(128, width)
        super().__init__(
            _first_down(image.channels, channels),
            *[_down(channels) for _ in range(halvings(image) - 2)],
            _plain(channels),
            _plain(channels),
            nn.ReLU(),
            nn.AvgPool2d(8),
            nn.Flatten(),
            nn.Linear(channels, 1),
        )


class Block(nn.Module):
    """A residual block: two convolutions, added to a shortcut."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, maps: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H', W')."""
        total: Tensor = self.shortcut(maps) + self.branch(maps)
        return total


def _up(channels: int) -> Block:
    branch = nn.Sequential(
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        _conv(channels, channels),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        _conv(channels, channels),
    )
    return Block(branch, nn.Sequential(_shortcut(channels, channels), nn.Upsample(scale_factor=2)))


def _first_down(inputs: int, channels: int) -> Block:
    branch = nn.Sequential(_conv(inputs, channels), nn.ReLU(), _conv(channels, channels), nn.AvgPool2d(2))
    return Block(branch, nn.Sequential(nn.AvgPool2d(2), _shortcut(inputs, channels)))


def _down(channels: int) -> Block:
    branch = nn.Sequential(*_plain_branch(channels), nn.AvgPool2d(2))
    return Block(branch, nn.Sequential(nn.AvgPool2d(2), _shortcut(channels, channels)))


def _plain(channels: int) -> Block:
    return Block(_plain_branch(channels), nn.Identity())


def _plain_branch(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), _conv(channels, channels), nn.ReLU(), _conv(channels, channels))


def _conv(inputs: int, outputs: int) -> SameConv2d:
    return SameConv2d(inputs, outputs, kernel=3, stride=1)


def _shortcut(inputs: int, outputs: int) -> GlorotConv2d:
    return GlorotConv2d(inputs, outputs, kernel=1, stride=1)
