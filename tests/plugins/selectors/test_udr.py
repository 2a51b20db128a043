import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso

from harness import FactorGrid, NotApplicableError, TableEvaluation
from harness_selectors.lasso import lasso
from harness_selectors.udr import UDRLasso, UDRSpearman, agreement, standardised
from support import REFERENCE

SETS = sorted(path.stem for path in REFERENCE.glob("udr_set_*.npz"))
GRID = FactorGrid("abc", (5, 6, 7))
BOTH = pytest.mark.parametrize("selector_class", [UDRLasso, UDRSpearman])


def reference_pool(name, points=None):
    with np.load(REFERENCE / f"{name}.npz") as file:
        sizes = file["factor_sizes"].tolist()
        grid = FactorGrid([str(number) for number in range(len(sizes))], sizes)
        fixed = {"sample_index": file["sample_index"].astype(np.int64)[:points]}
        return [
            TableEvaluation(codes, grid, kl=kl, fixed=fixed)
            for codes, kl in zip(file["codes"], file["kl"], strict=True)
        ]


def table(code, seed=0, kl=None):
    codes = code(GRID.ids(np.arange(len(GRID))).astype(float), np.random.default_rng(seed))
    return TableEvaluation(codes.astype(np.float32), GRID, kl=kl)


def aligned(ids, rng):
    return ids[:, rng.permutation(3)] * rng.choice([-1, 1], 3) + 0.3 * rng.normal(size=ids.shape)


def mixed(ids, rng):
    return standardised(ids) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]


def compare(selector_class, pool, **config):
    return selector_class(selector_class.Config(**config)).compare(pool)


def scores(selector_class, pool, **config):
    selector = selector_class(selector_class.Config(**config))
    return selector.scores(selector.compare(pool))


@pytest.mark.parametrize("name", SETS)
@BOTH
@pytest.mark.parametrize(
    ("suffix", "threshold", "points"),
    [("", 0.01, None), ("_kl_threshold_0.1", 0.1, None), ("_first_1000_points", 0.01, 1000)],
)
def test_parity_with_disentanglement_lib(name, selector_class, suffix, threshold, points, published):
    expected = published["udr"][name][f"{'lasso' if selector_class is UDRLasso else 'spearman'}{suffix}"]
    pool = reference_pool(name, points)
    # scikit-learn's lasso stops while entangled codes still move by up to 1e-3.
    tolerance = 1e-3 if selector_class is UDRLasso else 1e-9
    comparisons = compare(selector_class, pool, kl_threshold=threshold)
    np.testing.assert_allclose(comparisons, expected["pairwise_disentanglement_scores"], atol=tolerance)
    found = scores(selector_class, pool, kl_threshold=threshold)
    np.testing.assert_allclose(found, expected["model_scores"], atol=tolerance)


@pytest.mark.parametrize("name", SETS)
def test_lasso_without_filter_keeps_blanked_codes(name, published):
    expected = published["udr"][name]["lasso_no_kl_filter"]
    found = compare(UDRLasso, reference_pool(name), kl_threshold=0.0)
    np.testing.assert_allclose(found, expected["pairwise_disentanglement_scores"], atol=1e-3)


@pytest.mark.parametrize("name", SETS)
def test_rank_correlations_without_filter_are_undefined_with_a_blanked_code(name, published):
    expected = published["udr"][name]["spearman_no_kl_filter"]
    pool, config = reference_pool(name), {"kl_threshold": 0.0, "dead_codes": "undefined"}
    found = compare(UDRSpearman, pool, **config)
    np.testing.assert_allclose(found, expected["pairwise_disentanglement_scores"], atol=1e-9)
    np.testing.assert_allclose(scores(UDRSpearman, pool, **config), expected["model_scores"], atol=1e-9)


def test_lasso_is_scikit_learns_where_that_converges():
    rng = np.random.default_rng(0)
    features = standardised(rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)))
    targets = standardised(features @ rng.normal(size=(4, 3)) + rng.normal(size=(500, 3)))
    found = lasso(features.T @ features / 500, features.T @ targets / 500, 0.1)
    for target, coefficients in zip(targets.T, found.T, strict=True):
        np.testing.assert_allclose(coefficients, Lasso(alpha=0.1, tol=1e-12).fit(features, target).coef_, atol=1e-7)


def test_lasso_gives_a_blank_feature_nothing():
    assert lasso(np.diag([1.0, 0.0]), np.array([[0.5], [0.0]]), 0.1).tolist() == [[0.4], [0.0]]


@BOTH
def test_aligned_models_agree_and_a_mixed_one_does_not(selector_class):
    pool = [table(aligned, seed) for seed in range(3)] + [table(mixed)]
    found = scores(selector_class, pool)
    assert found[:3].min() > 0.7
    assert found.argmin() == 3


@BOTH
def test_noise_agrees_with_nothing(selector_class):
    pool = [table(lambda ids, rng: rng.normal(size=ids.shape), seed) for seed in range(3)]
    assert scores(selector_class, pool).max() < 0.1


@BOTH
@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(3)), scales=st.lists(st.sampled_from([-4.0, -1.0, 0.5]), min_size=3, max_size=3))
def test_order_sign_and_scale_of_codes_do_not_matter(selector_class, order, scales):
    def changed(ids, rng):
        return aligned(ids, rng)[:, order] * scales

    pool, other = [table(aligned, 0), table(mixed, 1)], [table(changed, 0), table(mixed, 1)]
    np.testing.assert_allclose(compare(selector_class, pool), compare(selector_class, other), atol=1e-6)


@BOTH
def test_a_comparison_depends_on_its_two_models_only(selector_class):
    pool = [table(aligned, 0), table(mixed, 1), table(aligned, 2)]
    np.testing.assert_allclose(compare(selector_class, pool)[:2, :2], compare(selector_class, pool[:2]), atol=1e-9)


@BOTH
def test_models_may_have_different_numbers_of_codes(selector_class):
    def twice(ids, rng):
        return np.column_stack([aligned(ids, rng), aligned(ids, rng)])

    found = compare(selector_class, [table(aligned), table(twice), table(lambda ids, rng: ids[:, :1])])
    assert found.shape == (3, 3)
    assert ((found >= 0) & (found <= 1)).all()


@BOTH
def test_unused_codes_of_a_variational_model_do_not_count(selector_class):
    def padded(ids, rng):
        return np.column_stack([aligned(ids, rng), rng.normal(size=len(ids))])

    with_kl = [table(padded, seed, kl=np.array([1, 1, 1, 0.001])) for seed in range(2)]
    without = [table(aligned, seed) for seed in range(2)]
    np.testing.assert_allclose(compare(selector_class, with_kl), compare(selector_class, without), atol=1e-9)
    gan = [table(padded, seed) for seed in range(2)]
    assert compare(selector_class, gan)[0, 1] < compare(selector_class, with_kl)[0, 1]


@BOTH
def test_dead_codes_and_dead_models_agree_with_nothing(selector_class):
    def one_dead(ids, rng):
        return np.column_stack([aligned(ids, rng), np.full(len(ids), 3.3)])

    def all_dead(ids, rng):
        return np.full_like(ids, 3.3)

    pool = [table(aligned), table(one_dead), table(all_dead), table(aligned, kl=np.zeros(3))]
    found = compare(selector_class, pool)
    assert np.isfinite(found).all()
    assert 0 < found[0, 1] < 1
    assert not found[2:].any()
    assert not found[:, 2:].any()


def test_a_dead_code_in_double_precision_agrees_with_nothing():
    """The mean of many equal numbers is not that number, to the last bit."""

    def pool(precision):
        for seed in range(3):
            codes = table(aligned, seed).codes(np.arange(len(GRID)))
            yield TableEvaluation(np.column_stack([codes, np.full((len(codes), 2), 0.1)]).astype(precision), GRID)

    assert scores(UDRLasso, list(pool(np.float64))) == pytest.approx(scores(UDRLasso, list(pool(np.float32))), abs=1e-4)
    assert not standardised(np.full((10_000, 1), 0.1)).any()


def grouped(*settings):
    """Models of the given settings, all different."""
    pool = [table(aligned if seed % 2 else mixed, seed) for seed in range(len(settings))]
    for model, setting in zip(pool, settings, strict=True):
        model.setting = setting
    return pool


@BOTH
def test_models_are_compared_with_those_of_their_own_hyperparameters(selector_class):
    pool = grouped("a", "b", "a", "c", "b", "a")
    own, every = compare(selector_class, pool), compare(selector_class, pool, within="pool")
    partners = np.array([[first.setting == second.setting for second in pool] for first in pool])
    np.testing.assert_allclose(own[partners], every[partners], atol=1e-9)
    assert np.isnan(own[~partners]).all()
    selector = selector_class(selector_class.Config())
    found = selector.scores(own)
    assert found[0] == np.median([own[2, 0], own[5, 0]])
    assert found[1] == own[4, 1]
    assert np.isnan(found[3]), "a model without a partner has no score"
    assert np.isfinite(selector.scores(every)).all()


@BOTH
def test_one_setting_for_all_is_the_whole_pool(selector_class):
    pool = grouped("a", "a", "a")
    np.testing.assert_array_equal(compare(selector_class, pool), compare(selector_class, pool, within="pool"))


@BOTH
def test_without_any_partners_it_does_not_apply(selector_class):
    with pytest.raises(NotApplicableError, match=r'no two models share their hyperparameters.*within = "pool"'):
        compare(selector_class, grouped("a", "b", "c"))


@BOTH
@settings(max_examples=10)
@given(order=st.permutations(range(4)), within=st.sampled_from(["hyperparameters", "pool"]))
def test_permuting_the_pool_permutes_the_scores(selector_class, order, within):
    pool = grouped("a", "b", "a", "b")
    found = scores(selector_class, pool, within=within)
    permuted = scores(selector_class, [pool[place] for place in order], within=within)
    np.testing.assert_allclose(permuted, found[list(order)], atol=1e-9)


def test_an_undefined_relation_takes_its_row_and_column_down():
    relation = np.array([[1.0, 0.0, np.nan], [0.0, 0.5, 0.0]])
    assert agreement(relation) == pytest.approx(np.mean([np.mean([1, 0.5, 0]), np.mean([0, 0.5])]))


def test_agreement_by_hand():
    relation = np.array([[0.5, 0.0], [0.5, 0.0], [0.0, 0.0]])
    columns, rows = np.mean([0.25, 0]), np.mean([0.5, 0.5, 0])
    assert agreement(relation) == pytest.approx((columns + rows) / 2)


def test_score_is_the_median_over_models_that_explain_it():
    comparisons = np.array([[9, 1, 2, 3], [4, 9, 5, 6], [7, 8, 9, 1], [0, 2, 4, 9]], dtype=float)
    selector = UDRLasso(UDRLasso.Config())
    assert selector.scores(comparisons).tolist() == [4, 2, 4, 3]


@BOTH
def test_the_papers_average_is_over_all_columns_and_rows_alike(selector_class):
    """Written out, for two models of which one has a dead code; equal numbers of codes leave no difference."""
    pool = [table(aligned, seed, kl) for seed, kl in ((0, np.ones(3)), (1, np.array([1.0, 1.0, 0.0])))]
    selector = selector_class(selector_class.Config(within="pool", averaging="entries"))
    found = selector.compare(pool)
    models = [selector._represent(each, pool[0].sample("sample", 10_000)) for each in pool]
    for i, blocks in enumerate(selector.relations(models)):
        j = 1 - i
        relation = blocks[j][models[i].informative][:, models[j].informative]
        lines = (*relation.T.tolist(), *relation.tolist())
        strengths = [max(line) ** 2 / sum(line) if sum(line) else 0.0 for line in lines]
        assert found[i, j] == pytest.approx(sum(strengths) / len(strengths))
        assert len(strengths) == 5
    sides = compare(selector_class, pool, within="pool")
    assert sides[0, 1] != pytest.approx(found[0, 1], abs=1e-6)
    alike = [table(aligned, seed) for seed in range(2)]
    expected = compare(selector_class, alike, within="pool")
    assert compare(selector_class, alike, within="pool", averaging="entries") == pytest.approx(expected)
