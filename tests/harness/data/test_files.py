"""Where files are looked for, how they are fetched, and decoded copies that survive anything."""

import ast
import errno
import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from harness.data import progress
from harness.data.download import download
from harness.data.files import DataFile, data_root, decoded, may_download, paths_outside, state
from harness.errors import UserError


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HARNESS_DOWNLOAD", raising=False)
    return tmp_path / "data"


@pytest.mark.parametrize("path", ["/etc", "../other", "a/../../b", "~/pictures", "file:///etc", "s3://bucket/a"])
def test_a_path_that_leads_out_of_the_data_root_is_found_however_deep_it_stands(root, path):
    assert paths_outside({"sources": [{"path": path}], "size": 64}) == [path]


def test_paths_below_the_data_root_and_other_settings_lead_nowhere_else(root):
    assert paths_outside({"path": "pictures", "sub": "a/../b", "mode": "RGB", "all": str(root / "c"), "n": None}) == []


def published(tmp_path, content=b"pixels"):
    """A file to fetch, and its DataFile."""
    (tmp_path / "published").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    url = (tmp_path / "published").as_uri()
    return DataFile("set/file", "https://example.org", "sprites", url, f"sha256:{digest}")


class TestRoot:
    def test_is_chosen_by_the_environment(self, root, monkeypatch):
        assert data_root() == root
        monkeypatch.setenv("HARNESS_DATA", "~/here")
        assert data_root().is_absolute()

    def test_is_the_users_data_folder_otherwise(self, monkeypatch):
        monkeypatch.setenv("HARNESS_DATA", "")
        assert data_root().name == "harness"

    @pytest.mark.parametrize(("value", "allowed"), [("1", True), ("0", False), ("", False), ("yes", True)])
    def test_downloads_must_be_allowed(self, value, allowed, monkeypatch):
        monkeypatch.setenv("HARNESS_DOWNLOAD", value)
        assert may_download() == allowed


class TestFetching:
    def test_nothing_is_fetched_unasked(self, root, tmp_path):
        with pytest.raises(UserError, match=r"set/file: there is no such file.*--download.*'sprites', which"):
            published(tmp_path).find()
        assert not root.exists()

    def test_a_file_is_fetched_once(self, root, tmp_path, monkeypatch):
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        file = published(tmp_path)
        assert file.find().read_bytes() == b"pixels"
        (tmp_path / "published").unlink()
        assert file.find() == root / "set/file"
        download(file.url, file.place, file.checksum)

    def test_a_wrong_checksum_is_refused(self, root, tmp_path, monkeypatch):
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        file = published(tmp_path)
        (tmp_path / "published").write_bytes(b"<html>")
        with pytest.raises(
            UserError, match=rf"set/file: .* file:.*: gave a web page, sha256 .*, expected {file.checksum[7:]}"
        ):
            file.find()
        assert [path.name for path in root.glob("set/*")] == [".file.lock"] or not list(root.glob("set/*"))

    def test_an_unreachable_file_is_explained(self, root, tmp_path, monkeypatch):
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        file = published(tmp_path)
        (tmp_path / "published").unlink()
        with pytest.raises(UserError, match=r"set/file: cannot be fetched; nothing was kept\. file:"):
            file.find()

    def test_without_an_address_downloading_is_not_suggested(self, root, monkeypatch):
        monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
        with pytest.raises(UserError) as caught:
            DataFile("set/file", "https://example.org", "sprites").find()
        assert "--download" not in str(caught.value)


SLOW = """
import sys, time
from harness.data.files import decoded

def decode(arrays):
    target = arrays.create("images", (3, 2))
    print("started", flush=True)
    time.sleep(float(sys.argv[1]))
    target[:] = 7

decoded("toy", [1], [], decode)
"""


@contextmanager
def decoding_slowly(root, seconds):
    """A process of its own that is half-way through decoding."""
    command = [sys.executable, "-c", SLOW, str(seconds)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "HARNESS_DATA": str(root)}
    ) as process:
        assert process.stdout.readline() == "started\n"
        yield process


def ones(arrays):
    arrays.create("images", (3, 2))[:] = 1
    arrays.create("labels", (3,), np.int64)[:] = 2


class TestDecodedCopies:
    def test_are_made_once(self, root):
        calls = []

        def decode(arrays):
            calls.append(1)
            ones(arrays)

        for _ in range(2):
            arrays = decoded("toy", [1], [], decode)
            assert (arrays["images"] == 1).all()
            assert arrays["labels"].tolist() == [2, 2, 2]
        assert len(calls) == 1

    def test_go_into_the_users_cache_where_the_data_root_cannot_be_written(self, tmp_path, monkeypatch):
        (tmp_path / "root").write_text("No folder can be made below a file, be one root or not.")
        monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "root"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
        for _ in range(2):
            assert (decoded("toy", [1], [], ones)["images"] == 1).all()
        assert len(list((tmp_path / "mine" / "harness").glob("toy-*"))) == 1

    def test_depend_on_recipe_and_sources(self, root, tmp_path):
        source = tmp_path / "source"
        source.write_bytes(b"a")
        decoded("toy", [1], [source], ones)
        decoded("toy", [2], [source], ones)
        source.write_bytes(b"ab")
        decoded("toy", [1], [source], ones)
        before, times = state(source), source.stat()
        while state(source) == before:  # The clock of files has ticks of some milliseconds.
            source.write_bytes(b"cd")
            os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
        decoded("toy", [1], [source], ones)
        assert len(list(root.glob("cache/toy-*"))) == 4

    def test_writing_to_one_changes_no_file(self, root):
        decoded("toy", [1], [], ones)["images"][:] = 5
        assert (decoded("toy", [1], [], ones)["images"] == 1).all()

    def test_of_a_failed_decoding_nothing_stays(self, root):
        def fail(arrays):
            arrays.create("images", (3, 2))
            raise UserError("broken file")

        with pytest.raises(UserError, match="broken file"):
            decoded("toy", [1], [], fail)
        assert not list(root.glob("cache/toy-*"))
        assert (decoded("toy", [1], [], ones)["images"] == 1).all()

    def test_survive_a_kill_half_way(self, root):
        with decoding_slowly(root, 60) as process:
            process.kill()
        assert list(root.glob("cache/*.partial"))
        assert (decoded("toy", [1], [], ones)["images"] == 1).all()
        assert not list(root.glob("cache/*.partial"))

    def test_a_second_process_waits_for_the_first(self, root):
        with decoding_slowly(root, 0.5):
            assert (decoded("toy", [1], [], ones)["images"] == 7).all()

    def test_a_full_disk_is_explained(self, root, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(UserError, match=r"cache/toy-.*: the decoded copy cannot be written: .*No space left"):
            decoded("toy", [1], [], ones)
        assert not list(root.glob("cache/toy-*"))

    def test_room_is_reserved_where_the_system_has_no_call_for_it(self, root, monkeypatch):
        monkeypatch.delattr(os, "posix_fallocate")

        def large(arrays):
            arrays.create("images", (3, 1 << 20))[:] = 1
            used = (arrays.folder / "images.npy").stat().st_blocks * 512
            assert used >= 3 << 20
            arrays.create("empty", (5000,))

        arrays = decoded("toy", [1], [], large)
        assert (arrays["images"] == 1).all()
        assert arrays["images"].shape == (3, 1 << 20)
        assert (arrays["empty"] == 0).all()


LINUX_ONLY = {
    *("copy_file_range", "eventfd", "memfd_create", "pidfd_open", "pipe2", "posix_fadvise", "posix_fallocate"),
    *("sched_getaffinity", "sched_setaffinity", "splice", "fdatasync", "getrandom", "getxattr", "setxattr"),
    *("epoll", "prlimit", "sigtimedwait", "O_TMPFILE", "O_DIRECT", "F_SETPIPE_SZ", "prctl"),
}
"""Calls and constants of the standard library and libc that macOS lacks."""


def test_what_only_linux_has_is_asked_for_before_it_is_used():
    used = {}
    for path in [*Path("harness").rglob("*.py"), *Path("plugins").rglob("*.py")]:
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and node.attr in LINUX_ONLY:
                guarded = f'"{node.attr}")' in text or 'sys.platform == "linux"' in text
                used[f"{path}: {node.attr}"] = guarded
    assert used
    assert all(used.values()), [place for place, guarded in used.items() if not guarded]


def test_progress_passes_everything_on():
    assert list(progress([1, 2, 3], "counting")) == [1, 2, 3]
    assert list(progress(iter("ab"), "counting")) == ["a", "b"]
