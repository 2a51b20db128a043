"""The fork server: a process that has imported what workers need, and forks one of them for each job.

The imports take a worker seconds, which small trials do not take. It computes nothing and starts no thread, so that a
worker forked from it is as a new process is after the imports: what it computes does not depend on the jobs before it,
and if it crashes, it crashes alone. Workers on GPUs are not forked: a plugin might touch CUDA on import.

The fork server of the standard library's multiprocessing was tried with the same imports and is no faster: from order
to end an idle worker took 0.1 to 0.3 s by either, and 35 MB of memory here, 39 MB there (two busy cores, ten workers).
It fails where a run must not: it begins with `python -c`, so that a file `random.py` in the user's folder is taken for
Python's own and it does not start; its environment, which settles threads before torch is imported, is that of the
first order for all later ones; and if it dies, its workers are given the exit code 255, live on, and cannot be stopped.

Its own side is `python -m harness.execution.worker.forkserver PLUGIN...`. Orders come over the socket that is its
standard input: with each, a worker's standard input, output and error, a pipe that is to be told its process id and,
later, its exit code, and the files that the worker is to hold open.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import IO, Self

from harness.execution.protocol import ORDER


class ForkServerDiedError(Exception):
    """The fork server has ended, and what became of a worker that it was to fork is not known."""


class Forked:
    """A forked worker process as its parent sees it; what `subprocess.Popen` offers of it, for one thread.

    Args:
        stdin: its standard input.
        stdout: its standard output.
        told: the fork server writes its process id here, and then its exit code.
    """

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], told: IO[bytes]) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self._told = told
        self._returncode: int | None = None
        self.pid = 0
        """0 until the fork server has told it, which may be busy importing plugins."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns the exit code.

        Raises:
            subprocess.TimeoutExpired: it goes on.
            ForkServerDiedError: nobody knows its exit code.
        """
        while self._returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("worker", timeout or 0)
            line = self._told.readline()
            if not line:
                self._told.close()
                self._returncode = -signal.SIGKILL
                raise ForkServerDiedError
            if self.pid:
                self._returncode = int(line)
                self._told.close()
            else:
                self.pid = int(line)
        return self._returncode

    def terminate(self) -> None:
        """Ask the process to end; one that is not forked yet never will be."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        else:
            self._returncode = -signal.SIGTERM
            self._told.close()


class ForkServer:
    """The fork server as its parent sees it. It ends with this object's context, or with the parent.

    Args:
        environment: of its workers.
        plugins: files of plugins that they need.
    """

    def __init__(self, environment: dict[str, str], plugins: Sequence[str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, ExitStack() as opened:
            opened.enter_context(self._orders)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.execution.worker.forkserver", *plugins],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
            opened.pop_all()
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """End it; every worker has ended, or is given up because it could not be forked yet."""
        self._orders.close()
        self._process.kill()
        self._process.wait()

    def fork(self, log: IO[bytes], held: Sequence[int] = ()) -> Forked | None:
        """Order a worker process; None if the fork server has ended.

        Args:
            log: gets its standard error.
            held: files that it is to hold open.

        Raises:
            OSError: this process has too many open files.
        """
        (stdin, to_worker), (from_worker, stdout), (told, tell) = _pipes(3)
        try:
            socket.send_fds(self._orders, [ORDER], [stdin, stdout, log.fileno(), tell, *held])
        except OSError:
            for file in (to_worker, from_worker, told):
                os.close(file)
            return None
        finally:
            for file in (stdin, stdout, tell):
                os.close(file)
        return Forked(os.fdopen(to_worker, "wb"), os.fdopen(from_worker, "rb"), os.fdopen(told, "rb", buffering=0))


def _pipes(count: int) -> list[tuple[int, int]]:
    """Open so many pipes; if one cannot be opened, close those that were."""
    pipes: list[tuple[int, int]] = []
    try:
        pipes.extend(os.pipe() for _ in range(count))
    except OSError:
        for pipe in pipes:
            for file in pipe:
                os.close(file)
        raise
    return pipes
