"""Keeps of a host's facts what judges read: a fleet of fifteen thousand hosts has to fit in memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from runbook_lib.judge.drift.packages import matters

LARGEST = 20_000
"""So many characters of one fact are kept at most."""
# What Ansible gathers and no judge reads, because it is long, or changes with every look, or holds secrets.
LEFT = re.compile(
    r"""(?x) (?:
      all_ipv6_addresses | ansible_facts | apparmor | changed | cmdline | default_ipv6 | device_links | devices
    | fibre_channel_wwn | flags | form_factor | gather_subset | groups | hostnqn | hostvars | interfaces | is_chroot
    | iscsi_iqn | loadavg | locally_reachable_ips | lsb | lvm | memfree_mb | memory_mb | module_setup | processor
    | proc_cmdline | selinux_python_present | swapfree_mb | system_vendor | uptime_seconds | _.*
    | (?: bios | board | chassis | distribution_file | effective | facter | ohai | real | ssh_host_key | user
        | userspace | system_capabilities | virtualization_tech )_ .*
    )"""
)
# Of these facts, these keys.
PARTS: dict[str, tuple[str, ...]] = {
    "date_time": ("tz", "tz_offset", "tz_dst", "tz_name", "iso8601"),
    "default_ipv4": ("address", "interface", "mtu"),
    "dns": ("nameservers", "search", "domain", "options"),
    "env": (
        *("LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE", "TZ", "JAVA_HOME", "JAVA_OPTS"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    ),
    "python": ("version", "version_string", "executable"),
    "selinux": ("status", "mode", "type"),
}
MOUNT = ("mount", "device", "fstype", "options", "size_total")


class Keeper:
    """Reduces facts host by host; what is the same on many hosts is held once."""

    def __init__(self) -> None:
        self._same: dict[str, Any] = {}

    def keep(self, facts: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The facts worth keeping, without ``ansible_`` before their names; and the names of those too large."""
        kept: dict[str, Any] = {}
        large: list[str] = []
        for key, value in facts.items():
            name = self._one(str(key).removeprefix("ansible_"))
            if LEFT.fullmatch(name) or _is_interface(value) or value in (None, "", "NA", [], {}):
                continue
            if name == "packages":
                kept.update(self._packages(value))
            else:
                reduced = self._one(_reduced(name, value))
                kept[name] = reduced
                if isinstance(reduced, str | list | dict) and len(repr(reduced)) > LARGEST:
                    del kept[name]
                    large.append(name)
        return kept, large

    def _packages(self, value: Any) -> dict[str, Any]:
        """``packages``: the versions of those that matter; ``packages_other``: the rest as a count and a digest."""
        if not isinstance(value, Mapping):
            return {}
        told, other = {}, []
        for name, entries in value.items():
            if matters(name):
                told[self._one(name)] = self._one(version(entries))
            else:
                other.append(f"{name} {version(entries)}")
        rest = hashlib.blake2b("\n".join(sorted(other)).encode(errors="replace"), digest_size=8).hexdigest()
        return {
            "packages": self._one(told),
            "packages_other": self._one({"count": len(other), "digest": rest}),
        }

    def _one(self, value: Any) -> Any:
        """The same value, as it was met first; what cannot be written as UTF-8 is replaced."""
        if isinstance(value, dict):
            value = {self._one(str(key)): self._one(item) for key, item in value.items()}
        elif isinstance(value, list):
            value = [self._one(item) for item in value]
        elif isinstance(value, str) and not value.isascii():
            value = value.encode(errors="replace").decode()
        elif not isinstance(value, str):
            return value
        return self._same.setdefault(repr(value), value)


def version(entries: Any) -> str:
    """A package's version with its release; of several that are installed all, the kernels for instance."""
    listed = entries if isinstance(entries, list) else [entries]
    return ", ".join(dict.fromkeys(_version(entry) for entry in listed))


def _version(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return "" if entry is None else str(entry)
    told = str(entry.get("version") or "")
    return f"{told}-{entry['release']}" if entry.get("release") else told


def _is_interface(value: Any) -> bool:
    """A fact a network interface; a machine that runs containers has hundreds."""
    return isinstance(value, Mapping) and "device" in value and ("macaddress" in value or "mtu" in value)


def _reduced(name: str, value: Any) -> Any:
    if name in PARTS:
        return _parts(value, PARTS[name])
    if name == "mounts" and isinstance(value, list):
        return [_parts(item, MOUNT) for item in value if isinstance(item, Mapping)]
    if name == "services" and isinstance(value, Mapping):
        return _running(value)
    return value


def _parts(value: Any, keys: Iterable[str]) -> Any:
    return {key: value[key] for key in keys if key in value} if isinstance(value, Mapping) else value


def _running(services: Mapping[str, Any]) -> list[str]:
    """The services that run; hundreds of others only could."""
    return sorted(
        str(name).removesuffix(".service")
        for name, service in services.items()
        if isinstance(service, Mapping) and service.get("state") == "running"
    )
