"""Reads one aspect from a host's facts: text, a set of names, or None where the facts say nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Facts = Mapping[str, Any]
Read = Callable[[Facts], Any]

UTC = frozenset({"UTC", "UCT", "GMT", "Etc/UTC", "Etc/GMT", "Etc/UCT", "Etc/Universal", "Universal", "Zulu", "GMT0"})
CHINA = frozenset({"PRC", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin", "CST+0800"})
SECRET = re.compile(r"(?i)pass|pwd|secret|token|credential|private|api_?key|access_?key")
# Passwords as options of commands; those that are named are found where anything is written.
SPOKEN = re.compile(
    r"(\bmy(?:sql|isam)\w*\b[^|;&]*?\s-p(?=\S)|\bsshpass\s+-p\s*|\bredis-cli\b[^|;&]*?\s-a\s+"
    r"|\bcurl\b[^|;&]*?\s-u\s*[^\s:]+:|\bldap\w+\b[^|;&]*?\s-w\s+)\S+"
)
# What every machine runs for itself; anything else that runs beside the application is named.
OWN = re.compile(
    r"""(?x) ^(?:
      systemd.*|dbus.*|getty.*|serial-getty.*|user@.*|user-runtime.*|ssh.*|NetworkManager.*|network|networking|wpa_.*
    | polkit|chronyd?|ntpd?|ntp|auditd|crond?|atd|irqbalance|tuned|lvm2.*|rsyslog|firewalld|iptables|nftables|udev.*
    | rhel-.*|kdump|kmod.*|dracut.*|plymouth.*|initrd.*|emergency|rescue|rc-local|rpcbind|gssproxy|abrt.*|postfix
    | sysstat.*|microcode|smartd|mdmonitor|multipathd|qemu-guest-agent|vmtoolsd|vgauthd|open-vm-tools|cloud-.*
    | accounts-daemon|unattended-upgrades|apparmor|snapd.*|packagekit|udisks2|ModemManager|console-.*|keyboard-.*
    | import-state|loadmodules|nis-domainname|readonly|dm-event|blk-availability|quotaon|ldconfig|selinux.*|sssd|nscd
    | apt-.*|fstrim|e2scrub.*|logrotate|man-db|motd.*|dpkg-.*|ifup.*|display-manager|halt|halt-local|killprocs|single
    )$"""
)


def look(facts: Facts, path: str) -> Any:
    """The fact at ``local/java/version``; None when there is none."""
    first, *others = path.split("/")
    value = facts.get(first)
    for part in others:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def at(*paths: str) -> Read:
    """The first of several paths that holds a plain value."""
    split = [path.split("/") for path in paths]

    def read(facts: Facts) -> Any:
        for parts in split:
            value = facts.get(parts[0])
            for part in parts[1:]:
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None and not isinstance(value, dict | list):
                return value
        return None

    return read


def version(*names: str) -> Read:
    """The version of a runtime, wherever a custom fact puts it."""
    shapes = (
        "local/{}/version",
        "local/runtime/{}",
        "local/runtimes/{}",
        "local/versions/{}",
        "local/{}",
        "{}_version",
    )
    return at(*(shape.format(name) for name in names for shape in shapes if (name, shape) != ("python", shapes[-1])))


def names(*paths: str) -> Read:
    """A set of names from a list, a mapping (``name: what``) or lines."""

    def read(facts: Facts) -> Any:
        found = (look(facts, path) for path in paths)
        return next((items(value) for value in found if value is not None), None)

    return read


def items(value: Any) -> list[str]:
    """The members of a list, a mapping or lines of text; ``none`` when it is there and empty."""
    if isinstance(value, dict):
        found: Iterable[str] = (_entry(key, item) for key, item in value.items())
    else:
        lines = value.splitlines() if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
        found = (str(item) for item in lines)
    return sorted(text for item in found if (text := " ".join(item.split()))) or ["none"]


def _entry(key: object, value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("version") or value.get("fingerprint") or value.get("sha256")
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return str(key) if value in (None, "", True) else f"{key} {value}"


def gibibytes(key: str) -> Read:
    """Rounded, because two machines of the same size never have quite the same."""

    def read(facts: Facts) -> Any:
        value = facts.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return f"{value / 1024:.0f}" if value >= 10240 else f"{value / 1024:.1f}"

    return read


def limit(*keys: str, both: bool = False) -> Read:
    """A limit of processes: a number, soft and hard, or lines of limits.conf; ``both``: all of the ``keys``."""
    folders = (
        "local/limits",
        "local/ulimit",
        "local/ulimits",
        "ulimit",
        "ulimits",
        "limits",
        "local/application/limits",
    )
    plain = at(*(f"{start}{keys[0]}" for start in ("ulimit_", "", "local/application/")))

    def read(facts: Facts) -> Any:
        for folder in folders:
            table = look(facts, folder)
            if isinstance(table, dict):
                found = {key: table[key] for key in keys if table.get(key) is not None}
                if found:
                    return (
                        [f"{key} {_soft(v)}" for key, v in found.items()] if both else _soft(next(iter(found.values())))
                    )
            elif isinstance(table, list | str):
                lines = [line for line in items(table) if set(line.split()) & set(keys)]
                if lines:
                    return lines
        return None if both else plain(facts)

    return read


def _soft(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {value[key]}" for key in sorted(value))
    return str(value)


def time_zone(facts: Facts) -> str | None:
    """The zone's name, its other names made one; from ``date`` alone the short name and the offset."""
    name = at("local/timezone", "local/time_zone", "timezone", "date_time/tz_name")(facts)
    if name is None:
        short, offset = look(facts, "date_time/tz"), look(facts, "date_time/tz_offset")
        if short is None:
            return None
        name = short if short in UTC else f"{short}{offset or ''}"
    return "Etc/UTC" if name in UTC else "Asia/Shanghai" if name in CHINA else str(name)


def system(facts: Facts) -> str | None:
    if not facts.get("distribution"):
        return None
    return f"{facts['distribution']} {facts.get('distribution_version', '')}".strip()


def mounts(facts: Facts) -> list[str] | None:
    """What is mounted besides the system's own disks; a share with where it comes from."""
    found = facts.get("mounts")
    if not isinstance(found, list):
        return None
    kept = [one for one in found if isinstance(one, dict) and _holds_data(str(one.get("mount")))]
    return sorted(_mount(one) for one in kept) or ["none"]


def _holds_data(place: str) -> bool:
    return place not in ("/", "/boot", "/boot/efi", "None") and not place.startswith(
        ("/snap/", "/run/", "/var/lib/docker/")
    )


def _mount(one: Mapping[str, Any]) -> str:
    device, kind = str(one.get("device", "")), str(one.get("fstype", "?"))
    shared = ":" in device or device.startswith("//")
    return f"{one.get('mount')} ({kind}{' from ' + device if shared else ''})"


def jobs(facts: Facts) -> list[str] | None:
    """Lines of crontabs and names of timers; by user where they are told apart."""
    places = ("local/cron", "local/crontab", "cron", "crontab", "local/application/cron", "local/timers")
    found = [value for place in places if (value := look(facts, place)) is not None]
    if not found:
        return None
    lines = {SPOKEN.sub(r"\1…", line) for value in found for line in _lines(value)}
    return sorted(lines) or ["none"]


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [
            f"{who}: {line}" if isinstance(what, list) else line for who, what in value.items() for line in _lines(what)
        ]
    return [line for line in items(value) if line != "none" and not line.startswith("#")]


def user(facts: Facts) -> str | None:
    """The application's user, with its number where the facts know it."""
    name = look(facts, "local/application/user")
    if not isinstance(name, str | int):
        return None
    known = look(facts, f"getent_passwd/{name}")
    number = known[1] if isinstance(known, list) and len(known) > 1 else look(facts, "local/application/uid")
    return f"{name} ({number})" if number is not None else str(name)


def users(facts: Facts) -> list[str] | None:
    """Accounts of people and applications: those the system did not bring."""
    table = facts.get("getent_passwd")
    if isinstance(table, dict):
        numbered = ((name, row[1]) for name, row in table.items() if isinstance(row, list) and len(row) > 1)
        return sorted(f"{name} ({n})" for name, n in numbered if str(n).isdigit() and 1000 <= int(n) < 60000) or [
            "none"
        ]
    stated = look(facts, "local/users")
    return None if stated is None else items(stated)


def host_names(facts: Facts) -> list[str] | None:
    """Lines of /etc/hosts that are neither loopback nor the machine's own."""
    table = facts.get("getent_hosts")
    if isinstance(table, dict):
        lines = [
            f"{address} {' '.join(map(str, said if isinstance(said, list) else [said]))}"
            for address, said in table.items()
        ]
    else:
        stated = look(facts, "local/hosts")
        if stated is None:
            return None
        lines = [line for line in items(stated) if line != "none"]
    own = {str(facts.get("hostname")), str(facts.get("fqdn")), str(look(facts, "default_ipv4/address"))}
    kept = (
        line for line in lines if not line.startswith(("127.", "::1", "fe00", "ff0", "#")) and not own & {*line.split()}
    )
    return sorted(kept) or ["none"]


def proxy(facts: Facts) -> list[str] | None:
    """``env`` is that of the user Ansible comes as: a proxy of the whole machine stands in it."""
    table = facts.get("env")
    if not isinstance(table, dict):
        return None
    found = {str(key).lower(): value for key, value in table.items()}
    return [f"{key} {found[key]}" for key in ("http_proxy", "https_proxy", "no_proxy") if found.get(key)] or ["none"]


def environment(facts: Facts) -> list[str] | None:
    """Variables that the application is started with; of what looks like a secret only the name."""
    table = look(facts, "local/application/env") or look(facts, "local/application/environment")
    if not isinstance(table, dict):
        return None
    return sorted(f"{key}=…" if SECRET.search(str(key)) else f"{key}={value}" for key, value in table.items()) or [
        "none"
    ]


def services(facts: Facts) -> list[str] | None:
    """What runs besides the system itself; a reader has left the names of what runs, or all as Ansible gathers it."""
    table = facts.get("services")
    if isinstance(table, dict):
        table = [k for k, v in table.items() if isinstance(v, dict) and v.get("state") == "running"]
    if not isinstance(table, list):
        return None
    running = (str(name).removesuffix(".service") for name in table)
    return sorted(name for name in running if not OWN.match(name)) or ["none"]


def resolver(facts: Facts) -> list[str] | None:
    """Search domains and options of resolv.conf."""
    table = facts.get("dns")
    if not isinstance(table, dict):
        return None
    search, options = table.get("search"), table.get("options")
    found = [f"search {' '.join(map(str, search))}"] if isinstance(search, list) and search else []
    if isinstance(options, dict):
        found += sorted(str(key) if value is True else f"{key}:{value}" for key, value in options.items())
    return found or ["none"]


def other_packages(facts: Facts) -> str | None:
    """How many packages there are besides those that matter, and a digest that tells two lists apart."""
    count, digest = look(facts, "packages_other/count"), look(facts, "packages_other/digest")
    return f"{count} ({digest})" if count and digest else None
