"""Restarts, OOM kills and readiness from the Pods' status: the API knows them at once, metrics only when scraped.

Two plain requests with a short time-out, so that a cluster that hangs cannot hold up the loop that guards the users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runbook_lib.errors import Unreachable
from runbook_lib.model import now
from runbook_lib.sections import Kubernetes

if TYPE_CHECKING:
    from datetime import datetime

    from kubernetes.client import ApiClient


@dataclass(frozen=True)
class Stability:
    """One look at a Deployment's Pods; ``restarts`` and ``killed`` by container (Pod/name)."""

    at: datetime
    wanted: int
    ready: int
    restarts: dict[str, int]
    killed: dict[str, str]
    """When the last OOM kill of the container ended."""


def read_stability(client: ApiClient, wanted: Kubernetes, timeout: float = 2.0) -> Stability:
    """The Pods of ``kubernetes.deployment``; Unreachable when the API does not answer in time."""
    from kubernetes.client import ApiException, AppsV1Api, CoreV1Api
    from urllib3.exceptions import HTTPError

    try:
        deployment = AppsV1Api(client).read_namespaced_deployment(
            wanted.deployment, wanted.namespace, _request_timeout=timeout
        )
        labels = ",".join(f"{k}={v}" for k, v in sorted((deployment.spec.selector.match_labels or {}).items()))
        pods = CoreV1Api(client).list_namespaced_pod(wanted.namespace, label_selector=labels, _request_timeout=timeout)
        return _stability(deployment, [pod for pod in pods.items if _is_of_a_replica_set(pod)])
    except ApiException as error:
        raise Unreachable(f"the cluster refused to show {wanted.deployment}: {error.status} {error.reason}") from None
    except (HTTPError, OSError) as error:
        raise Unreachable(f"the cluster does not answer ({type(error).__name__}); the Pods are unknown") from None
    except (ValueError, TypeError, AttributeError) as error:  # a proxy's page, half an object
        why = type(error).__name__
        raise Unreachable(f"the cluster's answer is none ({why}); the Pods are unknown") from None


def _stability(deployment: Any, pods: list[Any]) -> Stability:
    restarts, killed = {}, {}
    for pod in pods:
        for status in pod.status.container_statuses or []:
            key = f"{pod.metadata.name}/{status.name}"
            restarts[key] = status.restart_count
            for state in (status.state, status.last_state):
                ended = state.terminated if state else None
                if ended and ended.reason == "OOMKilled":
                    killed[key] = str(ended.finished_at)
    ready = sum(1 for pod in pods if _is_ready(pod))
    return Stability(now(), deployment.spec.replicas or 0, ready, restarts, killed)


def _is_of_a_replica_set(pod: Any) -> bool:
    """Not a Job's, which may have the same labels: it takes no users, and its restarts are not theirs."""
    return any(owner.kind == "ReplicaSet" for owner in pod.metadata.owner_references or [])


def _is_ready(pod: Any) -> bool:
    conditions = pod.status.conditions or []
    return any(c.type == "Ready" and c.status == "True" for c in conditions) and not pod.metadata.deletion_timestamp
