"""Telling that memory has run out, on a GPU or beside it, from other errors."""

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
