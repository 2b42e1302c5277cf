"""The Prometheus that scrapes both sides each second, and the node exporter of the virtual machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.plan import Address, Plan

# What one would alert on in production, with the short windows of a rehearsal.
RULES = {
    "groups": [
        {
            "name": "order-service",
            "rules": [
                {
                    "alert": "OrderServiceErrors",
                    "expr": 'sum by (side) (rate(http_requests_total{job="order-service",status=~"5.."}[10s]))'
                    ' / sum by (side) (rate(http_requests_total{job="order-service"}[10s])) > 0.05',
                    "for": "3s",
                    "labels": {"severity": "page"},
                    "annotations": {"summary": "more than 5 % of requests fail on side {{ $labels.side }}"},
                }
            ],
        }
    ]
}

# What a host's dashboard shows; the others cost time at three scrapes a second.
COLLECTORS = ("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "stat", "time", "uname", "vmstat")


def configuration(plan: Plan, embedded: bool = True) -> dict[str, Any]:
    """prometheus.yml; without the embedded Kubernetes only the legacy side is scraped."""
    jobs = [
        {"job_name": "order-service", "static_configs": _machines(plan.legacy)},
        {"job_name": "node", "static_configs": _machines(plan.node_exporters)},
    ]
    if embedded:
        jobs[0]["http_sd_configs"] = [{"url": f"{plan.state_metrics.url}/sd/pods", "refresh_interval": "1s"}]
        jobs += [
            _exporter("kubelet", plan.kubelet, "/metrics/cadvisor"),
            _exporter("kube-state-metrics", plan.state_metrics, "/metrics"),
        ]
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": jobs,
    }


def _machines(addresses: Mapping[str, Address]) -> list[dict[str, Any]]:
    return [
        {"targets": [str(address)], "labels": {"side": "legacy", "instance": instance}}
        for instance, address in addresses.items()
    ]


def _exporter(job: str, address: Address, path: str) -> dict[str, Any]:
    """A part of Kubernetes whose samples say themselves which Pod they are about."""
    targets = [{"targets": [str(address)]}]
    return {"job_name": job, "metrics_path": path, "honor_labels": True, "static_configs": targets}


def write(plan: Plan, embedded: bool = True) -> None:
    """Lay out Prometheus' folder."""
    folder = plan.part("prometheus")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(plan, embedded), sort_keys=False))
    (folder / "rules.yml").write_text(yaml.safe_dump(RULES, sort_keys=False))


def arguments(plan: Plan) -> tuple[str, ...]:
    """How Prometheus is started; a short look-back keeps an outage from being papered over with old samples."""
    folder: Path = plan.part("prometheus")
    return (
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=6h",
        "--storage.tsdb.retention.size=512MB",
        f"--web.listen-address={plan.prometheus}",
        "--web.enable-lifecycle",
        "--query.lookback-delta=15s",
        "--log.level=warn",
    )


def node_exporter_arguments(plan: Plan) -> tuple[str, ...]:
    """One process that answers for all three machines."""
    return (
        "--collector.disable-defaults",
        *(f"--collector.{name}" for name in COLLECTORS),
        *(f"--web.listen-address={address}" for address in plan.node_exporters.values()),
        "--log.level=warn",
    )
