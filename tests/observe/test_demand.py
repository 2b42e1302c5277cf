"""What an autoscaler is laid out by: the old side's peak, a Pod's CPU, what stands now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from runbook_lib.errors import CriterionFailed, Unreachable
from runbook_lib.judge.autoscaling import Demand, Standing
from runbook_lib.observe import demand as module
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.demand import cpu_samples, demand, requested, standing

AT = datetime(2026, 11, 21, tzinfo=UTC)
LIVE = {
    "metadata": {"name": "web"},
    "spec": {"replicas": 3, "template": {"spec": {"containers": [
        {"resources": {"requests": {"cpu": "100m"}}}, {"resources": {"requests": {"cpu": "0.5"}}}]}}},
}  # fmt: skip


def metrics() -> Any:
    selectors = SimpleNamespace(legacy='job="web"', kubernetes='job="pods"')
    return SimpleNamespace(requests="http_requests_total", selectors=selectors, scrape=timedelta(seconds=15))


def test_the_peak_is_the_higher_of_a_close_look_at_an_hour_and_a_coarse_one_at_weeks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = {"[3600s:150s]": 320.0, "max_over_time((sum(rate(": 450.0, "quantile": 200.0, "count_over": 48.0}

    def query(_: object, text: str) -> list[tuple[dict[str, str], float]]:
        return [({}, next(value for part, value in told.items() if part in text))]

    monkeypatch.setattr(module, "query", query)
    assert demand(cast(Any, None), metrics()) == Demand(450.0, 200.0, "seen over 8:03:12")
    told["[3600s:150s]"] = 900.0
    assert demand(cast(Any, None), metrics()).peak == 900.0  # type: ignore[union-attr]
    monkeypatch.setattr(module, "query", lambda *_: [])
    assert demand(cast(Any, None), metrics()) is None


def prometheus(result: Any) -> Any:
    def custom_query(text: str, params: dict[str, str]) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return SimpleNamespace(custom_query=custom_query)


def test_the_containers_of_a_pod_are_added_up_at_the_moments_of_the_first() -> None:
    web = {"metric": {"pod": "web-a", "container": "web"}, "values": [[10, "1"], [20, "3"]]}
    side = {"metric": {"pod": "web-a", "container": "log"}, "values": [[5, "0"], [25, "2"]]}
    other = {"metric": {"pod": "web-b"}, "values": [[10, "100"], [20, "200"]]}
    found = cpu_samples(prometheus([web, side, other]), "cpu", "pod", "web-a", 30, AT)
    assert [(at.timestamp(), value) for at, value in found] == [(10.0, 1.5), (20.0, 4.5)]
    assert cpu_samples(prometheus([other]), "cpu", "pod", "web-a", 30, AT) == []


@pytest.mark.parametrize("answer", [requests.ConnectionError(), None, [{"metric": {}}], [{"value": 1}]])
def test_an_answer_that_is_none_is_not_known(answer: Any) -> None:
    if answer == [{"metric": {}}]:
        assert cpu_samples(prometheus(answer), "cpu", "pod", "web-a", 30, AT) == []
        return
    with pytest.raises(Unreachable, match="the CPU of web-a is not known"):
        cpu_samples(prometheus(answer), "cpu", "pod", "web-a", 30, AT)


def cluster(found: Any) -> Cluster:
    def everything(*_: object) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    return cast(Cluster, SimpleNamespace(all=everything))


def scaler(name: str, target: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    spec = {"scaleTargetRef": {"name": target}, "minReplicas": 2, "maxReplicas": 9, "metrics": metrics}
    return {"metadata": {"name": name}, "spec": spec}


def test_the_autoscaler_of_the_deployment_is_found_among_others() -> None:
    cpu = {"resource": {"name": "cpu", "target": {"averageUtilization": 70}}}
    found = [scaler("other", "shop", []), scaler("web-hpa", "web", [{"pods": {}}, cpu])]
    assert standing(cluster(found), LIVE) == Standing(3, 0.6, "web-hpa", 2, 9, 70)
    assert standing(cluster([scaler("web-hpa", "web", [])]), LIVE).threshold is None


@pytest.mark.parametrize("found", [[], CriterionFailed("forbidden")])
def test_without_an_autoscaler_or_the_right_to_see_it_the_deployment_counts(found: Any) -> None:
    assert standing(cluster(found), LIVE) == Standing(3, 0.6)


def test_a_container_that_requests_no_cpu_leaves_the_utilisation_unknown() -> None:
    spec = {"replicas": 1, "template": {"spec": {"containers": [{}]}}}
    assert standing(cluster([]), {"metadata": {"name": "web"}, "spec": spec}).cores is None


def test_what_a_pod_asks_for_is_known_only_where_each_of_its_containers_asks() -> None:
    """A container without a request is not free: the acceptance report would say that it costs nothing."""
    asks = {"resources": {"requests": {"cpu": "100m", "memory": "1Gi"}}}
    assert requested({"containers": [asks, asks]}, "memory") == 2**31
    assert requested({"containers": [asks, {"resources": {"requests": {"cpu": "1"}}}]}, "memory") is None
    assert requested({"containers": [asks, {}]}, "cpu") is None
