"""Leases: which run holds which trial, so that several runs share one results folder."""

import json
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import sleep

from harness.storage.atomic import locked
from harness.storage.location import is_local, remote
from harness.storage.records import now

LEASE_SECONDS = 60.0
"""Time after which a lease on an object store has expired, unless its holder renews it."""

RENEWALS = 4
"""How often a lease is renewed in that time."""

LOOKS = 5
LOOK_SECONDS = 0.1
"""How often, and how long after another, somebody who wants a lease looks whether others withdraw."""


@contextmanager
def lease(path: Path, lost: Callable[[], None], seconds: float = LEASE_SECONDS) -> Iterator[bool]:
    """Hold a lease, if nobody else does; yields whether it was got.

    On a disk it is a file lock, which the kernel frees at any death of its holder. On an object store it is an
    object that its holder renews; after a death it expires.

    Args:
        path: its place; a file on a disk, a folder of objects elsewhere.
        lost: called if the lease could not be renewed in time and somebody else has it now.
        seconds: time after which a lease that is not renewed has expired.
    """
    if is_local(path):
        with locked(path, wait=False) as got:
            yield got
        return
    announced = _Announced(path, seconds)
    if not announced.get():
        yield False
        return
    ended = threading.Event()
    renewing = threading.Thread(target=announced.keep, args=(ended, lost), daemon=True)
    renewing.start()
    try:
        yield True
    finally:
        ended.set()
        renewing.join()
        announced.remove()


class _Announced:
    """A lease as an object of its holder's own name beside those of others.

    Whoever wants the lease first writes an object, then looks for others, and has the lease if there are none. Of two
    who do so at the same time at least the one who looks last sees both, whatever the store can do beside showing
    what was written; the one whose name comes first then looks again for a moment, and the other withdraws. Ages are
    read off the store's own clock.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.own = folder / f"{uuid.uuid4().hex[:8]}-{socket.gethostname()}-{os.getpid()}.json"

    def get(self) -> bool:
        """Announce the lease, and withdraw if somebody holds it."""
        self._announce()
        self.renewed = self._written(self.own)
        for _ in range(LOOKS):
            others = self._others()
            if not others:
                return True
            if min(others) < self.own.name:
                break
            sleep(LOOK_SECONDS)
        self.remove()
        return False

    def remove(self) -> None:
        """Give the lease back; if that fails it expires."""
        with suppress(OSError):
            self.own.unlink()

    def keep(self, ended: threading.Event, lost: Callable[[], None]) -> None:
        """Renew the lease until it is given back; after a pause that was too long, see whether it is taken."""
        while not ended.wait(self.seconds / RENEWALS):
            try:
                self._announce()
                before, self.renewed = self.renewed, self._written(self.own)
                if (self.renewed - before).total_seconds() > self.seconds and self._others():
                    lost()
                    return
            except Exception:  # The store may be out of reach for a while; a later renewal finds out.
                continue

    def _announce(self) -> None:
        owner = {"host": socket.gethostname(), "process": os.getpid(), "renewed_at": now(), "seconds": self.seconds}
        self.own.write_bytes(json.dumps(owner).encode())

    def _others(self) -> list[str]:
        """The names of others whose lease has not expired; what has is removed."""
        ours = self._written(self.own)
        names = []
        for other in self.folder.iterdir():
            with suppress(FileNotFoundError):  # Just given back.
                if other.name == self.own.name:
                    continue
                if (ours - self._written(other)).total_seconds() <= self.seconds:
                    names.append(other.name)
                else:
                    other.unlink()
        return names

    @staticmethod
    def _written(path: Path) -> datetime:
        """When the store last saw the object written."""
        written: datetime = remote(path).fs.modified(remote(path).path)
        return written
