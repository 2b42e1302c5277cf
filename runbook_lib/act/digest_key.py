"""Makes the key of the digests in a namespace, once; it never leaves the cluster."""

from __future__ import annotations

import base64
import secrets

from runbook_lib.act.create import create
from runbook_lib.errors import CriterionFailed
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.release.difference import MANAGER
from runbook_lib.observe.release.keyed_digest import KEY_FIELD, KEY_NAME, LENGTH, DigestKey, read_key


def digest_key(cluster: Cluster) -> DigestKey:
    """The key of this namespace, made when there is none; of two that make it at once one wins, and both use that."""
    found = read_key(cluster)
    if found is None:
        _make(cluster)
        found = read_key(cluster)
    if found is None:
        raise CriterionFailed(
            f"Secret/{KEY_NAME} in namespace {cluster.namespace} holds no key of {LENGTH} bytes under {KEY_FIELD!r}; "
            "find out who wrote it, delete it, and a new one is made: digests of records before cannot be compared then"
        )
    return found


def _make(cluster: Cluster) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": KEY_NAME, "labels": {"app.kubernetes.io/managed-by": MANAGER}},
        "immutable": True,
        "data": {KEY_FIELD: base64.b64encode(secrets.token_bytes(LENGTH)).decode()},
    }
    create(cluster, body)
