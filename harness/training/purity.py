"""Whether code draws random numbers from generators that nobody seeds, so that nothing can be reproduced."""

import random
import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

from harness.errors import ContractError

PYTHON = "Python's global generator"
MODULES = "modules loaded"
WATCHED = 3
"""How often each function of a training is watched: the first times that it is called."""


class Purity:
    """Watches the first calls of each function of a training.

    Engines call every function at least as often before they capture CUDA graphs, during which nobody may look.
    """

    def __init__(self) -> None:
        self._watched: Counter[Hashable] = Counter()

    @contextmanager
    def watch(self, name: str, key: Hashable = None) -> Iterator[None]:
        """Within this block global generators must not move.

        Args:
            name: of what is called, for people.
            key: what tells functions of one name apart.

        Raises:
            ContractError: one has moved.
        """
        if self._watched[name, key] >= WATCHED or _capturing():
            yield
            return
        self._watched[name, key] += 1
        before = generator_states()
        yield
        if moved := moved_since(before):
            raise ContractError(impure(name, moved))


def impure(name: str, generator: str) -> str:
    """What to tell of a function that has moved a generator."""
    also = " (nn.Dropout and the like do)" if generator.startswith("torch") else ""
    return (
        f"{name} draws from {generator}{also}, so that its numbers are not those of the trial's seed; draw all random "
        "numbers from the Rng that `Model.draw` is given"
    )


def generator_states() -> Mapping[str, object]:
    """The states of the global generators, by their names for people, and how many modules are loaded."""
    states: dict[str, object] = {
        "torch's global generator": torch.random.get_rng_state().numpy().tobytes(),
        "NumPy's global generator": _comparable(np.random.get_state(legacy=False)),
        PYTHON: random.getstate(),
        MODULES: len(sys.modules),
    }
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states["torch's global generator on the GPU"] = torch.cuda.get_rng_state().numpy().tobytes()
    return states


def moved_since(before: Mapping[str, object]) -> str:
    """The name of a generator that has moved; "" for none.

    Libraries may draw from Python's own generator while they are imported, as scikit-learn does, which does no harm:
    that generator is not looked at where something was imported meanwhile.
    """
    now = generator_states()
    moved = [name for name, state in before.items() if now[name] != state]
    harmless = {MODULES, PYTHON} if MODULES in moved else set()
    return next((name for name in moved if name not in harmless), "")


def _comparable(state: object) -> object:
    """A state of NumPy's, whose arrays do not compare as a whole."""
    if isinstance(state, dict):
        return {name: _comparable(value) for name, value in state.items()}
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _capturing() -> bool:
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]
