"""Volumes of a Pod as folders, and where a container's paths lead in them."""

from __future__ import annotations

import base64
import re
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.kubernetes.kubelet.fields import field_value, resource_value
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

CONFIG_MAPS = resource("configmaps", "")
SECRETS = resource("secrets", "")


class NotMounted(Exception):
    """A volume cannot be made yet; the message is the kubelet's."""


@dataclass(frozen=True)
class Mount:
    """A path inside the container, and the folder or file that stands for it."""

    path: str
    target: Path


def mount(store: Store, pod: JsonObject, folder: Path, claims: Path) -> dict[str, Path]:
    """Makes the folder of every volume, by name; NotMounted when a ConfigMap or Secret is missing.

    `claims` holds the folders of PersistentVolumeClaims, which outlive the Pod.
    """
    made: dict[str, Path] = {}
    for volume in pod["spec"].get("volumes", ()):
        name = volume["name"]
        if "hostPath" in volume:
            made[name] = Path(volume["hostPath"]["path"])
            continue
        if "persistentVolumeClaim" in volume:
            made[name] = claims / pod["metadata"]["namespace"] / volume["persistentVolumeClaim"]["claimName"]
        else:
            made[name] = folder / name
        made[name].mkdir(parents=True, exist_ok=True)
        content = _content(store, pod, volume)
        if content is not None:
            publish(made[name], content)
    return made


def refresh(store: Store, pod: JsonObject, made: dict[str, Path]) -> None:
    """Writes ConfigMaps and Secrets that have changed since; one that is gone keeps its files."""
    for volume in pod["spec"].get("volumes", ()):
        if volume["name"] in made:
            try:
                content = _content(store, pod, volume)
            except NotMounted:
                continue
            if content is not None:
                publish(made[volume["name"]], content)


def publish(folder: Path, files: dict[str, bytes]) -> None:
    """Shows all files of a volume at once, through a link `..data` as the kubelet does."""
    data = folder / "..data"
    if data.is_symlink() and _read(data) == files:
        return
    version = folder / f"..{uuid.uuid4().hex}"
    for name, content in files.items():
        path = version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    version.mkdir(exist_ok=True)
    former = data.resolve() if data.is_symlink() else None
    fresh = folder / "..data_tmp"
    fresh.symlink_to(version.name)
    fresh.replace(data)
    _link(folder, {name.split("/")[0] for name in files})
    if former is not None:
        shutil.rmtree(former, ignore_errors=True)


def _read(folder: Path) -> dict[str, bytes]:
    root = folder.resolve()
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _link(folder: Path, names: set[str]) -> None:
    for path in folder.iterdir():
        if path.is_symlink() and not path.name.startswith("..") and path.name not in names:
            path.unlink()
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)


def _content(store: Store, pod: JsonObject, volume: JsonObject) -> dict[str, bytes] | None:
    """The files of a volume; None for one that begins empty."""
    for kind in ("configMap", "secret", "downwardAPI", "projected"):
        if kind in volume:
            return _source(store, pod, volume["name"], kind, volume[kind])
    return None


def _source(store: Store, pod: JsonObject, volume: str, kind: str, source: JsonObject) -> dict[str, bytes]:
    if kind == "projected":
        files: dict[str, bytes] = {}
        for one in source.get("sources", ()):
            for inner, content in one.items():
                files |= _source(store, pod, volume, inner, content)
        return files
    if kind == "downwardAPI":
        return {item["path"]: _downward(pod, item).encode() for item in source.get("items", ())}
    if kind == "serviceAccountToken":
        return {source.get("path", "token"): b"the practice range asks for no token"}
    name = str(source.get("name") or source.get("secretName"))
    values = config_values(store, pod["metadata"]["namespace"], kind, name)
    if values is None:
        if source.get("optional") or name in ("kube-root-ca.crt", "openshift-service-ca.crt"):
            return {}
        raise NotMounted(f'MountVolume.SetUp failed for volume "{volume}" : {kind.lower()} "{name}" not found')
    if "items" not in source:
        return values
    absent = [item["key"] for item in source["items"] if item["key"] not in values]
    if absent and not source.get("optional"):
        what = f"{kind.lower()} references non-existent config key: {absent[0]}"
        raise NotMounted(f'MountVolume.SetUp failed for volume "{volume}" : {what}')
    return {item["path"]: values[item["key"]] for item in source["items"] if item["key"] in values}


def config_values(store: Store, namespace: str, kind: str, name: str) -> dict[str, bytes] | None:
    """The entries of a ConfigMap or Secret (`kind` in any case), or None when it is not there."""
    secret = kind.lower() == "secret"
    found = store.find(SECRETS if secret else CONFIG_MAPS, namespace, name)
    if found is None:
        return None
    if secret:
        return {key: base64.b64decode(value) for key, value in found.get("data", {}).items()}
    values = {key: value.encode() for key, value in found.get("data", {}).items()}
    return values | {key: base64.b64decode(value) for key, value in found.get("binaryData", {}).items()}


def _downward(pod: JsonObject, item: JsonObject) -> str:
    if "fieldRef" in item:
        return field_value(pod, item["fieldRef"]["fieldPath"])
    return resource_value(pod, item["resourceFieldRef"])


def mounts(container: JsonObject, made: dict[str, Path]) -> list[Mount]:
    """Where each mountPath of a container leads."""
    found = []
    for one in container.get("volumeMounts", ()):
        if one["name"] in made:
            target = made[one["name"]] / one.get("subPath", "")
            if "subPath" in one and not target.exists():
                target.mkdir(parents=True)
            found.append(Mount(one["mountPath"].rstrip("/"), target))
    return found


def rewritten(text: str, mounted: Iterable[Mount]) -> str:
    """The text with every mountPath in it, at the start of a path, replaced by the folder behind it."""
    targets = {one.path: str(one.target) for one in mounted if one.path}
    if not targets:
        return text
    longest_first = sorted(targets, key=len, reverse=True)
    paths = "|".join(re.escape(path) for path in longest_first)
    # Not inside another path, and not the host of a URL (`http://data`); `sqlite:////data/x` is a path.
    pattern = rf"(?<![\w.\-])(?<!:/)({paths})(?![\w.\-])"
    return re.sub(pattern, lambda match: targets[match[1]], text)
