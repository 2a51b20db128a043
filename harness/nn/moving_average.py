"""An average over the training of a network's parameters, which often generates better than the last of them."""

from copy import deepcopy
from typing import Any

from torch import Tensor, nn


class MovingAverage(nn.Module):
    """A copy of a network whose parameters follow the original's, as exponential moving averages.

    A model calls `begin` in `after_initialise`, where the copy becomes equal to the original, and `follow` in
    `finish_step`. No objective trains the copy; it is in checkpoints and in the trained model.

    Args:
        network: the original, whose structure is copied. It does not become a part of this module.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = deepcopy(network).requires_grad_(False)

    def begin(self, network: nn.Module) -> None:
        """Take over the original's parameters and buffers."""
        for own, other in _pairs(self.network, network):
            own.copy_(other)

    def follow(self, network: nn.Module, decay: float) -> None:
        """Move to decay * average + (1 - decay) * original; buffers, such as batch statistics, are taken over."""
        for own, other in zip(self.network.parameters(), network.parameters(), strict=True):
            own.mul_(decay).add_((1 - decay) * other)
        for buffer, current in zip(self.network.buffers(), network.buffers(), strict=True):
            buffer.copy_(current)

    def forward(self, *inputs: Any) -> Any:
        """What the averaged network makes of its inputs."""
        return self.network(*inputs)


def _pairs(first: nn.Module, second: nn.Module) -> list[tuple[Tensor, Tensor]]:
    tensors = [[*network.parameters(), *network.buffers()] for network in (first, second)]
    return list(zip(*tensors, strict=True))
