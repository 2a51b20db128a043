"""One worker process as its parent sees it: started, listened to, and ended for good."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from harness.execution.forkserver import Forked, ForkServer
from harness.execution.protocol import INTERRUPTED, OUT_OF_MEMORY, Job, Placement
from harness.results.folder import local_log
from harness.training.progress import Progress

GRACE_SECONDS = 20.0
"""How long a worker that was asked to stop may take to save its checkpoint."""


@dataclass(frozen=True)
class End:
    """How a worker process ended."""

    returncode: int
    timed_out: bool = False
    stopped: bool = False
    """It was asked to stop, and killed if it did not."""
    last_words: str = ""

    @property
    def interrupted(self) -> bool:
        """It ended before its time because it was asked to."""
        return self.returncode == INTERRUPTED or (self.stopped and self.returncode != 0)

    @property
    def out_of_memory(self) -> bool:
        """It ran out of memory, or was killed as the kernel does when memory runs out."""
        return self.returncode == OUT_OF_MEMORY or (self.returncode == -signal.SIGKILL and not self.timed_out)

    @property
    def reason(self) -> str:
        """Why it died, for people."""
        if self.returncode < 0:
            name = signal.Signals(-self.returncode).name
            hint = "; the kernel does this when memory runs out" if name == "SIGKILL" else ""
            return f"the process was ended by {name}{hint}"
        return f"the process ended with code {self.returncode}: {self.last_words or 'no message'}"


class Worker:
    """A worker process doing one job.

    Args:
        job: what to do.
        placement: where; becomes part of the job.
        log: the file to which the worker's standard error is appended.
        timeout: seconds after which it is killed; None for no limit.
        fork_server: forks the process, if it still can; otherwise the process begins anew.
    """

    def __init__(
        self,
        job: Job,
        placement: Placement,
        log: Path,
        timeout: float | None = None,
        fork_server: ForkServer | None = None,
    ) -> None:
        self._job = replace(job, placement=placement)
        self._log = log
        self._timeout = timeout
        self._timed_out = False
        self._stopping = False
        self._fork_server = fork_server
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def run(self, report: Callable[[str, Progress], None]) -> End:
        """Do the job and wait for its end, passing on what the worker reports about which trial, if about one."""
        with local_log(self._log) as log:
            return self._run(log, report)

    def _run(self, path: Path, report: Callable[[str, Progress], None]) -> End:
        with path.open("ab") as log:
            forked = self._fork_server.fork(log) if self._fork_server else None
            self._process = process = forked or subprocess.Popen(
                # -P: modules in the user's folder must not be taken for Python's own.
                [sys.executable, "-P", "-m", "harness.execution.worker.main"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(self._job.placement),
                start_new_session=True,  # Ctrl-C at the terminal is for the parent, which stops workers in order.
            )
        assert process.stdin is not None
        assert process.stdout is not None
        if self._stopping:  # Asked before there was a process to ask.
            self.stop()
        deadline = threading.Timer(self._timeout or 0, self._expire)
        if self._timeout:
            deadline.start()
        try:
            # Standard input stays open until the worker has ended: it is how the worker knows that we live.
            with process.stdout, process.stdin:
                self._send(process.stdin)
                for line in process.stdout:
                    event = json.loads(line)
                    report(event["trial"], Progress(**event["progress"]))
                return End(process.wait(), self._timed_out, self._stopping, _last_words(path))
        finally:
            deadline.cancel()
            self.kill()

    def _send(self, stdin: IO[bytes]) -> None:
        try:
            stdin.write(json.dumps(self._job.to_json()).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            return  # It died at once; its exit code tells.

    def stop(self) -> None:
        """Ask the worker to save and end; after a grace period it is killed."""
        self._stopping = True
        if self._process and self._process.poll() is None:
            self._process.terminate()
            reaper = threading.Timer(GRACE_SECONDS, self.kill)
            reaper.daemon = True
            reaper.start()

    def kill(self) -> None:
        """End the worker and every process it started, now."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):  # It has ended by itself.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _expire(self) -> None:
        self._timed_out = True
        self.kill()


def _last_words(log: Path) -> str:
    """The last line of a log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def environment(placement: Placement) -> dict[str, str]:
    """The worker's environment: devices and threads are settled before torch is imported."""
    threads = str(placement.threads)
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    # Otherwise glibc hands the memory of large tensors back to the kernel after each step, and the next step waits for
    # it to come back page by page.
    kept = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(2**30))
    device = {"CUDA_VISIBLE_DEVICES": placement.gpu}
    return {**kept, **os.environ, **limits, **device, "PYTHONUNBUFFERED": "1"}
