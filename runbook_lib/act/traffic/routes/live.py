"""One object of the Kubernetes API, read and replaced as it is: no field is known, so none can be lost."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from urllib3 import Retry, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, CriterionFailed, RunbookError, Unreachable
from runbook_lib.observe.rbac import rbac_for

Object = dict[str, Any]

PATIENCE = (3, 10)  # seconds to connect, seconds to wait for bytes: somebody waits for a rollback
_AGAIN = Retry(2, status=0, redirect=0, backoff_factor=0.05, respect_retry_after_header=False)
THROTTLED = 4  # times that a 429 is obeyed before it is told
LONGEST_PAUSE = 5.0  # seconds, whatever Retry-After says


@dataclass(frozen=True)
class Kind:
    """A kind and its versions, the newest first; ``absent``: what to do where a cluster does not know it."""

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str
    absent: str


class Unanswered(RunbookError):
    """A write was sent and nobody said what became of it."""


def find(clients: Clients, kind: Kind, namespace: str, name: str) -> Object:
    """The object as it is; BadParameters when it, its kind or its namespace is not there."""
    for version in kind.versions:
        status, answer, _ = _ask(clients, "GET", _path(kind, version, namespace, name), namespace)
        if status == 200:
            return answer
        if status == 404 and (answer.get("details") or {}).get("name"):
            raise BadParameters(
                f"there is no {kind.kind} {namespace}/{name} in the cluster at {_server(clients)}; apply it first, or "
                "correct traffic.knob"
            )
        if status != 404:
            raise _cannot(clients, f"{kind.kind} {namespace}/{name}", status, answer, namespace)
    raise _unknown(clients, kind)


def every(clients: Clients, kind: Kind, namespace: str) -> list[Object]:
    """All objects of that kind in the namespace."""
    for version in kind.versions:
        status, answer, _ = _ask(clients, "GET", _path(kind, version, namespace), namespace)
        if status == 200:
            return list(answer.get("items") or [])
        if status != 404:
            raise _cannot(clients, f"the list of {kind.plural}", status, answer, namespace)
    raise _unknown(clients, kind)


def replace(clients: Clients, kind: Kind, wanted: Object) -> Object | None:
    """Write the object over the version that was read; None when somebody else wrote it meanwhile.

    Raises ChangeFailed when the API refuses it, Unanswered when it may or may not have been written.
    """
    metadata = wanted["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    path = _path(kind, wanted["apiVersion"].rpartition("/")[2], namespace, name)
    status, answer, _ = _ask(clients, "PUT", path, namespace, wanted)
    if status in (200, 201):
        return answer
    if status == 409:
        return None
    if status == 404:
        raise ChangeFailed(
            f"{kind.kind} {namespace}/{name} was deleted while it was being changed; nothing was written"
        )
    if status >= 500:
        raise Unanswered(f"{status} {_message(answer)}")
    if status in (401, 403, 429):
        raise _cannot(clients, f"{kind.kind} {namespace}/{name}", status, answer, namespace)
    raise ChangeFailed(f"the API refuses {kind.kind} {namespace}/{name}: {_message(answer)}; it is as it was")


def _ask(
    clients: Clients, method: str, path: str, namespace: str, body: Object | None = None
) -> tuple[int, Object, float]:
    """One request; a 429 is asked again when it says so."""
    for attempt in range(THROTTLED):
        status, answer, pause = _ask_once(clients, method, path, body)
        if status != 429 or attempt == THROTTLED - 1:
            break
        time.sleep(min(pause, LONGEST_PAUSE))
    return status, answer, pause


def _ask_once(clients: Clients, method: str, path: str, body: Object | None) -> tuple[int, Object, float]:
    api = clients.kubernetes
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    query = [("fieldManager", "runbook")] if method == "PUT" else []
    method, url, headers, sent, _ = api.param_serialize(
        method=method, resource_path=path, query_params=query, header_params=headers, body=body,
        auth_settings=["BearerToken"],
    )  # fmt: skip
    try:
        # through the pool: the client itself would send a write again that may have been made, and sleep on a 429
        response = api.rest_client.pool_manager.request(
            method,
            url,
            body=json.dumps(sent) if sent is not None else None,
            headers=headers,
            timeout=Timeout(*PATIENCE),
            retries=_AGAIN if method == "GET" else False,
        )
        text = response.data
    except (HTTPError, OSError) as error:
        cause = getattr(error, "reason", None) or error
        if method == "GET" or isinstance(cause, NewConnectionError | ConnectTimeoutError):
            raise Unreachable(
                f"the cluster at {_server(clients)} does not answer ({_short(cause)}); check kubernetes.kubeconfig and "
                "that it runs, nothing was changed"
            ) from None
        raise Unanswered(_short(cause)) from None
    pause = str(response.headers.get("Retry-After") or "1")
    return response.status, _decoded(text), float(pause) if pause.isdigit() else 1.0


def _decoded(text: bytes) -> Object:
    try:
        answer = json.loads(text)
    except ValueError:
        return {"message": text.decode(errors="replace").strip()[:200]}
    return answer if isinstance(answer, dict) else {}


def _cannot(clients: Clients, about: str, status: int, answer: Object, namespace: str) -> RunbookError:
    message, server = _message(answer), _server(clients)
    if status == 401:
        return Unreachable(f"the cluster at {server} refuses our credentials for {about}; log in again")
    if status == 403:
        return CriterionFailed(f"{message}; what is missing:\n{rbac_for(message, namespace)}")
    if status == 429:
        return Unreachable(f"the cluster at {server} has too much to do for {about} ({message}); nothing was changed")
    return Unreachable(f"the cluster at {server} cannot answer for {about}: {status} {message}; nothing was changed")


def _unknown(clients: Clients, kind: Kind) -> BadParameters:
    return BadParameters(f"the cluster at {_server(clients)} knows no {kind.kind} ({kind.group}): {kind.absent}")


def _path(kind: Kind, version: str, namespace: str, name: str = "") -> str:
    base = f"/apis/{kind.group}/{version}/namespaces/{quote(namespace, safe='')}/{kind.plural}"
    return f"{base}/{quote(name, safe='')}" if name else base


def _message(answer: Object) -> str:
    return str(answer.get("message") or "no reason given")


def _server(clients: Clients) -> str:
    return str(clients.kubernetes.configuration.host)


def _short(cause: object) -> str:
    """What urllib3 says without its objects."""
    return str(cause).rpartition(">: ")[2].rpartition("): ")[2].rstrip(".") or type(cause).__name__
