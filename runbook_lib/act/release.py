"""Applies a release: looked at, tried out, written in order, read back; whatever breaks it off names what stands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import ChangeFailed, CriterionFailed, RunbookError, Unreachable
from runbook_lib.model import Change, now
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.release.bundle import Manifest
from runbook_lib.observe.release.difference import Difference, FieldChange, compare, compare_one
from runbook_lib.observe.release.field_owners import conflicts_of
from runbook_lib.observe.release.keyed_digest import new_key
from runbook_lib.observe.release.server_side_apply import reason, send
from runbook_lib.sections.release import FieldRule

FOUNDATIONS = ("Namespace", "CustomResourceDefinition")
ATTEMPTS = 8  # controllers write the status of an object all the time: a 409 is looked at again, not reported
ESTABLISHED = timedelta(seconds=30)
AGAIN = "run 03_pilot_deploy again, it goes on where this broke off"


def apply(
    cluster: Cluster,
    manifests: Sequence[Manifest],
    rules: Sequence[FieldRule] = (),
    shown: Sequence[Difference] | None = None,
) -> Change:
    """Server-side apply of a whole release; nothing is written unless the server accepts every object in a dry run.

    ``shown`` is what a person saw: CriterionFailed when the cluster changed since. Raises BadParameters for an object
    that the server refuses, CriterionFailed where somebody else owns a field, ChangeFailed when it breaks off in the
    middle, naming what stands now.
    """
    what = f"apply {len(manifests)} objects to namespace {cluster.namespace}"
    differences = compare(cluster, manifests, rules)
    _refuse_conflicts(differences)
    _refuse_news(shown, differences)
    before, after = _before(differences), _after(differences)
    names = [d.object for d in differences if d.action != "same"]
    if not names:
        return Change(what, before, before, False, now(), "the cluster already has them all")
    written: list[str] = []
    if any(d.note for d in differences):
        differences = _lay_foundations(cluster, manifests, differences, rules, written)
    todo = [(m, d) for m, d in zip(manifests, differences, strict=True) if d.action != "same"]
    for manifest, difference in todo:
        _write(cluster, manifest, difference, rules, written)
    _read_back(cluster, [manifest for manifest, _ in todo], rules, written)
    return Change(what, before, after, True, now(), f"changed: {', '.join(names)}{_decided(differences)}")


def _refuse_conflicts(differences: Sequence[Difference], stands: str = "nothing was applied") -> None:
    owned = [f"{d.object} {conflict}" for d in differences for conflict in d.conflicts]
    if owned:
        raise CriterionFailed(
            f"other field managers own {', '.join(owned)}; {stands}. Leave these fields out of the manifests, or name "
            "them in kubernetes.fields with the decision leave or take and a reason"
        )


def _refuse_news(shown: Sequence[Difference] | None, differences: Sequence[Difference]) -> None:
    """What is about to be done must be what was shown, or less of it."""
    seen = {(d.object, d.file): d for d in shown or ()}
    for d in differences if shown is not None else ():
        old = seen.get((d.object, d.file))
        if d.action != "same" and (old is None or (old.action, _told(old)) != (d.action, _told(d))):
            news = ", ".join(f"{f.path} is {_said(f)}" for f in d.fields) or "it is gone"
            raise CriterionFailed(
                f"{d.object} changed since the difference was shown ({news}); nothing was applied: look at the "
                "difference again"
            )


def _told(d: Difference) -> list[tuple[str, Any, Any]]:
    """The fields without keyed digests, which may be of another key by now."""
    return [(f.path, None, None) if _is_digest(f) else (f.path, f.before, f.after) for f in d.fields]


def _is_digest(field: FieldChange) -> bool:
    return any(str(value).startswith("hmac:") for value in (field.before, field.after))


def _said(field: FieldChange) -> str:
    text = "another value" if _is_digest(field) else repr(field.before)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _lay_foundations(
    cluster: Cluster,
    manifests: Sequence[Manifest],
    differences: Sequence[Difference],
    rules: Sequence[FieldRule],
    written: list[str],
) -> list[Difference]:
    """Namespace and definitions first: what stands on them can only be tried once they are there."""
    for manifest, difference in zip(manifests, differences, strict=True):
        if manifest.object["kind"] in FOUNDATIONS and difference.action != "same":
            _write(cluster, manifest, difference, rules, written)
    for manifest in manifests:
        if manifest.object["kind"] == "CustomResourceDefinition":
            _await_established(cluster, manifest, written)
    cluster.discover()
    stands = _stands(written)
    again = compare(cluster, manifests, rules, stands)
    _refuse_conflicts(again, stands)
    if missing := [f"{d.object} ({d.note})" for d in again if d.note]:
        raise ChangeFailed(
            f"{', '.join(missing)} cannot be tried although what it stands on is there; {stands}; {AGAIN}"
        )
    return again


def _await_established(cluster: Cluster, manifest: Manifest, written: Sequence[str]) -> None:
    """A definition serves its kind a moment after it is stored."""
    end = time.monotonic() + ESTABLISHED.total_seconds()
    while True:
        live = cluster.get(manifest.object["apiVersion"], manifest.object["kind"], manifest.object["metadata"]["name"])
        conditions = ((live or {}).get("status") or {}).get("conditions") or []
        if any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions):
            return
        if time.monotonic() > end:
            told = "; ".join(f"{c.get('type')}: {c.get('message', c.get('status'))}" for c in conditions) or "no word"
            raise ChangeFailed(
                f"{manifest.name} is not established after {ESTABLISHED.total_seconds():g} s ({told}); "
                f"{_stands(written)}; {AGAIN}"
            )
        time.sleep(0.2)


def _write(
    cluster: Cluster, manifest: Manifest, seen: Difference, rules: Sequence[FieldRule], written: list[str]
) -> None:
    """Store one object over exactly what was looked at; ChangeFailed names what stands when that cannot be."""
    try:
        _store(cluster, manifest, seen, rules)
    except ApiException as error:
        said = reason(manifest, error)
        raise ChangeFailed(f"{_place(manifest)} was refused: {said}. {_stands(written)}; {AGAIN}") from None
    except Unreachable as error:
        raise ChangeFailed(f"{_place(manifest)} may be stored or not: {error}. {_stands(written)}; {AGAIN}") from None
    except RunbookError as error:
        raise ChangeFailed(f"{_place(manifest)} was refused: {error}. {_stands(written)}; {AGAIN}") from None
    written.append(manifest.name)


def _store(cluster: Cluster, manifest: Manifest, seen: Difference, rules: Sequence[FieldRule]) -> None:
    for attempt in range(ATTEMPTS):
        try:
            send(cluster, manifest, rules, seen.version)
            return
        except ApiException as error:
            if error.status != 409 or conflicts_of(error):
                raise
        time.sleep(0.05 * attempt)
        fresh = compare_one(cluster, manifest, new_key(), rules)
        if fresh.action == "same":  # stored by a request whose answer was lost
            return
        _refuse_others(seen, fresh)
        seen = fresh
    raise CriterionFailed(f"somebody else wrote it {ATTEMPTS} times meanwhile")


def _refuse_others(seen: Difference, fresh: Difference) -> None:
    """Somebody else's status is nothing to us; somebody else's fields are."""
    if fresh.action != seen.action and fresh.action == "create":
        raise CriterionFailed("somebody deleted it meanwhile")
    if _told(fresh) != _told(seen) or fresh.conflicts:
        fields = ", ".join(sorted({f.path for f in fresh.fields} | {f.path for f in seen.fields}))
        raise CriterionFailed(f"somebody else changed it meanwhile (fields that differ now: {fields})")


def _read_back(
    cluster: Cluster, manifests: Sequence[Manifest], rules: Sequence[FieldRule], written: Sequence[str]
) -> None:
    try:
        left = [d for d in compare(cluster, manifests, rules, _stands(written)) if d.action != "same"]
    except RunbookError as error:
        raise ChangeFailed(f"all was written and could not be read back: {error}; {AGAIN}") from None
    if left:
        named = ", ".join(f"{d.object} ({', '.join(f.path for f in d.fields) or 'it is gone'})" for d in left)
        raise ChangeFailed(
            f"{named} was written but reads back otherwise: another controller or another runbook changes it; find out "
            "who (kubectl get -o yaml --show-managed-fields) before this is run again"
        )


def _place(manifest: Manifest) -> str:
    return f"{manifest.name} ({manifest.file})"


def _stands(written: Sequence[str]) -> str:
    return f"applied so far: {', '.join(written) or 'nothing'}"


def _decided(differences: Sequence[Difference]) -> str:
    """What was taken over and what was left, for the record."""
    taken = [f"{d.object} {one}" for d in differences for one in d.taken]
    left = [f"{d.object} {one}" for d in differences for one in d.left]
    return (f"; taken over: {', '.join(taken)}" if taken else "") + (f"; left: {', '.join(left)}" if left else "")


def _before(differences: Sequence[Difference]) -> dict[str, Any]:
    return {d.object: None if d.action == "create" else {f.path: f.before for f in d.fields} for d in differences}


def _after(differences: Sequence[Difference]) -> dict[str, Any]:
    return {d.object: "created" if d.action == "create" else {f.path: f.after for f in d.fields} for d in differences}
