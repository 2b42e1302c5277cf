"""Rights at the API server: what a role lets its holders do, and who holds it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.world import World

RBAC = DOCS + "reference/access-authn-authz/rbac/"
PRACTICES = DOCS + "concepts/security/rbac-good-practices/"
ROLES, BINDINGS = ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")
EVERYBODY = ("system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts")
GROUPS = ("", "apps", "batch", "rbac.authorization.k8s.io", "certificates.k8s.io", "admissionregistration.k8s.io", "*")
MAKERS = ("pods", "deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs")
INSIDE = ("pods/exec", "pods/attach", "pods/ephemeralcontainers")
CHANGES = ("create", "update", "patch")
# verbs, resources: whoever may do this can give himself what he lacks
LADDERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("escalate", "bind"), ("roles", "clusterroles")),
    (CHANGES, ("rolebindings", "clusterrolebindings")),
    (("impersonate",), ("users", "groups", "serviceaccounts")),
    (("create",), ("serviceaccounts/token",)),
    (("get", "create"), ("nodes/proxy",)),
    (CHANGES, ("certificatesigningrequests/approval",)),
    (("approve", "sign"), ("signers",)),
    (CHANGES, ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")),
)


def no_wildcard(world: World) -> Iterator[Seen]:
    for role, rules in _roles(world):
        found = [
            (key, rule.get(key)) for rule in rules for key in ("apiGroups", "resources", "verbs", "nonResourceURLs")
        ]
        wide = [(key, node) for key, node in found if "*" in _texts(node)]
        for key, node in wide[:1]:
            yield failed(
                role, node, f'"*" in {", ".join(dict.fromkeys(k for k, _ in wide))}: tomorrow it means more ({key})'
            )
        if not wide:
            yield passed(role, role.node.get("rules"), "names what it allows")


def secrets_by_name(world: World) -> Iterator[Seen]:
    """Whoever may list or watch Secrets reads all of them; get is bounded by resourceNames, list is not."""
    for role, rules in _roles(world):
        wide = []
        for rule in rules:
            verbs, named = _texts(rule.get("verbs")), bool(rule.get("resourceNames").elements())
            reads = verbs & {"get", "list", "watch", "*"}
            if _covers(rule, ("secrets",)) and reads and (not named or reads & {"list", "watch", "*"}):
                wide.append((rule, reads))
        for rule, reads in wide:
            yield failed(
                role, rule, f"{', '.join(sorted(reads))} of all Secrets: name them in resourceNames, with get alone"
            )
        if not wide:
            yield passed(role, role.node.get("rules"), "reads no Secrets but those it names")


def no_pods_made(world: World) -> Iterator[Seen]:
    """Who makes a Pod reads every Secret of the namespace and uses every account there; who enters one, too."""
    yield from _without(
        world, [(CHANGES, MAKERS), (("create", "get"), INSIDE)], "it reaches every Secret and account here"
    )


def no_ladder(world: World) -> Iterator[Seen]:
    yield from _without(world, LADDERS, "whoever may do that can give himself everything")


def _without(world: World, given: Iterable[tuple[tuple[str, ...], tuple[str, ...]]], harm: str) -> Iterator[Seen]:
    pairs = list(given)
    for role, rules in _roles(world):
        found = []
        for rule in rules:
            verbs = _texts(rule.get("verbs"))
            for wanted, resources in pairs:
                may = verbs & {*wanted, "*"}
                names = _covers(rule, resources)
                if may and names:
                    found.append((rule, f"{', '.join(sorted(may))} {', '.join(sorted(names))}"))
        for rule, what in found:
            yield failed(role, rule, f"{what}: {harm}")
        if not found:
            yield passed(role, role.node.get("rules"), "gives nothing of that kind")


def nobody_owns_the_cluster(world: World) -> Iterator[Seen]:
    for binding in world.of_kind(*BINDINGS):
        ref, subjects = binding.node.get("roleRef", "name"), binding.node.get("subjects")
        names = {subject.get("name").text() for subject in subjects.elements()}
        if ref.text() == "cluster-admin":
            where = "the whole cluster" if binding.kind == "ClusterRoleBinding" else "the whole namespace"
            yield failed(
                binding, ref, f"cluster-admin for {', '.join(sorted(names)) or 'nobody yet'}: {where} is theirs"
            )
        elif "system:masters" in names:
            yield failed(binding, subjects, "system:masters passes every check of rights, now and for ever")
        else:
            yield passed(binding, ref, f"{ref.text()} for {', '.join(sorted(names)) or 'nobody'}")


def not_for_everybody(world: World) -> Iterator[Seen]:
    """Every Pod without an account of its own runs as default."""
    for binding in world.of_kind(*BINDINGS):
        wide = []
        for subject in binding.node.get("subjects").elements():
            kind, name = subject.get("kind").text(), subject.get("name").text()
            if kind == "ServiceAccount" and name == "default":
                wide.append((subject, "the account default, so every Pod that names no account of its own"))
            elif name.startswith(EVERYBODY):
                wide.append((subject, name))
        for subject, who in wide:
            yield failed(binding, subject, f"{binding.node.get('roleRef', 'name').text()} is given to {who}")
        if not wide:
            yield passed(binding, binding.node.get("subjects"), "given to named holders")


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
        name, space = subject.get("name").text(), subject.get("namespace").text()
        if subject.get("kind").text() != "ServiceAccount" or name == "default":
            continue
        if not space and binding.kind == "ClusterRoleBinding":
            yield failed(binding, subject, f"ServiceAccount {name} without a namespace: the API server refuses it")
            continue
        home = space or world.space(binding)
        if home in homes[name]:
            yield passed(binding, subject, f"ServiceAccount/{name} is there")
        elif homes[name]:
            found = ", ".join(sorted(homes[name]))
            yield failed(
                binding, subject, f"ServiceAccount/{name} of namespace {home}, but it is in {found}: no rights"
            )
        else:
            yield unknown(binding, subject, f"ServiceAccount/{name} is not among the objects given", "info")


def _roles(world: World) -> Iterator[tuple[Resource, tuple[Node, ...]]]:
    for role in world.of_kind(*ROLES):
        yield role, role.node.get("rules").elements()


def _covers(rule: Node, resources: Iterable[str]) -> set[str]:
    """Which of these the rule is about; a wildcard is about all, another group's kinds are others."""
    given = _texts(rule.get("resources")) if _texts(rule.get("apiGroups")) & set(GROUPS) else set()
    # "*" stands for subresources, too; "*/scale" for that of every kind
    return {r for r in resources if r in given or "*" in given or f"*/{r.partition('/')[2]}" in given}


def _texts(node: Node) -> set[str]:
    return {item.text() for item in node.elements()}


def _built_in(name: str) -> bool:
    return name in ("cluster-admin", "admin", "edit", "view") or name.startswith("system:")


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
)
