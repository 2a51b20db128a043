"""Devices, as whoever calls from Python names them."""

import torch

from harness.errors import UserError, in_a_line


def as_device(name: str | torch.device) -> torch.device:
    """The device of a name such as "cpu" or "cuda".

    Raises:
        UserError: there is no such kind of device, or torch sees no GPU.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise UserError(f"device={name!r}: {in_a_line(error)}") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device={name!r}: torch sees no GPU here; use device='cpu'")
    return device
