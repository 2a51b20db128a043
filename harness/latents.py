"""Latent spaces: the named parts of a generator's input, and their priors."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from harness.rng import Rng


@dataclass(frozen=True)
class Part:
    """One part of a latent vector: `size` columns, each one code unless a subclass says otherwise."""

    size: int

    @property
    def width(self) -> int:
        """The number of columns that this part takes in a latent vector."""
        return self.size

    @property
    def codes(self) -> int:
        """The number of codes, that is of separately meaningful values."""
        return self.size

    @property
    def entropy(self) -> float:
        """Entropy of all columns together, in nats; differential entropy where the values are continuous."""
        raise NotImplementedError(f"{type(self).__name__} must know its entropy")

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draw n values from the prior, (n, width) float32."""
        raise NotImplementedError(f"{type(self).__name__} must be drawn")


@dataclass(frozen=True)
class Uniform(Part):
    """`size` independent numbers, uniform in [low, high)."""

    low: float = -1.0
    high: float = 1.0

    @property
    def entropy(self) -> float:
        """The entropy in nats: ln(high - low) for each column."""
        return self.size * math.log(self.high - self.low)

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draw n vectors, (n, size)."""
        return rng.uniform(n, self.size, low=self.low, high=self.high)


@dataclass(frozen=True)
class Normal(Part):
    """`size` independent standard normal numbers."""

    @property
    def entropy(self) -> float:
        """The entropy in nats: ln(2πe) / 2 for each column."""
        return 0.5 * self.size * math.log(2 * math.pi * math.e)

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draw n vectors, (n, size)."""
        return rng.normal(n, self.size)


@dataclass(frozen=True)
class Categorical(Part):
    """One of `size` equally likely categories, one-hot: the columns are one value together."""

    @property
    def codes(self) -> int:
        """One code: the columns stand for one value."""
        return 1

    @property
    def entropy(self) -> float:
        """The entropy in nats: ln(size)."""
        return math.log(self.size)

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draw n categories as one-hot rows, (n, size)."""
        # torch's one_hot looks at what it is given, for which a GPU would have to wait.
        return (rng.integers(n, 1, high=self.size) == torch.arange(self.size, device=rng.device)).float()


@dataclass(frozen=True)
class Sphere(Part):
    """A point uniform on the unit sphere in `size` dimensions."""

    @property
    def entropy(self) -> float:
        """The entropy in nats with respect to the sphere's surface: the logarithm of its area."""
        return math.log(2) + 0.5 * self.size * math.log(math.pi) - math.lgamma(0.5 * self.size)

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draw n points of the sphere, (n, size) rows of length 1."""
        return torch.nn.functional.normalize(rng.normal(n, self.size), dim=1)


class LatentSpace:
    """Named parts side by side in one vector; the vector is their concatenation in this order.

    `codes` names the parts that carry meaning (the regularised codes of an InfoGAN, every latent of
    a VAE); by default all of them. The others are incompressible noise.

    >>> parts = {"digit": Categorical(10), "style": Uniform(2), "noise": Normal(62)}
    >>> space = LatentSpace(parts, codes=["digit", "style"])
    >>> space.width, space.code_columns
    (74, [range(0, 10), range(10, 11), range(11, 12)])
    """

    def __init__(self, parts: Mapping[str, Part], codes: Sequence[str] | None = None) -> None:
        self.parts = dict(parts)
        self.codes = tuple(parts) if codes is None else tuple(codes)
        self.width = sum(part.width for part in parts.values())

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draw n latent vectors from the prior, (n, width)."""
        return torch.cat([part.draw(n, rng) for part in self.parts.values()], dim=1)

    def split(self, latents: Tensor) -> dict[str, Tensor]:
        """Split latent vectors (N, width) into their parts by name, each (N, part width)."""
        widths = [part.width for part in self.parts.values()]
        pieces = torch.split(latents, widths, dim=1)
        return dict(zip(self.parts, pieces, strict=True))

    def join(self, parts: dict[str, Tensor]) -> Tensor:
        """Join parts by name, each (N, part width), into latent vectors (N, width): the inverse of `split`."""
        return torch.cat([parts[name] for name in self.parts], dim=1)

    @property
    def code_columns(self) -> list[range]:
        """The columns of each separately meaningful code, in order (one-hot blocks stay together)."""
        return list(chain.from_iterable(self._columns()))

    @property
    def structure(self) -> str:
        """The number of codes and the prior of each, in words; parts that are noise are not told.

        >>> LatentSpace({"style": Uniform(2), "noise": Normal(62)}, codes=["style"]).structure
        '2 codes from Uniform(size=1, low=-1.0, high=1.0)'
        """
        priors: Counter[str] = Counter()
        for part in (self.parts[name] for name in self.codes):
            priors[str(replace(part, size=part.width // part.codes))] += part.codes
        return ", ".join(f"{n} code{'s' if n > 1 else ''} from {prior}" for prior, n in sorted(priors.items()))

    def _columns(self) -> Iterator[list[range]]:
        start = 0
        for name, part in self.parts.items():
            if name in self.codes:
                step = part.width // part.codes
                yield [range(first, first + step) for first in range(start, start + part.width, step)]
            start += part.width

    def draw_with_fixed_code(self, n: int, code: int, rng: Rng) -> Tensor:
        """Draw n latent vectors (n, width) that share one random value of code number `code`."""
        latents = self.draw(n, rng)
        columns = self.code_columns[code]
        latents[:, columns.start : columns.stop] = latents[:1, columns.start : columns.stop].clone()
        return latents
