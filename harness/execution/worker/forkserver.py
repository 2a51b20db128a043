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

from harness.execution.protocol import ORDER, Exit
from harness.execution.worker.main import die_with_parent, quick_end
from harness.execution.worker.main import main as work
from harness.plugins.manager import PluginManager

MODULES = ("harness.execution.worker.trials", "harness.execution.worker.comparison", "scipy.stats", "sklearn.ensemble")

OWN_FILES = 4
"""Files of an order that are the worker's standard input, output, error, and the pipe that is told of its end."""

MOST_FILES = 250
"""Files of an order, about as many as the kernel passes at once."""


def main() -> None:
    """Fork workers until there are no more orders."""
    die_with_parent()
    # Whoever stops a run may signal all of its processes; workers are stopped by the run, and this one ends with it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
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
            order, files, _, _ = socket.recv_fds(orders, len(ORDER), MOST_FILES)
            if not order:
                return
            pid = _fork(files)
            if pid == 0:
                for file in (orders.detach(), ended, end, *tell.values()):
                    os.close(file)
                _become_worker(files)
                return
            kept = files[OWN_FILES - 1 : OWN_FILES] if pid else []
            for file in files:
                if file not in kept:
                    os.close(file)
            if pid:
                _lead(pid)  # Here as well: who is told of the process may kill its group at once.
                tell[pid] = kept[0]
                with suppress(BrokenPipeError):  # The run has given it up.
                    os.write(kept[0], f"{pid}\n".encode())


def _import(plugins: Sequence[str]) -> None:
    """Import what nearly every worker imports, and the plugins; an error in one is left to the workers."""
    for module in MODULES:
        import_module(module)
    with suppress(Exception, SystemExit):
        PluginManager([Path(file) for file in plugins])


def _fork(files: Sequence[int]) -> int | None:
    """Fork; None if there are too many processes or files, of which the run learns when its pipe is closed."""
    if len(files) < OWN_FILES:
        return None
    try:
        return os.fork()
    except OSError:
        return None


def _lead(pid: int) -> None:
    """Make a worker the leader of a group of processes, those that it starts."""
    with suppress(OSError):  # It has ended already, or has done so itself.
        os.setpgid(pid, pid)


def _tell_ends(tell: dict[int, int]) -> None:
    while tell:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return
        # What it started ends with it; until it is waited for, nobody else can have its number.
        with suppress(OSError):
            os.killpg(found.si_pid, signal.SIGKILL)
        pid, status = os.waitpid(found.si_pid, 0)
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
    for file in files[:OWN_FILES]:
        os.close(file)
    np.random.seed()  # As any new process does.
    work(files[OWN_FILES:])


if __name__ == "__main__":
    quick_end.arrange()
    main()
    quick_end.exit(Exit.DONE)
