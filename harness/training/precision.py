"""The precision of a training: how its products are computed. Parameters, optimizers and scores are float32 always."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter
from typing import Any

import torch
from torch import nn

SLOWER = 1.3
"""From here on a CPU is said to be slower in bfloat16; one without instructions for it is about 7 times as slow."""


@contextmanager
def products(precision: str) -> Iterator[None]:
    """Within this block float32 matrix products and convolutions use TF32 on devices that have it, if so asked.

    Afterwards, and otherwise, they are float32 throughout; torch by itself would let convolutions use TF32.
    """
    _allow_tf32(precision == "tf32")
    try:
        yield
    finally:
        _allow_tf32(False)


def _allow_tf32(allowed: bool) -> None:
    # Both ways of setting each, the old and then the new, have to agree: torch refuses to tell if they do not.
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    cudnn: Any = torch.backends.cudnn
    cudnn.allow_tf32 = allowed
    cudnn.conv.fp32_precision = cudnn.rnn.fp32_precision = "tf32" if allowed else "ieee"


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Within this block products are computed in bfloat16, if so asked, and what is sensitive in float32.

    Nothing is cached: a weight that was cast without gradients would be used where gradients are wanted. Under vmap
    sums with a bias are float32, and on the CPU convolutions too: what differs from the same without vmap is rounding.
    """
    if precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


def precision_note(precision: str, device: str) -> str:
    """What a user should know of a precision before training with it on a device ("cpu" or "cuda"); "" for nothing."""
    if device != "cpu" or precision == "float32":
        return ""
    if precision == "tf32":
        return 'training.precision = "tf32" changes nothing on a CPU: products are float32'
    times = bfloat16_slowdown()
    if times < SLOWER:
        return ""
    return (
        'training.precision = "bfloat16": this CPU has no fast instructions for it, and products take about '
        f"{times:.0f} times as long as in float32"
    )


def bfloat16_slowdown() -> float:
    """How many times as long a small network's gradients take in bfloat16 as in float32 on this CPU, measured."""
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(nn.Conv2d(8, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 64, 128))
    images, cpu = torch.full((32, 8, 16, 16), 0.5), torch.device("cpu")

    def seconds(precision: str) -> float:
        begun = perf_counter()
        with autocast(precision, cpu):
            total = network(images).float().sum()
        torch.autograd.grad(total, list(network.parameters()))
        return perf_counter() - begun

    # The best of several, because whatever else runs here only adds to them.
    fast, slow = (min(seconds(precision) for _ in range(5)) for precision in ("float32", "bfloat16"))
    return slow / fast
