"""ModelCentrality of large pools: the most central model from few of the comparisons."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

import numpy as np

from harness import Evaluation, Field, Floats, Indices
from harness_selectors.model_centrality import ModelCentrality, generative


class ModelCentralityHalving(ModelCentrality):
    """ModelCentrality for large pools, by correlated sequential halving: most pairs are never compared.

    All models start as candidates. In each round a few models, drawn anew without replacement from the whole
    pool, are the references of all candidates; the half of the candidates that agree most with them stays, and
    the next round has twice as many references. The last round, of as many candidates as the first had
    references or fewer, takes all models and is exact. (Baharav & Tse divide a budget of T pulls like this:
    T = references * M * ceil(log2 M).) A pair that has met before is not compared again.

    A model that met all others is scored by its centrality, the others have no score: halving looks for the best
    model, not for a ranking. Each pool is halved anew, as the pairs that one halving compared say nothing of another
    pool. The chosen model is never less central than the one with which the halving ends.

    A pool of M models needs M^2 evaluations of an encoder on a generator's images in full, and of the order of
    references * M * log2 M here; `cross_evaluations` in the tables says how many it was.
    """

    class Config(ModelCentrality.Config):
        references: int = Field(4, gt=1, description="models that every model is compared with in the first round")

    source = (
        "Lin et al. 2020, InfoGAN-CR and ModelCentrality, arXiv:1906.06034; "
        "Baharav & Tse 2019, Ultra Fast Medoid Identification via Correlated Sequential Halving, arXiv:1906.04356"
    )
    comparisons_array = ""
    complete = False

    config: Config

    def compare(self, pool: Sequence[Evaluation]) -> Floats:
        """(M, M) accuracies as in ModelCentrality; NaN for pairs that were not compared, and on the diagonal.

        Raises:
            NotApplicableError: a model has no latent codes that could be fixed, or two differ in their number or prior.
        """
        models = generative(pool)
        self.require_one_kind(pool)
        accuracies = np.full((len(pool), len(pool)), np.nan)
        rng = pool[0].rng("model-centrality-halving")
        rounds, begun = rounds_of(len(pool), self.config.references), count()

        def mutual(candidates: Indices, references: Indices) -> Floats:
            wanted = np.zeros_like(accuracies, dtype=bool)
            wanted[np.ix_(candidates, references)] = True
            # Two models agree by both directions: each generates images that the other encodes.
            wanted |= wanted.T
            np.fill_diagonal(wanted, False)
            # NaN marks the pairs that no earlier round has compared.
            self.fill(accuracies, wanted & np.isnan(accuracies), models, partial(self._tell, next(begun), rounds))
            agreements: Floats = (accuracies + accuracies.T) / 2
            return agreements[np.ix_(candidates, references)]

        halve(len(pool), self.config.references, mutual, rng)
        return accuracies

    def _tell(self, done_rounds: int, rounds: int, done: int, of: int) -> None:
        """Tell how much of all rounds is done, which cost about as much each."""
        self.progress(done_rounds * of + done, rounds * of)


def rounds_of(n: int, references: int) -> int:
    """How many rounds the halving of n models takes.

    >>> rounds_of(16, 4)  # 16 candidates and 4 references, 8 and 8, 4 and 16
    3
    """
    rounds, candidates = 1, n
    while references * n // candidates < n:
        rounds, candidates = rounds + 1, (candidates + 1) // 2
    return rounds


def halve(
    n: int, references: int, mutual: Callable[[Indices, Indices], Floats], rng: np.random.Generator
) -> list[Indices]:
    """Correlated sequential halving among n models.

    Args:
        n: number of models.
        references: number of references in the first round, at least 2.
        mutual: called with the candidates (C,) and references (R,) of a round; returns how they agree, (C, R),
            NaN of a model with itself.
        rng: draws the references.

    Returns:
        The candidates of each round, ascending; those of the last one met all models.
    """
    candidates = np.arange(n)
    rounds = []
    while True:
        rounds.append(candidates)
        # References double as candidates halve, so every round costs about as many comparisons.
        size = min(n, references * n // len(candidates))
        agreements = mutual(candidates, np.sort(rng.choice(n, size, replace=False)))
        if size == n:
            return rounds
        best = np.argsort(-np.nanmean(agreements, axis=1), kind="stable")[: (len(candidates) + 1) // 2]
        candidates = candidates[np.sort(best)]
