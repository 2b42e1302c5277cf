"""Images by name: what a reference means, which credentials a Pod would show, what a registry says."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.preflight.seen import Unknown
from runbook_lib.observe.preflight import images as module
from runbook_lib.observe.preflight.images import credentials_for, images
from runbook_lib.observe.preflight.registry import Name, ask, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("nginx", ("docker.io", "library/nginx", "latest")),
        ("shop/web:1.2", ("docker.io", "shop/web", "1.2")),
        ("r.example/shop/web:main-1-2", ("r.example", "shop/web", "main-1-2")),
        ("r.example:5000/web", ("r.example:5000", "web", "latest")),
        ("localhost/py:1", ("localhost", "py", "1")),
        (f"r.example/web:1@{DIGEST}", ("r.example", "web", DIGEST)),
    ],
)
def test_a_reference_has_a_host_a_path_and_a_version(reference: str, parts: tuple[str, str, str]) -> None:
    found = parse(reference)
    assert found is not None
    assert (found.host, found.path, found.version) == parts


@pytest.mark.parametrize(
    "reference",
    ["", "r.example/Shop/web:1", "web:", "web:a b", "r.example/web@sha256:12", "https://r.example/web", "/x"],
)
def test_what_no_runtime_takes_is_no_reference(reference: str) -> None:
    assert parse(reference) is None


@given(st.text())
def test_any_text_is_a_reference_or_none(text: str) -> None:
    found = parse(text)
    assert found is None or (found.host and found.path and found.version)


@pytest.mark.parametrize(
    ("reference", "known", "user"),
    [
        ("r.example/web", {"r.example": ("a", "")}, "a"),
        ("r.example/shop/web", {"r.example": ("a", ""), "r.example/shop": ("b", "")}, "b"),
        ("r.example/shopping/web", {"r.example/shop": ("b", "")}, None),
        ("eu.r.example/web", {"*.r.example": ("a", "")}, "a"),
        ("web", {"index.docker.io": ("a", "")}, "a"),
        ("r.example/web", {"q.example": ("a", "")}, None),
    ],
)
def test_credentials_are_chosen_as_the_kubelet_does(reference: str, known: Any, user: str | None) -> None:
    name = parse(reference)
    assert name is not None
    found = credentials_for(name, known)
    assert (found[0] if found else None) == user


class Registry(BaseHTTPRequestHandler):
    """A registry with a token service: shop/web:1 is public, shop/secret:1 wants anna with her password."""

    def do_HEAD(self) -> None:
        token = self.headers.get("Authorization", "")
        path = self.path.removeprefix("/v2/")
        if path.startswith("basic/"):
            good = token == "Basic " + base64.b64encode(b"anna:pass").decode()
            return self._say(200 if good else 401, {"Www-Authenticate": 'Basic realm="r"'})
        if path.startswith("broken/"):
            return self._say(503, {})
        if not token:
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="r",scope="repository:x:pull"'
            return self._say(401, {"Www-Authenticate": realm})
        if path.startswith("shop/secret/") and token != "Bearer for-anna":
            return self._say(401, {})
        return self._say(200 if path in ("shop/web/manifests/1", "shop/secret/manifests/1") else 404, {})

    def do_GET(self) -> None:
        anna = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"anna:pass").decode()
        body = json.dumps({"token": "for-anna" if anna else "for-everybody"}).encode()
        self._say(200, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": "0", **headers}.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """``host:port`` of a registry on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("image", "credentials", "answer"),
    [
        ("shop/web:1", None, "there"),
        ("shop/web:2", None, "absent"),
        ("shop/secret:1", None, "not allowed"),
        ("shop/secret:1", ("anna", "pass"), "there"),
        ("shop/secret:1", ("anna", "wrong"), "refused"),
        ("basic/web:1", ("anna", "pass"), "there"),
        ("basic/web:1", None, "not allowed"),
        ("broken/web:1", None, "unknown"),
    ],
)
def test_a_registry_is_asked_as_a_node_would_ask_it(registry: str, image: str, credentials: Any, answer: str) -> None:
    name = parse(f"{registry}/{image}")
    assert name is not None
    found, said = ask(requests.Session(), name, credentials)
    assert found == answer
    assert "pass" not in said.replace("imagePullSecret", "")


def test_a_registry_that_cannot_be_reached_is_not_known_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(requests.Session(), Name("127.0.0.1:9", "web", "1"), None)[0] == "unknown"
    asked = []
    monkeypatch.setattr(module, "ask", lambda _, name, __: (asked.append(name), ("unknown", "away"))[1])
    found = images(Cluster(), requests.Session(), [deployment("r.example/a:1"), deployment("r.example/b:1")], UNSEEN)
    assert [(one.answer, one.said) for one in found] == [("unknown", "away")] * 2
    assert len(asked) == 1


UNSEEN = Unknown("Node may not be listed by us")


class Cluster:
    """A namespace with one pull secret."""

    namespace = "shop"

    def get(self, api_version: str, kind: str, name: str) -> dict[str, Any] | None:
        auths = {"https://r.example/v1/": {"auth": base64.b64encode(b"anna:pass").decode()}}
        text = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
        return {"metadata": {"name": name}, "data": {".dockerconfigjson": text}} if name == "pull" else None

    def all(self, *_: str, **__: str | None) -> list[dict[str, Any]]:
        return [{"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "pull"}]}]


def deployment(image: str, **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": image}], **spec}
    metadata = {"name": image.rpartition("/")[2].partition(":")[0]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": {"spec": pod}}}


@pytest.mark.parametrize(
    ("spec", "shown", "missing"),
    [
        ({}, ("anna", "pass"), ()),  # of the ServiceAccount
        ({"imagePullSecrets": [{"name": "other"}]}, None, ("other",)),
        ({"imagePullSecrets": [{"name": "pull"}]}, ("anna", "pass"), ()),
    ],
)
def test_a_pod_shows_its_own_secrets_or_those_of_its_account(
    monkeypatch: pytest.MonkeyPatch, spec: Any, shown: Any, missing: Any
) -> None:
    used: list[Any] = []
    monkeypatch.setattr(module, "ask", lambda _, __, credentials: (used.append(credentials), ("there", ""))[1])
    (found,) = images(Cluster(), requests.Session(), [deployment("r.example/a:1", **spec)], UNSEEN)  # type: ignore[arg-type]
    assert (used, found.missing_secrets) == ([shown], missing)
    assert "pass" not in str(found)


def test_nodes_tell_which_images_they_have() -> None:
    def node(*names: str) -> dict[str, Any]:
        ready = [{"type": "Ready", "status": "True"}]
        return {"metadata": {"name": "n"}, "spec": {}, "status": {"conditions": ready, "images": [{"names": names}]}}

    nodes = [node("docker.io/library/web:1"), node("docker.io/library/other:1")]
    http = requests.Session()
    (found,) = images(Cluster(), http, [deployment("web:1", containers=[
        {"name": "c", "image": "web:1", "imagePullPolicy": "Never"}
    ])], nodes)  # fmt: skip
    assert (found.nodes, found.on_nodes, found.policy) == (2, 1, "Never")
