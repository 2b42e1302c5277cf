"""Keeps and restores ConfigMaps and Secrets, which no `rollout undo` brings back; no value leaves the cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from kubernetes.client.exceptions import ApiException

from runbook_lib.act.create import create
from runbook_lib.act.digest_key import digest_key
from runbook_lib.errors import ChangeFailed, RunbookError, Unreachable
from runbook_lib.model import Change, digest, now
from runbook_lib.observe.cluster import (
    LAST_APPLIED,
    PATIENCE,
    Cluster,
    Missing,
    Object,
    plain_object,
    sentence,
    speaking,
)
from runbook_lib.observe.release.difference import MANAGER
from runbook_lib.observe.release.keyed_digest import DigestKey
from runbook_lib.observe.throttling import obeyed
from runbook_lib.observe.workload.kept import (
    COPY_OF,
    Kept,
    Name,
    concerned,
    describe,
    encoded,
    holds,
    read_copy,
    referenced,
)

__all__ = ["Kept", "concerned", "referenced", "restore", "snapshot"]

ATTEMPTS = 5  # somebody else's write in between (409) is read again, not reported
_VALUES = ("data", "binaryData", "immutable")


def snapshot(cluster: Cluster, names: Sequence[Name]) -> Change:
    """Copy what is there into Secrets of the same namespace; ``after`` is a list of Kept, what is absent is named.

    A copy is named for its content, so the same content is never copied twice.
    """
    kept: list[Kept] = []
    made = 0
    found = [(kind, name, cluster.get("v1", kind, name)) for kind, name in names]
    absent = [f"{kind}/{name}" for kind, name, live in found if live is None]
    there = [(kind, name, live) for kind, name, live in found if live is not None]
    if there:  # else not even the namespace may be there yet
        key = digest_key(cluster)
        kept = [describe(kind, name, live, key) for kind, name, live in there]
        made = sum(_keep(cluster, one, live, key) for one, (_, _, live) in zip(kept, there, strict=True))
    note = f"not there yet: {', '.join(absent)}" if absent else ""
    return Change(f"keep a copy of {len(kept)} ConfigMaps and Secrets", None, kept, made > 0, now(), note)


def restore(cluster: Cluster, kept: Sequence[Kept]) -> Change:
    """Bring each ConfigMap and Secret back to its copy; Pods that read them as environment need a new rollout.

    Raises CriterionFailed when a copy is gone or altered, before anything is written; naming what was restored until
    then, ChangeFailed when one is refused and Unreachable when the cluster goes away.
    """
    key = digest_key(cluster)
    copies = [(one, read_copy(cluster, one, key)) for one in kept]
    lives = [cluster.get("v1", one.kind, one.name) for one in kept]
    before = [
        {"name": one.title, "digest": _digest_of(one, live, key) if live else None}
        for one, live in zip(kept, lives, strict=True)
    ]
    changed: list[str] = []
    for (one, copy), live in zip(copies, lives, strict=True):
        try:
            if _put_back(cluster, one, copy, live):
                changed.append(one.title)
        except RunbookError as error:
            kind = Unreachable if isinstance(error, Unreachable) else ChangeFailed
            raise kind(f"restored so far: {', '.join(changed) or 'nothing'}; {error}") from None
    after = [{"name": one.title, "digest": one.digest} for one in kept]
    said = f"restored {', '.join(changed)}" if changed else "all as they were kept"
    return Change(f"restore {len(kept)} ConfigMaps and Secrets", before, after, bool(changed), now(), said)


def _digest_of(one: Kept, live: Object, key: DigestKey) -> str:
    """The digest of what stands, made as the one that was kept."""
    keys = key.like(one.keys, dict(sorted(encoded(one.kind, live).items())))
    return digest({"keys": keys, "type": live.get("type", "")})


def _keep(cluster: Cluster, one: Kept, live: Object, key: DigestKey) -> bool:
    """Write the copy; False when it is already there."""
    found = live["metadata"]
    annotations = {k: v for k, v in (found.get("annotations") or {}).items() if k != LAST_APPLIED}
    shape = {"labels": found.get("labels") or {}, "annotations": annotations, "immutable": live.get("immutable")}
    shape |= {"binary": sorted(live.get("binaryData") or {})}
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        # the type stays Opaque: a copy of a token or of registry credentials must not act as one
        "type": "Opaque",
        "metadata": {
            "name": one.copy,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            "annotations": {
                COPY_OF: one.title,
                f"{COPY_OF}-type": live.get("type", ""),
                f"{COPY_OF}-shape": json.dumps(shape, sort_keys=True),
            },
        },
        "immutable": True,
        "data": encoded(one.kind, live),
    }
    if create(cluster, body) is not None:
        return True
    read_copy(cluster, one, key)
    return False


def _put_back(cluster: Cluster, one: Kept, copy: Object, live: Object | None) -> bool:
    """Make one object what its copy is; False when it is so already. Whoever was quicker is read again."""
    if live is not None and holds(one, live, copy):
        return False
    for _ in range(ATTEMPTS):
        written = _written(cluster, one, copy, live)
        if written is not None:
            if not holds(one, written, copy):
                raise ChangeFailed(f"{one.title} was written but does not read back as it was kept")
            return True
        live = cluster.get("v1", one.kind, one.name)
        if live is not None and holds(one, live, copy):
            return True
    raise ChangeFailed(f"{one.title} was not restored: somebody else wrote it {ATTEMPTS} times meanwhile; try again")


def _written(cluster: Cluster, one: Kept, copy: Object, live: Object | None) -> Object | None:
    """One try, None when somebody was quicker; what is immutable, or a Secret of another type, is made anew."""
    if live is None:
        return create(cluster, _restored(one, copy, None))
    body = _restored(one, copy, live)
    anew = live.get("immutable") or live.get("type") != body.get("type")
    only = {key: live["metadata"][key] for key in ("uid", "resourceVersion")}
    try:
        written = _write(cluster, one, "delete" if anew else "replace", {"preconditions": only} if anew else body)
    except ApiException as error:
        if error.status != 409:
            raise ChangeFailed(f"{one.title} was not restored: {sentence(error)}") from None
        return None
    except Missing:  # deleted since it was read
        return None
    if not anew:
        return written
    try:
        return create(cluster, _restored(one, copy, None))
    except RunbookError as error:
        raise ChangeFailed(
            f"{one.title} was deleted to be made anew, which failed: it is gone, its copy is Secret/{one.copy}; "
            f"run this again ({error})"
        ) from None


def _write(cluster: Cluster, one: Kept, verb: str, body: Object) -> Object:
    options: dict[str, Any] = {"name": one.name} if verb == "delete" else {"field_manager": MANAGER}
    with speaking(cluster, one.title):
        write = getattr(cluster.resource("v1", one.kind), verb)
        given = {"body": body, "namespace": cluster.namespace, "_request_timeout": PATIENCE, **options}
        return plain_object(obeyed(partial(write, **given)))


def _restored(one: Kept, copy: Object, live: Object | None) -> Object:
    annotations = copy["metadata"]["annotations"]
    shape = json.loads(annotations.get(f"{COPY_OF}-shape", "{}"))  # copies of older versions have none
    metadata = {"name": one.name, **{key: shape[key] for key in ("labels", "annotations") if shape.get(key)}}
    fresh: dict[str, Any] = {"metadata": metadata}
    body = {key: value for key, value in (live or fresh).items() if key not in _VALUES}
    body |= {"apiVersion": "v1", "kind": one.kind}
    if shape.get("immutable", (live or {}).get("immutable")):
        body["immutable"] = True
    if one.kind == "Secret":
        kind = annotations.get(f"{COPY_OF}-type")
        return body | ({"type": kind} if kind else {}) | {"data": copy.get("data") or {}}
    return body | _plain_values(copy.get("data") or {}, shape.get("binary"))


def _plain_values(values: dict[str, str], known: Sequence[str] | None) -> dict[str, dict[str, str]]:
    """The values of a ConfigMap, each in the field that it stood in."""
    text, binary = {}, {}
    for key, value in values.items():
        try:
            text[key] = base64.b64decode(value).decode()
        except UnicodeDecodeError:
            binary[key] = value
        if known is not None and key in known:
            binary[key] = value
            text.pop(key, None)
    return {"data": text} | ({"binaryData": binary} if binary else {})
