"""A server on the loopback interface whose paths each behave in their own way: dead, slow, cut short, a web page."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Event, Thread
from types import SimpleNamespace

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
        getattr(self, self.path.strip("/").partition("?")[0].replace("-", "_"))()

    def good(self):
        self.start(200, Content_Length=len(CONTENT))
        with suppress(OSError):  # Who only asks does not listen to the end.
            self.wfile.write(CONTENT)

    def in_parts(self):
        """As most servers of files do."""
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        part = CONTENT[int(first) : int(last) + 1]
        self.start(206, Content_Length=len(part), Content_Range=f"bytes {first}-{last}/{len(CONTENT)}")
        self.wfile.write(part)

    def meeting(self):
        """Answers once two are asking."""
        self.server.two.wait(10)
        self.good()

    def empty(self):
        self.start(200, Content_Length=0)

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


@contextmanager
def serving() -> Iterator[SimpleNamespace]:
    """The server's `url`; `asked` are the paths that were asked for, in order."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        listening.asked, listening.closing, listening.two = [], Event(), Barrier(2)
        Thread(target=listening.serve_forever, daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{listening.server_port}", asked=listening.asked)
        listening.closing.set()
        listening.shutdown()
