"""Which images of a dataset with factors are trained on, and how often."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import FactorGrid, Model, UserError
from harness.config import parse
from harness.data import FactorTable
from harness.data.held_out import split_images
from harness.data.training_images import TrainingImages
from harness.pairs import LaplaceSteps, ResampledFactors
from harness.results.folder import ResultsFolder
from harness.suite.build import build_dataset, load_dataset
from harness.suite.resolve import resolve_choice
from harness.suite.schema import Training
from harness.suite.suite import load_suite
from harness.suite.trial import Trial
from harness.training.batches import Batches
from harness.training.trainer import Callbacks, Interrupted, train
from support import StopAfter

GRID = FactorGrid(["shape", "scale", "x"], [3, 4, 8])


def images(**table):
    return parse(TrainingImages, table, "dataset.training")


def shares(weights, grid, *names):
    """How often each combination of levels of some factors is trained on."""
    numbers = [list(grid.names).index(name) for name in names]
    table = np.zeros([grid.sizes[number] for number in numbers])
    np.add.at(table, tuple(grid.ids(np.arange(len(grid)))[:, numbers].T), weights / weights.sum())
    return table


@pytest.fixture
def bars(registry):
    """Makes a loaded dataset of 8 x 8 positions of a row and a column, with a table `training`."""

    def make(**training):
        return load_dataset(
            registry, resolve_choice(registry, "datasets", "bars", {"training": training}, "dataset"), "cpu"
        )

    return make


def test_a_correlated_pair_has_the_published_distribution():
    weights = images(correlated=[{"factors": ["shape", "scale"], "sigma": 0.3}]).weights(GRID)
    # By hand: the levels of shape are 0, 1/2, 1, those of scale 0, 1/3, 2/3, 1.
    expected = np.array([[math.exp(-((a / 2 - b / 3) ** 2) / (2 * 0.3**2)) for b in range(4)] for a in range(3)])
    assert np.allclose(shares(weights, GRID, "shape", "scale"), expected / expected.sum())
    joint = shares(weights, GRID, "scale", "x")
    assert np.allclose(joint, joint.sum(axis=1, keepdims=True) / 8)


@pytest.mark.parametrize(("sigma", "least", "most"), [(0.05, 0.97, 1), (0.2, 0.8, 0.95), (100, -0.05, 0.05)])
def test_batches_are_as_correlated_as_their_distribution(bars, sigma, least, most):
    dataset = bars(correlated=[{"factors": ["row", "column"], "sigma": sigma}])
    batches = Batches(dataset, 64, seed=0)
    seen = torch.cat([batches.next_indices() for _ in range(100)]).numpy()
    found = np.corrcoef(dataset.factors.ids(seen).T)[0, 1]
    assert least <= found <= most
    weights = dataset.training_images.weights(dataset.factors)
    counts = np.bincount(seen, minlength=64) / len(seen)
    # Four standard errors of each share.
    assert (np.abs(counts - weights / weights.sum()) < 4 * np.sqrt(counts.clip(1e-3) / len(seen))).all()


def test_the_narrowest_band_leaves_the_nearest_levels():
    assert np.isfinite(images(correlated=[{"factors": ["shape", "scale"], "sigma": 1e-9}]).weights(GRID)).all()
    weights = images(correlated=[{"factors": ["row", "column"], "sigma": 1e-9}]).weights(
        FactorGrid(["row", "column"], [8, 8])
    )
    assert np.array_equal(weights.reshape(8, 8) > 0, np.eye(8, dtype=bool))


def test_several_correlations_multiply():
    pairs = [{"factors": ["shape", "scale"]}, {"factors": ["scale", "x"], "sigma": 0.4}]
    both = images(correlated=pairs).weights(GRID)
    each = [images(correlated=[pair]).weights(GRID) for pair in pairs]
    assert np.allclose(both / both.sum(), each[0] * each[1] / (each[0] * each[1]).sum())


def test_forbidden_combinations_are_empty_and_no_others():
    weights = images(forbidden=[{"shape": 2, "scale": [0, 1]}, {"x": 7}]).weights(GRID)
    levels = GRID.ids(np.arange(len(GRID)))
    forbidden = ((levels[:, 0] == 2) & (levels[:, 1] <= 1)) | (levels[:, 2] == 7)
    assert np.array_equal(weights == 0, forbidden)


SIZES = st.lists(st.integers(3, 9), min_size=2, max_size=4)


@given(SIZES, st.floats(0.05, 0.95), st.data())
def test_what_a_split_leaves_out_is_what_it_says(sizes, share, data):
    grid = FactorGrid([f"f{number}" for number in range(len(sizes))], sizes)
    split = data.draw(st.lists(st.sampled_from(list(grid.names)), min_size=2, unique=True))
    numbers = [list(grid.names).index(name) for name in split]
    levels = grid.ids(np.arange(len(grid)))
    for kind in ("interpolation", "extrapolation", "composition"):
        seen = images(split={"kind": kind, "factors": split, "share": share}).weights(grid) > 0
        assert 0 < seen.sum() < len(grid)
        for number, size in enumerate(sizes):
            left = set(levels[seen, number])
            if number not in numbers or kind == "composition":  # Every level is known, combinations are new.
                assert left == set(range(size))
            elif kind == "interpolation":  # Unknown levels lie between known ones.
                assert {0, size - 1} <= left
                assert all({level - 1, level + 1} <= left for level in set(range(size)) - left)
            else:
                assert left == set(range(len(left)))
                assert abs((size - len(left)) / size - share) <= max(0.5, 1 - share * size, 1) / size
        highest = (levels[:, numbers] == np.array(sizes)[numbers] - 1).all(axis=1)
        assert not seen[highest].any() or kind == "interpolation"


def test_the_splits_of_a_small_grid_by_hand():
    def seen(**split):
        return (images(split=split).weights(FactorGrid(["a", "b"], [4, 5])) > 0).reshape(4, 5).astype(int).tolist()

    assert seen(kind="interpolation", factors=["b"]) == [[1, 0, 1, 0, 1]] * 4
    assert seen(kind="interpolation", factors=["a"]) == [[1] * 5, [0] * 5, [1] * 5, [1] * 5]
    assert seen(kind="extrapolation", factors=["a", "b"], share=0.4) == [[1, 1, 1, 0, 0]] * 2 + [[0] * 5] * 2
    assert seen(kind="composition", factors=["a", "b"], share=0.5) == [[1] * 5] * 2 + [[1, 1, 1, 0, 0]] * 2


@given(st.integers(0, 30), st.sampled_from(["interpolation", "extrapolation", "composition"]))
def test_every_image_is_on_one_side_of_a_split(registry, held_out, kind):
    table = {"split": {"kind": kind, "factors": ["row", "column"], "share": 0.25}}
    dataset = build_dataset(registry, resolve_choice(registry, "datasets", "bars", {"training": table}, "dataset"))
    split = split_images(dataset, min(held_out, 15))
    everything = np.concatenate([split.trained_on, split.held_out, split.left_out])
    assert np.array_equal(np.sort(everything), np.arange(64))
    assert len(split.held_out) == min(held_out, 15)
    assert split.weights is None


def test_an_epoch_shows_each_image_that_is_left_once_where_all_are_alike(bars):
    dataset = bars(forbidden=[{"row": [0, 1, 2, 3]}])
    batches = Batches(dataset, 8, seed=0)
    epoch = torch.cat([batches.next_indices() for _ in range(4)])
    assert sorted(epoch.tolist()) == list(range(32, 64))


@pytest.mark.parametrize("pairs", [ResampledFactors(1), ResampledFactors(0), LaplaceSteps(1.0)])
def test_partners_are_not_among_what_is_left_out_either(bars, pairs):
    dataset = bars(**TABLE)
    batches = Batches(dataset, 8, seed=0, held_out=8, pairs=pairs)
    seen = set(torch.cat([batches.next_indices() for _ in range(60)]).tolist())
    assert seen.isdisjoint(left_out(dataset) | set(split_images(dataset, 8).held_out.tolist()))
    assert len(seen) > 20


def test_weighted_batches_depend_on_seed_and_position_alone(bars):
    dataset = bars(correlated=[{"factors": ["row", "column"]}])
    stream = Batches(dataset, 10, seed=3)
    taken = [stream.next_indices() for _ in range(20)]
    continued = Batches(dataset, 10, seed=3)
    continued.taken = 13
    assert torch.equal(continued.next_indices(), taken[13])
    assert not torch.equal(Batches(dataset, 10, seed=4).next_indices(), taken[0])


def test_a_table_of_observations_can_be_restricted_too():
    rng = np.random.default_rng(0)
    table = FactorTable.of_continuous(["angle", "size"], rng.uniform(size=(4000, 2)))
    weights = images(split={"kind": "extrapolation", "factors": ["angle"], "share": 0.25}).weights(table)
    seen = table.real_values(np.flatnonzero(weights))[:, 0]
    assert 0.7 < seen.max() < 0.76
    assert 0.72 < (weights > 0).mean() < 0.78
    weights = images(correlated=[{"factors": ["angle", "size"], "sigma": 0.1}]).weights(table)
    drawn = table.real_values(rng.choice(len(table), 5000, p=weights / weights.sum()))
    assert np.corrcoef(drawn.T)[0, 1] > 0.9


TABLE = {"correlated": [{"factors": ["row", "column"]}], "split": {"kind": "composition", "factors": ["row", "column"]}}


def left_out(dataset):
    levels = dataset.factors.ids(np.arange(len(dataset)))
    return set(np.flatnonzero((levels >= 4).all(axis=1)).tolist())


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_training_never_sees_what_is_left_out_and_resumes_as_it_was(bars, registry, tmp_path, seeds):
    """Alone and as a fleet, with images held out too."""
    dataset = bars(**TABLE)
    seen, gather = set(), dataset.images

    def watched(indices):
        seen.update(indices.tolist())
        return gather(indices)

    dataset.images = watched
    data, model = (
        resolve_choice(registry, kind, name, settings, "")
        for kind, name, settings in [("datasets", "bars", {"training": TABLE}), ("models", "linear", {})]
    )
    training = Training(steps=30, batch_size=16, held_out=8)
    trials = [Trial(data, model, training, seed) for seed in range(seeds)]

    def trained(folder, stopping=lambda: False) -> dict[str, Model]:
        callbacks = Callbacks(lambda *_: None, lambda trial, error: pytest.fail(str(error)), stopping, dict)
        return train(trials, registry, dataset, ResultsFolder(folder), callbacks, engine="eager", checkpoint_seconds=60)

    whole = trained(tmp_path / "whole")
    kept = set(split_images(dataset, 8).held_out.tolist())
    assert seen.isdisjoint(left_out(dataset) | kept)
    assert len(seen) > 20
    with pytest.raises(Interrupted):
        trained(tmp_path / "stopped", StopAfter(11))
    resumed = trained(tmp_path / "stopped")
    for trial in trials:
        for a, b in zip(whole[trial.id].parameters(), resumed[trial.id].parameters(), strict=True):
            assert torch.equal(a, b)


SUITE = """
[dataset]
name = "{dataset}"
{training}
[training]
steps = 1
batch_size = {batch}
[[models]]
name = "linear"
"""


@pytest.fixture
def suite(suite_file, registry):
    def load(training="", dataset="bars", batch=8):
        text = SUITE.format(dataset=dataset, training=training and f"training = {training}", batch=batch)
        return load_suite(suite_file(text), registry)

    return load


def test_the_table_is_part_of_a_trials_identity_and_an_empty_one_is_none(suite, registry):
    plain, empty = suite().trials[0], suite("{ forbidden = [] }").trials[0]
    assert plain.id == empty.id
    assert "training" not in plain.dataset.config
    wide, narrow = (suite(f'{{ correlated = [{{ factors = ["row", "column"], sigma = {s} }}] }}') for s in (0.7, 0.2))
    assert len({plain.id, wide.trials[0].id, narrow.trials[0].id}) == 3
    again = Trial.from_json(wide.trials[0].to_json())
    assert again.id == wide.trials[0].id
    assert build_dataset(registry, again.dataset).training_images.correlated[0].sigma == 0.7


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ("{ forbiden = [{ row = 1 }] }", r"dataset\.training\.forbiden: unknown key; did you mean 'forbidden'\?"),
        ("3", r"dataset\.training: got 3, expected a table"),
        ("{ forbidden = [{ rows = 1 }] }", r"dataset\.training: there is no factor 'rows'; did you mean 'row'\?"),
        ("{ forbidden = [{ row = 8 }] }", r"dataset\.training: forbidden: row has no level 8; there are 0 to 7"),
        ("{ forbidden = [{ row = true }] }", r"dataset\.training\.forbidden\[0\]\.row.*: got True, expected"),
        ("{ forbidden = [{}] }", r"dataset\.training: forbidden: a combination names at least one factor"),
        ("{ forbidden = [{ row = [0, 1, 2, 3, 4, 5, 6, 7] }] }", r"dataset\.training: it leaves no image to train on"),
        ('{ correlated = [{ factors = ["row", "row"] }] }', r"correlated\[0\]: .* expected two different factors"),
        ('{ correlated = [{ factors = ["row"] }] }', r"dataset\.training\.correlated\[0\]\.factors"),
        ('{ correlated = [{ factors = ["row", "column"], sigma = 0 }] }', r"correlated\[0\]\.sigma: got 0"),
        ('{ split = { kind = "composition", factors = ["row"] } }', r"split: .* expected at least two factors"),
        ('{ split = { kind = "other", factors = ["row"] } }', r"split\.kind: got 'other', expected 'interpolation'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_before_anything_is_trained(suite, training, message):
    with pytest.raises(UserError, match=message):
        suite(training)


def test_a_dataset_without_factors_has_no_such_table(suite):
    with pytest.raises(UserError, match=r"dataset\.training: the dataset has no factors to choose images by"):
        suite("{ forbidden = [{ digit = 1 }] }", dataset="digits")


def test_a_batch_is_not_larger_than_what_is_left(suite):
    with pytest.raises(UserError, match=r"batch_size: 17 is more than the 16 images of bars that dataset.training"):
        suite('{ split = { kind = "extrapolation", factors = ["row", "column"] } }', batch=17)


def test_a_factor_of_too_few_levels_has_no_level_between():
    with pytest.raises(UserError, match="split: b has 2 levels, and interpolation needs 3"):
        images(split={"kind": "interpolation", "factors": ["b"]}).weights(FactorGrid(["a", "b"], [4, 2]))
