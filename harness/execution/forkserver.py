"""The fork server: a process that has imported what workers need, and forks one of them for each job.

The imports take a worker seconds, which small trials do not take. It computes nothing and starts no thread, so that a
worker forked from it is as a new process is after the imports: what it computes does not depend on the jobs
before it, and if it crashes, it crashes alone. Workers on GPUs are not forked: a plugin might touch CUDA on import.

Its own side is `python -m harness.execution.worker.forkserver PLUGIN...`. Orders come over the socket that is its
standard input: with each, a worker's standard input, output and error, and a pipe that is to be told its process id
and, later, its exit code.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Self

from harness.execution.protocol import ORDER


class Forked:
    """A forked worker process as its parent sees it; what `subprocess.Popen` offers of it.

    Args:
        stdin: its standard input.
        stdout: its standard output.
        told: the fork server writes its process id here, and then its exit code.
    """

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], told: IO[bytes]) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self._told = told
        self._lock = threading.Lock()
        self._returncode: int | None = None
        self.pid = int(told.readline() or 0)
        """0 if the fork server has ended."""

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        if self._lock.acquire(blocking=False):  # Otherwise somebody waits for its end.
            try:
                if self._returncode is None and select.select([self._told], [], [], 0)[0]:
                    self._read()
            finally:
                self._lock.release()
        return self._returncode

    def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        with self._lock:
            if self._returncode is None:
                self._read()
        assert self._returncode is not None
        return self._returncode

    def terminate(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def _read(self) -> None:
        # A fork server that was killed tells nothing; whoever kills it may have killed the worker for the same reason.
        self._returncode = int(self._told.readline() or -signal.SIGKILL)
        self._told.close()


class ForkServer:
    """The fork server as its parent sees it. It ends with this object's context, or with the parent.

    Args:
        environment: of its workers.
        plugins: files of plugins that they need.
    """

    def __init__(self, environment: dict[str, str], plugins: Sequence[str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.execution.worker.forkserver", *plugins],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._orders.close()
        self._process.wait()

    def fork(self, log: IO[bytes]) -> Forked | None:
        """A new worker process whose errors go to a log; None if the fork server has ended."""
        (stdin, to_worker), (from_worker, stdout), (told, tell) = os.pipe(), os.pipe(), os.pipe()
        # Where nobody is there to take the order, no process id will come.
        with suppress(OSError):
            socket.send_fds(self._orders, [ORDER], [stdin, stdout, log.fileno(), tell])
        for given in (stdin, stdout, tell):
            os.close(given)
        forked = Forked(os.fdopen(to_worker, "wb"), os.fdopen(from_worker, "rb"), os.fdopen(told, "rb"))
        if forked.pid:
            return forked
        for file in (forked.stdin, forked.stdout):
            file.close()
        forked.wait()
        return None
