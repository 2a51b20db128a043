import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.storage.leases import is_lost, lease
from harness.storage.location import location, remote

HOLD = """
import sys, time
from harness.storage.leases import lease
from harness.storage.location import location
with lease(location(sys.argv[1]), lambda: print("lost", flush=True), seconds=3) as got:
    print("got" if got else "not got", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["disk", "memory", "s3"])
def place(request, tmp_path):
    """The place of a lease on a disk and at two kinds of URL."""
    match request.param:
        case "disk":
            return location(str(tmp_path / "trial" / "lease"))
        case "memory":
            return location(f"memory:/{tmp_path}/lease")
        case _:
            return location(request.getfixturevalue("s3") + "/lease")


def wait_for_lease(place):
    """Take a lease of somebody who does not give it back."""
    deadline = time.monotonic() + 30
    while True:
        with lease(place, unexpected, seconds=3) as got:
            if got:
                return
        assert time.monotonic() < deadline
        time.sleep(0.3)


def unexpected():
    raise AssertionError("the lease was lost")


def test_a_lease_is_held_by_one_at_a_time(place):
    with lease(place, unexpected) as first:
        assert first
        with lease(place, unexpected) as second:
            assert not second
        with lease(place.with_name("another"), unexpected) as another:
            assert another
    with lease(place, unexpected) as again:
        assert again


def test_of_many_who_want_it_at_once_one_has_it_at_most(place):
    held, most, lock = 0, 0, threading.Lock()
    taken = []

    def want(number):
        nonlocal held, most
        for _ in range(4):
            with lease(place, unexpected) as got:
                if got:
                    with lock:
                        held += 1
                        most = max(most, held)
                    time.sleep(0.01)
                    taken.append(number)
                    with lock:
                        held -= 1
            time.sleep(0.003 * number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(want, range(6)))
    assert most == 1
    assert taken


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_a_lease_is_renewed_for_as_long_as_it_is_held(place):
    with lease(place, unexpected, seconds=2) as got:
        assert got
        for _ in range(6):
            time.sleep(0.5)
            with lease(place, unexpected, seconds=2) as other:
                assert not other


@pytest.mark.parametrize("place", ["disk", "s3"], indirect=True)
def test_a_lease_whose_holder_is_killed_goes_to_another(place):
    holder = subprocess.Popen([sys.executable, "-P", "-c", HOLD, str(place)], stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "got\n"
        with lease(place, unexpected, seconds=3) as got:
            assert not got
        holder.kill()
        holder.communicate()
    wait_for_lease(place)


def test_whoever_slept_while_another_took_the_lease_and_gave_it_back_is_told(s3):
    place = location(s3) / "lease"
    lost = threading.Event()
    with lease(place, lost.set, seconds=2) as held:
        remote(place).fs.rm(held.own)  # As somebody does who finds it expired; then the lease was given back.
        assert is_lost(held.own)
        assert lost.wait(30)


def test_whoever_was_asleep_for_too_long_is_told_that_the_lease_is_taken(s3):
    place = location(s3) / "lease"
    command = [sys.executable, "-P", "-c", HOLD, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sleeper:
        assert sleeper.stdout.readline() == "got\n"
        sleeper.send_signal(signal.SIGSTOP)
        wait_for_lease(place)
        with lease(place, unexpected, seconds=3) as got:
            assert got
            sleeper.send_signal(signal.SIGCONT)
            assert sleeper.stdout.readline() == "lost\n"
        sleeper.kill()


def test_where_the_filesystem_has_no_locks_a_line_says_so_and_the_work_goes_on(tmp_path, monkeypatch, caplog):
    def flock(file, operation):  # As NFS without its lock daemon does.
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    with lease(tmp_path / "lease", unexpected) as got:
        assert got
    assert caplog.messages == [f"{tmp_path}: there are no file locks here; only one run at a time may use it"]
