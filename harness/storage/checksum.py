"""Seals: a file's SHA-256 in the file itself, so that a single changed bit is found."""

from hashlib import sha256

BLANK = "0" * 64
"""What stands in a file for its seal until it is sealed, and while its hash is computed."""


def seal(content: bytes, *, at_end: bool = False) -> bytearray:
    """Replace the first blank in a file's content, or the last, by the hash of that content.

    Raises:
        ValueError: there is no blank.
    """
    place = content.rindex(BLANK.encode()) if at_end else content.index(BLANK.encode())
    sealed = bytearray(content)
    sealed[place : place + len(BLANK)] = sha256(content).hexdigest().encode()
    return sealed


def is_whole(content: bytes, found: object) -> bool:
    """Whether a content with the seal `found` is what was sealed."""
    if not isinstance(found, str) or len(found) != len(BLANK) or (place := content.find(found.encode())) < 0:
        return False
    parts = memoryview(content)
    digest = sha256(parts[:place])
    digest.update(BLANK.encode())
    digest.update(parts[place + len(BLANK) :])
    return digest.hexdigest() == found
