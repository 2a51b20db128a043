"""A server on the loopback interface that answers as the Hugging Face Hub does where a folder is uploaded."""

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TOKEN = "hf_secret"


class Handler(BaseHTTPRequestHandler):
    """Keeps repositories in the memory; `server.refuse` is the status that the next commit gets."""

    def log_message(self, *_):
        pass

    def answer(self, data, code=200):
        body = json.dumps(data).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({"error": f"no {self.path}"}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/repos/create":
            self.create(json.loads(body))
        elif self.path.endswith("/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            self.answer({"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]})
        elif "/commit/" in self.path:
            self.commit(body)
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        else:
            self.answer({"error": f"no {self.path}"}, 404)

    def create(self, asked):
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        code = 409 if name in self.server.repositories else 200
        self.server.repositories.setdefault(name, {})
        self.server.made.append(asked)
        self.answer({"url": f"{self.server.address}/datasets/{name}", "error": "You already created this"}, code)

    def commit(self, body):
        if self.server.refuse:
            code, self.server.refuse = self.server.refuse, 0
            self.answer({"error": "Forbidden: read-only token"}, code)
            return
        name = "/".join(self.path.split("/")[3:5])
        repository = self.server.repositories[name]
        for line in body.decode().splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                repository[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
        self.server.commits += 1
        address = f"{self.server.address}/datasets/{name}/commit/{self.server.commits:040x}"
        self.answer({"success": True, "commitOid": f"{self.server.commits:040x}", "commitUrl": address})


class HubServer(ThreadingHTTPServer):
    """Serves until it is closed."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.repositories, self.asked, self.made, self.commits, self.refuse = {}, [], [], 0, 0
        Thread(target=self.serve_forever, daemon=True).start()
