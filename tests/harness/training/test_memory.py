import torch
from torch import nn

from harness import Adam, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.training.memory import COPIES, SPARE, training_bytes

IMAGE = ImageSpec(1, 4, 4)
PARAMETERS = 4 * (16 * 8 + 8)


class Late(Model):
    """From step 10 its loss has another layer's activations too."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.layer = nn.Linear(16, 8)

    def draw(self, n, rng):
        return {"noise": rng.normal(n, 8)}

    def schedule(self, step):
        return {"weight": float(step)}

    def objectives(self):
        return [Objective("only", [self.layer], {0: self.early, 10: self.late}, Adam(1e-3))]

    def early(self, images, draws):
        return {"size": self.layer(images.flatten(1)).square().mean()}

    def late(self, images, draws):
        return {"size": (self.layer(images.flatten(1)).exp() + draws["noise"]).square().mean()}


def bytes_of(batch_size, steps):
    return training_bytes(build(Late, Settings(), IMAGE, Rng(0)), IMAGE, batch_size, steps)


def test_parameters_count_four_times_and_what_gradients_need_once_per_image():
    # An image of 16 numbers, kept for the weight's gradient, and 8 outputs, kept for the square's.
    assert bytes_of(64, [0]) == COPIES * PARAMETERS + SPARE * 64 * 4 * (16 + 8)


def test_the_largest_loss_decides():
    # The exponential's result is kept too.
    assert bytes_of(64, [0, 20]) == COPIES * PARAMETERS + SPARE * 64 * 4 * (16 + 8 + 8)
    assert bytes_of(64, [20]) == bytes_of(64, [0, 20])


def test_shared_tensors_count_once():
    class Twice(Late):
        def early(self, images, draws):
            flat = images.flatten(1)
            return {"size": (self.layer(flat) * self.layer(flat)).mean()}

    one = training_bytes(build(Twice, Settings(), IMAGE, Rng(0)), IMAGE, 64, [0])
    assert one == COPIES * PARAMETERS + SPARE * 64 * 4 * (16 + 8 + 8)


def test_nothing_of_torchs_own_generator_is_used():
    before = torch.random.get_rng_state()
    bytes_of(8, [0])
    assert torch.equal(before, torch.random.get_rng_state())
