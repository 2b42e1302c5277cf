"""Questions about permissions, which are answered and never stored."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import ownership, rbac
from sandbox.kubernetes.request import Target
from sandbox.kubernetes.store import Store, timestamp

JsonObject = dict[str, Any]


def answer(store: Store, target: Target, question: JsonObject, manager: str, user: rbac.User) -> JsonObject:
    """The review with its status: about whoever asks, or about the user that its spec names."""
    kind, spec = target.resource, question.get("spec") or {}
    found = question | {"kind": kind.kind, "apiVersion": kind.api_version}
    managed = ownership.updated(kind, None, found, manager, timestamp(store.clock()))
    found["metadata"] = {"managedFields": managed} if managed else {}
    if kind.kind == "SelfSubjectReview":
        return found | {"status": {"userInfo": {"username": user.name, "groups": list(user.groups)}}}
    if kind.kind == "SelfSubjectRulesReview":
        rules = rbac.rules_of(store, user, spec.get("namespace", ""))
        return found | {"status": {"incomplete": False, "nonResourceRules": [], "resourceRules": rules}}
    if not kind.kind.startswith("Self"):
        user = rbac.User(spec.get("user", ""), tuple(spec.get("groups") or ()))
    return found | {"status": _status(store, user, spec)}


def _status(store: Store, user: rbac.User, spec: JsonObject) -> JsonObject:
    asked = spec.get("resourceAttributes")
    if asked is None:  # of paths that are no resources all may be read
        return {"allowed": (spec.get("nonResourceAttributes") or {}).get("verb") in ("get", "head")}
    plural = asked.get("resource", "")
    plural += f"/{asked['subresource']}" if asked.get("subresource") else ""
    named, space = asked.get("name", ""), asked.get("namespace", "")
    wanted = rbac.Wanted(asked.get("verb", ""), asked.get("group", ""), plural, space, named)
    why = rbac.reason(store, user, wanted)
    if why is None:
        return {"allowed": False}
    return {"allowed": True} | ({"reason": why} if why else {})
