"""How a Pod or a Service is asked over HTTP: at its address, or through the API server where no route leads there.

The API server's proxy subresource needs no more than HTTP and a permission, connects to the Pod's address as users'
gateways do, and works for a Service, too; a port-forward ends at the Pod's loopback, where an application that binds
its address does not listen, and knows no Services. What it cannot do: the server keeps the Authorization header for
itself (kubernetes/kubernetes#38775), and load belongs on no API server.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import requests
import urllib3

from runbook_lib.errors import BadParameters
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.pods import PodState
from runbook_lib.sections import Request

Way = Literal["direct", "API server"]
Reach = Literal["auto", "direct", "proxy"]
Connect = Callable[..., socket.socket]
KEPT = "the API server keeps the Authorization header for itself; ask from where Pods can be reached"


@dataclass(frozen=True)
class Target:
    """Who is asked: ``url`` is put before each path; ``note`` says why it is asked in this way."""

    name: str
    url: str
    way: Way = "direct"
    note: str = ""


@dataclass(frozen=True)
class Reply:
    """What came back; ``status`` None with ``error``: nothing did, with ``unasked``: nobody could be asked."""

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    seconds: float = 0.0
    error: str = ""
    unasked: str = ""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        """The body as JSON, None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def cookies(self) -> dict[str, str]:
        """What it set, whichever host or path it is meant for: users are behind one name."""
        pairs = [value.partition(";")[0].partition("=") for value in self.all("Set-Cookie")]
        return {name.strip(): value.strip() for name, _, value in pairs}


def _no_secret(reference: str) -> str:
    raise BadParameters(f"{reference} cannot be looked up here")


class Sender:
    """Sends requests and holds the connections; secrets are looked up when they are needed and kept nowhere."""

    def __init__(
        self, http: requests.Session, cluster: Cluster | None = None, secret: Callable[[str], str] = _no_secret
    ) -> None:
        self._http, self._cluster, self._secret = http, cluster, secret

    def send(self, target: Target, request: Request, timeout: float, cookies: Mapping[str, str] | None = None) -> Reply:
        """One request, redirects not followed; raises BadParameters for a secret that is not there."""
        headers, body = self.prepared(request, cookies or {})
        if target.way == "API server" and any(name.lower() == "authorization" for name in headers):
            return Reply(None, unasked=KEPT)
        send = self._straight if target.way == "direct" else self._through
        started = time.perf_counter()
        try:
            status, found, content = send(request.method, target.url.rstrip("/") + request.path, headers, body, timeout)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # the name only: the message may repeat a header
            return Reply(None, seconds=time.perf_counter() - started, error=type(error).__name__)
        reply = Reply(status, found, content, time.perf_counter() - started)
        return _of_server(reply) if target.way == "API server" else reply

    def prepared(self, request: Request, cookies: Mapping[str, str]) -> tuple[dict[str, str], bytes | None]:
        """Headers and body with the secrets in their places."""
        headers = {name: self._opened(value) for name, value in request.headers.items()}
        if request.token is not None:
            headers["Authorization"] = f"Bearer {self._secret(request.token)}"
        if cookies:
            # a jar binds cookies to the host that set them: users carry them across behind one name
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        body = self._opened(request.body)
        if body is None or isinstance(body, str):
            return headers, None if body is None else body.encode()
        return {"Content-Type": "application/json", **headers}, json.dumps(body).encode()

    def _opened(self, value: Any) -> Any:
        """The value with each reference replaced by what is behind it."""
        if isinstance(value, dict):
            return {key: self._opened(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._opened(inner) for inner in value]
        is_reference = isinstance(value, str) and value.startswith(("env:", "file:", "secret:"))
        return self._secret(value) if is_reference else value

    def _straight(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, timeout: float
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        self._http.cookies.clear()
        found = self._http.request(method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False)
        self._http.cookies.clear()
        return found.status_code, tuple(found.raw.headers.items()), found.content

    def _through(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, timeout: float
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        assert self._cluster is not None, "a target behind the API server needs a cluster"
        api, login = self._cluster.api, dict[str, str]()
        api.update_params_for_auth(login, [], ["BearerToken"], None, None, None)
        found = api.rest_client.pool_manager.request(
            method, url, headers={**headers, **login}, body=body, timeout=timeout, retries=False, redirect=False
        )
        return found.status, tuple(found.headers.items()), found.data


def _of_server(reply: Reply) -> Reply:
    """A Status of the API server itself is no answer of the application."""
    said = reply.json if reply.status is not None and reply.status >= 400 else None
    if not isinstance(said, dict) or (said.get("kind"), said.get("apiVersion")) != ("Status", "v1"):
        return reply
    message = str(said.get("message") or said.get("reason") or reply.status)
    if reply.status in (401, 403):
        return Reply(None, seconds=reply.seconds, unasked=f"the API server does not let us: {message}")
    return Reply(None, seconds=reply.seconds, error=f"API server: {message}")


def pod_targets(
    cluster: Cluster,
    pods: Sequence[PodState],
    reach: Reach = "auto",
    connect: Connect = socket.create_connection,
    patience: float = 2.0,
) -> list[Target]:
    """One target a Pod: at its address where a connection can be opened, or as ``reach`` wants it."""
    if not pods:
        return []
    with ThreadPoolExecutor(min(32, len(pods))) as many:
        silent = list(many.map(lambda pod: "" if reach != "auto" else _silence(pod, connect, patience), pods))
    targets = []
    for pod, why in zip(pods, silent, strict=True):
        if reach == "proxy" or why:
            url = f"{_namespace(cluster)}/pods/{pod.name}:{pod.port}/proxy"
            targets.append(Target(pod.name, url, "API server", why or "kubernetes.reach: proxy"))
        else:
            host = f"[{pod.address}]" if ":" in pod.address else pod.address
            targets.append(Target(pod.name, f"http://{host}:{pod.port}"))
    return targets


def service_target(cluster: Cluster, name: str, reach: Reach = "auto") -> Target | None:
    """The Service: through the API server, unless its address is to be asked; None when there is none to ask."""
    service = cluster.get("v1", "Service", name)
    ports = ((service or {}).get("spec") or {}).get("ports") or []
    if service is None or not ports:
        return None
    if reach != "direct":
        port = ports[0].get("name") or ports[0]["port"]
        url = f"{_namespace(cluster)}/services/{name}:{port}/proxy"
        return Target(f"Service/{name}", url, "API server", "its address is the cluster's own")
    address = service["spec"].get("clusterIP")
    known = address and address != "None"
    return Target(f"Service/{name}", f"http://{address}:{ports[0]['port']}") if known else None


def _silence(pod: PodState, connect: Connect, patience: float) -> str:
    """Why nothing accepts connections at the Pod's address; empty when something does."""
    try:
        with closing(connect((pod.address, pod.port), timeout=patience)):
            return ""
    except OSError as error:
        return f"{pod.address}:{pod.port}: {error.strerror or error}"


def _namespace(cluster: Cluster) -> str:
    return f"{cluster.server.rstrip('/')}/api/v1/namespaces/{cluster.namespace}"
