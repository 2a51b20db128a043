import pytest
import torch
from torch import nn

from harness import Adam, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.training.memory import LiveBytes, is_out_of_memory, training_bytes

IMAGE = ImageSpec(1, 4, 4)
PARAMETERS = 4 * (16 * 8 + 8)


class Late(Model):
    """From step 10 its loss needs more memory."""

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


def test_what_is_in_use_is_counted():
    given = Rng(0).uniform(10, 100)
    with LiveBytes() as live:
        doubled = given * 2
        assert live.now == 4000
        view = (doubled + 1).view(-1)  # A view takes nothing.
        assert live.now == 8000
        del doubled
        assert live.now == 4000
        view.relu_()
        assert (live.now, live.most) == (4000, 8000)
        del view
        assert (live.now, live.most) == (0, 8000)


def test_what_was_there_before_is_not_counted():
    given = Rng(0).uniform(10, 100)
    with LiveBytes() as live:
        given += 1
        given.view(-1)
    assert live.most == 0


def test_parameters_count_three_times_and_an_update_beside_them():
    """An image of 16 numbers and the 8 outputs are needed for gradients, which are as large as parameters."""
    needed = 64 * 4 * (16 + 8) + PARAMETERS
    assert 3 * PARAMETERS + needed <= bytes_of(64, [0]) <= 3 * PARAMETERS + 2.5 * needed


def test_memory_grows_along_a_line_with_the_batch():
    few, some, many = (bytes_of(n, [0]) for n in (10, 100, 190))
    assert many - some == some - few > 0


def test_the_largest_update_decides():
    assert bytes_of(64, [0]) < bytes_of(64, [0, 20]) == bytes_of(64, [20])


def test_nothing_of_torchs_own_generator_is_used():
    before = torch.random.get_rng_state()
    bytes_of(8, [0])
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GB")])
def test_memory_runs_out_on_the_cpu_and_on_gpus(error):
    assert is_out_of_memory(error)


def test_torch_says_it_of_the_cpu_in_its_own_way():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("memory")])
def test_other_errors_are_others(error):
    assert not is_out_of_memory(error)
