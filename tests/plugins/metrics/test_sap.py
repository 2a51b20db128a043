import numpy as np
import pytest

from harness import FactorGrid, NotApplicableError, TableEvaluation
from harness_metrics.codes.sap import SAP, DiscreteSAP

SIZES = (4, 5, 6)
BOTH = pytest.mark.parametrize("metric_class", [SAP, DiscreteSAP])


def sap(evaluation, metric_class=SAP, **config):
    return metric_class(metric_class.Config(**config)).score(evaluation)


def test_parity_with_disentanglement_lib(table, exact):
    score = sap(table)
    assert score.value == pytest.approx(exact["sap_continuous"]["SAP_score"], abs=1e-6)
    np.testing.assert_allclose(score.details["score_matrix"], exact["sap_continuous"]["score_matrix"], atol=1e-6)


def test_parity_with_disentanglement_lib_for_discrete_factors(table, exact):
    score = sap(table, DiscreteSAP)
    # One of 5,000 test points may fall on the other side of a boundary.
    assert score.value == pytest.approx(exact["sap_discrete"]["SAP_score"], abs=4e-4)
    np.testing.assert_allclose(score.details["score_matrix"], exact["sap_discrete"]["score_matrix"], atol=1e-3)


def test_parity_with_the_dual_solver(table, exact):
    expected = exact["sap_discrete_dual_solver"]["mean"]
    assert sap(table, DiscreteSAP, solver="dual").value == pytest.approx(expected, abs=4e-4)


def test_parity_with_the_infogan_cr_authors(table, exact):
    authors = exact["infogan_cr"]
    expected = authors.get("sap_constant_codes_dropped", authors["sap"])
    score = sap(table, protocol="infogan-cr")
    assert score.value == pytest.approx(expected["SAP_metric"], abs=1e-4)
    np.testing.assert_allclose(score.details["score_matrix"], expected["SAP_metric_detail"], atol=2e-4)


def test_the_infogan_cr_protocol_uses_real_values():
    grid = FactorGrid("a", [5], values=[[0, 1, 10, 100, 1000]])
    table = TableEvaluation(np.array([[0], [1], [10], [100], [1000]], np.float32), grid)
    assert sap(table, protocol="infogan-cr").value == pytest.approx(1)
    assert sap(table).value < 0.9


def test_the_infogan_cr_protocol_classifies_categorical_factors():
    grid = FactorGrid("a", [3], categorical=[True])
    # The order of the levels is not that of the codes, so only a classifier predicts the level in the middle.
    table = TableEvaluation(np.array([[-1], [5], [0.2]], np.float32), grid)
    assert sap(table, protocol="infogan-cr").details["score_matrix"][0][0] == pytest.approx(
        sap(table, DiscreteSAP).value, abs=0.02
    )


@pytest.mark.parametrize("scale", [1e-200, 1e-7, 1.0, 1e14])
def test_the_scale_of_codes_and_values_does_not_matter_to_the_infogan_cr_protocol(scale):
    ids = np.stack(np.meshgrid(range(5), range(4), indexing="ij"), -1).reshape(-1, 2)
    of_codes = TableEvaluation(scale * ids, FactorGrid("ab", [5, 4]))
    of_values = TableEvaluation(
        ids.astype(float), FactorGrid("ab", [5, 4], values=[scale * np.arange(5), np.arange(4)])
    )
    for table in (of_codes, of_values):
        assert sap(table, protocol="infogan-cr").value == pytest.approx(1, abs=0.001)


def test_a_code_that_hardly_varies_is_dead_to_disentanglement_lib_alone():
    ids = np.stack(np.meshgrid(range(5), range(4), indexing="ij"), -1).reshape(-1, 2)
    small = TableEvaluation(1e-7 * ids, FactorGrid("ab", [5, 4]))
    assert sap(small).value == 0
    constant = TableEvaluation(np.column_stack([ids, np.full(len(ids), 0.1)]), FactorGrid("ab", [5, 4]))
    assert sap(constant).details["score_matrix"][2] == [0, 0]


def test_perfect_ordered_codes_score_one(make):
    assert sap(make(SIZES, lambda ids, rng: ids)).value == pytest.approx(1, abs=0.01)


@BOTH
def test_noise_scores_about_zero(make, metric_class):
    assert sap(make((10, 12, 14), lambda ids, rng: rng.normal(size=ids.shape)), metric_class).value < 0.05


@pytest.mark.parametrize(("metric_class", "config"), [(SAP, {}), (SAP, {"protocol": "infogan-cr"}), (DiscreteSAP, {})])
def test_dead_and_single_codes_and_factors_with_one_level_are_finite(make, metric_class, config):
    dead = sap(make(SIZES, lambda ids, rng: np.column_stack([ids, 0 * ids[:, 0] + 3.3])), metric_class, **config)
    assert 0 < dead.value <= 1
    single = sap(make(SIZES, lambda ids, rng: ids[:, :1]), metric_class, **config)
    assert 0 < single.value <= 1
    constant = sap(make((1, *SIZES), lambda ids, rng: ids[:, 1:]), metric_class, **config)
    assert 0 < constant.value <= 1
    assert 0 <= sap(make(SIZES, lambda ids, rng: 0 * ids), metric_class, **config).value < 0.4
    with pytest.raises(NotApplicableError, match="more than one level"):
        sap(make((1,), lambda ids, rng: ids), metric_class, **config)
