"""Pods and Services asked through the embedded API server: what is passed on, what is kept, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.kubernetes import cluster, proxy, rbac, server
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.settings import Settings

POD: dict[str, Any] = {"metadata": {"name": "web-a", "namespace": "default", "labels": {"app": "web"}}}
NAME = "/api/v1/namespaces/default"


async def told(asked: web.Request) -> web.Response:
    """Says what it was sent."""
    if asked.path == "/away":
        return web.Response(status=302, headers={"Location": "/login?next=/away"})
    said = {
        "method": asked.method,
        "path": str(asked.rel_url),
        "body": await asked.text(),
        "headers": {**asked.headers},
    }
    return web.json_response(said, status=201, headers={"Set-Cookie": "session=made; Path=/"})


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """The API server's address with a Pod web-a that listens, web-b that does not, and a Service of web-a."""
    app, store = web.Application(), cluster.new_store()
    app.router.add_route("*", "/{path:.*}", told)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    for name, number in (("web-a", port), ("web-b", 1)):
        container = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": number}]}
        pod = POD | {"metadata": POD["metadata"] | {"name": name}, "spec": {"containers": [container]}}
        store.create(resource("pods", ""), pod)
        found = store.get(resource("pods", ""), "default", name)
        store.update(resource("pods", ""), found | {"status": {"podIP": "127.0.0.1"}}, "status")
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    for name in ("web", "empty"):
        service = {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": ports}}
        store.create(resource("services", ""), service)
    subset = {"addresses": [{"ip": "127.0.0.1"}], "ports": [{"name": "http", "port": port}]}
    store.create(resource("endpoints", ""), {"metadata": {"name": "web", "namespace": "default"}, "subsets": [subset]})
    async with (
        server.serving(store, Settings("127.0.0.1", 0, "127.20.16.0/20", folder)) as settings,
        aiohttp.ClientSession() as session,
    ):
        yield settings.url, session
    await runner.cleanup()


def ask(folder: Path, path: str, method: str = "GET", **options: Any) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of one request."""

    async def scenario() -> tuple[int, dict[str, str], Any]:
        async with running(folder) as (url, session), session.request(method, url + path, **options) as found:
            return found.status, dict(found.headers), await found.json(content_type=None)

    return asyncio.run(scenario())


@pytest.mark.parametrize("target", ["pods/web-a", "pods/http:web-a:", "services/web:http", "services/web:80"])
def test_a_request_arrives_whole_but_for_the_login_of_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setattr(proxy.tokens, "user_of", lambda *_: rbac.ADMINISTRATOR)
    headers = {"Cookie": "session=1", "X-Own": "kept", "Authorization": "Bearer of-the-cluster"}
    path = f"{NAME}/{target}/proxy/orders%20of/me?after=2"
    status, back, said = ask(tmp_path, path, "POST", headers=headers, data="hello")
    assert (status, back["Set-Cookie"]) == (201, "session=made; Path=/")
    assert (said["method"], said["path"], said["body"]) == ("POST", "/orders%20of/me?after=2", "hello")
    assert {key: said["headers"].get(key) for key in headers} == headers | {"Authorization": None}


@pytest.mark.parametrize(("method", "verb"), [("GET", "get"), ("POST", "create"), ("HEAD", "get")])
def test_who_may_not_use_the_proxy_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, verb: str
) -> None:
    monkeypatch.setattr(proxy.tokens, "user_of", lambda *_: rbac.account("default", "guest"))
    status, _, said = ask(tmp_path, f"{NAME}/pods/web-a/proxy/", method)
    assert status == 403
    assert said is None or f'cannot {verb} resource "pods/proxy" in API group ""' in said["message"]


def test_a_redirect_leads_through_the_proxy_again(tmp_path: Path) -> None:
    _, back, _ = ask(tmp_path, f"{NAME}/pods/web-a/proxy/away", allow_redirects=False)
    assert back["Location"] == f"{NAME}/pods/web-a/proxy/login?next=/away"


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [
        ("pods/web-b", 503, "error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused"),
        ("pods/absent", 404, 'pods "absent" not found'),
        ("services/empty", 503, 'no endpoints available for service "empty"'),
        ("services/web:admin", 503, 'no service port "admin" found for service "web"'),
    ],
)
def test_what_cannot_be_reached_is_a_status_of_the_api_server(
    tmp_path: Path, target: str, code: int, says: str
) -> None:
    status, _, said = ask(tmp_path, f"{NAME}/{target}/proxy/")
    assert (status, said["kind"], said["message"]) == (code, "Status", says)


@pytest.mark.parametrize("path", [f"{NAME}/pods/web-a/log", f"{NAME}/nodes/n/proxy/", f"{NAME}/pods/a:b:c:d/proxy/"])
def test_other_paths_lead_to_no_proxy(path: str) -> None:
    assert proxy.way(path) is None
