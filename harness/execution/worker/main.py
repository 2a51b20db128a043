"""The worker process: reads one job from standard input, does it, and tells of it in JSON lines.

Run as `python -m harness.execution.worker.main FILE...`, with the numbers of inherited files that it holds open.
Messages go to the original standard output; whatever plugins print goes to the log. When its parent dies, it ends.
"""

import atexit
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from harness.errors import StopNow, StorageError, UserError
from harness.execution.allocator import keep_freed_memory
from harness.execution.protocol import (
    CompareJob,
    Ended,
    Exit,
    Job,
    Message,
    Problem,
    Report,
    Reported,
    StopRequest,
    decode_job,
    encode_message,
)

PR_SET_PDEATHSIG = 1


class _QuickEnd:
    """Ends the process with an exit code, without taking the interpreter apart.

    With torch and scikit-learn in it that takes seconds, as long as a small trial (measured on two busy cores: a forked
    worker with nothing to do came to its end after 0.3 s instead of 5 s), and all that it gives back the kernel takes
    back anyway. Before it, threads that are no daemons are joined and what was registered with atexit is called.

    Attributes:
        code: the exit code; until there is another, that of an error that nobody has caught.
    """

    code = 1

    def arrange(self) -> None:
        """Have it done last of all that atexit calls; so this is to be called first."""
        atexit.register(self._end)

    def exit(self, code: Exit) -> NoReturn:
        """End with a code."""
        self.code = code
        sys.exit(code)

    def _end(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(self.code)


quick_end = _QuickEnd()


def main(held: Sequence[int]) -> None:
    """Do the job on standard input, and end the process.

    Args:
        held: files that are open for as long as the worker lives, the leases of its trials.
    """
    die_with_parent()
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    _keep_from_children(held, messages.fileno())
    line = sys.stdin.buffer.readline()
    if not line:  # The run has given it up.
        quick_end.exit(Exit.INTERRUPTED)
    with suppress(RuntimeError):  # Where there are too many threads; the kernel ends it with its parent all the same.
        threading.Thread(target=_end_with_parent, daemon=True).start()
    stop = StopRequest()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which stops workers in order.
    signal.signal(signal.SIGTERM, stop.handle)

    def send(message: Message) -> None:
        with suppress(BrokenPipeError):  # The run has been killed, and so will this process be.
            messages.write(encode_message(message))

    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
        code = _do(decode_job(line), lambda trial, event: send(Reported(trial, event)), stop)
    except StopNow:
        code = Exit.INTERRUPTED
    except UserError as error:
        send(Problem(str(error)))
        code = Exit.USER_MISTAKE
    except StorageError as error:
        send(Problem(str(error.strerror), str(error.filename), error.errno or 0))
        code = Exit.STORAGE
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # All is saved: a second request must not end it as an accident.
    send(Ended(code))
    quick_end.exit(code)


def _do(job: Job, report: Report, stop: StopRequest) -> Exit:
    """Do a job; returns the exit code."""
    import torch

    from harness.execution.worker.comparison import run_comparison
    from harness.execution.worker.trials import run_trials

    keep_freed_memory()
    torch.set_num_threads(job.placement.threads)
    if isinstance(job, CompareJob):
        return run_comparison(job, lambda event: report("", event))
    return run_trials(job, report, stop)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends, be it in the midst of C code.

    Linux only. Elsewhere a worker ends when it next runs Python code, see `_end_with_parent`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _keep_from_children(held: Sequence[int], messages: int) -> None:
    """Keep leases and messages from processes that plugins fork, which may live longer than this one."""

    def close() -> None:
        for file in (*held, messages):
            os.dup2(2, file)  # Not closed: its number would be that of another file of the child soon.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # The handler is that of the worker.

    for file in held:
        os.set_inheritable(file, False)
    os.register_at_fork(after_in_child=close)


def _end_with_parent() -> None:
    # Unbuffered: at the end of the process a buffered reader would still be held by this thread.
    while os.read(0, 1024):
        continue
    os._exit(1)


if __name__ == "__main__":
    quick_end.arrange()
    main([int(number) for number in sys.argv[1:]])
