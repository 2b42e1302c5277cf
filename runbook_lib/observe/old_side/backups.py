"""What was saved and when: Velero's objects in the cluster, or what a command of the parameters prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient

from runbook_lib.errors import BadParameters, CriterionFailed, Unreachable
from runbook_lib.judge.backups import Kept, Saved, Wanted
from runbook_lib.observe.cluster import Cluster, Missing
from runbook_lib.observe.command import printed
from runbook_lib.sections.decommission import Backup, CommandBackup, VeleroBackup

VELERO = "velero.io/v1"
SCHEDULE_LABEL = "velero.io/schedule-name"
ALL = "*"


@dataclass(frozen=True)
class Looked:
    """One backup of the parameters: what is asked of it, and what was found."""

    wanted: Wanted
    found: Kept


def look_at_backups(backups: Sequence[Backup], api: ApiClient, folder: Path) -> list[Looked]:
    """Each backup that the parameters name; what cannot be asked is not known, and says why."""
    looked = []
    for one in backups:
        try:
            kept = _velero(Cluster(api, one.namespace), one) if isinstance(one, VeleroBackup) else _command(one, folder)
        except (BadParameters, CriterionFailed, Unreachable, Missing) as error:
            kept = Kept(unknown=str(error))
        looked.append(Looked(Wanted(one.name, one.max_age, one.keep, one.restored_within), kept))
    return looked


def _velero(cluster: Cluster, wanted: VeleroBackup) -> Kept:
    """The backups that hold what is asked for, with what is wrong with each; and their schedule and storage."""
    objects = cluster.all(VELERO, "Backup")
    names = {o["metadata"]["name"] for o in objects}
    asked = [o for o in objects if wanted.schedule in (None, _labels(o).get(SCHEDULE_LABEL))]
    places = {o["metadata"]["name"]: _status(o).get("phase", "") for o in cluster.all(VELERO, "BackupStorageLocation")}
    backups = sorted(
        (_saved(o, wanted, places) for o in asked), key=lambda one: one.at or datetime.min.replace(tzinfo=UTC)
    )
    good = {one.name for one in backups if not one.problem}
    restored = _restored(cluster, good, names)
    return Kept(tuple(backups), restored, _schedule(cluster, wanted))


def _saved(backup: dict[str, Any], wanted: VeleroBackup, places: dict[str, str]) -> Saved:
    spec, status = backup.get("spec") or {}, _status(backup)
    at = _time(status.get("completionTimestamp")) or _time(status.get("startTimestamp"))
    place = spec.get("storageLocation", "default")
    wrong = [_phase(status), _lacking(spec, wanted)]
    wrong += [_volumes(spec, status)] if wanted.volumes else []
    wrong += [f"its storage {place} is {places[place]}"] if places.get(place) not in (None, "", "Available") else []
    problem = "; ".join(filter(None, wrong))
    return Saved(backup["metadata"]["name"], at, _time(status.get("expiration")), problem)


def _phase(status: dict[str, Any]) -> str:
    phase = status.get("phase") or "New"
    if phase == "Completed":
        return "" if status.get("completionTimestamp") else "it does not say when it was completed"
    errors = f", {status['errors']} errors" if status.get("errors") else ""
    return f"{phase}{errors}"


def _lacking(spec: dict[str, Any], wanted: VeleroBackup) -> str:
    """Why a backup does not hold the namespaces wholly; empty when it does."""
    included, excluded = spec.get("includedNamespaces") or [ALL], spec.get("excludedNamespaces") or []
    missing = [n for n in wanted.namespaces if (n not in included and ALL not in included) or n in excluded]
    if missing:
        return f"without the namespace {', '.join(missing)}"
    selected = spec.get("labelSelector") or spec.get("orLabelSelectors")
    kinds = [k for k in spec.get("includedResources") or [ALL] if k != ALL]
    return "only a selection of the namespace" if selected or kinds else ""


def _volumes(spec: dict[str, Any], status: dict[str, Any]) -> str:
    """Why volumes are not all saved: by snapshots of the platform, of CSI, or file by file."""
    tried = sum(int(status.get(key) or 0) for key in ("volumeSnapshotsAttempted", "csiVolumeSnapshotsAttempted"))
    done = sum(int(status.get(key) or 0) for key in ("volumeSnapshotsCompleted", "csiVolumeSnapshotsCompleted"))
    if done < tried:
        return f"{done} of {tried} volumes saved"
    if tried or spec.get("defaultVolumesToFsBackup") or spec.get("defaultVolumesToRestic"):
        return ""
    return "no volume was saved" + ("; snapshotVolumes is false" if spec.get("snapshotVolumes") is False else "")


def _restored(cluster: Cluster, good: set[str], known: set[str]) -> datetime | None:
    """When a restore of such a backup last succeeded; of one that has been deleted since, it still counts."""
    times = []
    for restore in cluster.all(VELERO, "Restore"):
        status, source = _status(restore), (restore.get("spec") or {}).get("backupName", "")
        if status.get("phase") == "Completed" and (source in good or source not in known):
            times.append(_time(status.get("completionTimestamp")))
    return max((t for t in times if t is not None), default=None)


def _schedule(cluster: Cluster, wanted: VeleroBackup) -> tuple[str, ...]:
    if wanted.schedule is None:
        return ()
    found = cluster.get(VELERO, "Schedule", wanted.schedule)
    if found is None:
        return (f"there is no Schedule {wanted.schedule}: no backup will follow",)
    if (found.get("spec") or {}).get("paused"):
        return (f"the Schedule {wanted.schedule} is paused: no backup will follow",)
    phase = _status(found).get("phase", "")
    return (
        () if phase == "Enabled" else (f"the Schedule {wanted.schedule} is {phase or 'not yet looked at by Velero'}",)
    )


def _command(wanted: CommandBackup, folder: Path) -> Kept:
    at = _printed(wanted, "last", wanted.last, folder)
    expires = _printed(wanted, "expires", wanted.expires, folder) if wanted.expires else None
    restored = _printed(wanted, "restored", wanted.restored, folder) if wanted.restored else None
    return Kept((Saved(wanted.name, at, expires),), restored)


def _printed(wanted: CommandBackup, key: str, words: Sequence[str], folder: Path) -> datetime:
    """The time in the last line that a command prints; BadParameters when it fails or prints none."""
    where = f"retention.backups: {wanted.name}: {key}"
    lines = printed(where, words, folder, wanted.timeout.total_seconds()).split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    found = _time(last)
    if found is None:
        raise BadParameters(f"{where}: {last[:80]!r} is no time with a zone, such as 2026-11-21T02:00:00Z")
    return found


def _time(text: Any) -> datetime | None:
    """ISO 8601 with a zone, or seconds since 1970; None for anything else."""
    try:
        if str(text).isascii() and str(text).isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        found = datetime.fromisoformat(str(text))
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _status(found: dict[str, Any]) -> dict[str, Any]:
    return found.get("status") or {}


def _labels(found: dict[str, Any]) -> dict[str, str]:
    return found["metadata"].get("labels") or {}
