"""Who may do what: Roles, ClusterRoles and their bindings, evaluated as the API server's RBAC authorizer does.

Whoever comes without a token is the range's administrator. Not built: the check that nobody grants more than he holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes import selectors
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.resources import Resource, resource
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

MASTERS, EVERYBODY = "system:masters", "system:authenticated"
ACCOUNT = "system:serviceaccount:"
_BASIC = (
    'RBAC: allowed by ClusterRoleBinding "system:basic-user" of ClusterRole "system:basic-user" '
    'to Group "system:authenticated"'
)
REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews")
_CLUSTER_ROLES = resource("clusterroles")
_CLUSTER_BINDINGS = resource("clusterrolebindings")
_ROLES = resource("roles")
_BINDINGS = resource("rolebindings")


@dataclass(frozen=True)
class User:
    """Whoever sends a request."""

    name: str
    groups: tuple[str, ...]


ADMINISTRATOR = User("practice-range", (MASTERS, EVERYBODY))


@dataclass(frozen=True)
class Wanted:
    """What is to be allowed; ``resource`` with its subresource, as in ``pods/log``; "" is no name, no namespace."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def account(namespace: str, name: str) -> User:
    """A ServiceAccount as a user."""
    return User(
        f"{ACCOUNT}{namespace}:{name}", ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", EVERYBODY)
    )


def reason(store: Store, user: User, wanted: Wanted) -> str | None:
    """Why it is allowed ("" for what needs no binding); None when it is not."""
    if MASTERS in user.groups:
        return ""
    if EVERYBODY in user.groups and wanted.verb == "create" and wanted.resource in REVIEWS:
        return _BASIC
    for rules, why in _granted(store, user, wanted.namespace):
        if any(_allows(rule, wanted) for rule in rules):
            return why
    return None


def require(store: Store, user: User, wanted: Wanted) -> None:
    """ApiError 403 in the API server's words when the user may not."""
    if reason(store, user, wanted) is not None:
        return
    qualified = f"{wanted.resource.partition('/')[0]}{'.' + wanted.group if wanted.group else ''}"
    what = f'{qualified} "{wanted.name}"' if wanted.name else qualified
    place = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    details = {"name": wanted.name, "group": wanted.group, "kind": wanted.resource.partition("/")[0]}
    raise ApiError(
        403,
        f'{what} is forbidden: User "{user.name}" cannot {wanted.verb} resource "{wanted.resource}" '
        f'in API group "{wanted.group}" {place}',
        reason="Forbidden",
        details={key: value for key, value in details.items() if value},
    )


def rules_of(store: Store, user: User, namespace: str) -> list[JsonObject]:
    """Every rule that holds for the user in a namespace."""
    if MASTERS in user.groups:
        return [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    own = {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": list(REVIEWS[:2])}
    return [own, *(rule for rules, _ in _granted(store, user, namespace) for rule in rules)]


def _granted(store: Store, user: User, namespace: str) -> Iterator[tuple[list[JsonObject], str]]:
    for binding in store.view(_CLUSTER_BINDINGS):
        if (subject := _subject(binding, user)) is not None:
            yield _rules(store, binding, ""), _why("ClusterRoleBinding", binding, subject)
    for binding in store.view(_BINDINGS, namespace) if namespace else ():
        if (subject := _subject(binding, user)) is not None:
            yield _rules(store, binding, namespace), _why("RoleBinding", binding, subject)


def _subject(binding: JsonObject, user: User) -> JsonObject | None:
    for one in binding.get("subjects") or ():
        names = {
            "User": one["name"] == user.name,
            "Group": one["name"] in user.groups,
            "ServiceAccount": f"{ACCOUNT}{one.get('namespace', '')}:{one['name']}" == user.name,
        }
        if names.get(one.get("kind", ""), False):
            found: JsonObject = one
            return found
    return None


def _why(kind: str, binding: JsonObject, subject: JsonObject) -> str:
    metadata, role = binding["metadata"], binding["roleRef"]
    name = f"{metadata['name']}/{metadata['namespace']}" if "namespace" in metadata else metadata["name"]
    who = f"{subject['name']}/{subject['namespace']}" if "namespace" in subject else subject["name"]
    return f'RBAC: allowed by {kind} "{name}" of {role["kind"]} "{role["name"]}" to {subject["kind"]} "{who}"'


def _rules(store: Store, binding: JsonObject, namespace: str) -> list[JsonObject]:
    role = binding["roleRef"]
    if role["kind"] == "Role":
        found = store.find(_ROLES, namespace, role["name"])
    else:
        found = store.find(_CLUSTER_ROLES, None, role["name"])
    if found is None:
        return []
    chosen = (found.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    added = [
        rule
        for other in (store.view(_CLUSTER_ROLES) if chosen else ())
        if any(selectors.match_selector(selector, other["metadata"].get("labels")) for selector in chosen)
        for rule in other.get("rules") or ()
    ]
    return [*(found.get("rules") or []), *added]


def _allows(rule: JsonObject, wanted: Wanted) -> bool:
    subresource = wanted.resource.partition("/")[2]
    resources = {"*", wanted.resource} | ({f"*/{subresource}"} if subresource else set())
    return (
        _holds(rule.get("verbs"), {"*", wanted.verb})
        and _holds(rule.get("apiGroups"), {"*", wanted.group})
        and _holds(rule.get("resources"), resources)
        and (not rule.get("resourceNames") or wanted.name in rule["resourceNames"])
    )


def _holds(given: Iterable[str] | None, wanted: set[str]) -> bool:
    return not wanted.isdisjoint(given or ())


def wanted_of(found: Resource, verb: str, namespace: str | None, name: str | None, subresource: str | None) -> Wanted:
    """What a request asks for; a Namespace lies in itself."""
    space = name if found.plural == "namespaces" and name else namespace
    plural = f"{found.plural}/{subresource}" if subresource else found.plural
    return Wanted(verb, found.group, plural, space or "", name or "")
