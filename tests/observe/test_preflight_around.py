"""Names, figures, rules and rights, read around a release."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_api_client import PrometheusConnect

from runbook_lib.judge.preflight.seen import Series, Unknown
from runbook_lib.observe.preflight import monitoring
from runbook_lib.observe.preflight.clocks import clocks
from runbook_lib.observe.preflight.names import names
from runbook_lib.observe.preflight.needs import Need, of_references, of_traffic, of_verification
from runbook_lib.parameters import Parameters, check
from tests.fake_prometheus import FakePrometheus, serving

ROOT = Path(__file__).parents[2]
KNOBS = yaml.safe_load((ROOT / "parameters" / "knobs" / "examples.yaml").read_text(encoding="utf-8"))


@cache
def demo() -> str:
    """The demo's parameters as JSON: reading YAML takes longer than most of these tests."""
    return json.dumps(yaml.safe_load((ROOT / "parameters" / "demo.yaml").read_text(encoding="utf-8")))


def parameters(**changed: dict[str, Any]) -> Parameters:
    """The demo's, with sections that differ in some keys."""
    values = json.loads(demo())
    for section, keys in changed.items():
        values[section] |= keys
    return check(values, "the test")


def test_names_are_resolved_all_at_once_and_hostnames_of_routes_may_come_later() -> None:
    p = parameters(
        kubernetes={"gateway": "https://web.k8s.example"}, traffic={"entrance": "https://shop.example/orders"}
    )
    route = {"kind": "HTTPRoute", "metadata": {"name": "web"}, "spec": {"hostnames": ["later.example", "*.example"]}}
    ingress = {"kind": "Ingress", "metadata": {"name": "web"}, "spec": {"rules": [{"host": "shop.example"}, {}]}}

    def resolver(name: str) -> tuple[str, ...]:
        if name == "later.example":
            raise OSError(-2, "Name or service not known")
        return ("10.0.0.1",)

    found = {one.name: one for one in names(p, [route, ingress], resolver)}
    assert {"web.k8s.example", "shop.example", "later.example", "127.77.1.1"} <= set(found)
    assert "*.example" not in found
    assert found["shop.example"].used_as == "traffic.entrance", "the name that is needed says what for"
    later = found["later.example"]
    assert (later.addresses, later.needed, later.said) == ((), False, "Name or service not known")


@pytest.fixture
def prometheus() -> Any:
    with serving() as fake:
        yield fake


def counted(instances: int) -> list[dict[str, Any]]:
    return [{"metric": {"instance": f"i{at}"}, "value": [1.0, "4"]} for at in range(instances)]


def answering(fake: FakePrometheus, p: Parameters, side: str, instances: int) -> None:
    """Prometheus knows so many instances of a side."""
    m, chosen = p.metrics, getattr(p.metrics.selectors, side)
    for name in (m.requests, f"{m.duration}_bucket"):
        fake.answers[f"count by (instance) ({name}{{{chosen}}})"] = counted(instances)
    for text in (getattr(m.cpu, side), getattr(m.memory, side)):
        fake.answers[text] = counted(1) if instances else []


def test_each_expression_of_a_side_is_asked_once_and_counted(prometheus: FakePrometheus) -> None:
    p = parameters()
    answering(prometheus, p, "legacy", 3)
    found = monitoring.series(prometheus.connect(), p, "legacy")
    assert not isinstance(found, Unknown)
    assert [(one.what, one.count, one.instances) for one in found] == [
        ("requests", 12, 3),
        ("duration", 12, 3),
        ("CPU", 1, 0),
        ("memory", 1, 0),
    ]
    assert len(prometheus.asked) == 4


def test_new_pods_are_waited_for_until_all_are_seen_or_the_time_is_over(prometheus: FakePrometheus) -> None:
    p, moment = parameters(metrics={"appear": "3s"}), [0.0]
    answering(prometheus, p, "kubernetes", 2)

    def sleep(seconds: float) -> None:
        moment[0] += seconds
        if moment[0] >= 2:
            answering(prometheus, p, "kubernetes", 3)

    found = monitoring.new_series(prometheus.connect(), p, 3, sleep, lambda: moment[0])
    assert max(one.instances for one in found if isinstance(one, Series)) == 3  # type: ignore[union-attr]
    assert moment[0] == 2
    late = monitoring.new_series(prometheus.connect(), p, 4, sleep, lambda: moment[0])
    assert max(one.instances for one in late if isinstance(one, Series)) == 3  # type: ignore[union-attr]
    assert moment[0] >= 2 + p.metrics.appear.total_seconds()


def test_a_prometheus_that_is_away_is_not_known() -> None:
    away = PrometheusConnect("http://127.0.0.1:9", timeout=1, retry=requests.adapters.Retry(0, read=False))
    assert isinstance(monitoring.series(away, parameters(), "legacy"), Unknown)
    assert isinstance(monitoring.rules(away, parameters()), Unknown)


@pytest.mark.parametrize(
    ("body", "ours"),
    [
        ({"query": 'rate(http_requests_total{status="500"}[1m]) > 1'}, ("R",)),
        ({"query": "up == 0", "labels": {"service": "order-service"}}, ("R",)),
        ({"query": 'up{job="my-order-service"} == 0'}, ()),
        ({"query": "node_load1 > 8"}, ()),
        ({"type": "recording", "query": "http_requests_total"}, ()),
    ],
)
def test_a_rule_is_about_the_application_when_it_names_it(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], ours: tuple[str, ...]
) -> None:
    rule = {"name": "R", "type": "alerting", "labels": {}, **body}
    assert _rules(monkeypatch, json.dumps({"data": {"groups": [{"rules": [rule]}]}})).ours == ours


def test_what_keeps_no_rules_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("404 page not found", "[]", '{"data": null}'):
        assert isinstance(_rules(monkeypatch, text), Unknown)


def _rules(monkeypatch: pytest.MonkeyPatch, text: str) -> Any:
    answer = requests.Response()
    answer.status_code, answer._content = 200, text.encode()
    monkeypatch.setattr(requests, "get", lambda *_, **__: answer)
    return monitoring.rules(PrometheusConnect("http://127.0.0.1:9"), parameters())


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("nginx-split", []),
        ("haproxy", []),
        ("http-route", [("httproutes", ("get",), "order-service")]),  # with git: the platform writes it
        ("virtual-service", [("virtualservices", ("get", "update"), "order-service")]),
        ("ingress-canary", [("ingresses", ("get", "update"), "order-service-canary"), ("ingresses", ("list",), "")]),
    ],
)
def test_the_knob_asks_for_its_own_object_and_the_guard_for_its_lease(kind: str, asked: list[Any]) -> None:
    needs = of_traffic(parameters(traffic={"knob": KNOBS[kind]}))
    assert [(need.resource, need.verbs, need.name) for need in needs] == [
        ("leases", ("get", "update"), "runbook-order-service"),
        ("leases", ("create",), ""),
        *asked,
    ]
    assert not any(need.optional for need in needs)


@pytest.mark.parametrize(
    ("reach", "proxied"),
    [("direct", []), ("auto", [("services/proxy", False), ("pods/proxy", True)]),
     ("proxy", [("services/proxy", False), ("pods/proxy", False)])],
)  # fmt: skip
def test_the_way_through_the_api_server_is_asked_for_where_it_is_gone(reach: str, proxied: list[Any]) -> None:
    service = {"kind": "Service", "metadata": {"name": "order-service"}, "spec": {"ports": [{"name": "http"}]}}
    needs = of_verification(parameters(kubernetes={"reach": reach}).kubernetes, [service])
    found: list[Need] = [need for need in needs if need.resource.endswith("/proxy")]
    assert [(need.resource, need.optional) for need in found] == proxied
    assert all(need.verbs == ("create", "get") for need in found)
    assert [need.name for need in found if need.resource == "services/proxy"] == ["order-service:http"][: len(found)]


def test_a_server_that_does_not_say_the_time_leaves_the_clocks_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from runbook_lib.observe.preflight import clocks as module

    monkeypatch.setattr(module, "server_time", lambda _: None)
    assert clocks(None, []).ours is None  # type: ignore[arg-type]
    at = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    monkeypatch.setattr(module, "server_time", lambda _: at)
    found = clocks(None, Unknown("no"), lambda: at + timedelta(seconds=20.5))  # type: ignore[arg-type]
    assert found.ours == 20.0


def test_a_secret_that_the_parameters_refer_to_must_be_readable() -> None:
    p = parameters(prometheus={"token": "secret:monitoring/prometheus#token"}, gates={"webhook": "env:HOOK"})
    (need,) = of_references(p)
    assert (need.namespace, need.name, need.verbs, need.optional) == ("monitoring", "prometheus", ("get",), False)
    assert of_references(parameters()) == []
