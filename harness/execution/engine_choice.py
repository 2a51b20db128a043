"""Which engine trains, and with how many trials at once: what the options say, and whether this machine can."""

from harness.errors import UserError

DEFAULT_SIZE = 8
"""Trials of a fleet where neither the user nor the memory of a GPU says how many."""


def settle_engine(engine: str, fleet: int | None) -> tuple[str, int]:
    """What trains: "eager", "compiled" or "graph"; and how many trials a fleet has at most, 1 for no fleets.

    Args:
        engine: "auto" (a fleet if its size is given, else eager), "eager", "compiled", "graph" or "fleet".
        fleet: trials of a fleet; None for the default.

    Raises:
        UserError: the two do not go together.
    """
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
