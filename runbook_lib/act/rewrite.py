"""Changes a Deployment that others change, too: read, change, write over exactly what was read."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import ChangeFailed
from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, plain_object, sentence, speaking
from runbook_lib.observe.release.difference import MANAGER
from runbook_lib.observe.throttling import obeyed
from runbook_lib.observe.workload.rollout import deployment

ATTEMPTS = 5  # the controller writes the status of a Deployment all the time: a 409 is read again, not reported


def rewrite(cluster: Cluster, name: str, change: Callable[[Object], None]) -> Object:
    """The Deployment after ``change``; whoever was quicker is read again. ChangeFailed when it is refused."""
    resource = cluster.resource("apps/v1", "Deployment")
    for _ in range(ATTEMPTS):
        body = copy.deepcopy(deployment(cluster, name))
        change(body)
        with speaking(cluster, f"Deployment/{name}"):
            try:
                written = obeyed(partial(_put, cluster, resource, body))
            except ApiException as error:
                if error.status == 429 or error.status >= 500:
                    raise
                if error.status != 409:
                    raise ChangeFailed(f"Deployment/{name} was not changed: {sentence(error)}") from None
                continue
        return plain_object(written)
    raise ChangeFailed(
        f"Deployment/{name} was not changed: somebody else wrote it {ATTEMPTS} times meanwhile; try again"
    )


def _put(cluster: Cluster, resource: Any, body: Object) -> Any:
    return resource.replace(body=body, namespace=cluster.namespace, field_manager=MANAGER, _request_timeout=PATIENCE)
