"""The contract of a model selector, which chooses the best of several models without labels."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.config import Settings
from harness.errors import NotApplicableError
from harness.evaluation import Evaluation
from harness.threads import lacks_threads

Item = TypeVar("Item")
Found = TypeVar("Found")


class Selector:
    """Base class of every selector: models are compared in pairs, and comparisons become scores.

    The two halves are separate so that the scores of any sub-pool follow from one comparison of the
    whole pool, and so that comparisons made elsewhere can be ranked.
    """

    class Config(Settings):
        """Overridden by a subclass that has settings."""

    source: ClassVar[str] = ""
    """The paper, with its number, that defines the selector."""

    needs: ClassVar[tuple[str, ...]] = ("encode",)
    """Abilities that every model of a pool must have, as in `Metric.needs`; others are left out."""

    comparisons_array: ClassVar[str] = ""
    """The name under which a file may hold comparisons made elsewhere; "" if none may."""

    default_for_codes: ClassVar[bool] = False
    """Whether it is applied to a file of codes where no selector is named."""

    complete: ClassVar[bool] = True
    """Whether `compare` leaves out no pair to save time, so that the scores of every sub-pool follow from it.

    Otherwise each pool is compared by itself, and there are no intervals over resampled pools.
    """

    progress: Callable[[int, int], None] = staticmethod(lambda done, of: None)
    """What `compare`, where it takes long, may tell how many of how many parts are done; a run shows the time left."""

    at_once: int = 1
    """Items that `each` does at the same time; a run says how many its cores are enough for."""

    def __init__(self, config: Settings) -> None:
        self.config = config

    def each(self, function: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """Apply a function to each of several items, such as models or batches, `at_once` in threads side by side.

        Results are in the order of the items, and the same for any number of threads, as torch computes in each thread
        what it would compute alone. An item should take seconds at most, for a run that is stopped waits for it.
        """
        if self.at_once > 1:
            try:
                with ThreadPoolExecutor(self.at_once) as threads:
                    return list(threads.map(function, items))
            except RuntimeError as error:
                if not lacks_threads(error):
                    raise
        return list(map(function, items))

    def lacks(self, evaluation: Evaluation) -> str:
        """The reason why a model cannot be compared and is left out, or "" when it can."""
        return evaluation.lacks(self.needs)

    def labels_seen(self) -> str:
        """What the selector sees of labels: "none", "all", or how many images are labelled."""
        return "none"

    def kind(self, evaluation: Evaluation) -> str:
        """The kind of a model, in words: only models of one kind are compared; "" where all are.

        Models of different kinds never meet in `compare`, and a pool of several kinds is not applicable.
        """
        return ""

    def require_one_kind(self, pool: Sequence[Evaluation]) -> None:
        """Refuse a pool of several kinds.

        Raises:
            NotApplicableError: two models are of different kinds.
        """
        if reason := several_kinds(map(self.kind, pool)):
            raise NotApplicableError(reason)

    def compare(self, pool: Sequence[Evaluation]) -> NDArray[np.float64]:
        """Compare M models of one kind on the same dataset: (M, M), entry [i, j] comparing model i with model j.

        An entry is NaN where two models are not compared, because they should not be (they differ in
        `Evaluation.setting`) or to save time.

        Raises:
            NotApplicableError: the selector has no meaning for this pool.
        """
        raise NotImplementedError(f"{type(self).__name__} must compare models")

    def scores(self, comparisons: NDArray[np.float64]) -> NDArray[np.float64]:
        """A score for each of M >= 2 models, (M,), from their (M, M) comparisons; the largest is selected.

        NaN for a model of which the comparisons say nothing; it is never selected.
        """
        raise NotImplementedError(f"{type(self).__name__} must score models")


def several_kinds(kinds: Iterable[str]) -> str:
    """Why models of these kinds are not compared with each other, or "" if they are of one kind.

    >>> several_kinds(["5 codes", "10 codes", "5 codes"])
    'only models of one kind are compared, and these are 2 with 5 codes, 1 with 10 codes'
    """
    counts = Counter(kinds)
    told = ", ".join(f"{models} with {kind}" for kind, models in counts.items())
    return f"only models of one kind are compared, and these are {told}" if len(counts) > 1 else ""


class PointwiseSelector(Selector):
    """Base class of selectors that score models one by one: `compare` gives M scores, and `scores` is written."""

    def compare(self, pool: Sequence[Evaluation]) -> NDArray[np.float64]:
        """Score M models: (M,), the largest is selected; NaN for a model without a score.

        Raises:
            NotApplicableError: the selector has no meaning for this pool.
        """
        raise NotImplementedError(f"{type(self).__name__} must score models")

    def scores(self, comparisons: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores (M,), which `compare` has made."""
        return comparisons
