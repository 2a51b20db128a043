"""Leases: which run holds which trial, so that several runs share one results folder."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.errors import UserError
from harness.storage.announced_lease import AnnouncedLease
from harness.storage.atomic import exists, locked, storing
from harness.storage.conditional_lease import HOLDER, ConditionalLease, is_held, knows_conditions
from harness.storage.location import is_local, location
from harness.threads import start

LEASE_SECONDS = 60.0
"""Time after which a lease on an object store has expired, unless its holder renews it."""


@dataclass(frozen=True)
class Lease:
    """A lease that is held.

    Attributes:
        file: on a disk, the locked file. A worker process inherits it, so that the lease lasts as long as the worker
            even if the run is killed.
        own: at a URL, what `is_lost` is asked by.
    """

    file: IO[bytes] | None = None
    own: str = ""


@contextmanager
def lease(path: Path, lost: Callable[[], None], seconds: float = LEASE_SECONDS) -> Iterator[Lease | None]:
    """Hold a lease, if nobody else does; None if somebody does.

    On a disk it is a file lock, which the kernel frees at any death of its holder. On an object store it is an
    object that its holder renews; after a death it expires.

    Args:
        path: its place; a file on a disk, an object on S3, a folder of objects elsewhere.
        lost: called if the lease could not be renewed in time and somebody else has it now, or has had it.
        seconds: time after which a lease that is not renewed has expired.

    Raises:
        StorageError: the store is out of reach.
    """
    if is_local(path):
        with locked(path, wait=False) as file:
            yield Lease(file) if file else None
        return
    with storing(path):
        wanted = ConditionalLease(path, seconds) if knows_conditions(path) else AnnouncedLease(path, seconds)
        got = wanted.get()
    if not got:
        yield None
        return
    ended = threading.Event()
    renewing = threading.Thread(target=wanted.keep, args=(ended, lost), daemon=True)
    try:
        start(renewing)
        yield Lease(own=str(wanted.own))
    finally:
        ended.set()
        if renewing.ident:
            renewing.join()
        wanted.remove()


@contextmanager
def sole_lease(path: Path) -> Iterator[None]:
    """Hold the lease of a trial, or of comparisons, that no run may be working on.

    Raises:
        UserError: one does.
        StorageError: the store is out of reach.
    """
    with lease(path, lambda: None) as got:
        if got is None:
            raise UserError(f"{path.parent}: {holder(path)} works on it; stop that run first")
        yield


def holder(path: Path) -> str:
    """Who holds a lease, in words: "process 12 on host"; "another process" if that is not known."""
    try:
        if is_local(path):
            return path.read_text(encoding="utf-8", errors="replace")[:200] or "another process"
        file = path if knows_conditions(path) else next(iter(path.iterdir()))
        owner = json.loads(file.read_bytes())
        return f"process {owner['process']} on {owner['host']}"
    except Exception:  # It has just been given back, or the store is out of reach; it is for people only.
        return "another process"


def is_lost(own: str) -> bool:
    """Whether another run has taken a lease over.

    Args:
        own: see `Lease`; "" for one on a disk.
    """
    if HOLDER in own:
        return not is_held(own)
    return bool(own) and not exists(location(own))
