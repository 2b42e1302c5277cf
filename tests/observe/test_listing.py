"""A look around waits for a server that has too much to do, and what may not be read is not known."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import Unreachable
from runbook_lib.judge.preflight.seen import Unknown
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.listing import listed, one


def refusal(status: int, message: str = "no") -> ApiException:
    error = ApiException(status=status, reason=message)
    error.body, error.headers = json.dumps({"message": message}), {"Retry-After": "0"}
    return error


class Resource:
    """A kind whose endpoint gives these answers, one after another; and what it was asked."""

    def __init__(self, *answers: Any, namespaced: bool = True) -> None:
        self.answers, self.namespaced = list(answers), namespaced
        self.asked: list[dict[str, Any]] = []

    def get(self, **asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def cluster(monkeypatch: pytest.MonkeyPatch, resource: Resource) -> Cluster:
    monkeypatch.setattr(Cluster, "resource", lambda self, api_version, kind: resource)
    api: Any = SimpleNamespace(configuration=SimpleNamespace(host="https://cluster"))
    return Cluster(api, "shop")


NODES = {"items": [{"metadata": {"name": "a"}}]}


def test_a_server_with_too_much_to_do_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = refusal(429)
    found = listed(cluster(monkeypatch, Resource(busy, busy, NODES)), "v1", "Node")
    assert found == [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}]
    assert one(cluster(monkeypatch, Resource(busy, {"kind": "Node"})), "v1", "Node", "", "a") == {"kind": "Node"}
    with pytest.raises(Unreachable):
        listed(cluster(monkeypatch, Resource(*[busy] * 9)), "v1", "Node")


@pytest.mark.parametrize(
    ("asked", "namespaced", "place"),
    [
        ({}, True, "shop"),
        ({"namespace": "leases"}, True, "leases"),
        ({"everywhere": True}, True, None),
        ({}, False, None),
    ],
)
def test_a_list_is_of_the_own_namespace_of_another_or_of_all(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], namespaced: bool, place: str | None
) -> None:
    resource = Resource(NODES, namespaced=namespaced)
    listed(cluster(monkeypatch, resource), "v1", "Pod", **asked)
    assert resource.asked[0]["namespace"] == place


def test_what_may_not_be_read_is_not_known_and_what_is_not_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = refusal(403, 'pods is forbidden: User "u" cannot list resource "pods" in API group ""')
    assert listed(cluster(monkeypatch, Resource(forbidden)), "v1", "Pod") == Unknown("Pod may not be listed by us")
    assert listed(cluster(monkeypatch, Resource(refusal(404))), "v1", "Pod") == Unknown("the cluster knows no Pod")
    resource = Resource(refusal(404), forbidden, {"kind": "Pod"})
    looked = [one(cluster(monkeypatch, resource), "v1", "Pod", "other", "a") for _ in range(3)]
    assert looked == [None, Unknown("Pod other/a may not be read by us"), {"kind": "Pod"}]
    assert {asked["namespace"] for asked in resource.asked} == {"other"}
