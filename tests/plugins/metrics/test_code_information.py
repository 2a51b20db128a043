import numpy as np
import pytest

from harness import TableEvaluation
from harness_metrics.codes.code_information import CodeInformation


def score(evaluation):
    return CodeInformation(CodeInformation.Config()).score(evaluation)


def of(codes):
    """The score of exactly these observations."""
    codes = np.asarray(codes, np.float32)
    return score(TableEvaluation(codes, None, fixed={"train_index": np.arange(len(codes))})).value


def test_parity_with_disentanglement_lib(table, exact):
    found = score(table)
    assert found.value == pytest.approx(exact["unsupervised"]["mutual_info_score"], abs=1e-12)
    expected = exact["unsupervised"]["mutual_information_offdiagonal"]
    np.testing.assert_allclose(found.details["mutual_information"], expected, atol=1e-12)


def test_parity_with_disentanglement_lib_without_the_dead_code(load, published):
    expected = published["representations"]["dead_latent"]["exact"]["unsupervised_constant_codes_dropped"]
    table = load("dead_latent")
    table.table = table.table[:, [0, 2, 3]]
    assert score(table).value == pytest.approx(expected["mutual_info_score"], abs=1e-12)


def test_equal_codes_share_their_entropy():
    assert of(np.repeat(np.arange(8)[:, None], 3, axis=1)) == pytest.approx(np.log(8))


def test_codes_of_a_complete_grid_share_nothing():
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(5)), axis=-1).reshape(-1, 2)
    assert of(grid) == pytest.approx(0, abs=1e-12)


def test_pairs_with_a_dead_code_count():
    codes = np.column_stack([np.arange(8), np.arange(8), np.zeros(8)])
    assert of(codes) == pytest.approx(np.log(8) / 3)


def test_edge_cases():
    assert of(np.ones((9, 3))) == 0
    assert of(np.arange(9)[:, None]) == 0
    assert of([[1, 2]]) == 0
