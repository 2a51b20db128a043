import numpy as np
import pytest

from harness import FactorGrid, TableEvaluation
from harness_metrics.codes.factorvae import FactorVAEScore

SIZES = (4, 5, 6)
PROTOCOLS = pytest.mark.parametrize("protocol", ["disentanglement_lib", "infogan-cr"])


def factorvae(evaluation, **config):
    return FactorVAEScore(FactorVAEScore.Config(**config)).score(evaluation)


def test_parity_with_disentanglement_lib(representation, load, stochastic, agree):
    scores = [factorvae(load(representation, seed)) for seed in range(10)]
    assert agree([score.value for score in scores], stochastic["factor_vae"]["eval_accuracy"])
    train = [score.details["train_accuracy"] for score in scores]
    assert agree(train, stochastic["factor_vae"]["train_accuracy"])
    active = stochastic["factor_vae"]["first_seed"]["active_dims"]
    assert scores[0].details["active_codes"] == np.flatnonzero(active).tolist()


def test_parity_with_disentanglement_lib_without_pruning(representation, load, stochastic, agree):
    scores = [factorvae(load(representation, seed), std_threshold=0.0) for seed in range(5)]
    assert agree([score.value for score in scores], stochastic["factor_vae_threshold_0"]["eval_accuracy"])
    train = [score.details["train_accuracy"] for score in scores]
    assert agree(train, stochastic["factor_vae_threshold_0"]["train_accuracy"])


def test_parity_with_the_infogan_cr_authors_on_their_groups(table, exact):
    score, expected = factorvae(table, protocol="infogan-cr"), exact["infogan_cr"]["factor_vae"]
    assert score.value == pytest.approx(expected["factorVAE_metric"], abs=1e-9)
    assert score.details["revised"] == pytest.approx(expected["factorVAE_metric_revised"], abs=1e-9)
    assert np.transpose(score.details["votes"]).tolist() == expected["factorVAE_metric_detail"]


def test_parity_with_the_infogan_cr_authors_without_constant_codes(load, published):
    expected = published["representations"]["dead_latent"]["exact"]["infogan_cr"]["factor_vae_constant_codes_dropped"]
    score = factorvae(load("dead_latent"), protocol="infogan-cr", std_threshold=1e-9)
    assert score.value == pytest.approx(expected["factorVAE_metric"], abs=1e-9)
    assert score.details["revised"] == pytest.approx(expected["factorVAE_metric_revised"], abs=1e-9)
    assert np.transpose(score.details["votes"]).tolist() == expected["factorVAE_metric_detail"]


def test_parity_with_the_infogan_cr_authors_on_random_groups(representation, load, stochastic, agree):
    scores = []
    for seed in range(40):
        table = load(representation, seed)
        table.fixed = {}
        scores.append(factorvae(table, protocol="infogan-cr"))
    expected = stochastic["infogan_cr_factor_vae"]
    assert agree([score.value for score in scores], expected["factorVAE_metric"])
    assert agree([score.details["revised"] for score in scores], expected["factorVAE_metric_revised"])


@PROTOCOLS
def test_a_perfect_representation_scores_one(make, protocol):
    assert factorvae(make(SIZES, lambda ids, rng: ids), protocol=protocol).value == 1


def test_noise_scores_chance(make):
    noise = make((10, 20, 30), lambda ids, rng: rng.normal(size=ids.shape))
    assert factorvae(noise).value == pytest.approx(1 / 3, abs=0.03)


def test_a_dead_code_is_left_out(make):
    dead = make(SIZES, lambda ids, rng: np.column_stack([np.full(len(ids), 3.3), ids]))
    score = factorvae(dead)
    assert score.value == 1
    assert score.details["active_codes"] == [1, 2, 3]


def test_a_dead_code_that_is_not_left_out_takes_every_vote(make):
    dead = make(SIZES, lambda ids, rng: np.column_stack([ids, np.full(len(ids), 3.3)]))
    for score in (factorvae(dead, std_threshold=0.0), factorvae(dead, protocol="infogan-cr")):
        assert score.value == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("value", [0.5, 0.1, 1 / 3])
@pytest.mark.parametrize("config", [{"std_threshold": 0.0}, {"protocol": "infogan-cr"}])
def test_a_dead_code_in_double_precision_is_dead(config, value):
    """The mean of many equal numbers is not that number, to the last bit."""
    grid = FactorGrid("abcd", (10, 10, 10, 8))
    ids = grid.ids(np.arange(len(grid)))
    dead = TableEvaluation(np.column_stack([ids, np.full(len(ids), value)]), grid)
    assert factorvae(dead, **config).value == pytest.approx(1 / 4, abs=0.03)


@PROTOCOLS
def test_no_active_code_scores_zero(make, protocol):
    assert factorvae(make(SIZES, lambda ids, rng: ids * 0), protocol=protocol, std_threshold=0.05).value == 0


@PROTOCOLS
def test_a_single_code_scores_chance(make, protocol):
    single = make(SIZES, lambda ids, rng: ids[:, :1])
    assert factorvae(single, protocol=protocol).value == pytest.approx(1 / 3, abs=0.03)


@PROTOCOLS
def test_votes_for_a_factor_with_one_level_are_lost(make, protocol):
    constant = make((1, *SIZES), lambda ids, rng: ids[:, 1:])
    assert factorvae(constant, protocol=protocol).value == pytest.approx(3 / 4, abs=0.03)


@PROTOCOLS
def test_models_are_scored_on_the_same_draws(make, protocol):
    def entangled(ids, rng):
        return ids @ rng.normal(size=(3, 3))

    scores = {factorvae(make(SIZES, entangled), protocol=protocol).value for _ in range(2)}
    assert len(scores) == 1
