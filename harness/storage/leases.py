"""Leases: which run holds which trial, so that several runs share one results folder."""

import json
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import sleep
from typing import IO

from harness.storage.atomic import exists, locked, storing
from harness.storage.location import is_local, location, remote
from harness.storage.records import now
from harness.threads import start

LEASE_SECONDS = 60.0
"""Time after which a lease on an object store has expired, unless its holder renews it."""

RENEWALS = 4
"""How often a lease is renewed in that time."""

LOOKS = 5
LOOK_SECONDS = 0.1
"""How often, and how long after another, somebody who wants a lease looks whether others withdraw."""


@dataclass(frozen=True)
class Lease:
    """A lease that is held.

    Attributes:
        file: on a disk, the locked file. A worker process inherits it, so that the lease lasts as long as the worker
            even if the run is killed.
        own: at a URL, the holder's object. It is gone if another run has taken the lease over.
    """

    file: IO[bytes] | None = None
    own: str = ""


@contextmanager
def lease(path: Path, lost: Callable[[], None], seconds: float = LEASE_SECONDS) -> Iterator[Lease | None]:
    """Hold a lease, if nobody else does; None if somebody does.

    On a disk it is a file lock, which the kernel frees at any death of its holder. On an object store it is an
    object that its holder renews; after a death it expires.

    Args:
        path: its place; a file on a disk, a folder of objects elsewhere.
        lost: called if the lease could not be renewed in time and somebody else has it now, or has had it.
        seconds: time after which a lease that is not renewed has expired.

    Raises:
        StorageError: the store is out of reach.
    """
    if is_local(path):
        with locked(path, wait=False) as file:
            yield Lease(file) if file else None
        return
    announced = _Announced(path, seconds)
    with storing(path):
        got = announced.get()
    if not got:
        yield None
        return
    ended = threading.Event()
    renewing = threading.Thread(target=announced.keep, args=(ended, lost), daemon=True)
    try:
        start(renewing)
        yield Lease(own=str(announced.own))
    finally:
        ended.set()
        if renewing.ident:
            renewing.join()
        announced.remove()


def holder(path: Path) -> str:
    """Who holds a lease, in words: "process 12 on host"; "another process" if that is not known."""
    try:
        if is_local(path):
            return path.read_text(encoding="utf-8", errors="replace")[:200] or "another process"
        owner = json.loads(next(iter(path.iterdir())).read_bytes())
        return f"process {owner['process']} on {owner['host']}"
    except Exception:  # It has just been given back, or the store is out of reach; it is for people only.
        return "another process"


def is_lost(own: str) -> bool:
    """Whether another run has taken over the lease whose holder's object was this one; "" for one on a disk."""
    return bool(own) and not exists(location(own))


class _Announced:
    """A lease as an object of its holder's own name beside those of others: a lock like Lamport's bakery.

    Whoever wants the lease writes an object of its own, then lists the others, and has the lease if there are none. Of
    two at the same time the later one sees both; the one with the smaller name looks again for a moment, the other
    withdraws. It needs nothing of the store but that what was written is seen. Ages are read off the store's own
    clock.

    Writes on condition are quicker: against moto a lease was taken in 28 ms by one with `If-None-Match`, and in 148 ms
    this way; of six who wanted it at once one had it, after 0.1 to 0.6 s and after 0.8 to 2 s. But a trial takes one
    lease in its whole life, a store that does not know the condition ignores it and lets everybody have the lease,
    fsspec has no `If-Match` by which one would be renewed or an expired one taken over, and for most other stores its
    exclusive writing is a check and then a write.
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
        """Give the lease back; if the store is out of reach, it expires later."""
        with suppress(OSError):
            self.own.unlink()

    def keep(self, ended: threading.Event, lost: Callable[[], None]) -> None:
        """Renew the lease until it is given back; after a pause that was too long, see whether it is taken."""
        while not ended.wait(self.seconds / RENEWALS):
            try:
                if not self.own.exists():  # Whoever takes an expired lease over removes it.
                    lost()
                    return
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
