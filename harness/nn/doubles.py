"""Numbers in double precision, on devices that have none too."""

from torch import Tensor


def to_double(values: Tensor) -> Tensor:
    """Convert numbers to float64: on their device, or on the CPU where an Apple GPU has no such type.

    Sums of many numbers are made in it, so that their order does not show.
    """
    return (values.cpu() if values.device.type == "mps" else values).double()
