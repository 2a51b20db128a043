"""Devices: which there are, how many trials fit side by side, and who holds which GPU."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib

from harness.errors import UserError
from harness.execution.job import Placement
from harness.store import locked

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Slots:
    """How many trials run side by side, and with what.

    Attributes:
        count: trials at a time.
        threads: CPU threads for each.
        gpus: CUDA_VISIBLE_DEVICES entries to lease from; empty on the CPU.
    """

    count: int
    threads: int
    gpus: tuple[str, ...] = ()

    @contextmanager
    def place(self) -> Iterator[Placement]:
        """A place for one trial: a leased GPU, or a share of the cores."""
        if not self.gpus:
            yield Placement("cpu", self.threads)
            return
        with lease(self.gpus) as gpu:
            yield Placement("cuda", self.threads, gpu)


def find_slots(device: str, jobs: int | None, trials: int) -> Slots:
    """Settle where trials run.

    On the CPU one trial gets cores / jobs threads; jobs is the number of cores unless the whole suite
    has fewer trials. That does not depend on how many trials are left, so that a resumed trial runs
    with the threads it began with. On GPUs, one trial runs on each.

    Args:
        device: "auto" (GPUs if there are any), "cpu", "cuda" or "cuda:0,1".
        jobs: trials side by side; None for the rule above.
        trials: number of trials in the suite.

    Raises:
        UserError: there is no such device.
    """
    cores = joblib.cpu_count()
    gpus = () if device == "cpu" else _select_gpus(device)
    count = jobs or (len(gpus) if gpus else min(cores, max(1, trials)))
    return Slots(count, max(1, cores // count), gpus)


def _select_gpus(device: str) -> tuple[str, ...]:
    kind, _, wanted = device.partition(":")
    if kind not in ("auto", "cuda"):
        raise UserError(f"--device {device}: choose from auto, cpu, cuda, cuda:0 or cuda:0,1")
    visible = visible_gpus()
    if kind == "cuda" and not visible:
        raise UserError(f"--device {device}: torch sees no GPU here; use --device cpu")
    if not wanted:
        return visible
    numbers = wanted.split(",")
    for number in numbers:
        if not number.isdecimal() or int(number) >= len(visible):
            raise UserError(f"--device {device}: there is no GPU {number}; there are {len(visible)}, numbered from 0")
    return tuple(visible[int(number)] for number in numbers)


def visible_gpus() -> tuple[str, ...]:
    """CUDA_VISIBLE_DEVICES entries of the GPUs this process may use; an inherited list is respected."""
    import torch

    count = torch.cuda.device_count()
    inherited = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = inherited.split(",") if inherited else [str(number) for number in range(count)]
    return tuple(names[:count])


@contextmanager
def lease(gpus: tuple[str, ...]) -> Iterator[str]:
    """Hold one of the GPUs that no other run on this machine holds, waiting until one is free.

    The lease is a file lock, which the kernel frees at any death of its holder.
    """
    folder = Path(tempfile.gettempdir()) / f"harness-gpus-{os.getuid()}"
    while True:
        for gpu in gpus:
            with locked(folder / f"{gpu}.lock", wait=False) as got:
                if got:
                    yield gpu
                    return
        time.sleep(POLL_SECONDS)
