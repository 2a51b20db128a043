"""The nursery: a process that has imported what workers need, and forks one of them for each job.

The imports take a worker seconds, which small trials do not take. The nursery computes nothing and starts no thread,
so that a worker forked from it is as a new process is after the imports: what it computes does not depend on the jobs
before it, and if it crashes, it crashes alone. Workers on GPUs are not forked: a plugin might touch CUDA on import.

Run as `python -m harness.execution.nursery PLUGIN...`. Orders come over the socket that is its standard input: with
each, a worker's standard input, output and error, and a pipe that is to be told its process id and, later, exit code.
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
from importlib import import_module
from pathlib import Path
from typing import IO, Self

from harness.execution import worker
from harness.plugins import PluginManager

MODULES = ("harness.execution.life", "harness.execution.compare", "scipy.stats", "sklearn.ensemble")

ORDER = b"fork"
"""What is sent beside the files; that nothing is would mean that the parent has ended."""


class Forked:
    """A forked worker process as its parent sees it; what `subprocess.Popen` offers of it.

    Args:
        stdin: its standard input.
        stdout: its standard output.
        told: the nursery writes its process id here, and then its exit code.
    """

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], told: IO[bytes]) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self._told = told
        self._lock = threading.Lock()
        self._returncode: int | None = None
        self.pid = int(told.readline() or 0)
        """0 if the nursery has ended."""

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
        # A nursery that was killed tells nothing; whoever kills it may have killed the worker for the same reason.
        self._returncode = int(self._told.readline() or -signal.SIGKILL)
        self._told.close()


class Nursery:
    """The nursery as its parent sees it. It ends with this object's context, or with the parent.

    Args:
        environment: of its workers.
        plugins: files of plugins that they need.
    """

    def __init__(self, environment: dict[str, str], plugins: Sequence[str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.execution.nursery", *plugins],
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
        """A new worker process whose errors go to a log; None if the nursery has ended."""
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


def main() -> None:
    """Fork workers until there are no more orders."""
    _import(sys.argv[1:])
    if threading.active_count() > 1:
        return  # A plugin has started a thread, and a fork would lack it.
    orders = socket.socket(fileno=os.dup(0))
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    tell: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([orders.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 512)
            _tell_ends(tell)
        if orders.fileno() in ready:
            order, files, _, _ = socket.recv_fds(orders, len(ORDER), 4)
            if not order:
                return
            pid = os.fork()
            if pid == 0:
                for file in (orders.detach(), ended, end, *tell.values()):
                    os.close(file)
                _become_worker(files)
                return
            _lead(pid)  # Here as well: who is told of the process may kill its group at once.
            tell[pid] = files[3]
            os.write(files[3], f"{pid}\n".encode())
            for file in files[:3]:
                os.close(file)


def _import(plugins: Sequence[str]) -> None:
    """Import what nearly every worker imports, and the plugins; an error in one is left to the workers."""
    for module in MODULES:
        import_module(module)
    with suppress(Exception):
        PluginManager([Path(file) for file in plugins])


def _lead(pid: int) -> None:
    """Make a worker the leader of a group of processes, those that it starts."""
    with suppress(ProcessLookupError):  # It has ended already.
        os.setpgid(pid, pid)


def _tell_ends(tell: dict[int, int]) -> None:
    while tell:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        file = tell.pop(pid)
        with suppress(BrokenPipeError):  # Nobody wants to know.
            os.write(file, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(file)


def _become_worker(files: Sequence[int]) -> None:
    import numpy as np

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _lead(os.getpid())
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    np.random.seed()  # As any new process does.
    worker.main()


if __name__ == "__main__":
    main()
