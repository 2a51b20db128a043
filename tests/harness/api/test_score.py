"""`harness.score` on tables as people have them."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import harness
from harness import UserError
from harness.data import FactorTable
from harness.data.tables import factors_of
from harness.plugins.manager import PluginManager
from harness.scoring.codes_file import score_file

SIZES = (6, 5, 4)


def grid(sizes=SIZES):
    return np.stack(np.meshgrid(*[np.arange(size) for size in sizes], indexing="ij"), -1).reshape(-1, len(sizes))


def noisy(factors, scale=0.2, seed=0):
    return (factors + scale * np.random.default_rng(seed).normal(size=factors.shape)).astype(np.float32)


FACTORS = grid()
CODES = noisy(FACTORS)
EIGHTHS = np.round(8 * (CODES - CODES.min(axis=0)).astype(float)) / 8
"""Codes that are exact in every type of number, and far from 0."""


@given(st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_a_complete_grid_gives_the_same_numbers_in_whatever_order_its_rows_are(random):
    order = list(range(len(FACTORS)))
    random.shuffle(order)
    metrics = ["mig", "modularity", "factorvae"]
    shuffled = harness.score(CODES[order], FACTORS[order], metrics)
    assert dict(shuffled) == dict(harness.score(CODES, FACTORS, metrics))


def test_it_gives_the_numbers_of_the_command_line_bit_for_bit(command, tmp_path):
    np.savez(tmp_path / "codes.npz", codes=CODES, factor_sizes=SIZES)
    run = command("score", "codes.npz", "--metric", "mig", "--metric", "sap", "--format", "json")
    assert run.returncode == 0, run.stderr
    printed = json.loads(run.stdout)
    scores = harness.score(CODES, FACTORS, ["mig", "sap"])
    assert {name: printed[name]["score"] for name in ("mig", "sap")} == dict(scores)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, pd.DataFrame, lambda table: table.tolist()])
def test_arrays_tensors_frames_and_lists_are_the_same(kind):
    expected = harness.score(CODES.astype(float), FACTORS, ["mig"])["mig"]
    assert harness.score(kind(CODES.astype(float)), kind(FACTORS), ["mig"])["mig"] == expected


@pytest.mark.parametrize("metric", ["mig", "modularity", "sap", "explicitness", "factorvae", "betavae"])
def test_a_shuffled_subset_scores_about_as_the_whole_grid(metric):
    """Without a third of its observations a grid scores about the same; of fewer, binned information is biased."""
    factors = grid((10, 10, 10))
    codes = noisy(factors)
    rows = np.random.default_rng(1).permutation(len(factors))[:670]
    part, whole = harness.score(codes[rows], factors[rows], [metric])[metric], harness.score(codes, factors, [metric])
    assert part == pytest.approx(whole[metric], abs=0.12)


def test_continuous_factors_are_cut_into_intervals():
    rng = np.random.default_rng(0)
    factors = rng.uniform(-3, 7, size=(3000, 2))
    scores = harness.score(factors.astype(np.float32), factors, ["mig", "modularity", "factorvae"])
    assert scores["mig"] > 0.8
    assert scores["factorvae"] == 1
    table, rows = factors_of(factors)
    assert isinstance(table, FactorTable)
    assert rows is None
    assert list(table.sizes) == [20, 20]
    np.testing.assert_array_equal(table.real_values([4, 2]), factors[[4, 2]])
    levels, _ = factors_of(factors.round(), continuous=["1"])
    assert list(levels.sizes) == [11, 20]


def mixed_columns():
    """Whole numbers, texts, truth values and real numbers, of 100 values where there can be."""
    number = np.arange(200)
    return pd.DataFrame(
        {
            "row": number % 100,
            "shape": [f"shape {each % 80:02}" for each in number],
            "lit": number % 2 == 0,
            "angle": number / 100,
        }
    )


@pytest.mark.parametrize(
    "kind",
    [
        lambda table: table,
        lambda table: table.convert_dtypes(),
        lambda table: table.astype({"shape": "category"}),
        lambda table: table.astype(object),
        lambda table: table.to_numpy(dtype=object),
        lambda table: table.to_numpy(dtype=object).tolist(),
    ],
)
def test_a_column_is_continuous_by_its_own_type_and_not_by_its_neighbours(kind):
    table, _ = factors_of(kind(mixed_columns()))
    assert list(table.sizes) == [100, 80, 2, 20]
    assert list(table.categorical) == [False, True, True, False]
    assert table.values[0].tolist() == list(range(100))
    assert table.real_values([150])[0] == pytest.approx([50, 70, 1, 1.5])


def test_a_categorical_column_is_never_cut_into_intervals():
    table, _ = factors_of(mixed_columns(), categorical=["angle"])
    assert list(table.sizes) == [100, 80, 2, 200]
    assert list(table.categorical) == [False, True, True, True]
    array, _ = factors_of(mixed_columns()[["row", "angle"]].to_numpy(), categorical=["0"])
    assert list(array.sizes) == [100, 20]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"continuous": ["row"], "categorical": ["row"]}, "column row is listed as continuous, and as categorical"),
        ({"continuous": ["shape"]}, "continuous: column shape holds shape 00, which is no number"),
        ({"continuous": ["lit"]}, "continuous: column lit holds True, which is no number"),
    ],
)
def test_a_column_is_either_continuous_or_without_an_order(arguments, message):
    with pytest.raises(UserError, match=message):
        factors_of(mixed_columns(), **arguments)


def test_without_factors_only_metrics_that_need_none_apply():
    scores = harness.score(CODES)
    assert "total-correlation" in scores
    assert "mig" not in scores
    asked = harness.score(CODES, metrics=["mig"])
    with pytest.raises(KeyError, match="mig has no score: the dataset has no ground-truth factors"):
        asked["mig"]


def test_groups_need_observations_that_share_a_level():
    factors = np.stack([np.arange(60), np.arange(60) % 2], axis=1)
    scores = harness.score(noisy(factors), factors, ["factorvae", "mig"])
    assert "60 of 60 observations share their level of 0 with no other" in scores.record("factorvae").reason
    assert "mig" in scores


METRICS = ["mig", "sap", "sap-discrete", "irs", "total-correlation", "wasserstein-correlation"]


@pytest.mark.parametrize(
    "codes",
    [
        pytest.param(EIGHTHS + 2.0**24, id="2^24"),
        pytest.param(EIGHTHS + 2.0**45, id="2^45"),
        pytest.param((EIGHTHS + 2.0**20).astype(np.float32), id="float32"),
        pytest.param((8 * EIGHTHS).astype(np.int64) + 2**60, id="int64"),
        pytest.param(EIGHTHS.astype(np.float16), id="float16"),
    ],
)
def test_codes_far_from_0_score_as_those_beside_it(codes, tmp_path):
    scale = 8 if codes.dtype == np.int64 else 1
    expected = harness.score(scale * EIGHTHS, FACTORS, METRICS)
    np.savez(tmp_path / "codes.npz", codes=codes, factors=FACTORS)
    registry = PluginManager([]).registry
    of_file = {name: found["score"] for name, found in score_file(tmp_path / "codes.npz", METRICS, registry).items()}
    for metric in METRICS:
        assert of_file[metric] == pytest.approx(expected[metric], abs=1e-6)
        assert harness.score(codes, FACTORS, [metric])[metric] == of_file[metric]


def test_large_codes_keep_their_precision():
    expected = harness.score(CODES.astype(float), FACTORS, ["mig"])["mig"]
    assert harness.score(CODES.astype(float) + 2.0**24, FACTORS, ["mig"])["mig"] == pytest.approx(expected, abs=1e-6)


def test_settings_of_a_metric_may_be_given():
    scores = harness.score(CODES, FACTORS, [{"name": "sap", "protocol": "infogan-cr"}])
    assert scores.record("sap").settings["protocol"] == "infogan-cr"


def test_scores_are_read_as_text_as_html_and_as_a_frame():
    scores = harness.score(CODES, FACTORS, ["mig", "dhsic", "mi-bound"])
    lines = repr(scores).splitlines()
    assert lines[0].split()[0] == "mig"
    assert lines[1].endswith("(lower is better)")
    assert "not-applicable" in lines[2]
    assert "<td>mig</td>" in scores._repr_html_()
    frame = scores.to_frame()
    assert frame["metric"].tolist() == ["mig", "dhsic", "mi-bound"]
    assert scores.details("mig") == frame["details"][0]
    with pytest.raises(KeyError, match=r"mgi was not asked for; did you mean 'mig'"):
        scores["mgi"]


def test_a_metric_with_two_settings_has_two_scores():
    protocols = [{"name": "sap", "protocol": protocol} for protocol in ("disentanglement_lib", "infogan-cr")]
    both = harness.score(CODES, FACTORS, ["mig", *protocols])
    first, second = (harness.score(CODES, FACTORS, [protocol])["sap"] for protocol in protocols)
    assert first != second
    assert dict(both) == {
        "mig": both["mig"],
        "sap protocol=disentanglement_lib": first,
        "sap protocol=infogan-cr": second,
    }
    assert len(both) == 3
    assert [line.split("  ")[0] for line in repr(both).splitlines()[1:]] == list(both)[1:]
    assert list(harness.scores_table({"mine": both}).index) == list(both)
    with pytest.raises(KeyError, match="sap was asked for with several settings: sap protocol=disentanglement_lib, "):
        both["sap"]


@pytest.mark.parametrize(
    "metrics", ["sap", {"name": "sap"}, {"sap"}, ("sap",), ["sap", "sap"], (name for name in ["sap"])]
)
def test_one_metric_may_be_given_alone_and_counts_once(metrics):
    assert list(harness.score(CODES, FACTORS, metrics)) == ["sap"]


def test_one_column_may_be_given_alone():
    factors = pd.DataFrame(FACTORS, columns=["size", "shape", "angle"])
    table, _ = factors_of(factors, categorical="shape", continuous="size")
    assert list(table.categorical) == [False, True, False]
    assert list(table.sizes) == [20, 5, 4]


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        ([1], 'expected a dictionary, {"a name": what harness.score or harness.evaluate returned, .*got list'),
        (harness.score(CODES, FACTORS, "mig"), "expected a dictionary, .*got Scores"),
        ({"mine": 0.5}, "scores_table: 'mine': expected what harness.score .* returned, .*got float"),
    ],
)
def test_a_table_of_something_else_than_scores_is_one_message(subjects, message):
    with pytest.raises(UserError, match=message):
        harness.scores_table(subjects)


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (CODES[:-1], FACTORS, "119 rows of codes and 120 of factors"),
        (np.where(CODES > 4, np.nan, CODES), FACTORS, "rows hold missing or infinite values"),
        (CODES, np.where(FACTORS > 4, np.inf, FACTORS), "factors: .* rows hold missing or infinite values"),
        (CODES.astype(str), FACTORS, "codes: expected numbers, got <U"),
        (CODES, np.array([["a", "b", "c"]] * 120), "factors: expected numbers, got an array of <U1; .* a data frame"),
        (
            CODES,
            np.array([[1, None, "c"]] * 120, dtype=object),
            r"120 of 120 rows .* \(columns 1; indices 0, 1, 2 and 117",
        ),
        (CODES, [[1, 2, None], *FACTORS[1:].tolist()], r"1 of 120 rows hold missing .* \(columns 2; indices 0\)"),
        (CODES, pd.DataFrame(FACTORS, columns=list("aba")), "factors: several columns are named 'a'"),
        (CODES, FACTORS * [1, 1, 0], "column 2 is 0 in every row; leave it out"),
        (CODES[:1], FACTORS[:1], "there is one row, and nothing to compare"),
        (CODES[:0], FACTORS[:0], "there are no rows or no columns"),
        (CODES[None, None], FACTORS, r"codes: expected \(rows, columns\), got an array of shape \(1, 1, 120, 3\)"),
        ([[1, 2], [3]], FACTORS, "codes: expected a table of numbers"),
        (CODES * 1e30, FACTORS, "beyond 1e15|from -1e15 to 1e15"),
    ],
)
def test_a_wrong_table_is_one_message(codes, factors, message):
    with pytest.raises(UserError, match=message):
        harness.score(codes, factors, ["mig"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["mgi"]}, r"metrics\[0\]: there is no metric 'mgi'; did you mean 'mig'"),
        ({"metrics": [{"protocol": "a"}]}, r"metrics\[0\]: expected a name"),
        ({"metrics": [3]}, r"metrics\[0\]: expected a name, or a table with one, got 3"),
        (
            {"metrics": {"sap": {"protocol": "a"}}},
            "metrics: expected a list of names and of tables, such as .*got {'sap'",
        ),
        ({"metrics": 3}, "metrics: expected a list of names"),
        ({"plugins": "absent.py"}, "absent.py"),
        ({"metrics": [{"name": "sap", "protocl": "a"}]}, "did you mean 'protocol'"),
        ({"continuous": ["size"]}, "continuous: there is no column 'size'; there are 0, 1, 2"),
        ({"kl": [1.0]}, "kl: expected 3 numbers, one per code, got 1"),
    ],
)
def test_a_wrong_argument_is_one_message(arguments, message):
    with pytest.raises(UserError, match=message):
        harness.score(CODES, FACTORS, **arguments)
