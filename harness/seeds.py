"""Seeds by purpose: every random stream is named by what it is for, so adding one shifts no other."""

import hashlib
import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from harness._stdout import stdout_to_stderr


def seed_for(*purpose: object) -> int:
    """A 63-bit seed that depends on nothing but the given words and numbers.

    >>> seed_for(0, "init") == seed_for(0, "init"), seed_for(0, "init") == seed_for(1, "init")
    (True, False)
    """
    text = json.dumps(purpose, sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_rng(*purpose: object) -> np.random.Generator:
    """A NumPy generator seeded by `seed_for(*purpose)`."""
    return np.random.default_rng(seed_for(*purpose))


@contextmanager
def governed(*purpose: object) -> Iterator[None]:
    """Within this block the global generators of Python, NumPy and, if it is loaded, torch on the CPU begin at a seed.

    For code of others that cannot be handed a generator. They are put back after. What it prints goes to the standard
    error.
    """
    seed, torch = seed_for(*purpose), sys.modules.get("torch")
    kept = random.getstate(), np.random.get_state(), torch and torch.random.get_rng_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if torch:
        torch.default_generator.manual_seed(seed)
    try:
        with stdout_to_stderr():
            yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        if torch:
            torch.random.set_rng_state(kept[2])
