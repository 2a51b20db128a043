"""Random tensors from one explicit generator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor

from harness.seeds import seed_for


class Rng:
    """A torch generator on one device, with the few distributions that models need.

    This is the only way a model gets random numbers: the harness hands one to `Model.draw` and
    `Model.initialise`, saves its state in every checkpoint, and makes one per member of a fleet.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    @classmethod
    def of(cls, *purpose: object, device: torch.device | str = "cpu") -> Self:
        """A generator for one purpose, such as `Rng.of(seed, "draws")`; see `harness.seeds`."""
        return cls(seed_for(*purpose), device)

    @classmethod
    def for_initial(cls, seed: int) -> Self:
        """The generator of a training's initial parameters, on the CPU.

        This and the next two name the random streams of a training, once, for all that train: trials, benchmarks and
        contract checks.
        """
        return cls.of(seed, "initial")

    @classmethod
    def for_draws(cls, seed: int, device: torch.device | str) -> Self:
        """The generator that `Model.draw` is handed in every step of a training, on the training's device."""
        return cls.of(seed, "draws", device=device)

    @classmethod
    def for_resets(cls, seed: int) -> Self:
        """The generator of the parameters that a reset redraws during a training, on the CPU."""
        return cls.of(seed, "resets")

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers in [low, high), float32."""
        numbers = torch.rand(shape, generator=self.generator, device=self.device)
        return numbers if (low, high) == (0.0, 1.0) else low + (high - low) * numbers

    def integers(self, *shape: int, high: int) -> Tensor:
        """Uniform integers in [0, high), int64."""
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def permutation(self, n: int) -> Tensor:
        """A random order of 0..n-1, int64 (n,)."""
        return torch.randperm(n, generator=self.generator, device=self.device)

    @property
    def state(self) -> Tensor:
        """The generator's state, uint8; assign it back to continue exactly here."""
        return self.generator.get_state()

    @state.setter
    def state(self, value: Tensor) -> None:
        self.generator.set_state(value.cpu())

    def renew(self, state: Tensor) -> None:
        """Continue from a state with a new generator: one that was in a recording which failed cannot go on."""
        self.generator = torch.Generator(self.device)
        self.state = state

    @contextmanager
    def governing_torch(self) -> Iterator[None]:
        """Within this block torch's global CPU generator follows this one, and is put back after.

        For code that cannot be handed a generator: the constructors of torch's own layers.
        """
        seed = int(self.integers(1, high=2**62).item())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
