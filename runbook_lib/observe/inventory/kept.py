"""Keeps of a host's facts what judges read: a fleet of fifteen thousand hosts has to fit in memory."""

from __future__ import annotations

import hashlib
import marshal
import re
from collections.abc import Iterable, Mapping
from typing import Any

from runbook_lib.judge.drift.aspects import KEYS
from runbook_lib.judge.drift.packages import matters

LARGEST = 20_000
"""So many characters of one fact are kept at most."""
# What tells a host from another, beside what drift reads. All else is long, changes with every look, or is secret.
KEPT = KEYS | {"nodename", "all_ipv4_addresses", "machine_id", "product_uuid", "group_names", "kernel", "system"}
# Of these facts, these keys.
PARTS: dict[str, tuple[str, ...]] = {
    "date_time": ("tz", "tz_offset", "tz_dst", "tz_name", "iso8601"),
    "default_ipv4": ("address", "interface", "mtu"),
    "dns": ("nameservers", "search", "domain", "options"),
    "env": (
        *("LANG", "LC_ALL", "LC_CTYPE", "TZ", "JAVA_HOME", "JAVA_OPTS"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    ),
    "python": ("version_string", "executable"),
    "selinux": ("status", "mode", "type"),
}
MOUNT = ("mount", "device", "fstype", "options", "size_total")
PASSWORD = re.compile(r"//[^/@\s]+@")
RUNNING = {"state": "running"}


class Keeper:
    """Reduces facts host by host; what is the same on many hosts is held once."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._same: dict[str, Any] = {}
        self._packed: dict[bytes, dict[str, Any]] = {}

    def keep(self, facts: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The facts worth keeping, without ``ansible_`` before their names; and the names of those too large."""
        kept: dict[str, Any] = {}
        large: list[str] = []
        for key, value in facts.items():
            name = self._one(str(key).removeprefix("ansible_"))
            if name not in KEPT or value in (None, "", "NA", [], {}):
                continue
            if name == "packages":
                kept.update(self._packages(value))
            elif name == "local" and isinstance(value, Mapping):
                kept["local"] = {self._one(str(own)): self._one(said) for own, said in value.items() if _short(said)}
                large += [f"local/{own}" for own, said in value.items() if not _short(said)]
            elif _short(reduced := _reduced(name, value)):
                kept[name] = self._one(reduced)
            else:
                large.append(name)
        return kept, large

    def _packages(self, value: Any) -> dict[str, Any]:
        """``packages``: the versions of those that matter; ``packages_other``: the rest as a count and a digest."""
        if not isinstance(value, dict):
            return {}
        whole = hashlib.blake2b(marshal.dumps(value, 2), digest_size=16).digest()
        known = self._packed.get(whole)  # machines of one image have the very same
        if known is None:
            known = self._packed[whole] = self._told(value)
        return known

    def _told(self, value: dict[str, Any]) -> dict[str, Any]:
        told = {name: version(entries) for name, entries in value.items() if matters(name)}
        other = sorted(f"{name} {version(entries)}" for name, entries in value.items() if name not in told)
        rest = hashlib.blake2b("\n".join(other).encode(errors="replace"), digest_size=8).hexdigest()
        return {"packages": self._one(told), "packages_other": self._one({"count": len(other), "digest": rest})}

    def _one(self, value: Any) -> Any:
        """The same value, as it was met first; what cannot be written as UTF-8 is replaced."""
        if isinstance(value, str):
            text = value if value.isascii() else value.encode(errors="replace").decode()
            return self._texts.setdefault(text, text)
        if isinstance(value, dict):
            value = {self._one(str(key)): self._one(item) for key, item in value.items()}
        elif isinstance(value, list):
            value = [self._one(item) for item in value]
        else:
            return value
        return self._same.setdefault(repr(value), value)


def version(entries: Any) -> str:
    """A package's version with its release; of several that are installed all, the kernels for instance."""
    if isinstance(entries, list):
        return _version(entries[0]) if len(entries) == 1 else ", ".join(dict.fromkeys(map(_version, entries)))
    return _version(entries)


def _version(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "" if entry is None else str(entry)
    told, release = str(entry.get("version") or ""), entry.get("release")
    return f"{told}-{release}" if release else told


def _short(value: Any) -> bool:
    return len(value if isinstance(value, str) else repr(value)) <= LARGEST


def _reduced(name: str, value: Any) -> Any:
    if name in PARTS:
        return _parts(value, PARTS[name])
    if name == "mounts" and isinstance(value, list):
        return [_parts(item, MOUNT) for item in value if isinstance(item, Mapping)]
    if name == "services" and isinstance(value, Mapping):
        return _running(value)
    return value


def _parts(value: Any, keys: Iterable[str]) -> Any:
    return {key: _open(value[key]) for key in keys if key in value} if isinstance(value, Mapping) else value


def _open(value: Any) -> Any:
    """Without what an address holds before its @."""
    return PASSWORD.sub("//", value) if isinstance(value, str) else value


def _running(services: Mapping[str, Any]) -> dict[str, Any]:
    """The services that run; hundreds of others only could."""
    return {
        name: RUNNING
        for name, service in services.items()
        if isinstance(service, Mapping) and service.get("state") == "running"
    }
