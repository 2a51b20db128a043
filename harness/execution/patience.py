"""Patience with storage: a full disk or a store out of reach is waited for, because it is the end of no trial."""

import errno
import logging
from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from harness.errors import StorageError

T = TypeVar("T")

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
"""How long storage is waited for, unless told otherwise."""

LONGEST_WAIT = 30.0
"""Seconds between two tries, at most; the first is a second, and each is twice as long as the one before."""

LASTING = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""Errors for whose end nobody need wait."""


def patiently(work: Callable[[], T], seconds: float, stopping: Callable[[], bool] = lambda: False) -> T:
    """Do work that reads or writes results, again and again while storage fails, with a line for each wait.

    Args:
        work: what to do; it is begun anew each time.
        seconds: how long storage is waited for altogether.
        stopping: asked while waiting; if so, the error is raised at once.

    Raises:
        StorageError: as `work` raised it last.
    """
    wait, waited = 1.0, 0.0
    while True:
        try:
            return work()
        except StorageError as error:
            if error.errno in LASTING or waited >= seconds or stopping():
                raise
            wait = min(wait, seconds - waited)
            logger.warning("%s; trying again in %.0f s", error, wait)
            until = monotonic() + wait
            while monotonic() < until and not stopping():
                sleep(0.1)
            waited += wait
            wait = min(2 * wait, LONGEST_WAIT)
