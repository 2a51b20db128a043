"""One worker process as its parent sees it: started, listened to, and ended for good."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import IO

from harness.errors import StorageError
from harness.execution.forkserver import Forked, ForkServer, ForkServerDiedError
from harness.execution.protocol import (
    Ended,
    Exit,
    Job,
    Placement,
    Problem,
    Report,
    Reported,
    decode_message,
    encode_job,
)
from harness.storage.atomic import read_bytes, storing, write_whole
from harness.storage.location import is_local
from harness.threads import start

GRACE_SECONDS = 20.0
"""How long a worker that was asked to stop may take to save its checkpoint."""

POLL_SECONDS = 0.2
"""Time between two looks at whether to stop a worker."""

EXIT_SECONDS = 10.0
"""How long a worker that has done its work may take to exit, where a plugin has left something running."""

DRAIN_SECONDS = 5.0
"""How long the last messages of a worker that has ended are waited for."""

ASKED = (Exit.INTERRUPTED, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
"""Exit codes of a worker that was asked to end, by this run or by a shutdown of the machine."""


@dataclass(frozen=True)
class End:
    """How a worker process ended.

    Attributes:
        returncode: its exit code, see `Exit`; minus the number of the signal that ended it.
        timed_out: whether it took too long, and was killed.
        stopped: whether this run asked it to stop; it was killed if it did not.
        last_words: the last line of its log.
        problem: why it could do nothing, if that is what its exit code says.
        orderly: whether the worker itself has said that it has come to its end.
    """

    returncode: int
    timed_out: bool = False
    stopped: bool = False
    last_words: str = ""
    problem: Problem | None = None
    orderly: bool = False

    @property
    def interrupted(self) -> bool:
        """It ended before its time because it was asked to."""
        asked = self.returncode in ASKED or (self.stopped and self.returncode != Exit.DONE)
        return asked and not self.timed_out

    @property
    def out_of_memory(self) -> bool:
        """It ran out of memory, or was killed as the kernel does when memory runs out."""
        return self.returncode == Exit.OUT_OF_MEMORY or (self.returncode == -signal.SIGKILL and not self.timed_out)

    @property
    def reason(self) -> str:
        """Why the process died, in words."""
        if self.returncode < 0:
            name = signal.Signals(-self.returncode).name
            hint = "; the kernel does this when memory runs out" if name == "SIGKILL" else ""
            return f"the process was ended by {name}{hint}"
        if self.returncode == Exit.DONE:
            return "the process ended with code 0 before there was a result; something in it ends the process"
        return f"the process ended with code {self.returncode}: {self.last_words or 'no message'}"


class Worker:
    """A worker process doing one job.

    Args:
        job: what to do.
        placement: where; becomes part of the job.
        log: the file to which the worker's standard error is appended.
        timeout: seconds after which it is killed; None for no limit.
        fork_server: forks the process, if it still can; otherwise the process begins anew.
        held: files that the worker is to hold open, the leases of its trials.
    """

    def __init__(
        self,
        job: Job,
        placement: Placement,
        log: Path,
        timeout: float | None = None,
        fork_server: ForkServer | None = None,
        held: Sequence[int] = (),
    ) -> None:
        self._job = replace(job, placement=placement)
        self._log = log
        self._timeout = timeout
        self._fork_server = fork_server
        self._held = held
        self._problem: Problem | None = None
        self._ended: Ended | None = None

    def run(self, report: Report, stopping: Callable[[], bool] = lambda: False) -> End:
        """Do the job and wait for its end.

        Args:
            report: is told what the worker reports.
            stopping: asked from time to time whether the worker is to save and end; after a grace period it is killed.

        Raises:
            StorageError: the log cannot be written, or there are too many processes or open files.
        """
        with _local_log(self._log) as path:
            deadline = monotonic() + self._timeout if self._timeout else float("inf")
            try:
                return self._mind(self._start(path, self._fork_server), path, report, stopping, deadline)
            except ForkServerDiedError:  # Its workers have died with it; the job goes on from its checkpoints.
                if stopping():
                    return End(Exit.INTERRUPTED, stopped=True)
                return self._mind(self._start(path, None), path, report, stopping, deadline)

    def _start(self, path: Path, fork_server: ForkServer | None) -> subprocess.Popen[bytes] | Forked:
        try:
            with path.open("ab") as log:
                forked = fork_server.fork(log, self._held) if fork_server else None
                return forked or subprocess.Popen(
                    # -P: modules in the user's folder must not be taken for Python's own.
                    [sys.executable, "-P", "-m", "harness.execution.worker.main", *map(str, self._held)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    pass_fds=self._held,
                    env=environment(self._job.placement),
                    start_new_session=True,  # Ctrl-C at the terminal is for the parent, which stops workers in order.
                )
        except OSError as error:
            place = str(path) if error.filename else "a worker process cannot be started"
            raise StorageError(error.errno, error.strerror or str(error), place) from error

    def _mind(
        self,
        process: subprocess.Popen[bytes] | Forked,
        path: Path,
        report: Report,
        stopping: Callable[[], bool],
        deadline: float,
    ) -> End:
        """Talk to a process until it has ended; whatever it has started ends with it."""
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout
        # In a thread of its own: a process that it has started may keep its end of the pipe open for ever.
        talk = threading.Thread(target=self._talk, args=(stdin, stdout, report), daemon=True)
        stopped = timed_out = over = False
        try:
            start(talk)
            while True:
                try:
                    returncode = process.wait(timeout=POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if self._ended and not over:
                        over = True
                        deadline = monotonic() + EXIT_SECONDS
                    if monotonic() > deadline:
                        timed_out = timed_out or not (stopped or over)
                        _kill(process)
                    elif stopping() and not stopped:
                        stopped = True
                        deadline = min(deadline, monotonic() + GRACE_SECONDS)
                        process.terminate()
        except KeyboardInterrupt:  # Ctrl-C in Python, where a run has this thread alone; a second one does not wait.
            process.terminate()
            with suppress(subprocess.TimeoutExpired, ForkServerDiedError):
                process.wait(GRACE_SECONDS)
            raise
        finally:
            _kill(process)
            if talk.ident:
                talk.join(DRAIN_SECONDS)
            else:  # It holds leases until it has ended.
                stdout.close()
                with suppress(subprocess.TimeoutExpired, ForkServerDiedError):
                    process.wait(EXIT_SECONDS)
            with suppress(OSError, ValueError):
                stdin.close()
        if self._ended:  # What happens to it afterwards changes nothing.
            returncode = self._ended.code
        return End(returncode, timed_out, stopped, _last_words(path), self._problem, orderly=bool(self._ended))

    def _talk(self, stdin: IO[bytes], stdout: IO[bytes], report: Report) -> None:
        """Send the job, then pass on events until there are no more."""
        with suppress(BrokenPipeError, ValueError):  # It died at once; its exit code tells.
            # Standard input stays open until the worker has ended: it is how the worker knows that we live.
            stdin.write(encode_job(self._job))
            stdin.flush()
        with stdout:
            for line in stdout:
                try:
                    message = decode_message(line)
                except (KeyError, TypeError, ValueError):
                    continue  # Cut off by its end.
                match message:
                    case Reported(trial, event):
                        report(trial, event)
                    case Problem():
                        self._problem = message
                    case Ended():
                        self._ended = message


def _kill(process: subprocess.Popen[bytes] | Forked) -> None:
    """End a process and every process of its group, now; its number is still its own, or was until a moment ago."""
    if not process.pid:
        process.terminate()
        return
    with suppress(ProcessLookupError, PermissionError):  # It has ended by itself.
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _local_log(log: Path) -> Iterator[Path]:
    """A log as a file on this machine that can be added to; one of a URL is put there at the end."""
    if is_local(log):
        with storing(log):
            log.parent.mkdir(parents=True, exist_ok=True)
        yield log
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / log.name
        with suppress(FileNotFoundError):
            local.write_bytes(read_bytes(log))
        yield local
        write_whole(log, lambda file: file.write(local.read_bytes() if local.exists() else b""))


def _last_words(log: Path) -> str:
    """The last line of a log; "" if it is gone."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 2000))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def environment(placement: Placement) -> dict[str, str]:
    """The worker's environment: devices and threads are settled before torch is imported."""
    threads = str(placement.threads)
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    # Otherwise glibc hands the memory of large tensors back to the kernel after each step, and the next step waits for
    # it to come back page by page.
    kept = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(2**30))
    device = {"CUDA_VISIBLE_DEVICES": placement.gpu}
    if placement.device == "mps":  # What torch cannot do on an Apple GPU yet, it does on the CPU.
        device["PYTORCH_ENABLE_MPS_FALLBACK"] = "1"
    return {**kept, **os.environ, **limits, **device, "PYTHONUNBUFFERED": "1"}
