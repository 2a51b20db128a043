"""A program that runs a command again and again, each time in a process that gets a SIGKILL, until one ends by itself.

    python killing.py [--files PATTERN] ARGUMENTS...

The first process is killed before the first file that it moves into its place, the second before the second, and so
on; with a pattern, each is killed as soon as there is a file more of it than at its start. How each ended, and what
files of the pattern there were then, is printed as JSON. What commands import is imported once, before they are forked.
"""

import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch  # noqa: F401 - so that forked commands need not import it
from prepared import PreparedServer, prepare_workers

import harness.execution.study
import harness.publishing.pool
import harness.publishing.site  # noqa: F401 - as torch
from harness.cli import main as command
from harness.plugins.manager import PluginManager


def forked(arguments, number):
    """Start the command in a process that kills itself at a file; with 0, at none."""
    pid = os.fork()
    if pid:
        return pid
    calls, move = itertools.count(1), os.replace

    def replace(*paths, **options):
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return move(*paths, **options)

    os.replace = replace
    sys.argv = ["harness", *arguments]
    os.dup2(os.open("told.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(1, 2)
    try:
        command()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code or 0)


def files(pattern):
    """The content of each file."""
    return {str(file): file.read_text() for file in Path().glob(pattern)} if pattern else {}


def mind(pid, pattern):
    """Wait for the end of a process, and bring it about where it has made a file; returns its exit code."""
    before = len(files(pattern))
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG if pattern else 0)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if len(files(pattern)) > before:
            os.kill(pid, signal.SIGKILL)
            pattern = ""
        time.sleep(0.005)


def main():
    arguments, pattern = sys.argv[1:], ""
    if arguments[0] == "--files":
        _, pattern, *arguments = arguments
    assert PluginManager().registry.entries
    servers = prepare_workers(pytest.MonkeyPatch())
    if arguments[0] == "run":
        servers.append(PreparedServer())
    ended = []
    while not ended or ended[-1]["code"] == -signal.SIGKILL:
        code = mind(forked(arguments, 0 if pattern else len(ended) + 1), pattern)
        ended.append({"code": code, "files": files(pattern)})
    print(json.dumps(ended))
    for server in servers:
        server.__exit__()


if __name__ == "__main__":
    main()
