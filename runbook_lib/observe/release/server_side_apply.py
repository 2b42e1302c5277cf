"""One object sent by server-side apply, for a trial or for good; asked again where the server could not answer.

Applying twice is applying once: so an answer that came late, or never, costs nothing but another request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import urllib3.exceptions
from kubernetes.client.exceptions import ApiException

from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, plain_object, sentence, speaking
from runbook_lib.observe.release.bundle import Manifest
from runbook_lib.observe.release.field_owners import MANAGER, Conflict, conflicts_of, is_decided, without_left
from runbook_lib.observe.throttling import obeyed
from runbook_lib.sections.release import FieldRule

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)  # seconds: an API server that is restarted is back in between
_NOT_NOW = (500, 502, 503, 504)
_ONCE = re.compile(r"immutable|may not change once set|updates to statefulset spec|is forbidden after creation")
_ADVICE = {
    "Deployment": "give it another name, or delete it first: kubectl delete deployment {name} --cascade=orphan keeps "
    "its Pods",
    "StatefulSet": "give it another name, or delete it first: kubectl delete statefulset {name} --cascade=orphan keeps "
    "its Pods",
    "Job": "a Job runs one template: give it another name, or delete the old one first: kubectl delete job {name}",
    "Service": "leave the cluster's addresses out, or delete the Service first, which cuts its users off",
    "ConfigMap": "give it another name, and let the Pods refer to that",
    "Secret": "give it another name, and let the Pods refer to that",
}

Answer = TypeVar("Answer")


def send(cluster: Cluster, manifest: Manifest, rules: Sequence[FieldRule] = (), version: str = "") -> Object:
    """Store the object; ``version``: only over that resourceVersion. Raises ApiException for 409 and 422.

    A field of another manager is taken over only where a rule says so, or where it is ours through an earlier
    write that was no apply (same manager, other operation).
    """
    with speaking(cluster, manifest.name):
        try:
            return _request(cluster, manifest, rules, version=version)
        except ApiException as error:
            found = _owned(error)
            if not found or not all(is_decided(rules, manifest.name, one) for one in found):
                raise
        return _request(cluster, manifest, rules, version=version, force_conflicts=True)


def try_out(
    cluster: Cluster, manifest: Manifest, rules: Sequence[FieldRule] = ()
) -> tuple[Object, tuple[Conflict, ...]]:
    """The object as the server would store it with every field as we want it, and the fields that are not ours."""
    with speaking(cluster, manifest.name):
        try:
            return _request(cluster, manifest, rules, dry_run="All"), ()
        except ApiException as error:
            found = _owned(error)
            if not found:
                raise
        return _request(cluster, manifest, rules, dry_run="All", force_conflicts=True), found


def _owned(error: ApiException) -> tuple[Conflict, ...]:
    return conflicts_of(error) if error.status == 409 else ()


def _request(
    cluster: Cluster, manifest: Manifest, rules: Sequence[FieldRule], version: str = "", **options: Any
) -> Object:
    resource = cluster.resource(manifest.object["apiVersion"], manifest.object["kind"])
    body, _ = without_left(manifest.object, manifest.name, rules)
    if version:
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
    options |= {"namespace": cluster.namespace} if resource.namespaced else {}
    return plain_object(
        persistent(
            lambda: resource.server_side_apply(body=body, field_manager=MANAGER, _request_timeout=PATIENCE, **options)
        )
    )


def persistent(ask: Callable[[], Answer]) -> Answer:
    """What ``ask`` returns, asked again while the server is away, busy or silent; only for what may be done twice."""
    for pause in PAUSES:
        try:
            return obeyed(ask)
        except ApiException as error:
            if error.status not in _NOT_NOW:
                raise
        except (urllib3.exceptions.HTTPError, OSError):
            pass  # what was sent may have been stored: sent again, it changes nothing
        time.sleep(pause)
    return obeyed(ask)


def reason(manifest: Manifest, error: ApiException) -> str:
    """Why the API server refuses this object, what to do where we know it, and no value of a Secret."""
    said = " ".join(sentence(error).split())
    if manifest.object["kind"] == "Secret":
        said = _without_values(said, manifest.object)
    advice = _ADVICE.get(manifest.object["kind"], "give it another name, or delete it first")
    if _ONCE.search(said):
        said += f"; such a field is set once: {advice.format(name=manifest.object['metadata']['name'])}"
    return said if len(said) <= 1000 else f"{said[:990]} …"


def _without_values(said: str, secret: Object) -> str:
    """The server repeats what it cannot read: every word of a Secret's values goes."""
    values = [str(v) for part in ("data", "stringData") for v in (secret.get(part) or {}).values()]
    for value in sorted(filter(None, values), key=len, reverse=True):
        said = said.replace(value, "(hidden)")
    return re.sub(r"Value:[^}]*\}", "Value:(hidden)}", said)
