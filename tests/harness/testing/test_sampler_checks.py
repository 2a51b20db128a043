"""Broken samplers are told what to change."""

import random

import pytest

from harness import Field, Interval, Sampler, Settings
from harness.testing import checks
from support import failures


class Corner(Sampler):
    """Counts up from the beginning of every interval."""

    class Config(Settings):
        part: float = Field(0.1, gt=0, lt=1, description="of an interval")

    made = 0

    def suggest(self):
        self.made += 1
        share = self.made * self.config.part % 1
        return {
            name: axis.at(share) if isinstance(axis, Interval) else axis[self.made % len(axis)]
            for name, axis in self.space.items()
        }

    def tell(self, number, value):
        pass


class Forgetful(Corner):
    """Leaves a setting out."""

    def suggest(self):
        point = super().suggest()
        del point["codes"]
        return point


class Wide(Corner):
    """Leaves the interval."""

    def suggest(self):
        return {**super().suggest(), "weight": 3.0}


class Inventive(Corner):
    """Names what is not in the list."""

    def suggest(self):
        return {**super().suggest(), "networks": "huge"}


class Moody(Corner):
    """Draws from Python's generator."""

    def suggest(self):
        return {**super().suggest(), "weight": random.random()}


class Continuing(Corner):
    """Counts over all searches of the process."""

    count = 0

    def suggest(self):
        Continuing.count += 1
        self.made = Continuing.count
        return super().suggest()


class Stubborn(Corner):
    """Insists on one setting."""

    def suggest(self):
        self.made = 0
        return super().suggest()


class Proud(Corner):
    """Has never failed."""

    def tell(self, number, value):
        assert value <= 0, f"nothing of mine is worth {value}"


@pytest.mark.parametrize("name", ["optuna", Corner])
def test_a_sampler_that_keeps_its_contract_passes(name):
    assert len(checks(name)) == 4
    assert failures(name) == []


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Forgetful, "suggest a value for each of rate, weight, codes, networks, not for rate, weight, networks"),
        (Wide, "suggest a number from 0.0 to 2.5 for weight, not 3.0"),
        (Inventive, "suggest an item of the list ['small', 'large', 'deep'] for networks, not 'huge'"),
        (Moody, "suggest draws from Python's global generator"),
        (Continuing, "the same seed and results bring other suggestions"),
        (Stubborn, "of 32 suggestions only 1 are different"),
        (Proud, "nothing of mine is worth nan"),
    ],
)
def test_a_sampler_that_breaks_it_is_told_what_to_change(sampler, message):
    assert any(message in failure for failure in failures(sampler)), failures(sampler)
