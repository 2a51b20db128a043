import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import s3fs

from harness.storage import conditional_lease
from harness.storage.announced_lease import AnnouncedLease
from harness.storage.conditional_lease import ConditionalLease
from harness.storage.leases import is_lost, lease
from harness.storage.location import location

HOLD = """
import sys, time
from harness.storage.leases import lease
from harness.storage.location import location
with lease(location(sys.argv[1]), lambda: print("lost", flush=True), seconds=3) as got:
    print("got" if got else "not got", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def without_conditions(s3_server, monkeypatch):
    """The S3 server as one that writes whatever is asked, as some do."""
    call = s3fs.S3FileSystem.call_s3

    def unconditional(store, *arguments, IfMatch="", IfNoneMatch="", **others):  # noqa: N803 - as S3 calls them
        return call(store, *arguments, **others)

    monkeypatch.setattr(s3fs.S3FileSystem, "call_s3", unconditional)
    monkeypatch.setattr(conditional_lease, "_KNOWS_CONDITIONS", {})


@pytest.fixture(params=["disk", "memory", "s3", "s3 without conditions"])
def place(request, tmp_path):
    """The place of a lease on a disk and at several kinds of URL."""
    match request.param:
        case "disk":
            return location(str(tmp_path / "trial" / "lease"))
        case "memory":
            return location(f"memory:/{tmp_path}/lease")
        case _:
            if request.param != "s3":
                request.getfixturevalue("without_conditions")
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
        place.unlink()  # As somebody does who found it expired, took it and gave it back.
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


def test_an_announced_lease_that_has_expired_goes_to_another(s3):
    place = location(s3) / "lease"
    first, second = AnnouncedLease(place, seconds=1), AnnouncedLease(place, seconds=1)
    assert first.get()
    assert not second.get()
    time.sleep(2.5)  # A store tells seconds.
    assert second.get()
    assert is_lost(str(first.own))
    assert not is_lost(str(second.own))
    lost = threading.Event()
    first.keep(threading.Event(), lost.set)
    assert lost.is_set()


def test_a_lease_whose_first_answer_was_lost_is_held_all_the_same(s3, monkeypatch):
    place = location(s3) / "lease"
    ask = conditional_lease.ask

    def twice(path, operation, **parameters):
        ask(path, operation, **parameters)
        return ask(path, operation, **parameters)

    wanted = ConditionalLease(place, seconds=1)
    with monkeypatch.context() as patch:
        patch.setattr(conditional_lease, "ask", twice)
        assert wanted.get()
        lost, ended = threading.Event(), threading.Event()
        renewing = threading.Thread(target=wanted.keep, args=(ended, lost.set))
        renewing.start()
        time.sleep(1)
        ended.set()
        renewing.join()
    assert not lost.is_set()
    assert not is_lost(wanted.own)
    wanted.remove()
    assert is_lost(wanted.own)


def test_where_the_filesystem_has_no_locks_a_line_says_so_and_the_work_goes_on(tmp_path, monkeypatch, caplog):
    def flock(file, operation):  # As NFS without its lock daemon does.
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    with lease(tmp_path / "lease", unexpected) as got:
        assert got
    assert caplog.messages == [f"{tmp_path}: there are no file locks here; only one run at a time may use it"]
