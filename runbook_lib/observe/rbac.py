"""What a runbook must be allowed to do, and the Role that grants what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Permission:
    """One thing this runbook has to be allowed to do, and whether it is."""

    verb: str
    group: str
    resource: str
    allowed: bool
    namespaced: bool = True


def rbac(missing: Iterable[Permission], namespace: str) -> str:
    """The Role, and the ClusterRole where it takes one, as YAML for the people who look after the cluster."""
    missing = list(missing)
    here, anywhere = ([p for p in missing if p.namespaced is wanted] for wanted in (True, False))
    roles = [_role("Role", {"name": "runbook", "namespace": namespace}, here)] if here else []
    roles += [_role("ClusterRole", {"name": "runbook"}, anywhere)] if anywhere else []
    return yaml.safe_dump_all(roles, sort_keys=False)


def _role(kind: str, metadata: dict[str, str], missing: Iterable[Permission]) -> dict[str, Any]:
    verbs: dict[tuple[str, str], list[str]] = {}
    for permission in missing:
        verbs.setdefault((permission.group, permission.resource), []).append(permission.verb)
    rules = [{"apiGroups": [g], "resources": [r], "verbs": v} for (g, r), v in sorted(verbs.items())]
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules}


def rbac_for(message: str, namespace: str) -> str:
    """The Role that answers one 403, read out of the API server's own sentence."""
    verb = re.search(r"cannot (\S+) resource", message)
    resource = re.search(r'resource "([^"]+)"', message)
    group = re.search(r'API group "([^"]*)"', message)
    if not (verb and resource):
        return "(the API server did not say which permission)"
    return rbac([Permission(verb[1], group[1] if group else "", resource[1], False)], namespace)
