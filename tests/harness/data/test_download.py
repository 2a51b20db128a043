"""Fetching from servers that are dead, slow, cut short, elsewhere, or that serve web pages."""

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from harness.data import DataFile
from harness.data import download as fetching
from harness.data.download import download
from harness.errors import UserError

CONTENT = bytes(range(256)) * 8192
"""Two MiB."""
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """Each path behaves in its own way."""

    def log_message(self, *_):
        pass

    def start(self, code, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def do_GET(self):
        self.server.asked.append(self.path)
        getattr(self, self.path.strip("/").replace("-", "_"))()

    def good(self):
        self.start(200, Content_Length=len(CONTENT))
        self.wfile.write(CONTENT)

    def of_unknown_length(self):
        self.start(200)
        self.wfile.write(CONTENT)

    def moved(self):
        self.start(302, Location="/good")

    def loop(self):
        self.start(302, Location="/loop")

    def gone(self):
        self.start(404)

    def broken(self):
        self.start(503)

    def page(self):
        self.start(200)
        self.wfile.write(b"<!DOCTYPE html>\n<html>Please log in.</html>")

    def other(self):
        self.start(200)
        self.wfile.write(CONTENT[:-1] + b"!")

    def cut(self):
        self.start(200, Content_Length=len(CONTENT))
        self.wfile.write(CONTENT[: len(CONTENT) // 2])

    def cut_of_unknown_length(self):
        self.start(200)
        self.wfile.write(CONTENT[: len(CONTENT) // 2])

    def cut_in_a_chunk(self):
        self.protocol_version = "HTTP/1.1"
        self.start(200, Transfer_Encoding="chunked")
        self.wfile.write(b"100000\r\nabc")
        self.close_connection = True

    def silent(self):
        self.server.closing.wait(20)

    def stalled(self):
        self.start(200, Content_Length=len(CONTENT))
        self.wfile.write(CONTENT[:1000])
        self.server.closing.wait(20)

    def dripping(self):
        self.start(200, Content_Length=len(CONTENT))
        while not self.server.closing.wait(0.05):
            try:
                self.wfile.write(b"x")
            except OSError:
                return

    def nonsense(self):
        self.wfile.write(b"this is no HTTP\r\n\r\n")


@pytest.fixture
def server():
    """A server on the loopback interface; `asked` are the paths that were asked for, in order."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        listening.asked, listening.closing = [], Event()
        Thread(target=listening.serve_forever, daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{listening.server_port}", asked=listening.asked)
        listening.closing.set()
        listening.shutdown()


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
