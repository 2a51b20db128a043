"""Inference mode for a network inside a loss."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def inference(network: nn.Module) -> Iterator[None]:
    """Within this block the network normalises by its running averages and leaves them unchanged.

    Afterwards every module is in the mode it was in before. Gradients are not affected.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
