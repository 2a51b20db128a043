"""Devices: which there are, how many trials fit side by side, and who holds which GPU."""

import logging
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib

from harness.errors import UserError
from harness.execution.protocol import Placement
from harness.storage.atomic import locked
from harness.storage.leases import holder

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Slots:
    """How many trials run side by side, and on which devices.

    Attributes:
        count: trials at a time.
        threads: CPU threads for each.
        gpus: CUDA_VISIBLE_DEVICES entries to choose from; empty where there are none of NVIDIA's.
        per_gpu: trials at a time on one GPU.
    """

    count: int
    threads: int
    gpus: tuple[str, ...] = ()
    per_gpu: int = 1
    device: str = "cpu"
    """Where trials run without one of these: "cpu", or "mps", an Apple GPU."""

    def __str__(self) -> str:
        if self.device == "mps":
            return f"{self.count} at a time on the Apple GPU"
        where = f"{len(self.gpus)} GPU(s)" if self.gpus else f"CPU, {self.threads} thread(s) each"
        return f"{self.count} at a time on {where}"

    @contextmanager
    def reserve(self) -> Iterator[Placement]:
        """Reserve what one trial computes on: a GPU, or a share of one, or a share of the cores."""
        if not self.gpus:
            yield Placement(self.device, self.threads)
            return
        with reserve_gpu(self.gpus, self.per_gpu) as gpu:
            yield Placement("cuda", self.threads, gpu)


def find_slots(device: str, jobs: int | None, trials: int, *, threads: int | None = None, per_gpu: int = 1) -> Slots:
    """Decide on which devices trials run, and how many at a time.

    Every trial gets one thread unless it is told otherwise, however many run side by side: the number of threads
    decides the order of sums, and with it the last bits of every number and, after many steps, the scores. On the CPU
    as many trials run as there are cores; on GPUs, `per_gpu` on each.

    Args:
        device: "auto" (NVIDIA's GPUs if there are any), "cpu", "cuda", "cuda:0,1" or "mps" (an Apple GPU, on which
            trials run one by one unless `jobs` says otherwise).
        jobs: trials side by side; None for as many as there are threads for.
        trials: number of trials in the suite.
        threads: CPU threads of each; None for one.
        per_gpu: trials that share a GPU.

    Raises:
        UserError: there is no such device, or there are not so many cores.
    """
    cores = joblib.cpu_count()
    if device == "mps":
        require_mps("--device mps")
        return Slots(jobs or 1, threads or 1, device=device)
    gpus = () if device == "cpu" else _select_gpus(device)
    most = len(gpus) * per_gpu if gpus else cores
    if threads is not None:
        most = min(most, cores // threads)
        if (jobs or 1) * threads > cores:
            raise UserError(f"--threads {threads}: {jobs or 1} times as many are more than the {cores} cores here")
    count = min(jobs or most, most) if gpus else jobs or min(most, max(1, trials))
    return Slots(count, threads or 1, gpus, per_gpu)


def require_mps(asked: str) -> None:
    """Make sure that torch can compute on an Apple GPU.

    Raises:
        UserError: it cannot; `asked` begins the message.
    """
    import torch

    if not torch.backends.mps.is_available():
        raise UserError(f"{asked}: torch has no Apple GPU here; use --device cpu")


def free_memory(slots: Slots) -> int | None:
    """Bytes that are free for each of the trials that share a GPU, on the GPU that has least; None on the CPU.

    Other processes are started to ask, because one that has asked keeps some of the GPU's memory to its end.
    """
    ask = "import torch; print(torch.cuda.mem_get_info()[0])"
    free = []
    for gpu in slots.gpus:
        here = {**os.environ, "CUDA_VISIBLE_DEVICES": gpu}
        asked = subprocess.run([sys.executable, "-P", "-c", ask], env=here, capture_output=True, text=True, check=False)
        if asked.returncode != 0:
            return None
        free.append(int(asked.stdout))
    return min(free) // slots.per_gpu if free else None


def _select_gpus(device: str) -> tuple[str, ...]:
    kind, _, wanted = device.partition(":")
    if kind not in ("auto", "cuda"):
        raise UserError(f"--device {device}: choose from auto, cpu, cuda, cuda:0, cuda:0,1 or mps")
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
def reserve_gpu(gpus: tuple[str, ...], per_gpu: int = 1) -> Iterator[str]:
    """Hold one of the GPUs, or a share of one, that no other run on this machine holds, waiting until one is free.

    The reservation is a file lock, which the kernel frees at any death of its holder. Slurm gives each of its jobs
    GPUs of its own, which may all be numbered from 0, so its jobs do not wait for each other.

    Args:
        gpus: to choose from.
        per_gpu: how many may share one.
    """
    folder = _locks_folder()
    told = False
    while True:
        for share in range(per_gpu):
            for gpu in gpus:
                with locked(folder / (f"{gpu}-{share}.lock" if share else f"{gpu}.lock"), wait=False) as got:
                    if got:
                        yield gpu
                        return
        if not told:
            logger.warning("every GPU is held by another run, such as %s; waiting", holder(folder / f"{gpus[0]}.lock"))
            told = True
        time.sleep(POLL_SECONDS)


def _locks_folder() -> Path:
    """Where the locks of this user's GPUs are: a folder that nobody else can make first or write to.

    Raises:
        UserError: somebody else has made it.
    """
    folder = Path(tempfile.gettempdir()) / f"harness-gpus-{os.getuid()}{os.environ.get('SLURM_JOB_ID', '')}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(f"{folder}: it belongs to somebody else; set TMPDIR to a folder of your own")
    folder.chmod(0o700)
    return folder
