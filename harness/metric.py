"""The contract of a metric."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, ClassVar, Generic

from typing_extensions import TypeVar

from harness.config import Settings
from harness.evaluation import Evaluation


@dataclass(frozen=True)
class Score:
    """A metric's result: one number, and whatever else is worth keeping as plain JSON data.

    Reports understand these details of any metric:

    - a number is shown beside the score;
    - `mutual_information`, `matrix` and `..._matrix`, lists of equally long lists of numbers, are drawn as matrices;
      one whose rows have F numbers is understood as codes by factors;
    - `active_codes`, a list of int: the numbers, ascending from 0, of the codes that vary with the images. The others
      are drawn as inactive. A matrix with as many rows as there are active codes has one for each of them.
    """

    value: float
    details: Mapping[str, Any] = field(default_factory=dict)


E_contra = TypeVar("E_contra", bound=Evaluation, default=Evaluation, contravariant=True)
"""What a metric scores: any evaluation, unless it says more."""


class Metric(Generic[E_contra]):
    """Base class of every metric: a number for one `Evaluation`.

    A metric that only reads codes and factors should import no torch, so that tables of codes made
    elsewhere are scored in a moment.
    """

    class Config(Settings):
        """Overridden by a subclass that has settings."""

    source: ClassVar[str] = ""
    """The paper, with its number, that defines the metric."""

    needs: ClassVar[tuple[str, ...]] = ("encode", "factors")
    """Abilities of the model ("encode", "generate", "reconstruct", "posterior", "kl", "features") and of the dataset
    ("factors", "labels") without which the metric does not apply; "held_out" for images kept from training."""

    higher_is_better: ClassVar[bool] = True

    range: ClassVar[tuple[float, float]] = (-inf, inf)
    """The lowest and the highest score there can be. A score beyond them, by more than rounding, is recorded as a
    failure of the metric."""

    def __init__(self, config: Settings) -> None:
        self.config = config

    def missing(self) -> str:
        """What this machine lacks to compute the metric, such as a package or a file of weights, and how to get it.

        "" if nothing. It is asked before anything is trained, and must be quick.
        """
        return ""

    def score(self, evaluation: E_contra) -> Score:
        """Score one subject.

        Raises:
            NotApplicableError: the metric has no meaning here, for a reason beyond `needs`.
        """
        raise NotImplementedError(f"{type(self).__name__} must score")
