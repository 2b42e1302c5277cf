"""Somebody who may do only what a Role says: a ServiceAccount of the test's namespace, with a token of its own."""

from __future__ import annotations

import copy
from typing import Any

import yaml
from kubernetes import client
from kubernetes.dynamic import DynamicClient


def client_of(cluster: Any, name: str = "runner") -> client.ApiClient:
    """A client that knows only the token of that ServiceAccount, which is made here and may do nothing yet."""
    cluster.core.create_namespaced_service_account(
        cluster.namespace, client.V1ServiceAccount(metadata=client.V1ObjectMeta(name=name))
    )
    wanted = client.AuthenticationV1TokenRequest(
        spec=client.V1TokenRequestSpec(audiences=["https://kubernetes.default.svc"], expiration_seconds=3600)
    )
    try:
        answer = cluster.core.create_namespaced_service_account_token(name, cluster.namespace, wanted)
    except client.ApiException as error:  # a cluster whose tokens are for somebody else
        assert error.status in (400, 422), error
        wanted.spec.audiences = []
        answer = cluster.core.create_namespaced_service_account_token(name, cluster.namespace, wanted)
    settings = copy.copy(cluster.client.configuration)
    settings.api_key = {"authorization": answer.status.token}
    settings.api_key_prefix = {"authorization": "Bearer"}
    settings.refresh_api_key_hook = None
    settings.cert_file = settings.key_file = None
    settings.username = settings.password = None
    settings.retries = False
    return client.ApiClient(settings)


def apply_yaml(api: client.ApiClient, text: str) -> None:
    """What `kubectl apply --server-side -f -` does with a document that was printed."""
    dynamic = DynamicClient(api)
    for document in filter(None, yaml.safe_load_all(text)):
        resource = dynamic.resources.get(api_version=document["apiVersion"], kind=document["kind"])
        metadata = document["metadata"]
        resource.server_side_apply(
            body=document,
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            field_manager="administrator",
            force_conflicts=True,
        )
