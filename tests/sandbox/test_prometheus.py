from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox import prometheus
from sandbox.plan import Plan, project_root
from sandbox.tools import prepare


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan("test", tmp_path, 205)


def jobs(plan: Plan, embedded: bool = True) -> dict[str, dict[str, Any]]:
    return {job["job_name"]: job for job in prometheus.configuration(plan, embedded)["scrape_configs"]}


def test_the_machines_are_told_apart_by_side_and_instance(plan: Plan) -> None:
    targets = jobs(plan)["order-service"]["static_configs"]
    assert [(one["targets"], one["labels"]) for one in targets] == [
        ([f"127.205.1.{n}:8080"], {"side": "legacy", "instance": f"vm-{n}"}) for n in (1, 2, 3)
    ]


def test_pods_are_discovered_each_second(plan: Plan) -> None:
    assert jobs(plan)["order-service"]["http_sd_configs"] == [
        {"url": "http://127.205.0.1:8081/sd/pods", "refresh_interval": "1s"}
    ]


def test_samples_of_kubernetes_say_themselves_which_pod_they_are_about(plan: Plan) -> None:
    exporters = {name: jobs(plan)[name] for name in ("kubelet", "kube-state-metrics")}
    assert {name: job["metrics_path"] for name, job in exporters.items()} == {
        "kubelet": "/metrics/cadvisor",
        "kube-state-metrics": "/metrics",
    }
    assert all(job["honor_labels"] for job in exporters.values())


def test_with_a_real_cluster_only_the_machines_are_scraped(plan: Plan) -> None:
    assert set(jobs(plan, embedded=False)) == {"order-service", "node"}
    assert "http_sd_configs" not in jobs(plan, embedded=False)["order-service"]


@pytest.mark.range
@pytest.mark.parametrize("embedded", [True, False])
def test_prometheus_accepts_the_configuration_and_the_rules(plan: Plan, embedded: bool) -> None:
    promtool = prepare(project_root())["prometheus"].binary.with_name("promtool")
    if not promtool.exists():
        pytest.skip("promtool did not come with this Prometheus")
    prometheus.write(plan, embedded)
    checked: list[str | Path] = [promtool, "check", "config", plan.part("prometheus") / "prometheus.yml"]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 rules found" in done.stdout
