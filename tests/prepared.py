"""Worker processes for the tests, forked from one process that has imported what they need.

The imports take seconds, and what most tests have a worker do does not. A worker is otherwise as the run would start
it: in its folder, with its environment and its files. How a run starts them itself is asked by `test_forkserver` and
by every test that starts `python -m harness`.

Run as a program, this file is that one process.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import nullcontext

import pytest

from harness.execution import local, process
from harness.execution.forkserver import ForkServer
from harness.execution.process import Worker, environment
from harness.execution.protocol import Placement


class PreparedServer(ForkServer):
    """A fork server for all runs of this process, whose workers are told where they are and in which environment."""

    def __init__(self):
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(Placement()),
                start_new_session=True,
            )
        self.pid = self._process.pid

    def fork(self, log, held=(), placement=None):
        with tempfile.TemporaryFile() as told:
            told.write(json.dumps([os.getcwd(), environment(placement)]).encode())
            told.seek(0)
            return super().fork(log, [*held, told.fileno()])


def prepare_workers(patch):
    """Have the runs of this process start their workers so; gives the list that the server is in once one has begun."""
    start, servers = Worker._start, []

    def prepare(executor, jobs):
        # Here and not where a worker is started: that is a thread, and a fork server ends with the thread it is from.
        if not servers:
            servers.append(PreparedServer())
        return nullcontext()

    def prepared(worker, path, fork_server):
        if fork_server is None and servers:
            with path.open("ab") as log:
                if forked := servers[0].fork(log, worker._held, worker._job.placement):
                    return forked
        return start(worker, path, fork_server)

    patch.setattr(local.LocalExecutor, "_fork_server", prepare)
    patch.setattr(process.Worker, "_start", prepared)
    return servers


@pytest.fixture(scope="session", autouse=True)
def _prepared_workers():
    with pytest.MonkeyPatch.context() as patch:
        servers = prepare_workers(patch)
        yield
    for server in servers:
        server.__exit__()


def serve():
    """Fork workers for the tests."""
    from harness.execution.worker import forkserver
    from harness.execution.worker.main import quick_end

    become_worker = forkserver._become_worker

    def become(files):
        *files, told = files
        with os.fdopen(told) as file:
            folder, variables = json.load(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:0] = [each for each in variables.get("PYTHONPATH", "").split(os.pathsep) if each not in sys.path]
        become_worker(files)

    forkserver._become_worker = become
    quick_end.arrange()
    forkserver.main()
    quick_end.exit(0)


if __name__ == "__main__":
    serve()
