"""The memory of freed tensors."""

import platform
import resource

import pytest
import torch

from harness.execution.allocator import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_tensors_that_are_made_again_and_again_take_no_new_pages():
    """24 MiB are 6,144 pages of 4 KiB, and the kernel gives out each at the first write to it."""
    keep_freed_memory()

    def pages() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(10):
            torch.zeros(6 * 2**20).add_(1)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    pages()
    assert pages() < 1000
