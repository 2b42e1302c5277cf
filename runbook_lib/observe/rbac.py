"""What a runbook must be allowed to do, and the YAML that grants it: whole Roles with their bindings, to be applied."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

GROUP = "rbac.authorization.k8s.io"
ACCOUNT = "system:serviceaccount:"
NOBODY = "WHO-RUNS-THE-RUNBOOK"
Document = dict[str, Any]


@dataclass(frozen=True)
class Permission:
    """One thing this runbook has to be allowed to do, what for, and whether it is.

    ``namespaced`` False asks for all namespaces, or for what lies in none; ``optional`` only lets it know more.
    """

    verb: str
    group: str
    resource: str
    allowed: bool
    namespaced: bool = True
    namespace: str = ""
    name: str = ""
    purpose: str = ""
    optional: bool = False

    @property
    def title(self) -> str:
        """``patch deployments.apps``."""
        return f"{self.verb} {self.resource}{'.' + self.group if self.group else ''}"


def rbac(answers: Sequence[Permission], namespace: str, user: str = "", name: str = "runbook") -> str:
    """One document to apply when something is missing, empty when nothing is.

    The Roles are whole, with what is granted already: a Role that is applied takes the place of the one of its name.
    What is only useful comes last, behind a comment, and may be left out.
    """
    parts = []
    for optional in (False, True):
        asked = [one for one in answers if one.optional is optional]
        if missing := [one for one in asked if not one.allowed]:
            head = "only to know more, may be left out" if optional else "needed"
            said = ", ".join(dict.fromkeys(one.title for one in missing))
            head = textwrap.fill(f"{head}; missing now: {said}", 110, initial_indent="# ", subsequent_indent="#   ")
            granted = _documents(asked, namespace, user, f"{name}-look" if optional else name)
            parts.append(f"{head}\n{yaml.safe_dump_all(granted, sort_keys=False, default_flow_style=None)}")
    unknown = f"# the cluster does not say who is asking: write the name instead of {NOBODY}\n"
    return ("" if user or not parts else unknown) + "---\n".join(parts)


def _documents(wanted: Iterable[Permission], namespace: str, user: str, name: str) -> list[Document]:
    """A Role with its binding for each namespace, a ClusterRole with its binding for what lies in none."""
    places: dict[str, list[Permission]] = {}
    for one in wanted:
        places.setdefault((one.namespace or namespace) if one.namespaced else "", []).append(one)
    found = []
    for place, permissions in sorted(places.items(), key=lambda item: (not item[0], item[0])):
        own = name if place else f"{name}-{namespace}"  # ClusterRoles of all namespaces lie side by side
        metadata = {"name": own, **({"namespace": place} if place else {})}
        kind = "Role" if place else "ClusterRole"
        head = {"apiVersion": f"{GROUP}/v1"}
        found.append({**head, "kind": kind, "metadata": metadata, "rules": _rules(permissions)})
        reference = {"apiGroup": GROUP, "kind": kind, "name": own}
        binding = {**head, "kind": f"{kind}Binding", "metadata": dict(metadata), "roleRef": reference}
        found.append({**binding, "subjects": [_subject(user)]})
    return found


def _rules(permissions: Iterable[Permission]) -> list[Document]:
    """One rule for each resource and name; what is asked without a name covers the names."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for one in permissions:
        verbs.setdefault((one.group, one.resource, one.name), []).append(one.verb)
    rules = []
    for (group, resource, name), wanted in sorted(verbs.items()):
        covered = verbs.get((group, resource, ""), []) if name else []
        if left := [verb for verb in dict.fromkeys(wanted) if verb not in covered]:
            rule: Document = {"apiGroups": [group], "resources": [resource]}
            rules.append(rule | ({"resourceNames": [name]} if name else {}) | {"verbs": left})
    return rules


def _subject(user: str) -> Document:
    if user.startswith(ACCOUNT):
        namespace, _, name = user.removeprefix(ACCOUNT).partition(":")
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"kind": "User", "name": user or NOBODY, "apiGroup": GROUP}


def rbac_for(message: str, namespace: str) -> str:
    """The Role and its binding that answer one 403, read out of the API server's own sentence.

    Named for what it grants, so that it takes no other Role's place.
    """
    verb = re.search(r"cannot (\S+) resource", message)
    resource = re.search(r'resource "([^"]+)"', message)
    group = re.search(r'API group "([^"]*)"', message)
    if not (verb and resource):
        return "(the API server did not say which permission)"
    user, place = re.search(r'User "([^"]+)"', message), re.search(r'in the namespace "([^"]+)"', message)
    here = "at the cluster scope" not in message
    one = Permission(verb[1], group[1] if group else "", resource[1], False, here, place[1] if place else namespace)
    name = f"runbook-{one.verb}-{one.resource.replace('/', '-')}"
    return rbac([one], namespace, user[1] if user else "", name)
