"""The worker process: reads one job from standard input, does it, and reports in JSON lines.

Run as `python -m harness.execution.worker.main`. Events go to the original standard output; whatever
plugins print goes to the log. When its parent dies, standard input closes and the worker ends.
"""

import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from typing import Any

from harness.execution.protocol import INTERRUPTED, OUT_OF_MEMORY, CompareJob, StopNow, StopRequest, TrialJob
from harness.training.progress import Progress


def main() -> None:
    """Do the job on standard input."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stop = StopRequest()
    signal.signal(signal.SIGTERM, stop.handle)

    def report(trial: str, progress: Progress) -> None:
        events.write(json.dumps({"trial": trial, "progress": asdict(progress)}) + "\n")

    try:
        sys.exit(_do(job, report, stop))
    except StopNow:
        sys.exit(INTERRUPTED)


def _do(job: dict[str, Any], report: Any, stop: "StopRequest") -> int:
    """Do a job; returns the exit code."""
    import torch

    from harness.execution.worker.comparison import compare
    from harness.execution.worker.trials import run_trials

    torch.set_num_threads(job["placement"]["threads"])
    if job["kind"] == "trial":
        return OUT_OF_MEMORY if run_trials(TrialJob.from_json(job), report, stop) else 0
    compare(CompareJob.from_json(job), lambda progress: report("", progress))
    return 0


def _end_with_parent() -> None:
    # Unbuffered: at the end of the process a buffered reader would still be held by this thread.
    while os.read(0, 1024):
        continue
    os._exit(1)


if __name__ == "__main__":
    main()
