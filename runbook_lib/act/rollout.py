"""Holds a rollout, lets it go on, takes it batch by batch; compare, write, read back.

A batch is a rolling update whose fences (maxSurge, maxUnavailable) leave room for its Pods alone, with a brake: what is
new does not count as available until the last batch is done. So the controller comes to rest at the batch by itself,
and a runner that dies in the middle leaves a rollout that stands still.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from runbook_lib.act.rewrite import rewrite
from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.judge.batches import step
from runbook_lib.model import Change, now, plain
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import (
    BATCHES,
    HELD,
    deployment,
    images,
    note,
    progress,
    refuse_if_held,
    replica_sets,
    revision_number,
    template_digest,
)

BRAKE = 30 * 24 * 3600
"""Seconds (minReadySeconds): a new Pod does not count as available while its batch is looked at, so that the controller
stays where it is even if nobody is there to stop it."""
SIZED = 60.0  # seconds that the controller has to give a batch its size
_KEPT = ("minReadySeconds", "progressDeadlineSeconds", "strategy")


def pause(cluster: Cluster, name: str, by: str) -> Change:
    """Make no further Pod and end none; those that exist go on, and whoever takes batches stops before the next."""
    live = deployment(cluster, name)
    before = standing(live)
    if live["spec"].get("paused") and note(live, HELD):
        return Change(f"pause Deployment/{name}", before, before, False, now(), "it is paused already")

    def write(current: Object) -> None:
        current["spec"]["paused"] = True
        annotate(current, HELD, {"by": by, "at": plain(now())})

    return Change(f"pause Deployment/{name}", before, standing(rewrite(cluster, name, write)), True, now())


def resume(cluster: Cluster, name: str, whole: bool = False) -> Change:
    """Let a rollout go on; one in batches is left to whoever takes them, unless ``whole`` gives the batches up."""
    live = deployment(cluster, name)
    before, what = standing(live), f"resume Deployment/{name}"
    batches, held = note(live, BATCHES), note(live, HELD)
    if batches and not whole:
        said = "batch by batch: `runbook resume PARAMETERS`; without further batches: `runbook rollout resume --whole`"
        if not held:
            return Change(what, before, before, False, now(), f"it stands between two batches; go on {said}")
        written = rewrite(cluster, name, lambda current: annotate(current, HELD, None))
        return Change(what, before, standing(written), True, now(), f"go on {said}")
    if not live["spec"].get("paused") and not batches and not held:
        return Change(what, before, before, False, now(), "it is not paused")
    return Change(what, before, standing(rewrite(cluster, name, let_go)), True, now())


def hold(cluster: Cluster, name: str) -> Change:
    """Before a release in batches is applied: its template may change, no Pod does.

    Raises BadParameters for the strategy Recreate, which ends all old Pods first.
    """
    live = deployment(cluster, name)
    if (live["spec"].get("strategy") or {}).get("type") == "Recreate":
        raise BadParameters(
            f"Deployment/{name} has the strategy Recreate, which ends all its Pods before the first new one: "
            "batches need RollingUpdate; correct the manifests or leave kubernetes.rollout.batches empty"
        )
    before = standing(live)
    if live["spec"].get("paused") and note(live, BATCHES):
        return Change(f"hold Deployment/{name}", before, before, False, now(), "it is held already")

    def write(current: Object) -> None:
        current["spec"]["paused"] = True
        if not note(current, BATCHES):
            was = {key: current["spec"].get(key) for key in _KEPT}
            annotate(current, BATCHES, {"was": was, "before": template_digest(current), "from": 0, "to": 0})

    return Change(f"hold Deployment/{name}", before, standing(rewrite(cluster, name, write)), True, now())


def grow(cluster: Cluster, name: str, target: int) -> Change:
    """Let the Deployment go on to ``target`` new Pods, and stop it there: the old ones shrink by the batch before.

    Held where a person paused it; ChangeFailed when the controller does not give the batch its size, which it cannot
    pass.
    """
    live = deployment(cluster, name)
    what, before, known = f"batch of {target} Pods", standing(live), note(live, BATCHES)
    came_from = known.get("from", 0) if known.get("to", 0) == target else known.get("to", 0)
    if known.get("to") == target and live["spec"].get("paused") and new_pods(cluster, live) >= target:
        return Change(what, before, before, False, now(), "it is that far already")
    rewrite(cluster, name, lambda current: _fence(current, target, came_from))
    end = time.monotonic() + SIZED
    while new_pods(cluster, live := deployment(cluster, name)) < target:
        refuse_if_held(progress(live))
        if time.monotonic() > end:
            raise ChangeFailed(f"Deployment/{name} does not make its {target} new Pods: does its controller run?")
        time.sleep(0.1)
    written = rewrite(cluster, name, lambda current: current["spec"].update(paused=True))
    return Change(what, before, standing(written), True, now())


def _fence(current: Object, target: int, came_from: int) -> None:
    refuse_if_held(progress(current))
    bounds, own, known = step(target, came_from), _own(current), note(current, BATCHES)
    rolling = {"maxSurge": bounds.surge, "maxUnavailable": bounds.unavailable}
    fence: dict[str, Any] = {"minReadySeconds": BRAKE, "progressDeadlineSeconds": BRAKE + 600}
    fence["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    current["spec"] |= {"paused": False, **fence}
    told = {"own": own, "fence": fence, "from": came_from, "to": target}
    annotate(current, BATCHES, {"was": own, **known, **told})


def _own(current: Object) -> dict[str, Any]:
    """What the release itself says of the fields that fences use: it may be applied between two of them."""
    known, spec = note(current, BATCHES), current["spec"]
    fence, own = known.get("fence") or {}, known.get("own") or {}
    return {key: spec.get(key) if spec.get(key) != fence.get(key) else own.get(key) for key in _KEPT}


def finish(cluster: Cluster, name: str) -> Change:
    """Give the Deployment its own strategy back and let it end its old Pods; Held where a person paused it."""
    live = deployment(cluster, name)
    before = standing(live)
    if not note(live, BATCHES):
        return Change(f"end the batches of Deployment/{name}", before, before, False, now(), "there are none")

    def write(current: Object) -> None:
        refuse_if_held(progress(current))
        let_go(current)

    written = rewrite(cluster, name, write)
    return Change(f"end the batches of Deployment/{name}", before, standing(written), True, now())


def new_pods(cluster: Cluster, live: Object) -> int:
    """How many Pods the newest template is to have now."""
    wanted = template_digest(live)
    return sum(rs["spec"].get("replicas", 0) for rs in replica_sets(cluster, live) if template_digest(rs) == wanted)


def let_go(current: Object, back: bool = False) -> None:
    """Unpause it, and take the fences of its batches away: what the release brought stands, or, ``back``, what was."""
    known = note(current, BATCHES)
    found = known.get("was") if back else known and _own(current)
    current["spec"]["paused"] = False
    for key, value in (found or {}).items():
        current["spec"].pop(key, None)
        if value is not None:
            current["spec"][key] = value
    annotate(current, BATCHES, None)
    annotate(current, HELD, None)


def annotate(current: Object, key: str, value: Mapping[str, Any] | None) -> None:
    """Set one of our annotations; None takes it away."""
    annotations = current["metadata"].setdefault("annotations", {})
    annotations.pop(key, None)
    if value is not None:
        annotations[key] = json.dumps(value, sort_keys=True)


def standing(live: Object) -> dict[str, Any]:
    """What a record says of a Deployment before and after."""
    spec = live["spec"]
    return {
        "revision": revision_number(live),
        "template": template_digest(live),
        "images": list(images(spec["template"]["spec"])),
        "replicas": spec.get("replicas", 1),
        "paused": bool(spec.get("paused")),
    }
