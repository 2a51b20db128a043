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

from harness.files import locked
from harness.location import is_local, remote
from harness.provenance import now

LEASE_SECONDS = 60.0
"""Time after which a lease on an object store has expired, unless its holder renews it."""

RENEWALS = 4
"""How often a lease is renewed in that time."""


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

    Whoever wants the lease first writes an object, then looks for others. Of two who do so at the same time, at
    least the one who looks last sees both and withdraws, whatever the store can do beside showing what was written.
    Ages are read off the store's own clock.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.own = folder / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.json"

    def get(self) -> bool:
        """Announce the lease, and withdraw if somebody holds it."""
        self._announce()
        if self._is_taken():
            self.remove()
            return False
        return True

    def remove(self) -> None:
        """Give the lease back; if that fails it expires."""
        with suppress(OSError):
            self.own.unlink()

    def keep(self, ended: threading.Event, lost: Callable[[], None]) -> None:
        """Renew the lease until it is given back; after a pause that was too long, see whether it is taken."""
        renewed = self._written(self.own)
        while not ended.wait(self.seconds / RENEWALS):
            try:
                self._announce()
                before, renewed = renewed, self._written(self.own)
                if (renewed - before).total_seconds() > self.seconds / 2 and self._is_taken():
                    lost()
                    return
            except Exception:
                continue

    def _announce(self) -> None:
        owner = {"host": socket.gethostname(), "process": os.getpid(), "renewed_at": now(), "seconds": self.seconds}
        self.own.write_bytes(json.dumps(owner).encode())

    def _is_taken(self) -> bool:
        """Whether somebody else's lease has not expired."""
        ours = self._written(self.own)
        for other in self.folder.iterdir():
            with suppress(FileNotFoundError):  # Just given back.
                if other.name == self.own.name:
                    continue
                if (ours - self._written(other)).total_seconds() <= self.seconds:
                    return True
                other.unlink()
        return False

    @staticmethod
    def _written(path: Path) -> datetime:
        """When the store last saw the object written."""
        written: datetime = remote(path).fs.modified(remote(path).path)
        return written
