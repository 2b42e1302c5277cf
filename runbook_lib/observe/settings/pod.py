"""What a container was given: its environment and its mounted files, from the Pod, ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from runbook_lib.errors import BadParameters
from runbook_lib.observe.cluster import Cluster, Object

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.\-][A-Za-z0-9_.\-]*)\)")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(frozen=True, repr=False)
class Found:
    """A value and where it comes from; it may be a secret, so that it prints as nothing. None: not known."""

    value: str | None
    source: str
    secret: bool = False


class Reading:
    """One Pod's container; holds the ConfigMaps and Secrets that were read, each once."""

    def __init__(self, cluster: Cluster, pod: Object, container: str | None) -> None:
        self._cluster, self._pod = cluster, pod
        found = [c for c in pod["spec"]["containers"] if container in (None, c["name"])]
        if not found:
            names = ", ".join(c["name"] for c in pod["spec"]["containers"])
            raise BadParameters(
                f"kubernetes.settings.container: there is no container {container!r}; there are {names}"
            )
        self.container: Object = found[0]
        self._objects: dict[tuple[str, str], Object | None] = {}
        self._frozen: set[tuple[str, str]] = set()

    def environment(self) -> dict[str, Found]:
        """What ``envFrom`` and ``env`` give, the later over the earlier, ``$(NAME)`` expanded."""
        found: dict[str, Found] = {}
        for source in self.container.get("envFrom") or []:
            kind, reference = _reference(source, "configMapRef", "secretRef")
            self._frozen.add((kind, reference["name"]))
            for key, data in self._data(kind, reference["name"]).items():
                found[source.get("prefix", "") + key] = _text(data, kind, reference["name"])
        for entry in self.container.get("env") or []:
            if (value := self._value(entry, found)) is not None:
                found[entry["name"]] = value
        return found

    def files(self) -> dict[str, Found]:
        """By path, every file that a ConfigMap, a Secret or the downward API brings."""
        volumes = {volume["name"]: volume for volume in self._pod["spec"].get("volumes") or []}
        found = {}
        for mount in self.container.get("volumeMounts") or []:
            where, part = mount["mountPath"].rstrip("/"), mount.get("subPath") or ""
            for path, value in self._volume(volumes.get(mount["name"]) or {}, frozen=bool(part)):
                if not part:
                    found[f"{where}/{path}"] = value
                elif path == part or path.startswith(f"{part}/"):
                    found[where + path.removeprefix(part)] = value
        return found

    def changed_since(self) -> list[str]:
        """Objects whose values the process got when it started, and that were written later."""
        statuses = (self._pod.get("status") or {}).get("containerStatuses") or []
        states = [one.get("state") or {} for one in statuses if one["name"] == self.container["name"]]
        started = next((_moment(state["running"].get("startedAt")) for state in states if "running" in state), None)
        late = []
        for kind, name in sorted(self._frozen):
            fields = ((self._objects.get((kind, name)) or {}).get("metadata") or {}).get("managedFields") or []
            written = [moment for field in fields if (moment := _moment(field.get("time")))]
            if started and written and max(written) > started:
                late.append(f"{kind}/{name}")
        return late

    def secrets(self) -> set[str]:
        """Every value of every Secret that was read, to be kept out of what is shown."""
        read = [obj for (kind, _), obj in self._objects.items() if kind == "Secret" and obj]
        return {_decoded(value) for obj in read for value in (obj.get("data") or {}).values()}

    def _value(self, entry: Object, known: dict[str, Found]) -> Found | None:
        source = entry.get("valueFrom")
        if not source:
            return _expanded(entry.get("value") or "", known)
        if "fieldRef" in source:
            return Found(_field(self._pod, source["fieldRef"]["fieldPath"]), "the Pod's own")
        if "resourceFieldRef" in source:
            return Found(_resource(self.container, source["resourceFieldRef"]), "the Pod's own")
        kind, reference = _reference(source, "configMapKeyRef", "secretKeyRef")
        self._frozen.add((kind, reference["name"]))
        value = self._data(kind, reference["name"]).get(reference["key"])
        if value is None:
            absent = Found(None, f"{kind}/{reference['name']} lacks it", kind == "Secret")
            return None if reference.get("optional") else absent
        return _text(value, kind, reference["name"])

    def _volume(self, volume: Object, frozen: bool) -> Iterator[tuple[str, Found]]:
        sources = (volume.get("projected") or {}).get("sources") or [volume]
        for source in sources:
            for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                if reference := source.get(key):
                    name = reference.get("name") or reference["secretName"]
                    if frozen:
                        self._frozen.add((kind, name))
                    data = self._data(kind, name)
                    chosen = {item["key"]: item["path"] for item in reference.get("items") or []} or {
                        k: k for k in data
                    }
                    yield from ((path, _text(data[k], kind, name)) for k, path in chosen.items() if k in data)
            for item in (source.get("downwardAPI") or {}).get("items") or []:
                if "fieldRef" in item:
                    yield item["path"], Found(_field(self._pod, item["fieldRef"]["fieldPath"]), "the Pod's own")

    def _data(self, kind: str, name: str) -> dict[str, bytes]:
        if (kind, name) not in self._objects:
            self._objects[kind, name] = self._cluster.get("v1", kind, name)
        found = self._objects[kind, name] or {}
        plain = found.get("data") or {}
        if kind == "Secret":
            return {key: base64.b64decode(value or "") for key, value in plain.items()}
        binary = {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
        return {key: value.encode() for key, value in plain.items()} | binary


def _reference(source: Object, config_map: str, secret: str) -> tuple[str, Object]:
    return ("Secret", source[secret]) if secret in source else ("ConfigMap", source[config_map])


def _text(value: bytes, kind: str, name: str) -> Found:
    return Found(value.decode(errors="replace"), f"{kind}/{name}", kind == "Secret")


def _decoded(value: str | None) -> str:
    return base64.b64decode(value or "").decode(errors="replace")


def _expanded(text: str, known: dict[str, Found]) -> Found:
    """The text with what it refers to; it is as secret as the most secret part."""
    used = [known[match[1]] for match in _REFERENCE.finditer(text) if match[1] in known]

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return str(known[match[1]].value) if match[1] in known else match[0]

    value = None if any(part.value is None for part in used) else _REFERENCE.sub(one, text)
    return Found(value, "the manifest", any(part.secret for part in used))


def _field(pod: Object, path: str) -> str | None:
    if keyed := _KEYED.fullmatch(path):
        return str((pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
    value: Any = pod
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _resource(container: Object, reference: Object) -> str | None:
    """Rounded up in units of the divisor; None where no limit is set, for then it is the node's size."""
    kind, _, name = reference["resource"].partition(".")
    amount = ((container.get("resources") or {}).get(kind) or {}).get(name)
    divisor = parse_quantity(reference.get("divisor") or "1") or 1
    return None if amount is None else str(math.ceil(parse_quantity(amount) / divisor))


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")) if text else None
