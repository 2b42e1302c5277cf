"""Clients that tell the record which cluster they reach, what Prometheus is asked, and which secrets are used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from urllib3.exceptions import HTTPError

from runbook_lib.clients import Clients

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from prometheus_api_client import PrometheusConnect


def _nothing(*_: Any) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class WatchedClients(Clients):
    """The same clients; ``on_cluster`` hears once what cluster it is, ``on_question`` each query.

    ``on_secret`` hears the reference and the value of each secret before anybody gets it.
    """

    on_cluster: Callable[[dict[str, Any]], None] = _nothing
    on_question: Callable[[str], None] = _nothing
    on_secret: Callable[[str, str], None] = _nothing

    @cached_property
    def kubernetes(self) -> ApiClient:
        client = super().kubernetes
        self.on_cluster(cluster(client))
        return client

    @cached_property
    def prometheus(self) -> PrometheusConnect:
        client = super().prometheus
        client._session.hooks["response"].append(self._heard)
        return client

    def secret(self, reference: str) -> str:
        value = super().secret(reference)
        self.on_secret(reference, value)
        return value

    def _heard(self, response: requests.Response, **_: Any) -> None:
        sent = response.request
        body = sent.body.decode() if isinstance(sent.body, bytes) else sent.body or ""
        for part in (urlsplit(sent.url or "").query, body):
            for query in parse_qs(part).get("query", []):
                self.on_question(query)


def cluster(client: ApiClient) -> dict[str, Any]:
    """Which cluster this is: the uid of its namespace kube-system, or why that is not known."""
    from kubernetes.client import ApiException

    server = client.configuration.host
    try:
        answer = client.call_api(
            "GET",
            f"{server}/api/v1/namespaces/kube-system",
            header_params={"Accept": "application/json"},
            _request_timeout=3,
        )
        uid = json.loads(answer.read())["metadata"]["uid"]
    except (ApiException, HTTPError, OSError, ValueError, KeyError) as error:
        return {"uid": None, "server": server, "reason": f"{type(error).__name__}: {error}"[:200]}
    return {"uid": uid, "server": server}
