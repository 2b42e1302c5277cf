"""What the tests of routes share: an API, objects in a namespace of their own, and parameters with a knob."""

from __future__ import annotations

import copy
import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config

from runbook_lib.clients import Clients, connect
from runbook_lib.parameters import check
from tests.kubeconfig import write_kubeconfig

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "parameters" / "demo.yaml"
PATHS = {
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
}
Object = dict[str, Any]


@cache
def demo() -> str:
    """The demo's parameters as JSON: reading YAML takes longer than most of these tests."""
    return json.dumps(yaml.safe_load(DEMO.read_text()))


@contextmanager
def embedded(root: Path) -> Iterator[Path]:
    """The embedded API in a process of its own; gives its kubeconfig."""
    argv = [sys.executable, "-m", "sandbox.kubernetes", "--address", "127.0.0.1:0", "--folder", str(root / "state")]
    with (root / "log").open("w") as log:
        process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, (root / "log").read_text()
        yield write_kubeconfig(root / "kubeconfig", url)
    finally:
        process.terminate()
        process.wait(timeout=60)


@dataclass(frozen=True)
class World:
    """One namespace, and what a foreign hand does in it."""

    kubeconfig: Path
    namespace: str
    api: Any

    def clients(self, kind: str, testers: Object | None = None, **knob: Any) -> Clients:
        """Parameters whose knob is of that kind, in this namespace."""
        values = json.loads(demo())
        values["kubernetes"]["kubeconfig"] = str(self.kubeconfig)
        values["traffic"]["knob"] = {"kind": kind, "namespace": self.namespace, "name": "orders", **knob}
        values["traffic"] |= {"testers": testers} if testers else {}
        return connect(check(values, "the test"))

    def ask(self, method: str, path: str, body: Object | None = None, merge: bool = False) -> Object:
        """A request with nothing in between; the answer must be good."""
        headers = {"Content-Type": "application/merge-patch+json" if merge else "application/json"}
        asked = self.api.param_serialize(
            method=method, resource_path=path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self.api.call_api(*asked)
        content: Object = json.loads(answer.read())
        if answer.status == 404 and method == "POST":
            pytest.skip(f"this cluster does not know {path}: its part was not tested")
        assert answer.status < 300, content
        return content

    def create(self, made: Object) -> Object:
        made = copy.deepcopy(made)
        made["metadata"].setdefault("namespace", self.namespace)
        return self.ask("POST", PATHS[made["kind"]].format(self.namespace), made)

    def get(self, kind: str, name: str = "orders") -> Object:
        return self.ask("GET", f"{PATHS[kind].format(self.namespace)}/{name}")

    def replace(self, made: Object) -> Object:
        return self.ask("PUT", f"{PATHS[made['kind']].format(self.namespace)}/{made['metadata']['name']}", made)

    def delete(self, kind: str, name: str = "orders") -> None:
        self.ask("DELETE", f"{PATHS[kind].format(self.namespace)}/{name}")

    def label(self, kind: str, value: str, name: str = "orders") -> None:
        """A foreign write that touches nothing of the split."""
        self.patch(kind, {"metadata": {"labels": {"foreign": value}}}, name)

    def patch(self, kind: str, body: Object, name: str = "orders", under: str = "") -> None:
        self.ask("PATCH", f"{PATHS[kind].format(self.namespace)}/{name}{under}", body, merge=True)


@contextmanager
def world_at(kubeconfig: Path) -> Iterator[World]:
    """A namespace of that cluster, deleted at the end."""
    api = config.new_client_from_config(str(kubeconfig))
    name = f"routes-{secrets.token_hex(4)}"
    world = World(kubeconfig, name, api)
    world.ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        yield world
    finally:
        world.ask("DELETE", f"/api/v1/namespaces/{name}")
        api.close()


class Scripted:
    """An API with one object whose writes are answered from a script: a status with headers, or a hang-up."""

    def __init__(self, found: Object, *writes: tuple[int, dict[str, str]] | str) -> None:
        self.found, self.asked = found, []
        self.reads: list[int] = []
        script, scripted, self._lock = list(writes), self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                scripted.asked.append("GET")
                self._say(scripted.reads.pop(0) if scripted.reads else 200, {}, scripted.found)

            def do_PUT(self) -> None:
                scripted.asked.append("PUT")
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                wish = script.pop(0) if script else (200, {})
                if isinstance(wish, str):  # hangs up, having written or not
                    if wish == "written":
                        scripted.found = body
                    if wish == "gone":
                        scripted.reads = [503] * 50
                    self.close_connection = True
                    return
                if wish[0] == 200:
                    scripted.found = body
                self._say(*wish, {"message": "the reason given"} if wish[0] != 200 else body)

            def _say(self, status: int, headers: dict[str, str], content: Object) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
