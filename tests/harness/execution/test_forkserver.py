import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from harness.execution.forkserver import ForkServer
from harness.execution.process import Worker, environment
from harness.execution.protocol import Exit, Placement, TrialJob
from harness.results.folder import ResultsFolder
from harness.suite.suite import load_suite
from support import TOY

SUITE = """
seeds = 2
[dataset]
name = "bars"
[training]
steps = 10
batch_size = 16
[[models]]
name = "linear"
[[models]]
name = "dying"
seeds = 1
[evaluation]
metrics = ["spread", "mig"]
"""


@pytest.fixture
def jobs(suite_file, registry):
    """Makes a job for each trial of the suite, whose results go to a folder."""
    suite = load_suite(suite_file(SUITE), registry)

    def make(folder):
        return [TrialJob([t], str(folder), suite.metrics, 0, [str(TOY)], ["harness_linear"]) for t in suite.trials]

    return make


def test_forked_workers_compute_what_new_processes_do_and_crash_alone(jobs, tmp_path):
    def do(folder, fork_server, count=3):
        ends, scores = [], []
        for job in jobs(folder)[:count]:
            ends.append(Worker(job, Placement(), folder / "log.txt", 60, fork_server).run(lambda *_: None).returncode)
            result = ResultsFolder(folder).trial(job.trials[0].id).result
            scores.append([score.score for score in result.scores] if result else None)
        return ends, scores

    with ForkServer(environment(Placement()), [str(TOY)]) as fork_server:
        ends, scores = do(tmp_path / "forked", fork_server)
        os.kill(fork_server.pid, signal.SIGTERM)  # As whoever stops all processes of a run does.
        again = do(tmp_path / "again", fork_server)
        with (tmp_path / "log.txt").open("wb") as log:
            forked = fork_server.fork(log)
            while not forked.pid:
                with suppress(subprocess.TimeoutExpired):
                    forked.wait(0.1)
            assert Path(f"/proc/{forked.pid}/stat").read_text().rpartition(")")[2].split()[1] == str(fork_server.pid)
            forked.stdin.close()  # As if the run had given it up.
            forked.stdout.close()
            assert forked.wait() == Exit.INTERRUPTED
    assert ends == [0, 0, -signal.SIGKILL]
    assert again == (ends, scores)
    assert do(tmp_path / "new", None, 1) == (ends[:1], scores[:1])


def test_without_its_fork_server_a_worker_begins_anew(jobs, tmp_path):
    with ForkServer(environment(Placement()), []) as fork_server:
        os.kill(fork_server.pid, signal.SIGKILL)
        end = Worker(jobs(tmp_path)[0], Placement(), tmp_path / "log.txt", 60, fork_server).run(lambda *_: None)
    assert end.returncode == 0


def test_a_slow_import_holds_up_neither_a_stop_nor_a_time_limit(jobs, tmp_path):
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(600)\n")
    job, log = jobs(tmp_path)[0], tmp_path / "log.txt"
    with ForkServer(environment(Placement()), [str(slow)]) as fork_server:
        stopped = Worker(job, Placement(), log, None, fork_server).run(lambda *_: None, lambda: True)
        late = Worker(job, Placement(), log, 1, fork_server).run(lambda *_: None)
    assert stopped.interrupted
    assert late.timed_out
    assert not late.interrupted


@pytest.mark.parametrize(("last", "code"), [("quick_end.exit(Exit.INTERRUPTED)", 3), ("raise ValueError", 1)])
def test_a_worker_ends_without_taking_python_apart_but_after_its_threads_and_what_atexit_knows(last, code):
    program = f"""
import atexit, threading
from harness.execution.protocol import Exit
from harness.execution.worker.main import quick_end

class Slow:
    def __del__(self):
        print("taken apart")

quick_end.arrange()
slow = Slow()
atexit.register(print, "registered")
begun = threading.Event()
threading.Thread(target=lambda: begun.wait(0.2) or print("thread")).start()
{last}
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["thread", "registered"]
    assert ended.returncode == code
