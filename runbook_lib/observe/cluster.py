"""A cluster that is read through the official client: objects as plain dicts, every refusal as one sentence."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3.exceptions
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError, ResourceNotUniqueError
from kubernetes.watch import Watch

from runbook_lib.errors import BadParameters, CriterionFailed, RunbookError, Unreachable
from runbook_lib.observe.rbac import rbac_for
from runbook_lib.observe.throttling import obeyed

Object = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation of kubectl's: it repeats the whole object, Secret values included."""
PATIENCE = (5, 30)  # seconds to connect, seconds to wait for bytes
LATE = 5  # seconds after which a watch that should have ended is taken for a connection that hangs


class Cluster:
    """One namespace of one cluster; holds what discovery said, so that it is asked once."""

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.server: str = api.configuration.host
        self._client: DynamicClient | None = None

    @property
    def client(self) -> DynamicClient:
        """The dynamic client, connected at the first use."""
        if self._client is None:
            # the client's own cache lies in a shared /tmp and outlives a cluster: ours ends with this object
            with speaking(self, "discovery"), tempfile.TemporaryDirectory() as folder:
                self._client = DynamicClient(self.api, cache_file=str(Path(folder) / "discovery.json"))
        return self._client

    def resource(self, api_version: str, kind: str) -> Any:
        """The endpoint of a kind; BadParameters when this cluster does not know it."""
        client = self.client
        try:
            with speaking(self, f"discovery of {kind}"):
                return client.resources.get(api_version=api_version, kind=kind)
        except (ResourceNotFoundError, ResourceNotUniqueError):
            raise BadParameters(
                f"the cluster at {self.server} knows no {kind} in {api_version}; "
                "install its CRD or correct the manifest"
            ) from None

    def knows(self, api_version: str, kind: str) -> bool:
        """True when this cluster has such objects."""
        try:
            self.resource(api_version, kind)
        except BadParameters:
            return False
        return True

    def versions_of(self, kind: str) -> list[str]:
        """The apiVersions in which this cluster has a kind."""
        found = self.client.resources.search(kind=kind)
        return sorted({one.group_version for one in found if not one.kind.endswith("List")})

    def discover(self) -> None:
        """Ask anew what kinds there are, at the next use: a definition was made."""
        self._client = None

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The live object, also of another namespace; None when there is none."""
        resource = self.resource(api_version, kind)
        place = self._place(resource, namespace)
        try:
            with speaking(self, f"{kind}/{name}"):
                found = obeyed(lambda: resource.get(name=name, namespace=place, _request_timeout=PATIENCE))
        except Missing:
            return None
        return plain_object(found)

    def all(
        self, api_version: str, kind: str, selector: str = "", fields: str = "", namespace: str | None = None
    ) -> list[Object]:
        """Every object of a kind in the namespace, in another, or with "" in all; by label and field selector."""
        resource = self.resource(api_version, kind)
        place = self._place(resource, namespace)
        with speaking(self, f"the list of {kind}"):
            found = obeyed(
                lambda: resource.get(
                    namespace=place,
                    label_selector=selector or None,
                    field_selector=fields or None,
                    _request_timeout=PATIENCE,
                )
            )
        head = {"apiVersion": api_version, "kind": kind}
        return [head | item for item in plain_object(found).get("items") or []]

    def _place(self, resource: Any, namespace: str | None) -> str | None:
        """The namespace to ask in: None for all, and for a kind that has none."""
        return (self.namespace if namespace is None else namespace) or None if resource.namespaced else None

    def watch(self, api_version: str, kind: str, name: str, since: str, seconds: int) -> Iterator[Object]:
        """Each new state of one object for so many seconds; an expired version (410) just ends it: read again."""
        resource = self.resource(api_version, kind)
        watcher = Watch()
        try:
            with speaking(self, f"the watch of {kind}/{name}"):
                yield from (
                    event["raw_object"]
                    for event in watcher.stream(
                        resource.get,
                        namespace=self.namespace,
                        field_selector=f"metadata.name={name}",
                        resource_version=since,
                        serialize=False,
                        timeout_seconds=seconds,
                        _request_timeout=(PATIENCE[0], seconds + LATE),
                    )
                    if event["type"] in ("ADDED", "MODIFIED")
                )
        except Expired:
            return
        finally:
            watcher.stop()


class Missing(RunbookError):
    """The API answered 404."""


class Expired(RunbookError):
    """The API answered 410: the resourceVersion is too old to watch from."""


def plain_object(found: Any) -> Object:
    """The dict inside the dynamic client's answer."""
    value: Object = found.to_dict() if hasattr(found, "to_dict") else found
    return value


@contextlib.contextmanager
def speaking(cluster: Cluster, about: str) -> Iterator[None]:
    """Turn what the client raises into one sentence of ours; 409 and 422 are left to those who write."""
    try:
        yield
    except ApiException as error:
        raise _refusal(cluster, about, error) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unreachable(
            f"the cluster at {cluster.server} does not answer for {about} ({_cause(error)}); "
            "check kubernetes.kubeconfig, kubernetes.context and the network"
        ) from None


def _refusal(cluster: Cluster, about: str, error: ApiException) -> Exception:
    message = sentence(error)
    if error.status == 404:
        return Missing(f"{about}: {message}")
    if error.status == 410:
        return Expired(f"{about}: {message}")
    if error.status == 401:
        return Unreachable(f"the cluster at {cluster.server} refuses our credentials for {about}; log in again")
    if error.status == 403 and "cannot " not in message:  # quota, Pod security, a namespace that is being deleted
        return CriterionFailed(f"{about} is not allowed: {message}")
    if error.status == 403:
        return CriterionFailed(f"{message}; what is missing:\n{rbac_for(message, cluster.namespace)}")
    if error.status == 429 or error.status >= 500:
        return Unreachable(f"the cluster at {cluster.server} cannot answer for {about}: {error.status} {message}")
    return error


def sentence(error: ApiException) -> str:
    """The message of the Status that came back, or the bare HTTP reason."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason or error.body or f"HTTP {error.status}")


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return re.sub(r"^<?[\w.]+\(.*?\)>?: |^HTTPConnection\(.*?\): ", "", str(reason)).rstrip(".")
