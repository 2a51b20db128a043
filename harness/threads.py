"""Threads of a run, for which there may be no room: a limit on processes counts them too."""

import errno
import threading

from harness.errors import StorageError

NO_ROOM = "can't start new thread"
"""What Python says then."""


def lacks_threads(error: BaseException | None) -> bool:
    """Whether an error, or one that it came of, says that no thread can be started."""
    while error is not None:
        if isinstance(error, RuntimeError) and NO_ROOM in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def start(thread: threading.Thread) -> None:
    """Start a thread.

    Raises:
        StorageError: there are too many processes and threads.
    """
    try:
        thread.start()
    except RuntimeError as error:
        reason = "too many processes and threads (`ulimit -u`)"
        raise StorageError(errno.EAGAIN, reason, "a thread cannot be started") from error
