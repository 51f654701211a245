"""A small stand-in for the Hub on this machine: repositories that give their files and take commits."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".pt", ".bin", ".pth", ".png")
REFUSALS = {"owner/gated": (403, "GatedRepo"), "owner/missing": (404, "RepoNotFound"), "owner/broken": (500, "")}


class Repository:
    def __init__(self, files: dict[str, bytes] | None = None, *, private: bool = False) -> None:
        self.private = private
        self.files = files or {}
        self.commits: list[str] = []


class Hub(ThreadingHTTPServer):
    """Counts `requests` and the `ranges` that were asked for; `refuses` writers.

    With `wrong_hashes` it says of every large file that it is another; with `stalls_at` it gives so many bytes of a
    file, and then no more until `go_on` is set.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.contents: dict[str, bytes] = {}
        self.requests = 0
        self.refuses = False
        self.wrong_hashes = False
        self.ranges: list[str] = []
        self.stalls_at: int | None = None
        self.go_on = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def environment(self, home: str) -> dict[str, str]:
        """What a process needs to take this for the Hub."""
        return {
            "HF_ENDPOINT": self.url, "HF_HOME": home, "HF_TOKEN": "a-token", "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
        }  # fmt: skip

    def digest(self, content: bytes) -> str:
        return "0" * 64 if self.wrong_hashes else hashlib.sha256(content).hexdigest()


@contextmanager
def serve_hub() -> Iterator[Hub]:
    hub = Hub()
    Thread(target=hub.serve_forever, daemon=True).start()
    yield hub
    hub.go_on.set()
    hub.shutdown()
    hub.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(self.path.partition("?")[0])
        if path == "/api/repos/create":
            return self.create(json.loads(body))
        if path == "/api/validate-yaml":
            return self.send_json({"errors": [], "warnings": []})
        if path.endswith("/info/lfs/objects/batch"):
            uploads = [
                {**each, "actions": {"upload": {"href": f"{self.server.url}/upload/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            return self.send_json({"transfer": "basic", "objects": uploads})
        repo = self.repository(path)
        if repo is None:
            return self.refuse(404, "RepoNotFound")
        if "/preupload/" in path:
            files = [
                {"path": each["path"], "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                 "shouldIgnore": False}
                for each in json.loads(body)["files"]
            ]  # fmt: skip
            return self.send_json({"files": files})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                repo.commits.append(value["summary"])
            elif line["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repo.files[value["path"]] = self.server.contents[value["oid"]]
        return self.send_json({"commitUrl": f"{self.server.url}/owner/name/commit/{COMMIT}", "commitOid": COMMIT})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.contents[hashlib.sha256(body).hexdigest()] = body
        self.answer(200, b"", {})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.requests += 1
        path = unquote(self.path.partition("?")[0])
        for name, (status, code) in REFUSALS.items():
            if name in path:
                return self.refuse(status, code)
        repo = self.repository(path)
        if repo is None:
            return self.refuse(404, "RepoNotFound")
        if path.startswith("/api/"):
            return self.describe(repo, path)
        name = path.split("/resolve/")[1].partition("/")[2]
        if name not in repo.files:
            return self.refuse(404, "EntryNotFound")
        etag = f'"{self.server.digest(repo.files[name])}"'
        return self.give(repo.files[name], {"ETag": etag, "X-Repo-Commit": COMMIT})

    def give(self, content: bytes, headers: dict[str, str]) -> None:
        """A file, or the rest of it."""
        status, wanted = 200, self.headers.get("Range")
        if wanted is not None and self.command == "GET":
            self.server.ranges.append(wanted)
            begin = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers |= {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"}
            status, content = 206, content[begin:]
        self.answer(status, content, headers)

    def describe(self, repo: Repository, path: str) -> None:
        if any(f"/{what}/" in path for what in ("revision", "tree")) and not path.endswith(("/main", COMMIT)):
            return self.refuse(404, "RevisionNotFound")
        if "/tree/" in path:
            return self.send_json([{"path": name} | self.entry(repo, name) for name in repo.files])
        siblings = [{"rfilename": name} | self.entry(repo, name) for name in repo.files]
        return self.send_json({"id": "owner/name", "sha": COMMIT, "siblings": siblings})

    def create(self, wanted: dict[str, object]) -> None:
        if self.server.refuses or self.headers.get("Authorization") != "Bearer a-token":
            return self.answer(403, b'{"error": "You may not write here."}', {"Content-Type": "application/json"})
        kind = "spaces/" if wanted.get("type") == "space" else ""
        name = f"{kind}{wanted['organization']}/{wanted['name']}"
        private = wanted.get("private", wanted.get("visibility") == "private")
        self.server.repositories.setdefault(name, Repository(private=bool(private)))
        return self.send_json({"url": f"{self.server.url}/{name}", "id": name})

    def repository(self, path: str) -> Repository | None:
        parts = path.removeprefix("/api/models").removeprefix("/api").strip("/").split("/")
        kind = "spaces/" if parts[0] == "spaces" else ""
        first = 1 if kind else 0
        return self.server.repositories.get(kind + "/".join(parts[first : first + 2]))

    def entry(self, repo: Repository, name: str) -> dict[str, object]:
        content = repo.files[name]
        entry: dict[str, object] = {"size": len(content), "blobId": "b" * 40, "oid": "b" * 40, "type": "file"}
        if name.endswith(LARGE):
            digest = self.server.digest(content)
            entry["lfs"] = {"sha256": digest, "oid": digest, "size": len(content), "pointerSize": 130}
        return entry

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, b"{}", {"X-Error-Code": code} if code else {})

    def send_json(self, content: object) -> None:
        self.answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        at = self.server.stalls_at
        if at is not None and len(body) > at:
            self.wfile.write(body[:at])
            self.wfile.flush()
            self.server.go_on.wait(60)
            return
        self.wfile.write(body)
