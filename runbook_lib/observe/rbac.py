"""What a runbook must be allowed to do, and the Role that grants what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class Permission:
    """One thing this runbook has to be allowed to do, and whether it is."""

    verb: str
    group: str
    resource: str
    allowed: bool
    reason: str = ""


def rbac(missing: Iterable[Permission], namespace: str) -> str:
    """A Role that grants what is missing, as YAML for the people who look after the cluster."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for permission in missing:
        verbs.setdefault((permission.group, permission.resource), []).append(permission.verb)
    rules = [{"apiGroups": [g], "resources": [r], "verbs": v} for (g, r), v in sorted(verbs.items())]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "runbook", "namespace": namespace},
        "rules": rules,
    }
    return yaml.safe_dump(role, sort_keys=False)


def rbac_for(message: str, namespace: str) -> str:
    """The Role that answers one 403, read out of the API server's own sentence."""
    verb = re.search(r"cannot (\S+) resource", message)
    resource = re.search(r'resource "([^"]+)"', message)
    group = re.search(r'API group "([^"]*)"', message)
    if not (verb and resource):
        return "(the API server did not say which permission)"
    return rbac([Permission(verb[1], group[1] if group else "", resource[1], False)], namespace)
