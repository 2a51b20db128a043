import json

import numpy as np
import pytest

from harness.errors import UserError
from harness.selection.codes_file import select_from_file

MODELS, N, D = 3, 12, 2
CODES = np.random.default_rng(0).normal(size=(MODELS, N, D)).astype(np.float32)
CROSS = np.array([[1.0, 0.2, 0.9], [0.4, 1.0, 0.3], [0.7, 0.5, 1.0]])
SIZES = np.array([3, 4])


@pytest.fixture
def file(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "pool.npz", **arrays)
        return tmp_path / "pool.npz"

    return write


def test_without_names_both_kinds_of_udr_apply_to_codes(file, registry):
    found = select_from_file(file(codes=CODES), [], registry)
    assert list(found) == ["udr-lasso", "udr-spearman"]
    for scores in found.values():
        assert len(scores["scores"]) == MODELS
        assert scores["chosen"] == int(np.argmax(scores["scores"]))


@pytest.mark.parametrize("kind", ["lasso", "spearman"])
def test_a_published_pool_gives_the_published_scores(registry, reference, kind):
    expected = json.loads((reference / "reference.json").read_text())["udr"]["udr_set_1"][kind]["model_scores"]
    found = select_from_file(reference / "udr_set_1.npz", [f"udr-{kind}"], registry)[f"udr-{kind}"]
    np.testing.assert_allclose(found["scores"], expected, atol=1e-3)
    assert found["chosen"] == int(np.argmax(expected))


def test_comparisons_made_elsewhere_are_ranked(file, registry):
    found = select_from_file(file(cross_factor_vae_scores=CROSS), [], registry)
    # By hand: the mutual comparisons are .3 (0 and 1), .8 (0 and 2), .4 (1 and 2).
    assert found["model-centrality"]["scores"] == pytest.approx([0.55, 0.35, 0.6])
    assert found["model-centrality"]["chosen"] == 2


def test_comparisons_of_several_latent_structures_are_refused_with_the_reason(file, registry):
    assert select_from_file(file(cross_factor_vae_scores=CROSS, latent_structures=["5"] * 3), [], registry)
    with pytest.raises(UserError, match=r"model-centrality cannot select .*: only models .* 2 with 5, 1 with 10"):
        select_from_file(file(cross_factor_vae_scores=CROSS, latent_structures=["5", "5", "10"]), [], registry)


def test_comparisons_are_for_the_selector_they_belong_to(file, registry):
    path = file(codes=CODES, cross_factor_vae_scores=CROSS)
    found = select_from_file(path, ["model-centrality", "udr-lasso", "random"], registry)
    assert found["udr-lasso"] == select_from_file(file(codes=CODES), ["udr-lasso"], registry)["udr-lasso"]
    with pytest.raises(UserError, match="there is no array 'codes'; it has cross_factor_vae_scores"):
        select_from_file(file(cross_factor_vae_scores=CROSS), ["udr-lasso"], registry)


def test_settings_in_the_file_group_the_models(file, registry):
    codes = np.concatenate([CODES, CODES[:1]])
    whole = select_from_file(file(codes=codes), ["udr-lasso"], registry)["udr-lasso"]
    own = select_from_file(file(codes=codes, hyperparameters=["a", "b", "a", "b"]), ["udr-lasso"], registry)
    pairs = select_from_file(file(codes=codes[[0, 2]]), ["udr-lasso"], registry)["udr-lasso"]
    assert own["udr-lasso"]["scores"] != whole["scores"]
    np.testing.assert_allclose(np.array(own["udr-lasso"]["scores"])[[0, 2]], pairs["scores"], atol=1e-9)
    one_alone = select_from_file(file(codes=codes, hyperparameters=[1, 1, 2, 1]), ["udr-lasso"], registry)
    assert one_alone["udr-lasso"]["scores"][2] is None


def test_labels_choose_from_a_file_with_factors(file, registry):
    ids = np.stack(np.meshgrid(np.arange(3), np.arange(4), indexing="ij"), axis=-1).reshape(-1, 2)
    codes = np.stack([CODES[0], ids, CODES[1]])
    found = select_from_file(file(codes=codes, factor_sizes=SIZES), ["supervised:mig", "random"], registry)
    assert found["supervised:mig"]["chosen"] == 1
    assert found["supervised:mig"]["scores"][1] == pytest.approx(1, abs=0.1)
    with pytest.raises(
        UserError, match=r"supervised:mig cannot select from a file of codes: .*no ground-truth factors"
    ):
        select_from_file(file(codes=codes), ["supervised:mig"], registry)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "there is no array 'codes'; it has none"),
        ({"kl": CODES}, "there is no array 'codes'; it has kl"),
        ({"codes": CODES[0]}, "array 'codes': expected (models, N, D) of two models or more"),
        ({"codes": CODES[:1]}, "array 'codes': expected (models, N, D) of two models or more"),
        ({"codes": CODES[:, :0]}, "array 'codes': expected (models, N, D) of two models or more"),
        ({"codes": CODES[:, :, :0]}, "array 'codes': expected (models, N, D) of two models or more"),
        ({"codes": np.where(CODES > 1, np.nan, CODES)}, "array 'codes': expected finite numbers"),
        ({"codes": np.where(CODES > 1, np.inf, CODES)}, "array 'codes': expected finite numbers"),
        ({"codes": CODES.astype(np.float64) * 1e300}, "array 'codes': expected numbers from -1e+15 to 1e+15"),
        ({"codes": CODES.astype(str)}, "array 'codes': expected finite numbers"),
        ({"codes": CODES.astype(complex)}, "array 'codes': expected finite numbers"),
        ({"codes": np.array([{}])}, "not an npz file of plain arrays"),
        ({"codes": CODES, "kl": CODES[:, 0, :1]}, "array 'kl': expected (3, 2), like codes"),
        ({"codes": CODES, "kl": CODES[:, 0] * np.nan}, "array 'kl': expected finite numbers"),
        (
            {"codes": CODES, "sample_index": np.array([0, N])},
            "array 'sample_index': expected whole numbers from 0 to 11",
        ),
        ({"codes": CODES, "sample_index": np.array([-1])}, "array 'sample_index': expected whole numbers from 0 to 11"),
        ({"codes": CODES, "sample_index": np.array([0.5])}, "array 'sample_index': expected whole numbers"),
        ({"codes": CODES, "sample_index": np.zeros((2, 2), int)}, "array 'sample_index': expected one dimension"),
        ({"codes": CODES, "hyperparameters": ["a"]}, "array 'hyperparameters': expected (3,), like codes"),
        ({"codes": CODES, "hyperparameters": ["a", "b", "c"]}, "udr-lasso cannot select from this file: no two models"),
        ({"codes": CODES, "factor_sizes": [5]}, "array 'codes': expected (models, 5, D), one row per grid point"),
        ({"codes": CODES, "factor_sizes": [3, 0]}, "array 'factor_sizes'"),
        ({"cross_factor_vae_scores": CROSS[:2]}, "array 'cross_factor_vae_scores': expected (models, models)"),
        ({"cross_factor_vae_scores": CROSS[:1, :1]}, "expected (models, models) of two models or more"),
        ({"cross_factor_vae_scores": CROSS[0]}, "array 'cross_factor_vae_scores': expected (models, models)"),
        ({"cross_factor_vae_scores": np.where(CROSS == 1, np.nan, CROSS)}, "finite numbers"),
        ({"cross_factor_vae_scores": CROSS.astype(str)}, "finite numbers"),
        ({"cross_factor_vae_scores": CROSS, "latent_structures": [5]}, "array 'latent_structures': expected (3,)"),
    ],
)
def test_a_wrong_file_is_explained(file, registry, arrays, message):
    with pytest.raises(UserError) as error:
        select_from_file(file(**arrays), [], registry)
    assert message in str(error.value)
    assert "pool.npz" in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("udr", "--selector: there is no selector 'udr'; did you mean 'udr-lasso' or 'udr-spearman'?"),
        ("supervised:mgi", "--selector: there is no metric 'mgi'; did you mean 'mig'?"),
        ("model-centrality", "the model has no generator; a file may give it 'cross_factor_vae_scores'"),
        ("model-centrality-halving", "cannot select from a file of codes: the model has no generator"),
    ],
)
def test_a_wrong_selector_is_explained(file, registry, name, message):
    with pytest.raises(UserError) as error:
        select_from_file(file(codes=CODES), [name], registry)
    assert message in str(error.value)
