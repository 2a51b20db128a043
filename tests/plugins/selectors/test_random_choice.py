import numpy as np
import pytest

from harness import TableEvaluation
from harness_selectors.random_choice import Random


def pool(size, seed=0):
    return [TableEvaluation(np.zeros((4, 1), dtype=np.float32), None, seed=seed) for _ in range(size)]


def scores(models, **config):
    selector = Random(Random.Config(**config))
    return selector.scores(selector.compare(models))


def test_every_model_is_equally_likely():
    chosen = np.array([scores(pool(5), seed=seed).argmax() for seed in range(2000)])
    shares = np.bincount(chosen, minlength=5) / 2000
    # Five standard deviations of a share of 1/5 in 2,000 draws.
    assert shares == pytest.approx([0.2] * 5, abs=0.045)


def test_a_seed_gives_the_same_scores_whatever_the_models():
    other = TableEvaluation(np.ones((9, 3), dtype=np.float32), None)
    assert scores(pool(3)).tolist() == scores([other] * 3).tolist()
    assert scores(pool(3)).tolist() != scores(pool(3), seed=1).tolist()
    assert scores(pool(3)).tolist() != scores(pool(3, seed=1)).tolist()


def test_a_sub_pool_keeps_its_scores():
    selector = Random(Random.Config())
    comparisons = selector.compare(pool(4))
    assert selector.scores(comparisons[1:3]).tolist() == selector.scores(comparisons)[1:3].tolist()
