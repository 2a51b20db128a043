"""The fork server's own process: imports what workers need, then forks one worker for each order."""

import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from harness.execution.protocol import ORDER
from harness.execution.worker.main import main as work
from harness.plugins.manager import PluginManager

MODULES = ("harness.execution.worker.trials", "harness.execution.worker.comparison", "scipy.stats", "sklearn.ensemble")


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
    work()


if __name__ == "__main__":
    main()
