"""Fetching from servers that are dead, slow, cut short, elsewhere, or that serve web pages."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from file_server import CHECKSUM, CONTENT, serving

from harness.data import DataFile
from harness.data import download as fetching
from harness.data.digests import data_digest
from harness.data.download import download
from harness.data.trusted import recorded
from harness.errors import UserError


@pytest.fixture
def server():
    with serving() as listening:
        yield listening


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(fetching, "PATIENCE", 0.4)


BAD = {
    "gone": "404",
    "broken": "503",
    "loop": "redirect",
    "page": "gave a web page, sha256 checksum",
    "other": "gave sha256 checksum .* expected",
    "cut": r"broke off after 1,048,576 of 2,097,152 bytes",
    "cut-of-unknown-length": "gave sha256 checksum",
    "cut-in-a-chunk": "IncompleteRead",
    "silent": "timed out",
    "stalled": "timed out",
    "dripping": r"gave only \d+ bytes in 0\.4 s",
    "nonsense": "no HTTP",
}


@pytest.mark.parametrize("way", ["good", "moved", "of-unknown-length"])
def test_a_file_is_fetched_whole(way, server, tmp_path):
    download(f"{server.url}/{way}", tmp_path / "set/file", CHECKSUM)
    assert (tmp_path / "set/file").read_bytes() == CONTENT
    assert not list(tmp_path.glob("set/*.part"))


@pytest.mark.parametrize("way", BAD)
def test_what_an_address_gives_wrongly_is_said_and_not_kept(way, server, tmp_path):
    with pytest.raises(
        UserError, match=rf"set/file: cannot be fetched; nothing was kept\. {server.url}/{way}: .*{BAD[way]}"
    ):
        download(f"{server.url}/{way}", tmp_path / "set/file", CHECKSUM)
    assert [path.name for path in tmp_path.glob("set/*")] in ([], [".file.lock"])


@pytest.mark.parametrize("way", BAD)
def test_the_next_address_is_tried(way, server, tmp_path):
    download([f"{server.url}/{way}", f"{server.url}/good"], tmp_path / "file", CHECKSUM)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked[-1] == "/good"


def test_a_dead_address_is_no_end_either(server, tmp_path):
    dead = ["http://127.0.0.1:1/file", "http://no-such-host.invalid/file", "nonsense"]
    download([*dead, f"{server.url}/good"], tmp_path / "file", CHECKSUM)
    assert server.asked == ["/good"]


def test_every_address_is_named_with_its_reason(server, tmp_path):
    with pytest.raises(UserError, match=r"/gone: .*404.*; http.*/page: gave a web page"):
        download([f"{server.url}/gone", f"{server.url}/page"], tmp_path / "file", CHECKSUM)


def test_the_addresses_of_a_data_file_are_tried_in_turn(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    monkeypatch.setenv("HARNESS_DOWNLOAD", "1")
    mirrors = (f"{server.url}/page", f"{server.url}/good")
    file = DataFile("set/file", "https://example.org", "sprites", f"{server.url}/gone", CHECKSUM, mirrors)
    assert file.find().read_bytes() == CONTENT
    file.find()
    assert server.asked == ["/gone", "/page", "/good"]


def test_many_who_want_a_file_fetch_it_once(server, tmp_path):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: download(f"{server.url}/good", tmp_path / "file", CHECKSUM), range(4)))
    assert server.asked == ["/good"]


def test_two_processes_fetch_a_file_once(server, tmp_path):
    code = "import sys; from pathlib import Path; from harness.data.download import download; "
    code += "download(sys.argv[1], Path(sys.argv[2]), sys.argv[3])"
    arguments = [sys.executable, "-c", code, f"{server.url}/good", str(tmp_path / "file"), CHECKSUM]
    both = [subprocess.Popen(arguments) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert server.asked == ["/good"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_what_a_killed_download_leaves_is_no_file_and_goes_with_the_next(server, tmp_path):
    code = "import sys; from pathlib import Path; from harness.data.download import download; "
    code += "download(sys.argv[1], Path(sys.argv[2]), sys.argv[3])"
    place = tmp_path / "file"
    with subprocess.Popen([sys.executable, "-c", code, f"{server.url}/stalled", str(place), CHECKSUM]) as process:
        deadline = time.monotonic() + 60
        while "/stalled" not in server.asked or not list(tmp_path.glob(".file.*.part")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    assert not place.exists()
    assert list(tmp_path.glob(".file.*.part"))
    download(f"{server.url}/good", place, CHECKSUM)
    assert place.read_bytes() == CONTENT
    assert not list(tmp_path.glob(".file.*.part"))


def test_a_place_that_cannot_be_written_is_the_fault_of_no_address(server, tmp_path):
    (tmp_path / "set").write_bytes(b"a file")
    with pytest.raises(UserError, match=r"set/file: cannot be written"):
        download([f"{server.url}/good"] * 2, tmp_path / "set/file", CHECKSUM)
    assert server.asked == []


OTHER = f"sha256:{'0' * 64}"


@pytest.fixture
def data_file(server, tmp_path, monkeypatch):
    """Makes a data file with an address on the server, which may be fetched."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    monkeypatch.setenv("HARNESS_DOWNLOAD", "1")

    def make(way="good", checksum=OTHER, mirrors=()):
        mirrors = tuple(f"{server.url}/{mirror}" for mirror in mirrors)
        return DataFile("set/file", "https://example.org", "sprites", f"{server.url}/{way}", checksum, mirrors)

    return make


def test_a_new_edition_is_kept_on_trust_alone_and_its_digest_beside_it(data_file, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"gave sha256 checksum .*; --trust keeps one with another checksum"):
        data_file().find()
    assert not (tmp_path / "set/file").exists()
    monkeypatch.setenv("HARNESS_TRUST", "1")
    assert data_file().find().read_bytes() == CONTENT
    assert (tmp_path / "set/file.sha256").read_text() == f"{CHECKSUM.removeprefix('sha256:')}  file\n"


def test_a_file_of_no_known_checksum_is_not_even_asked_for_without_trust(data_file, server, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"set/file: no checksum of it is known, .* Run again with --trust"):
        data_file(checksum="").find()
    assert server.asked == []
    monkeypatch.setenv("HARNESS_TRUST", "1")
    assert data_file(checksum="").find().read_bytes() == CONTENT
    assert recorded(tmp_path / "set/file") == CHECKSUM.removeprefix("sha256:")


@pytest.mark.parametrize("way", [*(way for way in BAD if way != "other"), "empty", "of-unknown-length"])
def test_trust_is_not_for_what_is_no_whole_file(way, data_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_TRUST", "1")
    with pytest.raises(UserError, match=f"/{way}: "):
        data_file(way).find()
    assert not [path for path in tmp_path.glob("set/*") if path.name != ".file.lock"]


def test_a_right_file_needs_no_trust_and_no_record(data_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_TRUST", "1")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/file.sha256").write_text("of a file that was there before")
    data_file(checksum=CHECKSUM).find()
    assert not (tmp_path / "set/file.sha256").exists()


def test_a_trusted_file_that_changes_is_refused_where_a_suite_is_read(data_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_TRUST", "1")
    place = data_file().find()
    dataset = SimpleNamespace(data_files=lambda: [place])
    assert data_digest(dataset)
    place.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(
        UserError, match=r"set/file: is not what was fetched and trusted, .* file\.sha256; get it again"
    ):
        data_digest(dataset)
