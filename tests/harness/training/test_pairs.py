"""Batches of pairs: N images and then their partners, the same after a restart, and none that is not trained on."""

import numpy as np
import pytest
import torch

from harness import FactorGrid, GroundTruthDataset, ImageSpec, ResampledFactors, Settings, UserError
from harness.config import parse
from harness.data import FactorTable
from harness.data.training_images import TrainingImages
from harness.dataset import Dataset
from harness.suite.suite import make_suite
from harness.training.batches import Batches


class Numbers(GroundTruthDataset):
    """Image i has the value i everywhere."""

    image = ImageSpec(1, 2, 2)

    def __init__(self, factors=None, **training):
        super().__init__(Settings())
        self.factors = factors or FactorGrid(["a", "b", "c"], [2, 3, 4])
        self.training_images = parse(TrainingImages, training, "training") if training else None

    def images(self, indices):
        return indices.float().view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


ONE = ResampledFactors(1)


def test_a_batch_of_pairs_has_the_images_of_a_plain_one_then_their_partners_and_says_what_changed():
    plain, paired = Batches(Numbers(), 5, seed=3), Batches(Numbers(), 5, seed=3, pairs=ONE)
    differing = 0
    for _ in range(8):  # Two epochs of four batches.
        expected, (found, known) = plain.next_indices(), paired.next_order()
        assert torch.equal(found[:5], expected)
        levels = Numbers().factors.ids(found.numpy())
        assert np.array_equal(known["changed"].numpy(), levels[:5] != levels[5:])
        assert known["changed"].sum(dim=1).max() <= 1
        differing += int(known["changed"].sum())
    assert differing > 15
    assert paired.images == 10
    assert paired.next().shape == (10, 1, 2, 2)


def test_the_stream_of_pairs_follows_from_the_seed_and_the_number_taken():
    whole, resumed, other = (Batches(Numbers(), 5, seed, pairs=ONE) for seed in (0, 0, 1))
    taken = [whole.next_indices() for _ in range(9)]
    resumed.taken = 6
    assert torch.equal(resumed.next_indices(), taken[6])
    assert not torch.equal(other.next_indices(), taken[0])
    # Partners of the second epoch are others than those of the first.
    pairs = [{tuple(pair) for batch in taken[i : i + 4] for pair in batch.view(2, 5).T.tolist()} for i in (0, 4)]
    assert pairs[0] != pairs[1]


@pytest.mark.parametrize(
    ("held_out", "training"), [(6, {}), (0, {"forbidden": [{"a": 1, "c": [0, 1]}]}), (4, {"forbidden": [{"b": 1}]})]
)
def test_partners_are_images_that_are_trained_on(held_out, training):
    batches = Batches(Numbers(**training), 4, 0, held_out, pairs=ResampledFactors(0))
    trained_on = set(batches._trained_on.tolist())
    assert len(trained_on) < 24
    for _ in range(30):
        assert set(batches.next_indices().tolist()) <= trained_on


def test_an_image_without_a_partner_ends_in_a_message():
    class Elsewhere(ResampledFactors):
        def partners(self, factors, levels, rng):
            return np.zeros_like(levels)

    batches = Batches(Numbers(forbidden=[{"a": 0}]), 4, 0, pairs=Elsewhere())
    with pytest.raises(UserError, match=r"image \d+ has no partner among the images that are trained on"):
        batches.next_indices()


def test_factors_that_are_no_complete_grid_cannot_be_paired():
    levels = np.array([[0, 0], [0, 1], [1, 2], [2, 0]])
    table = FactorTable(["a", "b"], [3, 3], [np.arange(3)] * 2, [False] * 2, levels)
    batches = Batches(Numbers(table), 4, 0, pairs=ONE)
    with pytest.raises(UserError, match="cannot be paired: the dataset has no image of some combination of factors"):
        batches.next_indices()


def test_a_dataset_without_factors_is_refused_before_training(registry):
    class Plain(Dataset):
        image = ImageSpec(1, 2, 2)

        def __len__(self):
            return 10

    with pytest.raises(UserError, match="Plain has no factors that pairs of images could share"):
        Batches(Plain(Settings()), 2, 0, pairs=ONE)
    suite = {"dataset": {"name": "digits"}, "models": [{"name": "vae"}, {"name": "ada-gvae"}]}
    with pytest.raises(UserError, match=r"models\[1\]: ada-gvae learns from pairs .* digits has none"):
        make_suite(suite, registry, name="pairs")
