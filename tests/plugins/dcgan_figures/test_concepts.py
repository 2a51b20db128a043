"""What samples show is read off the nearest image of the dataset."""

import numpy as np
import pytest
import torch

from harness import NotApplicableError
from harness.config import Settings
from harness.dataset import Dataset, LabelledDataset
from harness.errors import UserError
from harness_dcgan_figures.concepts import exemplars, parse_concept, recognise


def test_images_of_the_dataset_show_their_own_factors(painter):
    everything = torch.arange(12)
    levels, distance = recognise(painter.dataset, painter.dataset.images(everything))
    assert (levels == painter.dataset.factors.ids(everything.numpy())).all()
    assert distance.max() < 1e-3


def test_an_image_shows_what_the_nearest_one_does(painter):
    image = painter.dataset.images(torch.tensor([5])) * 0.95
    levels, distance = recognise(painter.dataset, image)
    assert levels.tolist() == [[1, 2]]
    assert distance[0] == pytest.approx(0.05 * 4, abs=1e-4)


def test_labels_are_recognised_too():
    class Two(LabelledDataset):
        classes = 2

        def __len__(self):
            return 4

        def images(self, indices):
            return indices.float().reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2) / 3

        def labels(self, indices):
            return indices // 2

    dataset = Two(Settings())
    assert recognise(dataset, dataset.images(torch.arange(4)))[0].tolist() == [[0], [0], [1], [1]]
    assert parse_concept("label=1", dataset).holds(np.array([[0], [1]])).tolist() == [False, True]


def test_a_concept_is_a_conjunction_of_levels(painter):
    concept = parse_concept("corner=2, shade=1", painter.dataset)
    assert concept.holds(np.array([[2, 1], [2, 0], [1, 1]])).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corne=1", "there is no factor 'corne'; did you mean 'corner'?"),
        ("corner=4", "the levels of corner are 0 to 3"),
        ("corner", "the levels of corner are 0 to 3, such as corner=0"),
        ("corner=-1", "the levels of corner are 0 to 3"),
    ],
)
def test_a_wrong_concept_is_explained(painter, text, message):
    with pytest.raises(UserError) as error:
        parse_concept(text, painter.dataset)
    assert message in str(error.value)


def test_without_factors_or_labels_concepts_do_not_apply():
    with pytest.raises(NotApplicableError, match="name samples by their numbers"):
        parse_concept("x=1", Dataset(Settings()))


def test_exemplars_show_the_concept_best(painter):
    numbers = exemplars(painter, parse_concept("corner=3,shade=2", painter.dataset), 3, seed=0)
    assert len(set(numbers)) == 3
    parts = painter.latents.split(painter.sample_latents(range(1024)))
    assert parts["corner"][numbers].argmax(dim=1).tolist() == [3, 3, 3]
    off = (0.5 * (1 + parts["brightness"].flatten()) - 1).abs()
    fitting = [n for n in range(1024) if parts["corner"][n].argmax() == 3]
    assert numbers == sorted(fitting, key=lambda n: off[n].item())[:3]


def test_too_few_exemplars_are_the_users_mistake(painter):
    painter.model.generate = lambda latents: torch.zeros(len(latents), 1, 8, 8)
    with pytest.raises(UserError, match="corner=3: 0 of 1,024 samples show it, 3 are needed"):
        exemplars(painter, parse_concept("corner=3", painter.dataset), 3, seed=0)
