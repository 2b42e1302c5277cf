"""Rights at the API server: what a role lets its holders do, and who holds it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.bindings import BINDINGS, ROLES, bindings_lead_somewhere, rules_are_whole
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.world import World

RBAC = DOCS + "reference/access-authn-authz/rbac/"
PRACTICES = DOCS + "concepts/security/rbac-good-practices/"
DEFAULT = re.compile(r"system:serviceaccount:[^:]+:default")
EVERYBODY = ("system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts")
CHANGES = ("create", "update", "patch")
RIGHTS, WEBHOOKS = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
# verbs, the group that has the kinds, the kinds
Reach = tuple[tuple[str, ...], str, tuple[str, ...]]
MAKERS: tuple[Reach, ...] = (
    (CHANGES, "", ("pods", "replicationcontrollers")),
    (CHANGES, "apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),
    (CHANGES, "batch", ("cronjobs",)),
    (("create",), "batch", ("jobs",)),  # the template of one that is there cannot be changed
    (("create", "get"), "", ("pods/exec", "pods/attach")),
    (("update", "patch"), "", ("pods/ephemeralcontainers",)),
)
# To make a binding is no ladder: the API server lets nobody bind rights that he has not, unless he may "bind" the role.
LADDERS: tuple[Reach, ...] = (
    (("escalate", "bind"), RIGHTS, ("roles", "clusterroles")),
    (("impersonate",), "", ("users", "groups", "serviceaccounts")),
    (("create",), "", ("serviceaccounts/token",)),
    (("get", "create"), "", ("nodes/proxy",)),
    (CHANGES, "certificates.k8s.io", ("certificatesigningrequests/approval",)),
    (("approve", "sign"), "certificates.k8s.io", ("signers",)),
    (CHANGES, WEBHOOKS, ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")),
)


def no_wildcard(world: World) -> Iterator[Seen]:
    for role, rules in _roles(world):
        found = [
            (key, rule.get(key)) for rule in rules for key in ("apiGroups", "resources", "verbs", "nonResourceURLs")
        ]
        wide = [(key, node) for key, node in found if "*" in _texts(node)]
        for _, node in wide[:1]:
            yield failed(role, node, f'"*" in {", ".join(dict.fromkeys(k for k, _ in wide))}: tomorrow it means more')
        if not wide:
            yield _clean(role, "names what it allows")


def secrets_by_name(world: World) -> Iterator[Seen]:
    """A list with resourceNames is granted only to who asks for the name; a list of all has the empty name."""
    for role, rules in _roles(world):
        wide = []
        for rule in rules:
            reads = _texts(rule.get("verbs")) & {"get", "list", "watch", "*"}
            named = _texts(rule.get("resourceNames"))
            if reads and _covers(rule, "", ("secrets",)) and (not named or "" in named):
                wide.append((rule, reads))
        for rule, reads in wide:
            yield failed(role, rule, f"{', '.join(sorted(reads))} of all Secrets: name them in resourceNames")
        if not wide:
            yield _clean(role, "reads no Secrets but those it names")


def no_pods_made(world: World) -> Iterator[Seen]:
    """Who makes a Pod reads every Secret of the namespace and uses every account there; who enters one, too."""
    yield from _without(world, MAKERS, "and so reaches every Secret and account here")


def no_ladder(world: World) -> Iterator[Seen]:
    yield from _without(world, LADDERS, "and so leads to rights that no role gives")


def _without(world: World, reaches: tuple[Reach, ...], harm: str) -> Iterator[Seen]:
    for role, rules in _roles(world):
        found = [(rule, what) for rule in rules if (what := _reached(rule, reaches))]
        for rule, what in found:
            yield failed(role, rule, f"{what}, {harm}")
        if not found:
            yield _clean(role, "gives nothing of that kind")


def _reached(rule: Node, reaches: tuple[Reach, ...]) -> str:
    """Verbs and kinds of those that the rule allows; empty when it allows none."""
    verbs = _texts(rule.get("verbs"))
    found: dict[str, set[str]] = defaultdict(set)
    for wanted, group, kinds in reaches:
        if may := verbs & {*wanted, "*"}:
            found[", ".join(sorted(may))] |= _covers(rule, group, kinds)
    return "; ".join(f"{may} {_few(kinds)}" for may, kinds in found.items() if kinds)


def _few(names: set[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(sorted(names)[:4]) + more


def nobody_owns_the_cluster(world: World) -> Iterator[Seen]:
    everything = {"cluster-admin"} | {role.name for role, rules in _roles(world) if _everything(role, rules)}
    for binding in world.of_kind(*BINDINGS):
        ref, subjects = binding.node.get("roleRef", "name"), binding.node.get("subjects")
        clusterwide = binding.node.get("roleRef", "kind").text() != "Role"
        holders = [(one.get("kind").text(), one.get("name").text()) for one in subjects.elements()]
        names = ", ".join(sorted({name for _, name in holders}))
        if clusterwide and ref.text() in everything:
            where = "the whole cluster" if binding.kind == "ClusterRoleBinding" else "the whole namespace"
            what = ref.text() if ref.text() == "cluster-admin" else f"{ref.text()}, which allows everything,"
            yield failed(binding, ref, f"{what} for {names or 'nobody yet'}: {where} is theirs")
        elif ("Group", "system:masters") in holders:
            yield failed(binding, subjects, "system:masters passes every check of rights, now and for ever")
        else:
            yield passed(binding, ref, f"{ref.text()} for {names or 'nobody'}")


def _everything(role: Resource, rules: tuple[Node, ...]) -> bool:
    keys = ("apiGroups", "resources", "verbs")
    wide = (rule for rule in rules if not rule.get("resourceNames").elements())
    return role.kind == "ClusterRole" and any(all("*" in _texts(rule.get(key)) for key in keys) for rule in wide)


def not_for_everybody(world: World) -> Iterator[Seen]:
    """Every Pod without an account of its own runs as default."""
    for binding in world.of_kind(*BINDINGS):
        wide = []
        for subject in binding.node.get("subjects").elements():
            kind, name = subject.get("kind").text(), subject.get("name").text()
            if (kind, name) == ("ServiceAccount", "default") or DEFAULT.fullmatch(name):
                wide.append((subject, "the account default, so every Pod that names no account of its own"))
            elif name.startswith(EVERYBODY):
                wide.append((subject, name))
        for subject, who in wide:
            yield failed(binding, subject, f"{binding.node.get('roleRef', 'name').text()} is given to {who}")
        if not wide:
            yield passed(binding, binding.node.get("subjects"), "given to named holders")


def _roles(world: World) -> Iterator[tuple[Resource, tuple[Node, ...]]]:
    """Roles and their rules; what an aggregated one has of its own is written over in the cluster."""
    for role in world.of_kind(*ROLES):
        yield role, () if role.node.get("aggregationRule").exists else role.node.get("rules").elements()


def _clean(role: Resource, message: str) -> Seen:
    """No rule of the role is against the check; what other roles add to an aggregated one is not all given."""
    collected = role.node.get("aggregationRule")
    if not collected.exists:
        return passed(role, role.node.get("rules"), message)
    return unknown(role, collected, "its rules are those of the ClusterRoles that its aggregationRule selects")


def _covers(rule: Node, group: str, kinds: tuple[str, ...]) -> set[str]:
    """Which of a group's kinds the rule is about; a wildcard is about all."""
    if not _texts(rule.get("apiGroups")) & {group, "*"}:
        return set()
    given = _texts(rule.get("resources"))
    # "*" stands for subresources, too; "*/scale" for that of every kind
    return {kind for kind in kinds if given & {kind, "*", f"*/{kind.partition('/')[2]}"}}


def _texts(node: Node) -> set[str]:
    return {item.text() for item in node.elements()}


CHECKS = (
    Check(
        "rbac-wildcard",
        "Roles name what they allow",
        "warning",
        'With "*" every kind that is installed later is allowed, too.',
        PRACTICES + "#least-privilege",
        no_wildcard,
    ),
    Check(
        "rbac-secrets",
        "Roles read only Secrets that they name",
        "warning",
        "On the VM a service saw its own files alone.",
        PRACTICES + "#listing-secrets",
        secrets_by_name,
    ),
    Check(
        "rbac-pods",
        "Roles make and enter no Pods",
        "warning",
        "It is as good as every account of the namespace.",
        PRACTICES + "#workload-creation",
        no_pods_made,
    ),
    Check(
        "rbac-escalation",
        "Roles lead to no further rights",
        "warning",
        "Least privilege ends where a role can widen itself.",
        PRACTICES + "#kubernetes-rbac-privilege-escalation-risks",
        no_ladder,
    ),
    Check(
        "rbac-admin",
        "Nobody is given the whole cluster",
        "blocking",
        "One stolen token would be everything.",
        RBAC + "#user-facing-roles",
        nobody_owns_the_cluster,
    ),
    Check(
        "rbac-everybody",
        "Rights are given to named holders",
        "warning",
        "Neighbours get them without asking.",
        RBAC + "#service-account-permissions",
        not_for_everybody,
    ),
    Check(
        "rbac-target",
        "Bindings lead to a role and an account",
        "warning",
        "A slip in a name gives the rights to nobody, and the service is refused.",
        RBAC + "#rolebinding-and-clusterrolebinding",
        bindings_lead_somewhere,
    ),
    Check(
        "rbac-form",
        "Rules of a role are whole",
        "blocking",
        "It cannot be applied, and the service starts without its rights.",
        RBAC + "#role-and-clusterrole",
        rules_are_whole,
    ),
)
