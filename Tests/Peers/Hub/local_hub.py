"""A Hugging Face hub on loopback, as far as a fetch of models needs it: lists, contents, ranges, redirects to another host."""

import hashlib
import http.server
import json
import threading
import urllib.parse


class Repository:
    """Files by their paths at one commit; those beyond `limit` bytes are stored by their SHA-256, as by Git LFS."""

    def __init__(self, name, files, commit=None, limit=1024):
        self.name = name
        self.files = files
        digest = hashlib.sha1(name.encode() + b"".join(p.encode() + b for p, b in sorted(files.items())))
        self.commit = commit or digest.hexdigest()
        self.limit = limit

    def is_large(self, path):
        return len(self.files[path]) > self.limit

    def git_hash(self, path):
        content = self.files[path]
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def sha256(self, path):
        return hashlib.sha256(self.files[path]).hexdigest()

    def etag(self, path):
        return self.sha256(path) if self.is_large(path) else self.git_hash(path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        hub = self.server.hub
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        hub.requests.append((self.command, path, dict(self.headers)))
        for repository in hub.repositories:
            api = f"/api/models/{repository.name}"
            if path == api or path.startswith(api + "/revision/"):
                return self.json(self.info(repository, "blobs" in url.query))
            if path.startswith(api + "/tree/"):
                return self.json(self.tree(repository))
            parts = path.split("/")
            if path.startswith(f"/{repository.name}/resolve/"):
                name = "/".join(parts[5:])
                if name not in repository.files:
                    return self.fail(404, "EntryNotFound", repository)
                return self.content(repository, name)
            if path.startswith(f"/content/{repository.name}/"):
                return self.bytes(repository.files["/".join(parts[4:])], {})
        self.fail(404, "RepoNotFound", None)

    def info(self, repository, has_blobs):
        siblings = []
        for path, content in sorted(repository.files.items()):
            sibling = {"rfilename": path}
            if has_blobs:
                sibling |= {"size": len(content), "blobId": repository.git_hash(path)}
                if repository.is_large(path):
                    sibling["lfs"] = {"sha256": repository.sha256(path), "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        return {
            "id": repository.name, "modelId": repository.name, "sha": repository.commit, "private": False,
            "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings,
        }

    def tree(self, repository):
        entries = []
        for path, content in sorted(repository.files.items()):
            entry = {"type": "file", "path": path, "size": len(content), "oid": repository.git_hash(path)}
            if repository.is_large(path):
                entry["lfs"] = {"oid": repository.sha256(path), "size": len(content), "pointerSize": 134}
            entries.append(entry)
        return entries

    def content(self, repository, path):
        headers = {"X-Repo-Commit": repository.commit, "ETag": f'"{repository.etag(path)}"'}
        if not repository.is_large(path):
            return self.bytes(repository.files[path], headers)
        port = self.server.server_address[1]
        self.send_response(302)
        headers["X-Linked-ETag"] = headers.pop("ETag")
        headers["X-Linked-Size"] = str(len(repository.files[path]))
        headers["Location"] = f"http://localhost:{port}/content/{repository.name}/{urllib.parse.quote(path)}"
        headers["Content-Length"] = "0"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def bytes(self, content, headers):
        start = 0
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and wanted.endswith("-"):
            start = int(wanted[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[start:])

    def json(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def fail(self, status, code, repository):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        if repository:
            self.send_header("X-Repo-Commit", repository.commit)
        self.send_header("Content-Length", "0")
        self.end_headers()


class LocalHub:
    """Serves repositories until `close`."""

    def __init__(self, *repositories):
        self.repositories = list(repositories)
        self.requests = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.hub = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
