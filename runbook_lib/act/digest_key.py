"""Makes the key of the digests in a namespace, once; it never leaves the cluster."""

from __future__ import annotations

import base64
import secrets

from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import ChangeFailed, CriterionFailed
from runbook_lib.observe.cluster import PATIENCE, Cluster, sentence, speaking
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
    with speaking(cluster, f"Secret/{KEY_NAME}"):
        try:
            cluster.resource("v1", "Secret").create(
                body=body, namespace=cluster.namespace, field_manager=MANAGER, _request_timeout=PATIENCE
            )
        except ApiException as error:
            if error.status != 409:
                raise ChangeFailed(f"the key Secret/{KEY_NAME} was not written: {sentence(error)}") from None
