"""Tensors of a model that are several and lie at one place in memory, which moving, stacking or saving takes apart."""

import torch
from torch import Tensor, nn


def shared_memory(model: nn.Module) -> list[str]:
    """Names of parameters and buffers that share numbers with another one, or whose own elements share one.

    One parameter under several names is one tensor, and shares nothing.
    """
    named: list[tuple[str, Tensor]] = [*model.named_parameters(), *model.named_buffers()]
    stored: dict[tuple[int, torch.dtype], list[tuple[str, Tensor]]] = {}
    for name, tensor in named:
        if tensor.layout == torch.strided and tensor.numel() and not nn.parameter.is_lazy(tensor):
            stored.setdefault((tensor.untyped_storage()._cdata, tensor.dtype), []).append((name, tensor))
    return [name for tensors in stored.values() if _overlap([tensor for _, tensor in tensors]) for name, _ in tensors]


def _overlap(tensors: list[Tensor]) -> bool:
    """Whether any element of the storage that tensors share is held twice."""
    if len(tensors) == 1 and 0 not in tensors[0].stride():
        return False
    places = [
        torch.arange(tensor.storage_offset() + _reach(tensor), device="cpu")
        .as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
        .flatten()
        for tensor in tensors
    ]
    return bool((torch.cat(places).bincount() > 1).any())


def _reach(tensor: Tensor) -> int:
    """Elements of the storage from a tensor's first one to its last."""
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
