"""The exporters speak the names and labels of the recorded cAdvisor and of kube-state-metrics."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from sandbox.kubernetes import exporters
from tests.sandbox.kubernetes.world import GOLDEN, POD_IP, SERVER, World, running

Samples = dict[str, list[tuple[dict[str, str], float]]]


def parsed(text: str) -> Samples:
    found: Samples = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append((sample.labels, sample.value))
    return found


def kinds(text: str) -> dict[str, str]:
    lines = [line.split() for line in text.splitlines() if line.startswith("# TYPE")]
    return {line[2]: line[3] for line in lines}


class Scraped:
    """What Prometheus reads of one world."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.samples = {name: parsed(text) for name, text in texts.items() if name != "targets"}


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Scraped:
    """A Deployment of two Pods with limits, and a Pod that crashes, scraped once."""
    return asyncio.run(_scraped(tmp_path_factory.mktemp("exporters")))


async def _scraped(folder: Path) -> Scraped:
    resources = {"limits": {"cpu": "100m", "memory": "256Mi"}, "requests": {"cpu": "50m"}}
    container = {
        "name": "c",
        "image": "localhost/py:1",
        "command": ["python3", "-c", SERVER],
        "env": [POD_IP],
        "resources": resources,
        "ports": [{"containerPort": 8080}],
    }
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": {"prometheus.io/scrape": "true"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    crash = {"name": "c", "image": "localhost/py:1", "command": ["python3", "-c", "raise SystemExit(3)"]}
    async with running(folder) as world:
        world.create(
            "deployments",
            {
                "metadata": {"name": "web"},
                "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template},
            },
        )
        world.create("pods", {"metadata": {"name": "bad", "labels": {"app": "bad"}}, "spec": {"containers": [crash]}})
        await world.until("the Pods run", lambda: sum(one["ready"] for one in world.statuses("web")) == 2)
        await world.until(
            "a crash loop", lambda: any(one["lastState"] and "waiting" in one["state"] for one in world.statuses("bad"))
        )
        return await _scrape(world)


async def _scrape(world: World) -> Scraped:
    texts = {}
    for application, paths in (
        (
            exporters.kubelet_application(world.kubelet),
            {"cadvisor": "/metrics/cadvisor", "aged": "/metrics/cadvisor?age=12", "resource": "/metrics/resource"},
        ),
        (exporters.state_application(world.store), {"state": "/metrics", "targets": "/sd/pods"}),
    ):
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            for name, path in paths.items():
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    assert answer.status == 200
                    texts[name] = await answer.text()
        await runner.cleanup()
    return Scraped(**texts)


def golden(name: str) -> str:
    if name.endswith(".gz"):
        return gzip.decompress((GOLDEN / name).read_bytes()).decode()
    return (GOLDEN / name).read_text()


@pytest.mark.parametrize(
    ("scrape", "recording"), [("cadvisor", "cadvisor.txt.gz"), ("resource", "kubelet-resource.txt")]
)
def test_every_metric_has_the_recorded_type_and_labels(scraped: Scraped, scrape: str, recording: str) -> None:
    ours, theirs = scraped.texts[scrape], golden(recording)
    recorded = parsed(theirs)
    assert kinds(ours).items() <= kinds(theirs).items()
    for name, samples in scraped.samples[scrape].items():
        if name.startswith(("container_", "pod_", "node_")):
            assert set(samples[0][0]) == set(recorded[name][0][0]), name


def pods_of(samples: list[tuple[dict[str, str], float]]) -> Iterator[tuple[str, str, float]]:
    for labels, value in samples:
        yield labels["pod"], labels["container"], value


@pytest.mark.parametrize("name", ["container_memory_working_set_bytes", "container_cpu_usage_seconds_total"])
def test_the_row_without_a_container_sums_the_pod(scraped: Scraped, name: str) -> None:
    rows = {(pod, container): value for pod, container, value in pods_of(scraped.samples["cadvisor"][name])}
    web = [pod for pod, container in rows if container == "c" and pod.startswith("web")]
    assert len(web) == 2
    for pod in web:
        assert rows[pod, ""] == pytest.approx(rows[pod, "c"], rel=0.2, abs=0.05)
        assert rows[pod, "c"] > 0


def test_cadvisor_ids_name_the_pod_and_its_quality_of_service(scraped: Scraped) -> None:
    rows = [labels for labels, _ in scraped.samples["cadvisor"]["container_memory_rss"]]
    for labels in rows:
        assert labels["id"].startswith(("/kubepods/burstable/pod", "/kubepods/besteffort/pod"))
        assert labels["id"].endswith(labels["name"])
        assert labels["namespace"] == "golden"
        assert bool(labels["container"]) is bool(labels["name"]) is bool(labels["image"])


def test_limits_are_told_as_quota_and_bytes(scraped: Scraped) -> None:
    found = scraped.samples["cadvisor"]
    quotas = {value for _, _, value in pods_of(found["container_spec_cpu_quota"])}
    limits = {pod: value for pod, container, value in pods_of(found["container_spec_memory_limit_bytes"]) if container}
    assert quotas == {10000}
    assert {value for pod, value in limits.items() if pod.startswith("web")} == {256 * 2**20}


def test_samples_are_fresh_unless_an_age_is_asked_for(scraped: Scraped) -> None:
    def stamped(text: str) -> list[str]:
        return [
            line
            for line in text.splitlines()
            if line.startswith("container_memory_rss") and len(line.rsplit("} ")[1].split()) == 2
        ]

    assert stamped(scraped.texts["cadvisor"]) == []
    assert len(stamped(scraped.texts["aged"])) == len(scraped.samples["cadvisor"]["container_memory_rss"])


def test_the_state_of_a_deployment_is_told(scraped: Scraped) -> None:
    found = scraped.samples["state"]
    labels = {"namespace": "golden", "deployment": "web"}
    for name in ("spec_replicas", "status_replicas", "status_replicas_available", "status_replicas_updated"):
        assert found[f"kube_deployment_{name}"] == [(labels, 2)]
    truths = {(one["condition"], one["status"]): value for one, value in found["kube_deployment_status_condition"]}
    assert truths["Available", "true"] == 1
    assert truths["Available", "false"] == 0


def test_the_state_of_pods_is_told(scraped: Scraped) -> None:
    found = scraped.samples["state"]

    def value(name: str, **wanted: str) -> list[float]:
        return [number for labels, number in found[name] if wanted.items() <= labels.items()]

    assert value("kube_pod_status_phase", pod="bad", phase="Running") == [1]
    assert value("kube_pod_status_phase", pod="bad", phase="Failed") == [0]
    assert value("kube_pod_status_ready", pod="bad", condition="true") == [0]
    assert value("kube_pod_status_ready", pod="bad", condition="false") == [1]
    assert value("kube_pod_container_status_restarts_total", pod="bad")[0] >= 1
    assert value("kube_pod_container_status_waiting_reason", pod="bad", reason="CrashLoopBackOff") == [1]
    assert value("kube_pod_container_status_last_terminated_reason", pod="bad", reason="Error") == [1]
    assert value("kube_pod_container_resource_limits", resource="memory", unit="byte") == [256 * 2**20] * 2
    assert value("kube_pod_container_resource_requests", resource="cpu", unit="core") == [0.05] * 2
    owners = {labels["created_by_kind"] for labels, _ in found["kube_pod_info"]}
    assert owners == {"ReplicaSet", "<none>"}


def test_only_running_pods_that_ask_for_it_are_scraped(scraped: Scraped) -> None:
    targets: list[Any] = json.loads(scraped.texts["targets"])
    assert len(targets) == 2
    for one in targets:
        (address,) = one["targets"]
        assert address.endswith(":8080")
        assert one["labels"] == {
            "side": "kubernetes",
            "namespace": "golden",
            "pod": one["labels"]["pod"],
            "instance": address,
        }
