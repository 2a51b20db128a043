import numpy as np
import pytest

from harness import NotApplicableError, TableEvaluation
from harness.data.factor_table import FactorTable
from harness_metrics.codes.betavae import BetaVAEScore

SIZES = (4, 5, 6)
PROTOCOLS = pytest.mark.parametrize("protocol", ["disentanglement_lib", "infogan-cr"])


def betavae(evaluation, **config):
    return BetaVAEScore(BetaVAEScore.Config(**config)).score(evaluation)


def test_parity_with_disentanglement_lib(representation, load, stochastic, agree):
    scores = [betavae(load(representation, seed)) for seed in range(3)]
    assert agree([score.value for score in scores], stochastic["beta_vae"]["eval_accuracy"])
    assert agree([score.details["train_accuracy"] for score in scores], stochastic["beta_vae"]["train_accuracy"])


def test_parity_with_the_infogan_cr_authors_on_their_groups(table, exact):
    expected = exact["infogan_cr"]["beta_vae"]["betaVAE_metric"]
    assert betavae(table, protocol="infogan-cr").value == pytest.approx(expected, abs=2 / 500 + 1e-9)


def test_parity_with_the_infogan_cr_authors_on_random_groups(representation, load, stochastic, agree):
    scores = []
    for seed in range(10):
        table = load(representation, seed)
        table.fixed = {}
        scores.append(betavae(table, protocol="infogan-cr").value)
    assert agree(scores, stochastic["infogan_cr_beta_vae"])


def test_parity_with_one_vs_rest_regressions(representation, load, stochastic, agree):
    scores = [betavae(load(representation, seed), classifier="one-vs-rest") for seed in range(3)]
    expected = stochastic["beta_vae_ovr_liblinear"]
    assert agree([score.value for score in scores], expected["eval_accuracy"])
    assert agree([score.details["train_accuracy"] for score in scores], expected["train_accuracy"])


def test_parity_with_one_vs_rest_regressions_of_the_infogan_cr_authors(table, exact):
    expected = exact["infogan_cr"]["beta_vae_ovr_liblinear"]["betaVAE_metric"]
    score = betavae(table, protocol="infogan-cr", classifier="one-vs-rest")
    assert score.value == pytest.approx(expected, abs=2 / 500 + 1e-9)


@PROTOCOLS
def test_a_perfect_representation_scores_one(make, protocol):
    assert betavae(make(SIZES, lambda ids, rng: ids), protocol=protocol, train_examples=2000).value == 1


def test_noise_scores_chance(make):
    noise = make((10, 20, 30), lambda ids, rng: rng.normal(size=ids.shape))
    assert betavae(noise, train_examples=2000).value == pytest.approx(1 / 3, abs=0.05)


@PROTOCOLS
def test_a_dataset_that_is_no_grid(protocol):
    """A third of the combinations, some of them twice."""
    levels = np.array([(a, b, c) for a in range(6) for b in range(6) for c in range(6) if (a + b + c) % 3 == 0])
    levels = np.concatenate([levels, levels[:20]])
    factors = FactorTable("abc", (6, 6, 6), [np.arange(6)] * 3, (False,) * 3, levels)
    config = {"protocol": protocol, "train_examples": 2000}
    assert betavae(TableEvaluation(levels.astype(np.float32), factors), **config).value == 1
    noise = np.random.default_rng(0).normal(size=levels.shape).astype(np.float32)
    assert betavae(TableEvaluation(noise, factors), **config).value < 0.6


@PROTOCOLS
def test_edge_cases(make, protocol):
    few = {"protocol": protocol, "train_examples": 2000}
    dead = betavae(make(SIZES, lambda ids, rng: np.column_stack([ids, 0 * ids[:, 0] + 3.3])), **few)
    assert dead.value == 1
    assert betavae(make(SIZES, lambda ids, rng: 0 * ids), **few).value == pytest.approx(1 / 3, abs=0.05)
    assert 1 / 3 < betavae(make(SIZES, lambda ids, rng: ids[:, :1]), **few).value < 0.8
    assert 0.5 < betavae(make((1, *SIZES), lambda ids, rng: ids[:, 1:]), **few).value <= 1
    with pytest.raises(NotApplicableError, match="one factor only"):
        betavae(make((6,), lambda ids, rng: ids), **few)
