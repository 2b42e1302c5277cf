"""What saves volumes on a schedule (Velero's Schedule, snapscheduler's SnapshotSchedule): which volumes it saves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import chain

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import Subject
from runbook_lib.judge.workload.gaps import longest_gap
from runbook_lib.judge.workload.labels import selects
from runbook_lib.judge.workload.world import Workload, World

CLAIMS = ("*", "pvc", "persistentvolumeclaim", "persistentvolumeclaims")
EXCLUDED = "velero.io/exclude-from-backup"
CHOSEN, LEFT_OUT = "backup.velero.io/backup-volumes", "backup.velero.io/backup-volumes-excludes"
ALL = "*"
Pair = tuple[str, str]
# Others that save on a schedule, by the beginning of their API version: named, never judged.
FOREIGN = (
    ("k8up.io/", "Schedule"),
    ("stork.libopenstorage.org/", "VolumeSnapshotSchedule"),
    ("stork.libopenstorage.org/", "ApplicationBackupSchedule"),
    ("longhorn.io/", "RecurringJob"),
    ("postgresql.cnpg.io/", "ScheduledBackup"),
    ("config.kio.kasten.io/", "Policy"),
    ("volsync.backube/", "ReplicationSource"),
)


@dataclass(frozen=True)
class Volume:
    """A claim, or a claim of each Pod of a StatefulSet; with the Pods that mount it, and by which name they do."""

    subject: Subject
    node: Node
    name: str
    space: str
    labels: dict[str, str]
    users: tuple[tuple[Workload, str], ...]


def volumes(world: World) -> Iterator[Volume]:
    """Everything that keeps data longer than a Pod lives, as far as it is among the objects given."""
    users: dict[tuple[str, str], list[tuple[Workload, str]]] = defaultdict(list)
    for workload in world.workloads():
        for entry in workload.volumes:
            named = entry.get("persistentVolumeClaim", "claimName").text()
            if named:
                users[world.space(workload.resource), named].append((workload, entry.get("name").text()))
    for claim in world.of_kind("PersistentVolumeClaim"):
        labels = claim.node.get("metadata", "labels").labels()
        space = world.space(claim)
        yield Volume(claim, claim.node, claim.name, space, labels, tuple(users[space, claim.name]))
    for workload in world.workloads("StatefulSet"):
        own = workload.spec.get("selector", "matchLabels").labels()
        for template in workload.spec.get("volumeClaimTemplates").elements():
            name, labels = template.get("metadata", "name").text(), template.get("metadata", "labels").labels()
            yield Volume(workload, template, name, world.space(workload.resource), labels | own, ((workload, name),))


@dataclass(frozen=True)
class Savers:
    """What saves on a schedule, found by namespace and label; ``foreign`` are those that no check can judge."""

    found: dict[tuple[str, Pair | None], list[Resource]]
    """By a namespace, or ALL, and by a label that all carry whom it saves; None where no label is asked for."""
    first: dict[str, Resource]
    """One of each namespace, or ALL."""
    foreign: tuple[Resource, ...]

    def of(self, volume: Volume) -> tuple[Resource, ...]:
        """Those that may save the volume: others are of another namespace, or ask for a label that it has not."""
        labels = [volume.labels, *(user.labels for user, _ in volume.users)]
        pairs = (None, *dict.fromkeys(chain.from_iterable(one.items() for one in labels)))
        return tuple(
            one for space in (volume.space, ALL) for pair in pairs for one in self.found.get((space, pair), ())
        )

    def other(self, volume: Volume) -> Resource | None:
        """One that does not save it and could be thought to: of its namespace, else of all, else of another."""
        return self.first.get(volume.space) or self.first.get(ALL) or next(iter(self.first.values()), None)


def savers(world: World) -> Savers:
    found: dict[tuple[str, Pair | None], list[Resource]] = defaultdict(list)
    first: dict[str, Resource] = {}
    for one in schedules(world):
        spaces = _texts(one.node.get("spec", "template", "includedNamespaces"))
        if one.kind == "SnapshotSchedule":
            spaces = [world.space(one)]
        elif not spaces or any("*" in space for space in spaces):
            spaces = [ALL]
        for space in dict.fromkeys(spaces):
            found[space, _asked(one)].append(one)
            first.setdefault(space, one)
    kinds = {kind for _, kind in FOREIGN}
    foreign = [one for one in world.resources if one.kind in kinds and _is_foreign(one)]
    return Savers(found, first, tuple(foreign))


def _asked(one: Resource) -> Pair | None:
    """A label without which it saves nothing; of several selectors any will do, so that none of them has to hold."""
    spec = one.node.get("spec")
    selector = spec.get("claimSelector") if one.kind == "SnapshotSchedule" else spec.get("template", "labelSelector")
    if one.kind != "SnapshotSchedule" and spec.get("template", "orLabelSelectors").elements():
        return None
    return next(iter(selector.get("matchLabels").labels().items()), None)


def schedules(world: World) -> Iterator[Resource]:
    """Velero's and snapscheduler's; a world leaves out what other makers call a Schedule."""
    yield from world.of_kind("Schedule", "SnapshotSchedule")


def gap(one: Resource) -> timedelta | None:
    return longest_gap(one.node.get("spec", "schedule").text()[:200])


def why_not(one: Resource, volume: Volume) -> str:
    """Why the schedule does not save the volume; empty when it does."""
    spec = one.node.get("spec")
    if spec.get("paused").is_true() or spec.get("disabled").is_true():
        return "it is paused"
    if gap(one) is None:
        return f"when it comes cannot be read ({spec.get('schedule').text('no schedule')[:60]!r})"
    if one.kind == "SnapshotSchedule":
        selector = spec.get("claimSelector")
        return "its claimSelector leaves it out" if selector.value and not selects(selector, volume.labels) else ""
    template = spec.get("template")
    return _not_included(template, volume) or _no_data(template, volume)


def _not_included(template: Node, volume: Volume) -> str:
    """Claims come along by their own labels, or because a Pod that is saved mounts them."""
    spaces = _texts(template.get("includedNamespaces"))
    if spaces and not any(fnmatchcase(volume.space, space) for space in spaces):
        return f"it saves {', '.join(spaces[:3])}, not the namespace {volume.space}"
    if any(fnmatchcase(volume.space, space) for space in _texts(template.get("excludedNamespaces"))):
        return f"it leaves the namespace {volume.space} out"
    if volume.labels.get(EXCLUDED) == "true":
        return f"the label {EXCLUDED} leaves it out"
    for which in ("Resources", "NamespaceScopedResources"):
        wanted, unwanted = _kinds(template.get(f"included{which}")), _kinds(template.get(f"excluded{which}"))
        if (wanted and not wanted & set(CLAIMS)) or unwanted & set(CLAIMS):
            return "its kinds leave claims out"
    selectors = (template.get("labelSelector"), *template.get("orLabelSelectors").elements())
    asked = [selector for selector in selectors if selector.value]
    carried = [volume.labels, *(user.labels for user, _ in volume.users)]
    if asked and not any(selects(selector, labels) for selector in asked for labels in carried):
        return "its labelSelector takes neither the claim nor a Pod that mounts it"
    return ""


def _no_data(template: Node, volume: Volume) -> str:
    """Snapshots are taken unless that is switched off; the files in a volume are read where Velero or a Pod says so."""
    by_files = template.get("defaultVolumesToFsBackup").is_true() or template.get("defaultVolumesToRestic").is_true()
    marks = [(user.template.get("metadata", "annotations").labels(), name) for user, name in volume.users]
    read = [name in _words(m, CHOSEN) or (by_files and name not in _words(m, LEFT_OUT)) for m, name in marks]
    if any(read) or not template.get("snapshotVolumes").is_false():
        return ""
    return "snapshotVolumes is false, and no Pod's volume is read as files: it saves the claim without its data"


def _words(marks: dict[str, str], key: str) -> list[str]:
    return [word.strip() for word in marks.get(key, "").split(",")]


def _kinds(node: Node) -> set[str]:
    return {text.lower().partition(".")[0] for text in _texts(node)}


def _texts(node: Node) -> list[str]:
    return [one.text() for one in node.elements()]


def _is_foreign(one: Resource) -> bool:
    return any(one.kind == kind and one.api_version.startswith(begin) for begin, kind in FOREIGN)
