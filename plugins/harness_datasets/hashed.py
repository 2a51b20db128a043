"""Random numbers that belong to an image: functions of a seed, the image's index and a position in it.

A dataset's image must be the same in every batch, on every device and in every run, so its random parts
cannot come from a generator that advances. Instead each number is a hash of what it is for.
"""

import torch
from torch import Tensor

from harness.seeds import seed_for

_32_BITS = 0xFFFFFFFF


def hashed_uniform(indices: Tensor, count: int, *purpose: object) -> Tensor:
    """Uniform numbers in [0, 1) for each image: float32 (N, count), on the device of int64 indices (N,).

    `purpose` names the stream as in `harness.seeds`. The hash is MurmurHash3's 32-bit finaliser, applied to the
    index and then to the position; of its result the upper 24 bits are used, which float32 holds exactly.
    """
    seed = seed_for(*purpose)
    rows = _mix(_mix(indices.long() + (seed & _32_BITS)) ^ (indices.long() >> 32) ^ (seed >> 32))
    columns = torch.arange(count, device=indices.device) * 0x9E3779B9
    return (_mix(rows[:, None] + columns) >> 8).float() / (1 << 24)


def _mix(numbers: Tensor) -> Tensor:
    """MurmurHash3's finaliser of the low 32 bits of int64 numbers."""
    numbers = numbers & _32_BITS
    numbers = (numbers ^ (numbers >> 16)) * 0x85EBCA6B & _32_BITS
    numbers = (numbers ^ (numbers >> 13)) * 0xC2B2AE35 & _32_BITS
    return numbers ^ (numbers >> 16)
