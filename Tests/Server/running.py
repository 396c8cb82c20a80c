"""The server that the tests of this folder talk to: the one at REDRAFTER_SERVER, or one that is started for them.

REDRAFTER is the command, REDRAFTER_MODEL the model (the default one).
"""
import asyncio
import atexit
import os
import sys
import unittest
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Benchmarks", "Scripts"))

import peer  # noqa: E402
import wire  # noqa: E402

CONTEXT = 2048
SLOTS = 4


def binary():
    return os.environ.get("REDRAFTER") or os.path.join(ROOT, ".build-server", "release", "redrafter")


def model():
    return os.environ.get("REDRAFTER_MODEL") or peer.default_model()


def start(*options, **variables):
    """A server on a free port; it ends with this process at the latest."""
    if not os.path.exists(model()):
        raise unittest.SkipTest(f"{model()} is missing; run make setup")
    command = [binary(), "serve", "-m", model(), "--port", "0", "-c", str(CONTEXT), *options]
    server = wire.Server("redrafter", command, variables=variables)
    atexit.register(server.stop)
    return server


class Running:
    """A server that answers."""

    def __init__(self):
        self.url = os.environ.get("REDRAFTER_SERVER", "").rstrip("/")
        self.process = None
        if self.url:
            parts = urllib.parse.urlsplit(self.url)
            self.address = (parts.hostname, parts.port)
        else:
            self.process = start("--parallel", str(SLOTS)).wait()
            self.address = self.process.address
            self.url = f"http://{self.address[0]}:{self.address[1]}"
        entry = self.get("/v1/models").json["data"][0]
        self.model, self.is_own = entry["id"], entry["owned_by"] == "redrafter"
        self.drafters = (entry.get("meta") or {}).get("drafters", [])

    def get(self, path):
        return asyncio.run(wire.send(self.address, "GET", path))

    def metric(self, name):
        return wire.metrics(self.get("/metrics").bytes.decode())[name]


shared = None


def server():
    """The one server of all tests that need nothing special."""
    global shared
    if shared is None:
        shared = Running()
    return shared


class ServerTests(unittest.TestCase):
    """Tests with the shared server."""

    @classmethod
    def setUpClass(cls):
        cls.server = server()

    def require_own(self):
        if not self.server.is_own:
            self.skipTest("only redrafter promises this")
