import pytest
import torch

from harness.training.exhaustion import is_out_of_memory


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
