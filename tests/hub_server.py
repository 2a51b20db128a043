"""A server on the loopback interface that answers as the Hugging Face Hub does where a folder is uploaded.

Binary files go by Git LFS, one by one, as they do where `hf_xet` is switched off (HF_HUB_DISABLE_XET).
"""

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TOKEN = "hf_secret"
LARGE = (".npz", ".safetensors")
"""Endings of files that go by Git LFS."""


class Handler(BaseHTTPRequestHandler):
    """Keeps repositories in the memory; `server.refuse` is the status that the next commit gets.

    `server.before_commit` is called when a commit has arrived and before it is made.
    """

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
            self.answer({"files": [self.mode(file["path"]) for file in json.loads(body)["files"]]})
        elif self.path.endswith(".git/info/lfs/objects/batch"):
            self.answer({"objects": [self.place(each) for each in json.loads(body)["objects"]]})
        elif "/commit/" in self.path:
            self.commit(body)
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        else:
            self.answer({"error": f"no {self.path}"}, 404)

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.objects[hashlib.sha256(content).hexdigest()] = content
        self.answer({})

    def mode(self, name):
        return {"path": name, "uploadMode": "lfs" if name.endswith(LARGE) else "regular", "shouldIgnore": False}

    def place(self, asked):
        known = asked["oid"] in self.server.objects
        actions = {} if known else {"actions": {"upload": {"href": f"{self.server.address}/objects/{asked['oid']}"}}}
        return {**asked, **actions}

    def create(self, asked):
        folder = "datasets/" if asked.get("type") == "dataset" else ""
        name = f"{folder}{asked.get('organization') or 'me'}/{asked['name']}"
        code = 409 if name in self.server.repositories else 200
        self.server.repositories.setdefault(name, {})
        self.server.made.append(asked)
        self.answer({"url": f"{self.server.address}/{name}", "error": "You already created this"}, code)

    def commit(self, body):
        self.server.before_commit()
        if self.server.refuse:
            code, self.server.refuse = self.server.refuse, 0
            self.answer({"error": "Forbidden: read-only token"}, code)
            return
        name = self.path.removeprefix("/api/").removeprefix("models/").partition("/commit/")[0]
        repository = self.server.repositories[name]
        for line in body.decode().splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                repository[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "lfsFile":
                repository[entry["value"]["path"]] = self.server.objects[entry["value"]["oid"]]
        self.server.commits += 1
        address = f"{self.server.address}/{name}/commit/{self.server.commits:040x}"
        self.answer({"success": True, "commitOid": f"{self.server.commits:040x}", "commitUrl": address})


class HubServer(ThreadingHTTPServer):
    """Serves until it is closed."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.repositories, self.objects, self.asked, self.made, self.commits, self.refuse = {}, {}, [], [], 0, 0
        self.before_commit = lambda: None
        Thread(target=self.serve_forever, daemon=True).start()
