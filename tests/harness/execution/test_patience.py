import errno

import pytest

from harness.errors import StorageError
from harness.execution.patience import patiently


def failing(times, number=errno.ENOSPC):
    """Work that fails so many times, and a list of how often it was done."""
    done = []

    def work():
        done.append(number)
        if len(done) <= times:
            raise StorageError(number, "No space left on device", "/results/a")
        return "done"

    return work, done


def test_work_is_done_again_until_storage_is_there(caplog):
    work, done = failing(1)
    assert patiently(work, 60) == "done"
    assert len(done) == 2
    assert caplog.messages == ["/results/a: No space left on device; trying again in 1 s"]


@pytest.mark.parametrize(
    ("number", "seconds", "stopping"),
    [(errno.EROFS, 60, False), (errno.ENOSPC, 0, False), (errno.ENOSPC, 60, True)],
    ids=["a folder that stays read-only", "no patience", "a run that is being stopped"],
)
def test_what_need_not_be_waited_for_is_raised_at_once(number, seconds, stopping):
    work, done = failing(1, number)
    with pytest.raises(StorageError):
        patiently(work, seconds, lambda: stopping)
    assert len(done) == 1
