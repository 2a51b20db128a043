import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from harness_metrics.codes.infomec import InfoC, InfoE, InfoM, predictive_information, scaled_share
from harness_metrics.codes.neighbour_information import count_nearer, kth_distances, neighbour_information

DISCRETE = {"latents": "discrete"}


def score(metric, evaluation, **config):
    return metric(metric.Config(**config)).score(evaluation)


@pytest.mark.parametrize(("spread", "noise"), [(0, 1), (0.1, 1), (1, 1), (3, 0.1), (1, 0)])
def test_information_from_neighbours_is_scikit_learns(spread, noise):
    """But for the tiny noise, of which each draws its own."""
    rng = np.random.default_rng(0)
    levels = np.append(rng.integers(6, size=800), [6, 7])
    code = spread * levels + noise * rng.normal(size=802)
    expected = mutual_info_classif(code[:, None], levels, discrete_features=False, n_neighbors=10, random_state=0)
    found = neighbour_information(code, levels, 10, rng)
    assert found == pytest.approx(expected[0], abs=1e-6 if noise else 2e-3)


NUMBERS = st.one_of(st.integers(-99, 99).map(float), st.floats(-9, 9).map(lambda number: round(number, 6)))


@given(st.lists(NUMBERS, min_size=3, max_size=30, unique=True), st.data())
def test_neighbours_and_their_numbers_are_those_found_by_looking_at_all(values, data):
    values = np.array(values)
    k = data.draw(st.integers(1, len(values) - 1))
    distances = abs(values[:, None] - values)
    radii = np.sort(distances, axis=1)[:, k]
    np.testing.assert_array_equal(kth_distances(values, k), radii)
    np.testing.assert_array_equal(count_nearer(values, radii), (distances < radii[:, None]).sum(axis=1))


def test_repeated_observations_count_once(load):
    """10,000 draws from a grid of 480 points make every point its own nearest neighbour 20 times."""
    noisy = load("dead_latent")
    assert len(noisy.grid()) == 480
    assert score(InfoM, noisy).value > 0.9
    assert score(InfoC, noisy).value > 0.9


def test_hand_worked_shares(whole):
    """Information [[1, 0], [1, 1]] in units of the factors' entropies."""
    table = whole((2, 3), lambda ids: np.column_stack([ids[:, 0], 3 * ids[:, 0] + ids[:, 1]]))
    np.testing.assert_allclose(score(InfoM, table, **DISCRETE).details["nmi_matrix"], [[1, 0], [1, 1]], atol=1e-9)
    assert score(InfoM, table, **DISCRETE).value == pytest.approx(1 / 2)
    assert score(InfoC, table, **DISCRETE).value == pytest.approx(1 / 2)


def test_scaled_shares():
    assert scaled_share(np.array([[3.0, 3.0, 3.0]])) == pytest.approx(0)
    assert scaled_share(np.array([[0.0, 5.0, 0.0]])) == 1
    assert scaled_share(np.array([[2.0, 1.0, 1.0]])) == pytest.approx((1 / 2 - 1 / 3) / (2 / 3))
    assert scaled_share(np.array([[2.0, 0.0], [0.0, 0.0]])) == pytest.approx(1 / 2)
    assert scaled_share(np.array([[2.0], [0.0]])) == 1 / 2
    assert scaled_share(np.zeros((0, 3))) == 0


@pytest.mark.parametrize("latents", ["continuous", "discrete"])
def test_a_code_for_each_factor_is_modular_explicit_and_compact(load, latents):
    for metric in (InfoM, InfoE, InfoC):
        assert score(metric, load("aligned"), latents=latents).value > 0.97


def test_a_rotation_is_explicit_but_neither_modular_nor_compact(load):
    rotated = load("rotated")
    assert score(InfoE, rotated).value > 0.97
    assert score(InfoM, rotated).value < 0.6
    assert score(InfoC, rotated).value < 0.6


def test_a_copy_is_modular_but_not_compact(load):
    redundant = load("redundant")
    assert score(InfoM, redundant).value > 0.97
    assert score(InfoC, redundant).value < 0.9


def test_continuous_codes_that_hardly_vary_are_not_active(make):
    def code(ids, rng):
        return np.column_stack([ids, 0.05 * rng.uniform(size=len(ids)), 0 * ids[:, 0]])

    table = make((8, 9), code)
    assert score(InfoM, table).details["active_codes"] == [0, 1]
    assert score(InfoC, table).value == pytest.approx(score(InfoC, make((8, 9), lambda ids, rng: ids)).value, abs=0.01)


def test_discrete_codes_tell_what_no_line_tells(whole):
    """Whether a number is odd."""
    numbers = whole((5, 2), lambda ids: 2 * ids[:, :1] + ids[:, 1:])
    assert score(InfoE, numbers, **DISCRETE).details["per_factor"][1] > 0.97
    assert score(InfoE, numbers).details["per_factor"][1] < 0.1


def test_a_code_that_is_independent_of_each_factor_is_not_explicit(whole):
    assert score(InfoE, whole((2, 2), lambda ids: ids[:, :1] != ids[:, 1:])).value == pytest.approx(0, abs=1e-6)


def test_knowing_nothing_costs_as_the_authors_have_it_the_cross_entropy_of_a_regression_on_zeros():
    levels = np.repeat([0, 1, 2], [70, 20, 10])
    nothing = np.zeros((100, 2))
    model = LogisticRegression(C=np.inf, class_weight="balanced").fit(nothing, levels)
    assert log_loss(levels, model.predict_proba(nothing)) == pytest.approx(np.log(3), abs=1e-6)
    assert predictive_information(nothing, levels) == pytest.approx(0, abs=1e-6)


def test_the_information_is_measured_once_for_both(load, monkeypatch):
    table = load("aligned")
    matrix = score(InfoM, table).details["nmi_matrix"]
    monkeypatch.setattr(table, "codes", None)
    assert score(InfoC, table).details["nmi_matrix"] == matrix
