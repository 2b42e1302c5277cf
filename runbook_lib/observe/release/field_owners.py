"""Whose a field is: the conflicts that an apply meets, and what the parameters say about each of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kubernetes.client.exceptions import ApiException

from runbook_lib.sections.release import FieldRule

MANAGER = "runbook"
_ITEM = re.compile(r"\[([^\]]*)\]")
_HINTS = (
    (r"kube-controller-manager$", r"^\.spec\.replicas$", "an autoscaler sets it, so leave it"),
    (r"kubectl.*", "", "it was set by hand"),
    (r"helm$", "", "helm installed it"),
    (r"(argocd.*|kustomize-controller|flux.*)$", "", "a GitOps controller would set it back, so leave it or stop that"),
)


@dataclass(frozen=True)
class Conflict:
    """A field that we want to set and another manager owns, as the API server names both."""

    field: str
    manager: str

    def __str__(self) -> str:
        return f"{self.field} ({self.manager})"

    @property
    def told(self) -> str:
        """The same with what such an owner usually means, where we know it."""
        hint = next((said for who, at, said in _HINTS if re.match(who, self.manager) and re.search(at, self.field)), "")
        return f"{self.field} ({self.manager}: {hint})" if hint else str(self)


def conflicts_of(error: ApiException) -> tuple[Conflict, ...]:
    """Every field of a 409 that another manager owns; empty for any other 409."""
    try:
        causes = list((json.loads(error.body or "{}").get("details") or {}).get("causes") or [])
    except (ValueError, AttributeError):
        return ()
    return tuple(
        Conflict(str(cause.get("field", "?")), _manager(cause))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )


def _manager(cause: dict[str, Any]) -> str:
    found = re.search(r'conflict with "([^"]+)"', str(cause.get("message", "")))
    return found[1] if found else str(cause.get("message", "?"))


def taking(rules: Iterable[FieldRule], name: str, conflict: Conflict) -> FieldRule | None:
    """The rule that takes this field over; None where nobody decided that."""
    return next((rule for rule in rules if rule.decision == "take" and _covers(rule, name, conflict.field)), None)


def is_decided(rules: Iterable[FieldRule], name: str, conflict: Conflict) -> bool:
    """True for a field that a rule takes, and for one that is ours from an earlier write that was no apply."""
    return conflict.manager == MANAGER or taking(rules, name, conflict) is not None


def _covers(rule: FieldRule, name: str, field: str) -> bool:
    if not fnmatchcase(name, rule.object):
        return False
    wanted, found = (_written(text).replace('"', "") for text in (rule.field, field))
    return found == wanted or found.startswith((f"{wanted}.", f"{wanted}["))


def _written(path: str) -> str:
    """A path as conflicts write it: ``.data.app.conf`` where a difference says ``.data[app.conf]``."""
    return re.sub(r"\[([^\]=]+)\]", r".\1", path)


def without_left(body: dict[str, Any], name: str, rules: Iterable[FieldRule]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The object without the fields that are left to their owners, and ``field: reason`` for each that was there."""
    chosen = [rule for rule in rules if rule.decision == "leave" and fnmatchcase(name, rule.object)]
    kept = copy.deepcopy(body) if chosen else body
    left = [f"{rule.field}: {rule.reason}" for rule in chosen if _remove(kept, _written(rule.field))]
    return kept, tuple(left)


def _remove(value: Any, path: str) -> bool:
    """Take out what stands at a path, ``.spec.containers[name="web"].image``; False when nothing does."""
    if isinstance(value, list):
        found = _ITEM.match(path)
        items = [item for item in value if found and _is(item, found[1])]
        rest = path[found.end() :] if found else ""
        for item in items:
            if rest:
                return _remove(item, rest)
            value.remove(item)
        return bool(items)
    keys = sorted(value, key=len, reverse=True) if isinstance(value, dict) else []
    for key in keys:  # the longest first: a key may hold dots
        rest = path.removeprefix(f".{key}")
        if rest != path and rest[:1] in ("", ".", "["):
            if rest:
                return _remove(value[key], rest)
            del value[key]
            return True
    return False


def _is(item: Any, wanted: str) -> bool:
    pairs: Sequence[tuple[str, str, str]] = [part.partition("=") for part in wanted.split(",")]
    if not isinstance(item, dict):
        return str(item) == wanted.removeprefix("=").strip('"')
    return all(str(item.get(key, "TCP" if key == "protocol" else "")) == text.strip('"') for key, _, text in pairs)
