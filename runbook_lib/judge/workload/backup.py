"""Data in volumes: whether something saves them, often enough, and whether they outlive their claim."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib.artefacts import Resource
from runbook_lib.judge.retention import words
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch, unknown
from runbook_lib.judge.workload.gaps import length
from runbook_lib.judge.workload.savers import Savers, Volume, gap, savers, schedules, volumes, why_not
from runbook_lib.judge.workload.world import Workload, World

VELERO = "https://velero.io/docs/latest/api-types/schedule/"
KEPT = timedelta(days=30)
"""How long Velero keeps a backup whose ttl is not set."""
LONGEST = 100 * 365 * 86400.0
DEFAULT = "storageclass.kubernetes.io/is-default-class"
SHOW = "give the Velero Schedule, or whatever else saves it, among the manifests"
NAME = "name it: objectives.rpo in the profile, or rpo_hours in the policy"


def volumes_are_saved(world: World) -> Iterator[Seen]:
    """A claim outlives its Pod and its node, and neither a disk that breaks nor a command too many."""
    found = savers(world)
    for volume in volumes(world):
        yield _saved(volume, found, allowed(world, volume))


def allowed(world: World, volume: Volume) -> timedelta | None:
    """So much data may be lost: by the profile where it is the application's volume, else by the policy."""
    mine = [world.assessed_of(user).rpo_seconds for user, _ in volume.users]
    if not mine and world.one_application:
        mine = [world.assessed.rpo_seconds]
    named = [seconds for seconds in mine if seconds is not None]
    hours = world.policy.rpo_hours
    if named:
        return timedelta(seconds=min(*named, LONGEST))
    return None if hours is None else timedelta(hours=hours)


def _saved(volume: Volume, found: Savers, most: timedelta | None) -> Seen:
    what = f"volume {volume.name}"
    near = [(one, why_not(one, volume)) for one in found.of(volume)]
    good = [one for one, why in near if not why]
    if good:
        return _often_enough(volume, min(good, key=lambda one: gap(one) or timedelta.max), most)
    if found.foreign:
        message = f"{what}: {found.foreign[0].title} is there, and whether it saves this volume no check can tell"
        return unknown(volume.subject, volume.node, message, "warning")
    other = found.other(volume)
    if other is not None:
        one, why = near[0] if near else (other, why_not(other, volume))
        why = why or f"it saves no namespace but its own, not {volume.space}"
        return failed(volume.subject, volume.node, f"{what} is not saved by {one.title}: {why}")
    if most is not None:
        message = f"{what}: nothing given saves it, and data of at most {words(most)} may be lost; {SHOW}"
        return failed(volume.subject, volume.node, message)
    message = f"{what}: nothing given shows that it is saved, nor how much of it may be lost; {SHOW}, and {NAME}"
    return unknown(volume.subject, volume.node, message, "warning")


def _often_enough(volume: Volume, one: Resource, most: timedelta | None) -> Seen:
    every = gap(one) or timedelta.max
    said = f"volume {volume.name}: {one.title} saves it, with up to {words(every)} between two runs"
    if one.node.get("spec", "template", "resourcePolicy").exists:
        message = f"{said}; its resourcePolicy may skip it, which no check reads"
        return unknown(volume.subject, volume.node, message, "warning")
    if most is None:
        message = f"{said}; how much data may be lost nobody said: {NAME}"
        return unknown(volume.subject, volume.node, message, "warning")
    if every > most:
        more = "" if most else ": no backup does that, only replication"
        message = f"{said} > {words(most)} that may be lost{more}"
        return failed(volume.subject, volume.node, message)
    return passed(volume.subject, volume.node, f"{said} <= {words(most)} that may be lost")


def schedules_save(world: World) -> Iterator[Seen]:
    """What Velero cannot read it does not run; what it keeps for less than the next run takes is mostly not there."""
    for one in schedules(world):
        spec = one.node.get("spec")
        node, kept = spec.get("schedule"), spec.get("template", "ttl")
        every, ttl = gap(one), length(kept.text()[:200]) if kept.exists else KEPT
        if every is None:
            yield failed(one, node, f"schedule {node.text()[:60]!r} cannot be read, or never comes: nothing is saved")
        elif stopped := [spec.get(key) for key in ("paused", "disabled") if spec.get(key).is_true()]:
            yield failed(one, stopped[0], "it is paused: nothing is saved until somebody lets it go on")
        elif one.kind == "SnapshotSchedule":
            yield passed(one, node, f"it comes within {words(every)}")
        elif ttl is None:
            yield failed(one, kept, f"ttl {kept.text()[:40]!r} is no length of time such as 720h: it is refused")
        elif timedelta(0) < ttl < every:
            message = f"kept for {words(ttl)}, and up to {words(every)} until the next: for a time there is none"
            yield failed(one, kept, message)
        else:
            yield passed(one, node, f"within {words(every)}, each kept for {words(ttl or KEPT)}")


def data_outlives_the_claim(world: World) -> Iterator[Seen]:
    """Whoever deletes a claim, or the namespace around it, deletes the disk where nothing holds it."""
    used = {volume.node.get("spec", "storageClassName").text() for volume in volumes(world)}
    for kept in world.of_kind("StorageClass"):
        node, default = kept.node.get("reclaimPolicy"), kept.node.get("metadata", "annotations").labels().get(DEFAULT)
        if kept.name not in used and not ("" in used and default == "true"):
            continue
        if node.text("Delete") == "Retain":
            yield passed(kept, node, "reclaimPolicy Retain: the disk stays when its claim goes")
        else:
            message = f"reclaimPolicy {node.text('not set, so Delete')}: when a claim goes, its data go at once"
            yield failed(kept, node, f"{message}; use a class with Retain (it cannot be changed in place)")
    for kept in world.of_kind("PersistentVolume"):
        node = kept.node.get("spec", "persistentVolumeReclaimPolicy")
        if node.text("Retain") == "Retain":
            yield passed(kept, node, "the disk stays when its claim goes")
        else:
            mend = patch(kept, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
            message = f"persistentVolumeReclaimPolicy {node.text()}: when its claim goes, its data go at once"
            yield failed(kept, node, message, mend)
    yield from (seen for workload in world.workloads("StatefulSet") if (seen := _claims_stay(workload)) is not None)


def _claims_stay(workload: Workload) -> Seen | None:
    policy = workload.spec.get("persistentVolumeClaimRetentionPolicy")
    gone = [when for when in ("whenScaled", "whenDeleted") if policy.get(when).text() == "Delete"]
    if gone:
        mend = {"spec": {"persistentVolumeClaimRetentionPolicy": dict.fromkeys(gone, "Retain")}}
        message = f"persistentVolumeClaimRetentionPolicy {gone[0]} Delete: the claims go, and with them the data"
        return failed(workload, policy.get(gone[0]), message, patch(workload.resource, mend))
    if workload.spec.get("volumeClaimTemplates").elements():
        return passed(workload, policy, "its claims stay when it is scaled in or deleted")
    return None


CHECKS = (
    Check(
        "volume-backup",
        "Volumes that hold data are saved often enough",
        "blocking",
        "The VM was in somebody's backup; a volume is in none until somebody says so.",
        VELERO,
        volumes_are_saved,
    ),
    Check(
        "backup-schedule",
        "Schedules of backups run, and keep what they save",
        "blocking",
        "Everybody believes in a backup that is never made.",
        VELERO,
        schedules_save,
    ),
    Check(
        "volume-kept",
        "Data outlive their claim",
        "warning",
        "On the VM nobody deleted a disk by deleting a service.",
        DOCS + "concepts/storage/persistent-volumes/#reclaiming",
        data_outlives_the_claim,
    ),
)
