import math

import pytest
import torch
from torch.distributions import Independent, OneHotCategorical
from torch.distributions import Normal as Gaussian

from harness import Categorical, ImageSpec, LatentSpace, Model, ModelEvaluation, Normal, NotApplicableError, Uniform
from harness.dataset import Dataset
from harness_metrics.mi_bound import MutualInformationBound


class Images(Dataset):
    image = ImageSpec(1, 1, 9)

    def __len__(self):
        return 1


class Transparent(Model):
    """Generates its own latent vector as pixels and infers the codes from them, with errors."""

    wrong = 0.1
    deviation = 0.2

    def __init__(self, space):
        super().__init__(self.Config(), ImageSpec(1, 1, space.width if space else 1))
        self.latents = space

    def generate(self, latents):
        return latents[:, None, None]

    def posterior(self, images):
        parts = self.latents.split(images.flatten(1))
        found = {}
        for name in self.latents.codes:
            pixels, part = parts[name], self.latents.parts[name]
            if isinstance(part, Categorical):
                found[name] = OneHotCategorical(probs=(1 - self.wrong) * pixels + self.wrong / part.size)
            else:
                found[name] = Independent(Gaussian(pixels, self.deviation), 1)
        return found


SPACE = LatentSpace({"digit": Categorical(4), "style": Uniform(2), "noise": Normal(3)}, codes=["digit", "style"])


def evaluate(space=SPACE, model=Transparent, **config):
    evaluation = ModelEvaluation(model(space), Images(Images.Config()), batch_size=999)
    return MutualInformationBound(MutualInformationBound.Config(**config)).score(evaluation)


def test_a_categorical_part_against_its_exact_value():
    score = evaluate()
    assert score.value == pytest.approx(math.log(1 - 0.1 + 0.1 / 4) + math.log(4), abs=1e-5)
    assert score.details["scored_parts"] == ["digit"]
    assert score.details["entropies"]["digit"] == pytest.approx(math.log(4))


def test_a_continuous_part_against_its_exact_value():
    density = -math.log(0.2 * math.sqrt(2 * math.pi))
    assert evaluate(part="style").value == pytest.approx(2 * density + 2 * math.log(2), abs=1e-4)


def test_perfect_inference_reaches_the_entropy_and_never_exceeds_it():
    class Perfect(Transparent):
        wrong = 1e-6

    score = evaluate(model=Perfect)
    assert score.value == pytest.approx(score.details["entropies"]["digit"], abs=1e-4)


def test_inference_that_knows_nothing_scores_zero():
    class Ignorant(Transparent):
        wrong = 1.0

    assert evaluate(model=Ignorant).value == pytest.approx(0, abs=1e-5)


def test_categorical_parts_are_summed():
    space = LatentSpace({"a": Categorical(4), "b": Categorical(4), "c": Uniform(1)})
    score = evaluate(space)
    assert score.value == pytest.approx(score.details["bounds"]["a"] + score.details["bounds"]["b"])


def test_without_categorical_parts_all_are_summed():
    space = LatentSpace({"b": Uniform(1), "c": Uniform(2)})
    score = evaluate(space)
    assert score.value == pytest.approx(sum(score.details["bounds"].values()))


def test_models_see_the_same_codes():
    assert evaluate().details == evaluate().details


def test_no_gradients_are_kept():
    class Watched(Transparent):
        def posterior(self, images):
            assert not torch.is_grad_enabled()
            return super().posterior(images)

    evaluate(model=Watched)


def test_an_unknown_part_does_not_apply():
    with pytest.raises(NotApplicableError, match="no part 'noise', only digit, style"):
        evaluate(part="noise")


def test_a_model_that_infers_nothing_does_not_apply():
    with pytest.raises(NotApplicableError, match="infers no part"):
        evaluate(LatentSpace({"noise": Normal(2)}, codes=[]))
    with pytest.raises(NotApplicableError, match="no latent prior"):
        evaluate(None)


def test_it_needs_generator_and_posterior(load):
    assert load("aligned").lacks(MutualInformationBound.needs)
