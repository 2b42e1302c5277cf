"""The environment and the command line of a container."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.kubernetes.kubelet.fields import field_value, resource_value
from sandbox.kubernetes.kubelet.volumes import Mount, config_values, rewritten
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store
from sandbox.plan import project_root

JsonObject = dict[str, Any]

# What a process of this machine needs of the outer environment; a container gets nothing else of it.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.\-][A-Za-z0-9_.\-]*)\)")


class ConfigMissing(Exception):
    """A ConfigMap, a Secret or a key that the environment needs is not there; the message is the kubelet's."""


def environment(store: Store, pod: JsonObject, container: JsonObject, mounted: list[Mount]) -> dict[str, str]:
    """The variables that the manifest asks for, in order, `$(NAME)` expanded, paths led into the volumes."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        variables |= _all_of(store, pod, source)
    for entry in container.get("env", ()):
        value = _value(store, pod, container, entry, variables)
        if value is not None:
            variables[entry["name"]] = value
    return {name: rewritten(value, mounted) for name, value in variables.items()}


def base(settings: Settings, pod: JsonObject) -> dict[str, str]:
    """What every container of the range finds before the manifest is asked."""
    variables = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return variables | {
        "HOSTNAME": pod["metadata"]["name"],
        "KUBERNETES_SERVICE_HOST": settings.host,
        "KUBERNETES_SERVICE_PORT": str(settings.port),
        "PYTHONPATH": str(project_root()),
        "PYTHONUNBUFFERED": "1",
        "FAULTS_FILE": str(settings.faults_file),
    }


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` replaced where NAME is known, `$$` by `$`; anything else stays."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def _all_of(store: Store, pod: JsonObject, source: JsonObject) -> dict[str, str]:
    kind = "secret" if "secretRef" in source else "configmap"
    reference = source.get("secretRef") or source["configMapRef"]
    values = config_values(store, pod["metadata"]["namespace"], kind, reference["name"])
    if values is None:
        if reference.get("optional"):
            return {}
        raise ConfigMissing(f'{kind} "{reference["name"]}" not found')
    prefix = source.get("prefix", "")
    return {prefix + key: value.decode(errors="replace") for key, value in values.items()}


def _value(
    store: Store, pod: JsonObject, container: JsonObject, entry: JsonObject, known: dict[str, str]
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expanded(entry.get("value", ""), known)
    try:
        if "fieldRef" in source:
            return field_value(pod, source["fieldRef"]["fieldPath"])
        if "resourceFieldRef" in source:
            return resource_value(pod, source["resourceFieldRef"], container)
    except ValueError as error:  # a path or a quantity that makes no sense
        raise ConfigMissing(str(error)) from error
    kind = "secret" if "secretKeyRef" in source else "configmap"
    return _key(store, pod["metadata"]["namespace"], kind, source.get("secretKeyRef") or source["configMapKeyRef"])


def _key(store: Store, namespace: str, kind: str, reference: JsonObject) -> str | None:
    name, key = reference["name"], reference["key"]
    values = config_values(store, namespace, kind, name)
    if values is not None and key in values:
        return values[key].decode(errors="replace")
    if reference.get("optional"):
        return None
    if values is None:
        raise ConfigMissing(f'{kind} "{name}" not found')
    shown = "ConfigMap" if kind == "configmap" else "Secret"
    raise ConfigMissing(f"couldn't find key {key} in {shown} {namespace}/{name}")


def working_directory(container: JsonObject, mounted: list[Mount]) -> Path:
    """Where the process starts: its workingDir where that is a real folder, else the project."""
    wanted = Path(rewritten(container.get("workingDir", ""), mounted) or project_root())
    return wanted if wanted.is_dir() else project_root()
