"""A lease as objects that announce who wants it, for stores that write without conditions."""

import json
import os
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import sleep

from harness.storage.location import remote
from harness.storage.records import now

RENEWALS = 4
"""How often a lease is renewed in the time after which it expires."""

LOOKS = 5
LOOK_SECONDS = 0.1
"""How often, and how long after another, somebody who wants a lease looks whether others withdraw."""


def owner(seconds: float) -> bytes:
    """What stands in the object of a lease: who holds it, since when, for how long; JSON."""
    data = {"host": socket.gethostname(), "process": os.getpid(), "renewed_at": now(), "seconds": seconds}
    return json.dumps({**data, "renewal": uuid.uuid4().hex}).encode()


class AnnouncedLease:
    """A lease as an object of its holder's own name beside those of others: a lock like Lamport's bakery.

    Whoever wants the lease writes an object of its own, then lists the others, and has the lease if there are none. Of
    two at the same time the later one sees both; the one with the smaller name looks again for a moment, the other
    withdraws. It needs nothing of the store but that what was written is seen. Ages are read off the store's own
    clock.
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
        self.own.write_bytes(owner(self.seconds))

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
