"""Volumes and mounts: what is mounted where and with which rights."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_pod
from runbook_lib.judge.workload.world import Container, Workload, World

LINK = DOCS + "concepts/storage/volumes/"
SYSTEM = (
    "",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/lib",
)
READ_ONLY = ("configMap", "secret", "downwardAPI")
# Octal numbers that lost their 0: as decimals they mean other rights, or none at all.
SLIPS = {400, 440, 444, 500, 550, 555, 600, 640, 644, 660, 664, 700, 750, 755, 770, 775, 777}


def mounts_have_volumes(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        names = {volume.get("name").text() for volume in _volumes(workload)}
        paths: dict[str, Node] = {}
        for mount in container.node.get("volumeMounts").elements():
            name, path = mount.get("name"), mount.get("mountPath")
            if name.text() not in names:
                message = f"mounts {name.text('(no name)')}, but no volume has that name"
                yield failed((workload, container), name if name.exists else mount, message)
            elif path.text() in paths:
                message = f"{path.text()} is mounted twice (line {paths[path.text()].line})"
                yield failed((workload, container), path, message)
            else:
                yield passed((workload, container), mount, f"{name.text()} at {path.text()}")
            paths[path.text()] = path


def _volumes(workload: Workload) -> Iterator[Node]:
    """Each volume as a node with a name; a claim template has it in its metadata."""
    yield from workload.pod.get("volumes").elements()
    for claim in workload.spec.get("volumeClaimTemplates").elements():
        yield claim.get("metadata")


def volume_names(world: World) -> Iterator[Seen]:
    for workload in world.workloads():
        seen: dict[str, Node] = {}
        twice = 0
        for volume in workload.pod.get("volumes").elements():
            name = volume.get("name").text()
            if name in seen:
                twice += 1
                message = f"volume {name} is given twice (line {seen[name].line}): the API server refuses it"
                yield failed(workload, volume, message)
            seen[name] = volume
        if seen and not twice:
            yield passed(workload, workload.pod.get("volumes"), f"{len(seen)} volumes, each once")


def mounts_hide_nothing(world: World) -> Iterator[Seen]:
    """A volume covers what the image has at its path: its system, or the program itself."""
    program, own = _program(world), {id(app) for _, app in world.applications}
    for workload, container in world.containers():
        for mount in container.node.get("volumeMounts").elements():
            path = mount.get("mountPath")
            root = path.text().rstrip("/")
            if mount.get("subPath").exists or mount.get("subPathExpr").exists or not path.exists:
                continue
            if not path.text().startswith("/"):
                yield failed((workload, container), path, f"mountPath {path.text()!r} does not begin with /")
            elif root in SYSTEM:
                yield failed((workload, container), path, f"covers {root or '/'} of the image: nothing in it can start")
            elif program.startswith(root + "/") and id(container) in own and _covered(workload, container, mount):
                message = f"covers {root} of the image, and its entry point {program} with it"
                yield failed((workload, container), path, message)
            else:
                yield passed((workload, container), path, f"{path.text()} is free for it")


def _program(world: World) -> str:
    """The file that the image's entry point starts; empty when it is not known."""
    starts = world.instructions("ENTRYPOINT") or world.instructions("CMD")
    return starts[-1].words[0] if starts and starts[-1].words else ""


def _covered(workload: Workload, container: Container, mount: Node) -> bool:
    """The image's own program is started, and no init container could have filled the volume with it."""
    inits = [c for c in workload.containers if c.kind == "init"]
    filled = {m.get("name").text() for c in inits for m in c.node.get("volumeMounts").elements()}
    return not container.node.get("command").exists and mount.get("name").text() not in filled


def modes_are_octal(world: World) -> Iterator[Seen]:
    for workload in world.workloads():
        for volume in workload.pod.get("volumes").elements():
            for kind, node in _modes(volume):
                number = node.integer()
                if number is None:
                    continue
                if number in SLIPS or not 0 <= number <= 0o777:
                    message = f"mode {number} is decimal, which is {number:#o} in octal"
                    message += f": write 0{number}" if number in SLIPS else ", and no mode: the API server refuses it"
                    meant = {kind: {"defaultMode": int(str(number), 8)}} if kind and number in SLIPS else None
                    mend = (
                        patch_pod(workload, {"volumes": [{"name": volume.get("name").text(), **meant}]})
                        if meant
                        else None
                    )
                    yield failed(workload, node, message, mend)
                else:
                    yield passed(workload, node, f"mode {number:#o}")


def _modes(volume: Node) -> Iterator[tuple[str, Node]]:
    """Each mode, and the kind of volume when it is that of all its files: the only one that a patch can name."""
    kinds = ("configMap", "secret", "projected", "downwardAPI")
    yield from ((kind, volume.get(kind, "defaultMode")) for kind in kinds)
    parts = [volume.get(kind) for kind in kinds]
    for source in volume.get("projected", "sources").elements():
        parts += [source.get(kind) for kind in kinds]
    yield from (("", item.get("mode")) for part in parts for item in part.get("items").elements())


def volume_at(workload: Workload, container: Container, path: str) -> Node | None:
    """The volume that the longest matching mountPath brings to a path; None when the image's own disk is written."""
    best = ""
    name = ""
    for mount in container.node.get("volumeMounts").elements():
        root = mount.get("mountPath").text().rstrip("/")
        if root and (path == root or path.startswith(root + "/")) and len(root) > len(best):
            best, name = root, mount.get("name").text()
    volumes = workload.pod.get("volumes").elements() + workload.spec.get("volumeClaimTemplates").elements()
    for volume in volumes:
        if name and name in (volume.get("name").text(), volume.get("metadata", "name").text()):
            return volume
    return None


def fixed(container: Container, volume: Node, path: str) -> tuple[Node, str] | None:
    """What keeps a volume at that path from being written, and how it does; None when nothing does."""
    name = volume.get("name").text() or volume.get("metadata", "name").text()
    mount = next((m for m in container.node.get("volumeMounts").elements() if _brings(m, name, path)), Node())
    kind = next((kind for kind in READ_ONLY if volume.get(kind).exists), "")
    if kind or mount.get("readOnly").is_true():
        return (mount if mount.exists else volume), f"{name} is {f'a {kind}' if kind else 'mounted'} to be read only"
    return None


def _brings(mount: Node, name: str, path: str) -> bool:
    root = mount.get("mountPath").text().rstrip("/")
    return mount.get("name").text() == name and (path + "/").startswith(root + "/")


CHECKS = (
    Check(
        "mounts",
        "Every mount has a volume",
        "blocking",
        "The API server refuses the workload.",
        LINK,
        mounts_have_volumes,
    ),
    Check(
        "volume-names",
        "Every volume has a name of its own",
        "blocking",
        "The API server refuses the workload.",
        LINK,
        volume_names,
    ),
    Check(
        "mount-covers",
        "Mounts cover nothing that is needed",
        "blocking",
        "A volume hides what the image has there, and the container cannot start.",
        LINK,
        mounts_hide_nothing,
    ),
    Check(
        "file-mode",
        "Modes of files are octal",
        "blocking",
        "The process cannot read its own settings, or everybody can.",
        DOCS + "concepts/configuration/secret/#restriction-permissions",
        modes_are_octal,
    ),
)
