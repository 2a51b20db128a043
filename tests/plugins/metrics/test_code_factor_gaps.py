"""MIG-sup, DCIMIG, JEMMIG, MED and compactness on tables whose information is known in closed form."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import mutual_info_score

from harness import FactorGrid, TableEvaluation
from harness_metrics.codes.compactness import Compactness
from harness_metrics.codes.dcimig import DCIMIG
from harness_metrics.codes.jemmig import JEMMIG
from harness_metrics.codes.med import MED, top_codes
from harness_metrics.codes.mig import MutualInformationGap
from harness_metrics.codes.mig_sup import MIGSup

NEW = (MIGSup, DCIMIG, JEMMIG, MED, Compactness)


def value(metric, evaluation, **config):
    return metric(metric.Config(**config)).score(evaluation).value


def details(metric, evaluation, **config):
    return metric(metric.Config(**config)).score(evaluation).details


def shared(ids):
    """The first factor, and both in one code. I = [[ln 2, 0], [ln 2, ln 3]], H = ln 2 and ln 6 of the codes."""
    return np.column_stack([ids[:, 0], 3 * ids[:, 0] + ids[:, 1]])


@pytest.mark.parametrize("metric", NEW)
def test_a_code_for_each_factor_scores_one(whole, metric):
    assert value(metric, whole((2, 3, 4), lambda ids: ids)) == pytest.approx(1)


@pytest.mark.parametrize("metric", NEW)
def test_a_rotation_scores_less(load, metric):
    assert value(metric, load("rotated")) < value(metric, load("aligned"))


@pytest.mark.parametrize("metric", [MIGSup, DCIMIG, MED, Compactness])
def test_a_code_that_is_independent_of_each_factor_scores_zero(whole, metric):
    """Whether two bits differ tells nothing of either."""
    assert value(metric, whole((2, 2), lambda ids: ids[:, :1] != ids[:, 1:])) == pytest.approx(0, abs=1e-9)


def test_hand_worked_mig_sup(whole):
    """Gaps of 1 and 0."""
    table = whole((2, 3), shared)
    assert value(MIGSup, table) == pytest.approx(1 / 2)
    assert details(MIGSup, table)["per_code"] == pytest.approx([1, 0], abs=1e-9)


def test_mig_sup_sees_factors_that_share_a_code_and_mig_sees_codes_that_share_a_factor(whole):
    one_code = whole((2, 2), lambda ids: 2 * ids[:, :1] + ids[:, 1:])
    assert value(MIGSup, one_code) == pytest.approx(0, abs=1e-9)
    assert value(MutualInformationGap, one_code) == pytest.approx(1)
    two_codes = whole((2, 2), lambda ids: ids[:, [0, 0, 1]])
    assert value(MIGSup, two_codes) == pytest.approx(1)
    assert value(MutualInformationGap, two_codes) == pytest.approx(1 / 2)


def test_hand_worked_dcimig(whole):
    """The first code belongs to the first factor by ln 2, the second to the second by ln 3 - ln 2."""
    table = whole((2, 3), shared)
    assert value(DCIMIG, table) == pytest.approx(log(3) / log(6))
    assert details(DCIMIG, table)["per_factor"] == pytest.approx([log(2), log(3 / 2)])


def test_dcimig_counts_each_factors_best_code_only(whole):
    assert value(DCIMIG, whole((2, 3), lambda ids: ids[:, [0, 0, 1, 1]])) == pytest.approx(1)
    assert value(DCIMIG, whole((2, 3), lambda ids: ids[:, [0, 0]])) == pytest.approx(log(2) / log(6))


def test_hand_worked_jemmig(whole):
    """Of the first factor both codes tell all, of the second one code does that has ln 2 of other entropy."""
    table = whole((2, 3), shared)
    expected = (2 - log(2) / (log(2) + log(20)) - log(2) / (log(3) + log(20))) / 2
    assert value(JEMMIG, table) == pytest.approx(expected)
    assert details(JEMMIG, table)["unnormalised_per_factor"] == pytest.approx([log(2), log(2)])


def test_jemmig_of_an_independent_code_is_both_entropies(whole):
    table = whole((2, 2), lambda ids: ids[:, :1] != ids[:, 1:])
    assert details(JEMMIG, table)["unnormalised"] == pytest.approx(2 * log(2))
    assert value(JEMMIG, table) == pytest.approx(1 - 2 * log(2) / (log(2) + log(20)))


def test_hand_worked_med(whole):
    """Importances [[1/2, 0], [1/2, 1]]: the second code serves the factors one to two."""
    table = whole((2, 3), shared)
    of_second = 1 - (log(3) / 3 + log(3 / 2) * 2 / 3) / log(2)
    assert value(MED, table) == pytest.approx((0.5 + 1.5 * of_second) / 2)
    assert details(MED, table)["completeness"] == pytest.approx(1 / 2)


def test_top_k_med_leaves_out_what_entangled_codes_a_factor_has_beside_its_best(whole):
    table = whole((2, 2), lambda ids: np.column_stack([ids, 2 * ids[:, 0] + ids[:, 1]]))
    assert value(MED, table, top=1) == pytest.approx(1)
    assert details(MED, table, top=1)["codes"] == [0, 1]
    assert value(MED, table) < 0.9


def test_top_codes_are_the_most_disentangled_of_those_that_serve_the_factor_most():
    importance = np.array([[0.9, 0.1], [0.5, 0.0], [0.6, 0.5], [0.0, 0.2]])
    assert top_codes(importance, 1).tolist() == [1, 3]
    assert top_codes(importance, 2).tolist() == [0, 1, 3]
    assert top_codes(importance, 9).tolist() == [0, 1, 2, 3]


def test_hand_worked_compactness(whole):
    """The first factor is in two codes alike, the second in one."""
    table = whole((2, 3), shared)
    assert value(Compactness, table) == pytest.approx(1 / 2)
    assert details(Compactness, table)["per_factor"] == pytest.approx([0, 1], abs=1e-9)


def test_a_dead_code_changes_nothing_of_compactness_and_mig_sup(whole):
    with_dead = whole((2, 3), lambda ids: np.column_stack([shared(ids), 0 * ids[:, 0]]))
    for metric in NEW:
        # Completeness apart, MED weighs a dead code with nothing.
        assert value(metric, with_dead) == pytest.approx(value(metric, whole((2, 3), shared)))


@given(arrays(np.int64, (24, 3), elements=st.integers(0, 4)))
def test_they_agree_with_the_definitions_written_out(codes):
    grid = FactorGrid("ab", (4, 6))
    every = np.arange(24)
    table = TableEvaluation(codes.astype(np.float32), grid, fixed={"train_index": every})
    factors = grid.ids(every)
    information = [[mutual_info_score(code, factor) for factor in factors.T] for code in codes.T]
    entropy = [log(4), log(6)]
    alive = [code for code in range(3) if len(set(codes[:, code])) > 1]

    gaps = []
    for code in alive:
        shares = sorted(information[code][factor] / entropy[factor] for factor in range(2))
        gaps.append(shares[1] - shares[0])
    assert value(MIGSup, table) == pytest.approx(np.mean(gaps) if gaps else 0, abs=1e-9)

    best = {0: 0.0, 1: 0.0}
    for code in range(3):
        first, second = information[code]
        best[0 if first >= second else 1] = max(best[0 if first >= second else 1], abs(first - second))
    assert value(DCIMIG, table) == pytest.approx(sum(best.values()) / sum(entropy), abs=1e-9)

    normalised = []
    for factor in range(2):
        order = sorted(range(3), key=lambda code, factor=factor: information[code][factor])
        top = information[order[-1]][factor]
        tied = [code for code in range(3) if information[code][factor] > top - 1e-9]
        own = min(mutual_info_score(codes[:, code], codes[:, code]) for code in tied)
        plain = own + entropy[factor] - 2 * top + information[order[-2]][factor]
        normalised.append(1 - plain / (entropy[factor] + log(20)))
    assert value(JEMMIG, table) == pytest.approx(np.mean(normalised), abs=1e-9)

    squares = np.array(information)[alive] ** 2
    compact = [
        0
        if not len(alive) or column.max() < 1e-20
        else 1 - (column.sum() - column.max()) / (column.max() * max(len(alive) - 1, 1))
        for column in squares.T
    ] or [0.0]
    if not alive or (squares.max(axis=0) > 1e-20).all():
        assert value(Compactness, table) == pytest.approx(np.mean(compact), abs=1e-6)
