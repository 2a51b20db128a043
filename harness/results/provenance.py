"""Where a number comes from: versions, hardware and the state of the working directory."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from harness.registry import DISTRIBUTION


def provenance(device: str) -> dict[str, str | int]:
    """Everything about this process that could explain a difference between two runs, as plain data.

    Versions of the harness and of the packages that it depends on; the machine; the placement; the state of git.
    `git_commit` is that of the working directory, `code_commit` that of the harness's own code where it is run from
    a checkout.
    """
    import torch

    on_gpu = device.startswith("cuda")
    return {
        **{package: _version(package) for package in (DISTRIBUTION, *dependencies())},
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "device_type": "cuda" if on_gpu else device.partition(":")[0],
        "device": torch.cuda.get_device_name() if on_gpu else _processor(),
        "driver": _driver() if on_gpu else "",
        "cuda": str(torch.version.cuda or ""),
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gib": _memory_gib(),
        "threads": torch.get_num_threads(),
        "git_commit": git_commit(),
        "code_commit": _code_commit(),
    }


def dependencies() -> list[str]:
    """The packages that the harness needs, without its extras."""
    try:
        required = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    return [re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in required if "extra ==" not in each]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """The CPU's name; Linux keeps it where `platform` does not look."""
    return _line_after(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine()


def _driver() -> str:
    """The GPU driver's version line, "" where it cannot be read."""
    return _line_after(Path("/proc/driver/nvidia/version"), "NVRM version")


def _memory_gib() -> int:
    """The machine's memory in GiB, 0 where it is not known."""
    kilobytes = _line_after(Path("/proc/meminfo"), "MemTotal").removesuffix(" kB")
    return round(int(kilobytes) / 2**20) if kilobytes.isdecimal() else 0


def _line_after(file: Path, name: str) -> str:
    """What stands behind "name:" in a file of the kernel; "" if it does not."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def git_commit(folder: Path = Path()) -> str:
    """The commit of a folder, "+" behind it if there are, or may be, uncommitted changes, "" if there is none."""
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return ""
    # What is changed is told by comparing contents, for which git would call the filters of a repository's settings.
    filters = _git(folder, "config", "--name-only", "--get-regexp", r"^filter\.").splitlines()
    if any("=" in name for name in filters):  # No option could turn it off, which ends its name at the first "=".
        return f"{commit}+"
    off = [f"{name}={'false' if name.endswith('.required') else ''}" for name in filters]
    options = ["--porcelain", "--untracked-files=no", "--ignore-submodules=all"]
    return commit + ("+" if _git(folder, "status", *options, settings=off) else "")


def _code_commit() -> str:
    """The commit of the harness's code; "" where it is installed, be it into a folder inside some checkout."""
    here = Path(__file__)
    return git_commit(here.parent) if _git(here.parent, "ls-files", here.name) else ""


NO_PROGRAMS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never")
"""Settings under which git asks no other program, whatever a repository's own settings say."""

NO_PROGRAMS_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
"""It writes nothing either, and fetches nothing that is missing."""


def _git(folder: Path, *arguments: str, settings: Sequence[str] = ()) -> str:
    """What git says of a folder; "" where it fails or there is none.

    The folder may be a stranger's checkout, so git runs none of the programs that its settings name.
    """
    options = [option for setting in (*NO_PROGRAMS, *settings) for option in ("-c", setting)]
    command = ["git", "--no-pager", *options, "-C", str(folder), *arguments]
    environment = {**os.environ, **NO_PROGRAMS_ENVIRONMENT}
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
