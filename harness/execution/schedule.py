"""Which jobs are begun first, and which process does which: by how long their trials may take."""

from collections import defaultdict
from collections.abc import Hashable, Iterable

from harness.results.result import Outcome, Result
from harness.suite.trial import Trial, by_training


def longest_first(fleets: Iterable[list[Trial]], ended: Iterable[tuple[Trial, Result]]) -> list[list[Trial]]:
    """Fleets in the order in which to begin them: the longest first, so that none runs on alone at the end.

    A training is estimated by its images, and by the seconds that each took in trials of the same setting that have
    ended; without such, of the same model, or of any.
    """
    seconds: defaultdict[Hashable, float] = defaultdict(float)
    images: defaultdict[Hashable, int] = defaultdict(int)
    trained = set()
    for trial, result in ended:
        if result.outcome is Outcome.FINISHED:
            trained.add(trial.id)
            for kind in _kinds(trial):
                seconds[kind] += result.seconds / result.provenance.get("fleet", 1)
                images[kind] += trial.training.images

    def estimate(trial: Trial) -> float:
        if trial.id in trained:  # What is left is to score it.
            return 0.0
        known = (seconds[kind] / images[kind] for kind in _kinds(trial) if images[kind])
        return trial.training.images * next(known, 1.0)

    def longest(fleet: list[Trial]) -> float:
        return sum(max(map(estimate, states)) for states in by_training(fleet))

    return sorted(fleets, key=longest, reverse=True)


def shard(fleets: Iterable[list[Trial]], number: int, count: int) -> list[list[Trial]]:
    """The fleets that one of several processes does, with about as many images to train on as the others have.

    It is decided by the fleets alone, so that the processes agree without asking each other.

    Args:
        fleets: all of a suite.
        number: of this process, from 1.
        count: processes.
    """
    loads = [0] * count
    own = []
    for fleet in sorted(fleets, key=_images_of_all, reverse=True):
        least = loads.index(min(loads))
        # Trials without any training are work too.
        loads[least] += _images_of_all(fleet) + 1
        if least == number - 1:
            own.append(fleet)
    return own


def _images_of_all(fleet: Iterable[Trial]) -> int:
    """How many images a fleet is trained on; the earlier states of a training come with its last."""
    return sum(states[-1].training.images for states in by_training(fleet))


def _kinds(trial: Trial) -> tuple[Hashable, ...]:
    """What the trial has in common with others, from much to nothing."""
    return (trial.dataset.key, trial.model.key), trial.model.name, None
