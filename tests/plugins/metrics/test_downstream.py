import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import KFold

from harness import NotApplicableError, UserError
from harness.config import parse
from harness_metrics.codes.dci import DCI
from harness_metrics.codes.downstream import DownstreamAccuracy

SIZES = (3, 4)
MANY = (8, 8, 8)
"""More observations than are learnt by heart."""
PREDICTORS = pytest.mark.parametrize("predictor", ["boosting", "logistic"])


def downstream(evaluation, **config):
    return DownstreamAccuracy(DownstreamAccuracy.Config(**config)).score(evaluation)


def noisy(scale):
    return lambda ids, rng: ids + scale * rng.normal(size=ids.shape)


@pytest.mark.parametrize(
    ("predictor", "estimator"),
    [
        ("boosting", GradientBoostingClassifier(random_state=0)),
        ("logistic", LogisticRegressionCV(Cs=10, cv=KFold(5), scoring="accuracy")),
    ],
)
@pytest.mark.filterwarnings("ignore")  # Of scikit-learn, about its future defaults and about convergence.
def test_parity_with_scikit_learns_estimators(make, predictor, estimator):
    table = make((5, 6), noisy(0.7))
    score = downstream(table, predictor=predictor, sizes=(100, 300))
    train, test = table.sample("train", 300), table.sample("test", 5000)
    for size in (100, 300):
        fitted = estimator.fit(table.codes(train[:size]), table.grid().ids(train[:size])[:, 0])
        expected = fitted.score(table.codes(test), table.grid().ids(test)[:, 0])
        assert score.details[str(size)]["test_accuracy_per_factor"][0] == pytest.approx(expected, abs=0.02)


def test_boosting_on_as_many_is_the_informativeness_of_dci(load):
    score, dci = downstream(load("dead_latent"), sizes=(100, 10_000)), DCI(DCI.Config()).score(load("dead_latent"))
    found = score.details["10000"]
    # Ties between equally good splits are decided by other random numbers.
    assert score.value == found["mean_test_accuracy"] == pytest.approx(dci.details["informativeness_test"], abs=2e-3)
    assert found["mean_train_accuracy"] == pytest.approx(dci.details["informativeness_train"], abs=2e-3)


@PREDICTORS
def test_clean_codes_are_learnt(make, predictor):
    score = downstream(make((3, 4), noisy(0)), predictor=predictor, sizes=(1, 100))
    assert score.value == 1
    assert score.details["1"]["mean_test_accuracy"] == pytest.approx((1 / 3 + 1 / 4) / 2, abs=0.05)
    assert score.details["100"]["min_test_accuracy"] == 1


@PREDICTORS
def test_noise_scores_the_share_of_the_commonest_level(make, predictor):
    noise = make(MANY, lambda ids, rng: rng.normal(size=ids.shape))
    assert downstream(noise, predictor=predictor, sizes=(50,)).value == pytest.approx(1 / 8, abs=0.08)


def test_more_observations_and_less_noise_help(make):
    scores = [downstream(make(MANY, noisy(scale)), sizes=(10, 50)) for scale in (0.3, 1, 3)]
    values = [score.value for score in scores]
    assert values == sorted(values, reverse=True)
    for score in scores:
        assert score.value > score.details["10"]["mean_test_accuracy"]


def test_sizes_need_no_order(make):
    table = make(SIZES, noisy(0.5))
    first, second = downstream(table, sizes=(10, 100)), downstream(table, sizes=(100, 10))
    assert first.value == second.value
    assert first.details == second.details


@PREDICTORS
def test_edge_cases(make, predictor):
    few = {"predictor": predictor, "sizes": (1, 3, 20)}
    assert downstream(make(SIZES, lambda ids, rng: 0 * ids), **few).value == pytest.approx(0.3, abs=0.1)
    assert 0.5 < downstream(make(SIZES, lambda ids, rng: ids[:, :1]), **few).value < 1
    one_level = downstream(make((1, *SIZES), lambda ids, rng: ids[:, 1:]), **few)
    assert len(one_level.details["20"]["test_accuracy_per_factor"]) == 2
    with pytest.raises(NotApplicableError, match="more than one level"):
        downstream(make((1,), lambda ids, rng: ids), **few)


def test_sizes_are_positive():
    with pytest.raises(UserError, match=r"sizes\[1\]"):
        parse(DownstreamAccuracy.Config, {"sizes": [10, 0]}, "config")
