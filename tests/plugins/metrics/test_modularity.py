import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness import NotApplicableError
from harness_metrics.codes.modularity import Modularity, code_modularity

SIZES = (4, 5, 6)


def modularity(evaluation, **config):
    return Modularity(Modularity.Config(**config)).score(evaluation)


def test_parity_with_disentanglement_lib(table, exact):
    score = modularity(table)
    assert score.value == pytest.approx(exact["modularity"]["modularity_score"], abs=1e-9)
    np.testing.assert_allclose(score.details["per_code"], exact["modularity"]["per_code"], atol=1e-9)


def test_parity_with_the_infogan_cr_authors(table, exact):
    authors = exact["infogan_cr"]
    expected = authors.get("fstat_constant_codes_dropped", authors["fstat"])
    score = modularity(table, protocol="infogan-cr")
    assert score.value == pytest.approx(expected["FStat_modu_metric"], abs=1e-9)
    assert [0 if code is None else code for code in authors["fstat"]["FStat_modu_metric_detail"]] == pytest.approx(
        score.details["per_code"], abs=1e-9
    )
    np.testing.assert_allclose(score.details["mutual_information"], authors["fstat"]["FStat_modu_mi"], atol=1e-9)


def test_a_perfect_representation_scores_one(make):
    assert modularity(make(SIZES, lambda ids, rng: ids)).value == pytest.approx(1, abs=0.01)


def test_an_even_mixture_scores_about_zero(make):
    assert modularity(make((6, 6), lambda ids, rng: ids @ [[1, 1], [1, -1]])).value < 0.1


def test_a_dead_code_scores_zero_or_is_left_out(make):
    dead = make(SIZES, lambda ids, rng: np.column_stack([ids, 0 * ids[:, 0]]))
    assert modularity(dead).value == pytest.approx(3 / 4, abs=0.01)
    assert modularity(dead, protocol="infogan-cr").value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("protocol", ["disentanglement_lib", "infogan-cr"])
def test_edge_cases_are_finite(make, protocol):
    assert modularity(make(SIZES, lambda ids, rng: 0 * ids), protocol=protocol).value == 0
    assert modularity(make(SIZES, lambda ids, rng: ids[:, :1]), protocol=protocol).value == pytest.approx(1, abs=0.01)
    assert modularity(make((6,), lambda ids, rng: ids), protocol=protocol).value == 1
    with pytest.raises(NotApplicableError, match="more than one level"):
        modularity(make((1,), lambda ids, rng: ids), protocol=protocol)


def test_a_factor_with_one_level_changes_nothing(make):
    def turned(ids, rng):
        varying = ids[:, np.ptp(ids, axis=0) > 0]
        return varying @ [[0.98, 0.2], [-0.2, 0.98]]

    alone = modularity(make((8, 8), turned)).value
    assert 0.2 < alone < 0.8
    for sizes in ((1, 8, 8), (1, 8, 1, 8)):
        assert modularity(make(sizes, turned)).value == pytest.approx(alone, abs=0.02)


@given(
    arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(0, 1).map(lambda x: round(x, 6)))
)
def test_each_code_lies_between_zero_and_one(information):
    scores = code_modularity(information)
    assert ((scores > -1e-9) & (scores <= 1)).all()
    np.testing.assert_allclose(code_modularity(information[:, ::-1]), scores, atol=1e-9)
