"""Roles and bindings in a form that the API server takes, and whether a binding leads to a role and to its holders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import Seen, failed, passed, unknown
from runbook_lib.judge.workload.world import World

ROLES, BINDINGS = ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")
HOLDERS = ("ServiceAccount", "User", "Group")


def rules_are_whole(world: World) -> Iterator[Seen]:
    for role in world.of_kind(*ROLES):
        rules = role.node.get("rules")
        found = [(rule, lack) for rule in rules.elements() if (lack := _lacking(role, rule))]
        for rule, lack in found:
            yield failed(role, rule, f"{lack}: the API server refuses it")
        if not found:
            yield passed(role, rules, "each rule says what may be done with what")


def _lacking(role: Resource, rule: Node) -> str:
    """Why the API server refuses the rule; empty when it does not."""
    given = {key for key, node in rule.entries() if node.elements()}
    if "verbs" not in given:
        return "no verbs"
    if "nonResourceURLs" in given:
        if role.kind == "Role":
            return "paths belong into a ClusterRole"
        return "paths and resources in one rule" if given - {"verbs", "nonResourceURLs"} else ""
    if "apiGroups" not in given:
        return 'no apiGroups ("" is that of Pods and Services)'
    return "" if "resources" in given else "no resources"


def bindings_lead_somewhere(world: World) -> Iterator[Seen]:
    clusterwide = {role.name for role in world.of_kind("ClusterRole")}
    homes: dict[str, set[str]] = defaultdict(set)
    for account in world.of_kind("ServiceAccount"):
        homes[account.name].add(world.space(account))
    for binding in world.of_kind(*BINDINGS):
        ref = binding.node.get("roleRef")
        kind, name = ref.get("kind").text(), ref.get("name").text()
        if kind not in ROLES or (kind == "Role" and binding.kind == "ClusterRoleBinding"):
            yield failed(binding, ref, f"roleRef {kind or '(no kind)'} in a {binding.kind}: the API server refuses it")
        elif kind == "Role" and world.named("Role", name, binding) is None:
            yield unknown(binding, ref, f"Role/{name} is not among the objects given: make sure the cluster has it")
        elif kind == "ClusterRole" and name not in clusterwide and not _built_in(name):
            yield unknown(
                binding, ref, f"ClusterRole/{name} is not among the objects given: make sure the cluster has it"
            )
        else:
            yield passed(binding, ref, f"{kind}/{name} is there")
        yield from _holders(world, binding, homes)


def _holders(world: World, binding: Resource, homes: dict[str, set[str]]) -> Iterator[Seen]:
    for subject in binding.node.get("subjects").elements():
        kind, name, space = (subject.get(key).text() for key in ("kind", "name", "namespace"))
        if kind not in HOLDERS:
            yield failed(binding, subject, f"a subject of kind {kind or '(none)'}: the API server refuses it")
        if kind != "ServiceAccount":
            continue
        if subject.get("apiGroup").text():
            yield failed(binding, subject, f"ServiceAccount {name} with an apiGroup: the API server refuses it")
            continue
        if not space and binding.kind == "ClusterRoleBinding":
            yield failed(binding, subject, f"ServiceAccount {name} without a namespace: the API server refuses it")
            continue
        home = space or world.space(binding)
        if name == "default" or home in homes[name]:
            yield passed(binding, subject, f"ServiceAccount/{name} is there")
        elif homes[name]:
            found = ", ".join(sorted(homes[name]))
            yield failed(
                binding, subject, f"ServiceAccount/{name} of namespace {home}, but it is in {found}: no rights"
            )
        else:
            yield unknown(binding, subject, f"ServiceAccount/{name} is not among the objects given", "info")


def _built_in(name: str) -> bool:
    return name in ("cluster-admin", "admin", "edit", "view") or name.startswith("system:")
