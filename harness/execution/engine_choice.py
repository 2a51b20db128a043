"""Which engine trains, and with how many trials at once: what the options say, and whether this machine can."""

from harness.errors import UserError

DEFAULT_SIZE = 8
"""Trials of a fleet where neither the user nor the memory of a GPU says how many."""

AUTO_SIZE = 16
"""Most trials of a fleet that `auto` makes on a GPU.

On an H200, 4, 16 and 64 InfoGAN-CRs in a recorded fleet did 202, 260 and 310 model-steps per second, one recorded alone
148 and one trained eagerly 45: larger fleets gain little, and all of a fleet's trials end at the same time.
"""


def settle_engine(engine: str, fleet: int | None, *, gpus: int = 0, trials: int = 1) -> tuple[str, int]:
    """What trains: "eager", "compiled" or "graph"; and how many trials a fleet has at most, 1 for no fleets.

    Args:
        engine: "auto", "eager", "compiled", "graph" or "fleet". `auto` is a recorded fleet on GPUs, of at most 16
            trials and so that every GPU has one; without a GPU a fleet if its size is given, else eager.
        fleet: trials of a fleet; None for the default.
        gpus: GPUs that the run has.
        trials: trials that it trains.

    Raises:
        UserError: the two do not go together.
    """
    if engine == "auto" and gpus:
        return "graph", fleet or min(AUTO_SIZE, max(1, -(-trials // gpus)))
    if engine in ("auto", "fleet"):
        return "eager", fleet or (1 if engine == "auto" else DEFAULT_SIZE)
    if engine == "eager" and (fleet or 1) > 1:
        raise UserError(f"--fleet {fleet}: it does not go with --engine eager, which trains trials one by one")
    return engine, fleet or 1


def require_gpu(engine: str, size: int) -> None:
    """Refuse what cannot be trained where there is no GPU.

    Args:
        engine: as settled.
        size: trials of a fleet, at most.

    Raises:
        UserError: that takes a GPU.
    """
    if engine == "graph":
        raise UserError("--engine graph: it replays CUDA graphs, and there is no GPU to run on; choose another")
    if engine == "compiled" and size > 1:
        raise UserError(
            "--engine compiled: there is no GPU to run on, and for CPUs torch.compile makes programs of some fleets "
            "that crash; choose another, or leave out --fleet"
        )
