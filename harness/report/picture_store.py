"""The pictures of a page: kept in the page while they are few, and in a folder beside it when they are not."""

from functools import partial
from pathlib import Path
from typing import IO

from harness.pictures.images import Pixels, data_uri, webp
from harness.storage.atomic import remove_others, write_whole

MOST_BYTES = 12_000_000
"""Pictures of more than this go beside the page, which would grow beyond 16 MB with them (base64 adds a third)."""


class Album:
    """The pictures of a page, each known by the number that it was kept under."""

    def __init__(self) -> None:
        self.files: list[bytes] = []

    def add(self, picture: Pixels) -> int:
        """Keep a picture (H, W, 3); returns its number."""
        self.files.append(webp(picture))
        return len(self.files) - 1

    def sources(self, page: Path) -> list[str]:
        """What the page is to load for each number: the picture itself, or the name of a file written beside it.

        Pictures of an earlier page that this one does not have are removed.
        """
        within = sum(map(len, self.files)) <= MOST_BYTES
        folder = page.with_name(f"{page.stem}-pictures")
        names = [] if within else [f"{number:05}.webp" for number in range(len(self.files))]
        remove_others(folder, "[0-9]" * 5 + ".webp", names)
        if within:
            return [data_uri(file) for file in self.files]
        for name, file in zip(names, self.files, strict=True):
            write_whole(folder / name, partial(_write, file))
        return [f"{folder.name}/{name}" for name in names]


def _write(content: bytes, target: IO[bytes]) -> None:
    target.write(content)
