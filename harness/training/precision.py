"""The precision of a training: how its products are computed. Parameters, optimizers and scores are float32 always."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch


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
