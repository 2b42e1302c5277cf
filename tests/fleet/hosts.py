"""Draws the hosts of an application: alike at first, then one of them is changed in what real hosts drift apart in."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from .facts import RELEASES, RUNTIMES, Box

ROTATE = "30 3 * * * /usr/sbin/logrotate /etc/logrotate.conf"
EXPORT = "15 2 * * * /opt/app/bin/export.sh >> /var/log/export.log 2>&1"
RUNTIME = {"python": "Python", "javascript": "Node.js", "php": "PHP"}
"""Language -> the aspect that tells its version."""


def boxes(first: Box, chance: random.Random, drifting: bool) -> tuple[Box, ...]:
    """2 to 5 hosts; jobs are added to the first one only, everything else is changed in the last."""
    stem, network = first.name.removesuffix("1"), first.address.rpartition(".")[0]
    low = int(first.address.rpartition(".")[2])
    found = [
        replace(
            first,
            name=f"{stem}{n + 1}",
            address=f"{network}.{low + n}",
            memory=first.memory - chance.randint(0, 3),  # no two machines have quite the same
            other_name_of_zone=chance.random() < 0.2,
            remarks=chance.random() < 0.3,
        )
        for n in range(chance.randint(2, 5))
    ]
    changes = changes_of(first)
    for name in chance.sample(sorted(changes), chance.choice((0, 1, 2, 2, 3, 4))) if drifting else ():
        at = 0 if name == "cron" else -1
        found[at] = replace(found[at], **changes[name])  # type: ignore[arg-type]
    return tuple(found)


def changes_of(box: Box) -> dict[str, dict[str, object]]:
    """What can come to differ -> the change to one host."""
    found: dict[str, dict[str, object]] = {
        "system": {"system": "CentOS 7.6"},
        "zone": {"zone": "Etc/UTC", "other_name_of_zone": False},
        "locale": {"locale": "C"},
        "nofile": {"nofile": 1024},
        "nproc": {"nproc": 1024},
        "somaxconn": {"somaxconn": "128"},
        "swappiness": {"swappiness": "60"},
        "cron": {"cron": (*box.cron, EXPORT)},
        "mounts": {"data": "xfs"},
        "processors": {"processors": 2 * box.processors},
        "memory": {"memory": 2 * box.memory},
        "swap": {"swap": 0},
        "selinux": {"selinux": "enabled"},
        "nameservers": {"nameservers": ("10.20.0.2",)},
        "search": {"search": ("corp.example", "shop.example")},
        "mtu": {"mtu": 9000},
        "openssl": {"openssl": "1.0.1e"},
        "authorities": {"authorities": ("house root 2016", "house root 2024")},
        "names": {"names": ("10.20.0.31 ledger-db",)},
        "services": {"services": ("filebeat", "consul")},
        "proxy": {"proxy": "http://proxy.corp.example:3128"},
    }
    if box.language == "java":
        found["jdk"] = {"jdk": "1.8.0_181"}
        found["options"] = {"options": box.options.replace("-XX:MaxMetaspaceSize=128m ", "")}
    if box.language in RUNTIME:
        found["runtime"] = {"runtime": RUNTIMES[box.language][2]}
    if box.application is not None:
        found["release"] = {"application": {**box.application, "version": "3.99.1"}}
    return found


def differing(hosts: Iterable[Box]) -> frozenset[str]:
    """The aspects in which hosts are known to differ; what a host says nothing of is no difference."""
    told = [_told(box) for box in hosts]
    aspects = {aspect for one in told for aspect in one}
    values = {aspect: {one[aspect] for one in told if one.get(aspect) is not None} for aspect in aspects}
    return frozenset(aspect for aspect, seen in values.items() if len(seen) > 1)


def _told(box: Box) -> dict[str, object]:
    """Aspect -> what this host says of it."""
    release, java = RELEASES[box.system], box.language == "java"
    return {
        "operating system": box.system,
        "kernel": release["kernel"],
        "C library": release["glibc"],
        "JDK": box.jdk if java else None,
        "JVM options": box.options if java else None,
        "time zone": box.zone,
        "locale": box.locale,
        "open files (nofile)": box.nofile,
        "processes (nproc)": box.nproc,
        "net.core.somaxconn": box.somaxconn,
        "vm.swappiness": box.swappiness,
        "scheduled jobs": box.cron,
        "mounts": box.data,
        "processors": box.processors,
        "memory (GiB)": round(box.memory / 1024),
        "swap (GiB)": round(box.swap / 1024),
        "SELinux": box.selinux,
        "DNS servers": box.nameservers,
        "DNS search and options": box.search,
        "MTU": box.mtu,
        "package openssl": box.openssl,
        "CA certificates": box.authorities,
        "names in /etc/hosts": box.names,
        "services beside it": box.services,
        "proxy for the way out": box.proxy,
        "release of the application": box.application["version"] if box.application else None,
        **({RUNTIME[box.language]: box.runtime} if box.language in RUNTIME else {}),
    }
