"""Whether code draws random numbers from generators that nobody seeds, so that nothing can be reproduced."""

import random
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from harness.errors import ContractError

PYTHON = "Python's global generator"
GPU = "torch's global generator on the GPU"
MODULES = "modules loaded"
WATCHED = 3
"""How often each function is watched from the start; engines call it as often before they capture CUDA graphs."""
EVERY = 100
"""Of the later calls one in so many is watched."""
ROUNDING = 1e-4
"""How far two calls of one function may be apart, relative to numbers beyond 1; some sums of a GPU have no order."""


class Purity:
    """Watches the first calls of each function of a training or an evaluation, and some of the later ones.

    Global generators must not move meanwhile. The very first call is done twice, to notice all else that a function
    may depend on beside its arguments: other generators, the time, what it has kept from the call before.

    Args:
        rehearse: whether the very first call is done twice; off where calls are counted.
    """

    def __init__(self, *, rehearse: bool = True) -> None:
        self._rehearse = rehearse
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
        number = self._watched[name, key]
        self._watched[name, key] += 1
        if (number >= WATCHED and number % EVERY) or is_capturing():
            yield
            return
        with _unmoved(name):
            yield

    def is_new(self, name: str, key: Hashable = None) -> bool:
        """Whether a function has not been watched yet, so that it should be called `twice` before."""
        return self._rehearse and not self._watched[name, key] and not is_capturing()

    def twice(self, name: str, call: Callable[[], object], state: Iterable[Tensor] = ()) -> None:
        """Call a function twice, each time from the same state, which is left as it was.

        Args:
            name: of what is called, for people.
            call: calls it.
            state: tensors that it may change.

        Raises:
            ContractError: the second call gives other numbers, or a global generator has moved.
        """
        kept = [(tensor, tensor.detach().clone()) for tensor in state]

        def numbers() -> dict[str, Tensor]:
            try:
                found = call()
                terms = found if isinstance(found, Mapping) else {"": found}
                return {name: value.detach() for name, value in terms.items() if isinstance(value, Tensor)}
            finally:
                with torch.no_grad():
                    for tensor, value in kept:
                        tensor.data.copy_(value)

        with _unmoved(name):
            one, other = numbers(), numbers()
        same = one.keys() == other.keys() and all(_close(value, other[term]) for term, value in one.items())
        if not same:
            raise ContractError(
                f"{name} gives other numbers when it is called again with equal arguments; let it depend on nothing "
                "else, and draw all random numbers from the Rng that `Model.draw` is given"
            )


class Between:
    """Notices that global generators have moved since it was asked last: between the calls that `Purity` watches.

    Only torch's and NumPy's on the CPU: libraries draw from Python's, and compilers from the GPU's when they try out
    kernels, for what is no part of a training.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._states = _of_trainings(generator_states())

    def check(self, step: int) -> None:
        """Ask it after a step.

        Raises:
            ContractError: a generator has moved.
        """
        moved = moved_since(self._states)
        first, self._step, self._states = self._step, step, _of_trainings(generator_states())
        if moved:
            which = f"step {first}" if step == first + 1 else f"one of the steps {first} to {step - 1}"
            raise ContractError(impure(f"in {which} the model or its dataset", moved))


def _of_trainings(states: Mapping[str, object]) -> dict[str, object]:
    return {name: state for name, state in states.items() if name not in (PYTHON, GPU, MODULES)}


@contextmanager
def _unmoved(name: str) -> Iterator[None]:
    """Within this block global generators must not move; one that did is put back, so that seeding it is noticed again.

    Raises:
        ContractError: one has moved.
    """
    before = generator_states()
    kept = torch.random.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    if moved := moved_since(before):
        torch.random.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])
        raise ContractError(impure(name, moved))


def _close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or not one.is_floating_point():
        return torch.equal(one, other)
    return torch.allclose(one, other, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)


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
        states[GPU] = torch.cuda.get_rng_state().numpy().tobytes()
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


def is_capturing() -> bool:
    """Whether what is done now is recorded for a CUDA graph."""
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]
