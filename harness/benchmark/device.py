"""The limits of a device, measured in the same process, and the memory and energy that it used."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter

import torch

from harness.training.precision import autocast, products

ROUNDS = 5


@dataclass(frozen=True)
class Ceilings:
    """The highest rates that the device reached: of a large matrix product, and of a large copy."""

    flop_per_second: float
    bytes_per_second: float


def ceilings(device: torch.device, precision: str) -> Ceilings:
    """Measure how fast the device multiplies matrices and copies memory, which takes a second or two."""
    side = 8192 if device.type == "cuda" else 1024
    factor = torch.rand(side, side, device=device)
    source = torch.rand(2**28 if device.type == "cuda" else 2**24, device=device)
    target = torch.empty_like(source)
    with products(precision), autocast(precision, device):
        product = _best(lambda: factor @ factor, device)
    copy = _best(lambda: target.copy_(source), device)
    return Ceilings(2 * side**3 / product, 2 * source.nbytes / copy)


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished all work that was queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _best(work: Callable[[], object], device: torch.device) -> float:
    seconds = []
    for _ in range(ROUNDS + 1):
        synchronise(device)
        started = perf_counter()
        work()
        synchronise(device)
        seconds.append(perf_counter() - started)
    return min(seconds)


def forget_peak(device: torch.device) -> None:
    """Reset `peak_memory`, which only a GPU can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> int:
    """Peak memory in bytes: of tensors on a GPU since `forget_peak`; elsewhere of the whole process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def energy(device: torch.device) -> float | None:
    """The energy in J that a GPU has used since its driver was loaded; None where NVML does not report it."""
    if device.type != "cuda":
        return None
    try:
        pynvml = import_module("pynvml")
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except Exception:  # No NVML, or one that does not know: energy is a courtesy.
        return None
