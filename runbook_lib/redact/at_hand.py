"""The secrets that a run could show before it asked for any: behind its references, and of its login."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runbook_lib.clients import Clients, is_reference
from runbook_lib.errors import RunbookError
from runbook_lib.redact.mark import is_harmless
from runbook_lib.redact.names import names_it
from runbook_lib.redact.redactor import Redactor

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def redactor_for(clients: Clients) -> Redactor:
    """Knows what can be read here without asking anybody; the cluster's own Secrets are learned when they are used."""
    words = list(_leaves(clients.parameters.model_dump(mode="json")))
    redactor = Redactor().sparing(word for word in words if not is_reference(word))
    for reference in sorted({word for word in words if word.startswith(("env:", "file:"))}):
        try:
            redactor = redactor.knowing(reference, clients.secret(reference))
        except (RunbookError, OSError, UnicodeDecodeError):
            continue  # who needs it will say so
    for value in _login(clients):
        redactor = redactor.knowing("login of the cluster", value)
    return redactor


def _login(clients: Clients) -> Iterator[str]:
    """Tokens, keys and passwords of the kubeconfig, or of the Pod's service account."""
    if clients.parameters.of_fleet:
        return  # many applications are assessed without a cluster
    wanted, environment = clients.parameters.kubernetes.kubeconfig, clients.environment
    named = [str(clients.parameters.path(wanted))] if wanted else environment.get("KUBECONFIG", "").split(":")
    for name in filter(None, [*named, *([] if wanted else ["~/.kube/config"])]):
        try:
            config = yaml.safe_load(Path(name).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError, RuntimeError):
            continue  # an unusable kubeconfig is told when it is used
        yield from _named(config)
    if "KUBERNETES_SERVICE_HOST" in environment and SERVICE_ACCOUNT.is_file():
        yield SERVICE_ACCOUNT.read_text(encoding="utf-8")


def _named(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _named(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)
    elif isinstance(value, str) and names_it(name) and not is_harmless(value):
        yield value
        if name.endswith("-data"):
            try:
                yield base64.b64decode(value).decode()
            except ValueError:
                return


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
