"""Reads the inputs of the acceptance report: what was, from the assessment's sources, and what runs now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.artefacts import Node
from runbook_lib.judge.acceptance import number
from runbook_lib.judge.profile import processors
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.hosts import read_hosts
from runbook_lib.observe.pods import pods
from runbook_lib.observe.rollout import deployment
from runbook_lib.observe.room import requests_of
from runbook_lib.observe.usage import read_usage
from runbook_lib.parameters import Parameters
from runbook_lib.sections import Kubernetes

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


def before(parameters: Parameters, stated: Node) -> dict[str, float | None]:
    """The old side by its sources: machines, processors each, mean cores used each, release time and success."""
    usage = read_usage(parameters.path(parameters.assessment.usage)).table
    return {
        "machines": float(len(parameters.legacy.instances)),
        "cores_each": processors(read_hosts(parameters.path(parameters.assessment.hosts)).hosts),
        "cores_used": float(usage["cpu_cores"].mean()),
        "minutes_before": number(stated.get("releases", "minutes_before").value),
        "success_before": number(stated.get("releases", "success_rate").value),
    }


def running(api: ApiClient, wanted: Kubernetes) -> dict[str, float | None]:
    """The new side as it runs: its Pods, and the cores that they ask for together."""
    cluster = Cluster(api, wanted.namespace)
    living = [pod for pod in pods(cluster, wanted.deployment) if not pod.terminating]
    each = requests_of(deployment(cluster, wanted.deployment)["spec"]["template"]["spec"])
    return {"pods": float(len(living)), "cores_asked": each.cores * len(living) or None}
