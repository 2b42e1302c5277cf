"""Writes an Ansible fact cache as ``setup``, ``package_facts`` and ``service_facts`` leave it: a JSON file a host."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

RELEASES: dict[str, dict[str, str]] = {
    "CentOS 7.6": {"kernel": "3.10.0-957.el7.x86_64", "glibc": "2.17-260.el7"},
    "CentOS 7.9": {"kernel": "3.10.0-1160.el7.x86_64", "glibc": "2.17-324.el7_9"},
}
ZONES = {"Asia/Shanghai": ("CST", "+0800"), "Etc/UTC": ("UTC", "+0000")}
RUNTIMES: dict[str, tuple[str, str, str]] = {
    # package, the usual version, an older one
    "python": ("python3", "3.6.8", "3.6.3"),
    "javascript": ("nodejs", "14.17.6", "12.22.1"),
    "php": ("php-fpm", "7.2.34", "7.2.24"),
}
FACT = {"python": "python", "javascript": "node", "php": "php"}
NAMES = (Path(__file__).parent / "templates" / "packages.txt").read_text().split()


@dataclass(frozen=True)
class Box:
    """What one host is like; what a host differs in is replaced in a copy."""

    name: str
    address: str
    language: str
    system: str = "CentOS 7.9"
    jdk: str = "1.8.0_291"
    zone: str = "Asia/Shanghai"
    locale: str = "zh_CN.UTF-8"
    nofile: int = 65535
    nproc: int = 4096
    somaxconn: str = "4096"
    swappiness: str = "30"
    cron: tuple[str, ...] = ()
    data: str = ""
    """Type of the file system at /data; empty: there is none."""
    processors: int = 4
    memory: int = 7821
    swap: int = 2047
    selinux: str = "disabled"
    openssl: str = "1.0.2k"
    nameservers: tuple[str, ...] = ("10.20.0.2", "10.20.0.3")
    search: tuple[str, ...] = ("corp.example",)
    mtu: int = 1500
    authorities: tuple[str, ...] = ("house root 2024",)
    names: tuple[str, ...] = ()
    """Lines of /etc/hosts besides its own."""
    services: tuple[str, ...] = ("filebeat",)
    proxy: str = ""
    options: str = ""
    runtime: str = ""
    """Version of what runs the application, where that is not Java."""
    other_name_of_zone: bool = False
    remarks: bool = False
    """Whether its crontab has a comment: no difference to anybody."""
    application: dict[str, Any] | None = field(default=None, hash=False)
    """Local facts of the application; None: nobody has put such facts on the host."""


def write_facts(path: Path, box: Box) -> None:
    """The cache file of one host: four spaces, sorted keys, the packages at the end."""
    head = json.dumps(_facts(box), indent=4, sort_keys=True)
    path.write_text(
        f'{head[:-2]},\n    "packages": {_packages(box.system, box.language, box.jdk, box.runtime, box.openssl)}\n}}'
    )


def _facts(box: Box) -> dict[str, Any]:
    release, (short, offset) = RELEASES[box.system], ZONES[box.zone]
    distribution, _, version = box.system.partition(" ")
    mac = ":".join(["00", "50", "56", *(f"{int(part):02x}" for part in box.address.split(".")[1:])])
    network = box.address.rpartition(".")[0]
    card = {
        "address": box.address,
        "broadcast": f"{network}.255",
        "netmask": "255.255.255.0",
        "network": f"{network}.0",
    }
    return {
        "ansible_all_ipv4_addresses": [box.address],
        "ansible_all_ipv6_addresses": [],
        "ansible_apparmor": {"status": "disabled"},
        "ansible_architecture": "x86_64",
        "ansible_bios_date": "11/12/2020",
        "ansible_bios_version": "6.00",
        "ansible_cmdline": {
            "BOOT_IMAGE": f"/vmlinuz-{release['kernel']}", "LANG": box.locale, "crashkernel": "auto", "quiet": True,
            "rd.lvm.lv": "centos/swap", "rhgb": True, "ro": True, "root": "/dev/mapper/centos-root",
        },
        "ansible_date_time": {
            "date": "2026-11-19", "day": "19", "epoch": "1795054201", "hour": "10", "iso8601": "2026-11-19T02:10:01Z",
            "iso8601_basic": "20261119T101001118482", "minute": "10", "month": "11", "second": "01", "time": "10:10:01",
            "tz": short, "tz_dst": short, "tz_offset": offset, "weekday": "Thursday", "weekday_number": "4",
            "weeknumber": "46", "year": "2026",
        },
        "ansible_default_ipv4": {
            **card, "alias": "eth0", "gateway": f"{network}.1", "interface": "eth0", "macaddress": mac, "mtu": box.mtu,
            "type": "ether",
        },
        "ansible_default_ipv6": {},
        "ansible_devices": {
            "sda": {
                "holders": [], "host": "Serial Attached SCSI controller: VMware PVSCSI", "model": "Virtual disk",
                "partitions": {
                    f"sda{n}": {"holders": [], "sectors": str(size), "sectorsize": 512, "start": "2048", "uuid": None}
                    for n, size in ((1, 2097152), (2, 81786880))
                },
                "removable": "0", "rotational": "1", "sas_address": None, "scheduler_mode": "deadline",
                "sectors": "83886080", "sectorsize": "512", "size": "40.00 GB", "support_discard": "0",
                "vendor": "VMware", "virtual": 1,
            }
        },
        "ansible_distribution": distribution,
        "ansible_distribution_file_parsed": True,
        "ansible_distribution_file_path": "/etc/redhat-release",
        "ansible_distribution_major_version": version.partition(".")[0],
        "ansible_distribution_release": "Core",
        "ansible_distribution_version": version,
        "ansible_dns": {"nameservers": list(box.nameservers), "search": list(box.search)},
        "ansible_domain": "corp.example",
        "ansible_env": {
            "HOME": "/home/ansible", "LANG": box.locale, "LOGNAME": "ansible", "PATH": "/usr/local/bin:/usr/bin",
            "PWD": "/home/ansible", "SHELL": "/bin/bash", "SHLVL": "2", "SSH_CLIENT": "10.20.0.9 51122 22",
            "TERM": "xterm", "USER": "ansible", "XDG_SESSION_ID": str(sum(box.name.encode())),
            **({"https_proxy": box.proxy} if box.proxy else {}),
        },
        "ansible_eth0": {
            "active": True, "device": "eth0", "features": {"rx_checksumming": "on", "tx_checksumming": "on"},
            "hw_timestamp_filters": [], "ipv4": card, "macaddress": mac, "module": "vmxnet3", "mtu": 1500,
            "pciid": "0000:03:00.0", "promisc": False, "speed": 10000, "timestamping": [], "type": "ether",
        },
        "ansible_fips": False,
        "ansible_fqdn": f"{box.name}.corp.example",
        "ansible_hostname": box.name,
        "ansible_interfaces": ["lo", "eth0"],
        "ansible_kernel": release["kernel"],
        "ansible_lo": {"active": True, "device": "lo", "mtu": 65536, "promisc": False, "type": "loopback"},
        "ansible_loadavg": {"15m": 0.21, "1m": 0.18, "5m": 0.2},
        "ansible_local": _local(box, release["glibc"]),
        "ansible_lvm": {"lvs": {"root": {"size_g": "35.12", "vg": "centos"}}, "vgs": {"centos": {"size_g": "38.99"}}},
        "ansible_machine": "x86_64",
        "ansible_machine_id": hashlib.sha256(box.name.encode()).hexdigest()[:32],
        "ansible_memfree_mb": box.memory // 5,
        "ansible_memory_mb": {
            "nocache": {"free": box.memory // 2, "used": box.memory // 2},
            "real": {"free": box.memory // 5, "total": box.memory, "used": box.memory * 4 // 5},
            "swap": {"cached": 0, "free": box.swap, "total": box.swap, "used": 0},
        },
        "ansible_memtotal_mb": box.memory,
        "ansible_mounts": _mounts(box),
        "ansible_nodename": f"{box.name}.corp.example",
        "ansible_os_family": "RedHat",
        "ansible_pkg_mgr": "yum",
        "ansible_processor": [
            text for n in range(box.processors) for text in (str(n), "GenuineIntel", "Intel(R) Xeon(R) Gold 6248R")
        ],
        "ansible_processor_cores": 1,
        "ansible_processor_count": box.processors,
        "ansible_processor_nproc": box.processors,
        "ansible_processor_threads_per_core": 1,
        "ansible_processor_vcpus": box.processors,
        "ansible_product_name": "VMware Virtual Platform",
        "ansible_python": {
            "executable": "/usr/bin/python", "has_sslcontext": True, "type": "CPython",
            "version": {"major": 2, "micro": 5, "minor": 7, "releaselevel": "final", "serial": 0},
        },
        "ansible_python_version": "2.7.5",
        "ansible_selinux": {"status": box.selinux, **({} if box.selinux == "disabled" else {"mode": "permissive"})},
        "ansible_service_mgr": "systemd",
        "ansible_swaptotal_mb": box.swap,
        "ansible_system": "Linux",
        "ansible_system_vendor": "VMware, Inc.",
        "ansible_uptime_seconds": 2160000 + sum(box.name.encode()),
        "ansible_user_id": "ansible",
        "ansible_userspace_bits": "64",
        "ansible_virtualization_role": "guest",
        "ansible_virtualization_type": "VMware",
        "discovered_interpreter_python": "/usr/bin/python",
        "gather_subset": ["all"],
        "module_setup": True,
        "services": {
            f"{name}.service": {
                "name": f"{name}.service", "source": "systemd", "state": state, "status": "enabled",
            }
            for name, state in (*((one, "running") for one in (*SYSTEM, *box.services)), ("postfix", "stopped"))
        },
    }  # fmt: skip


SYSTEM = ("auditd", "chronyd", "crond", "dbus", "rsyslog", "sshd", "systemd-journald", "vmtoolsd")


def _local(box: Box, glibc: str) -> dict[str, Any]:
    """What /etc/ansible/facts.d says."""
    said: dict[str, Any] = {
        "ca_certificates": list(box.authorities),
        "cron": [*(["# kept by the platform team"] if box.remarks else []), *box.cron],
        "glibc": glibc,
        "hosts": [f"{box.address} {box.name}.corp.example {box.name}", *box.names],
        "limits": {"nofile": box.nofile, "nproc": box.nproc},
        "sysctl": {
            "fs.file-max": "394180",
            "net.core.somaxconn": box.somaxconn,
            "net.ipv4.ip_local_port_range": "32768 60999",
            "net.ipv4.tcp_tw_reuse": "1",
            "vm.swappiness": box.swappiness,
        },
        "timezone": {"Asia/Shanghai": "PRC"}.get(box.zone, "UTC") if box.other_name_of_zone else box.zone,
    }
    if box.language == "java":
        said["java"] = {"options": box.options, "vendor": "OpenJDK", "version": box.jdk}
    if box.runtime:
        said[FACT[box.language]] = {"version": box.runtime}
    if box.application is not None:
        said["application"] = box.application
    return said


def _mounts(box: Box) -> list[dict[str, Any]]:
    common = {"block_size": 4096, "options": "rw,relatime", "uuid": "N/A"}
    mounts = [
        {**common, "device": "/dev/mapper/centos-root", "fstype": "xfs", "mount": "/", "size_total": 42949672960},
        {**common, "device": "/dev/sda1", "fstype": "xfs", "mount": "/boot", "size_total": 1063256064},
    ]
    if box.data:
        device = "10.20.0.20:/export/data" if box.data.startswith("nfs") else "/dev/sdb1"
        mounts.append({**common, "device": device, "fstype": box.data, "mount": "/data", "size_total": 214748364800})
    return mounts


@cache
def _packages(system: str, language: str, jdk: str, runtime: str, openssl: str) -> str:
    """What ``package_facts`` lists, as JSON; many hosts have the very same."""
    versions = {name: _version(name) for name in NAMES}
    versions |= {"glibc": RELEASES[system]["glibc"].partition("-")[0], "openssl": openssl}
    if language == "java":
        versions["java-1.8.0-openjdk-headless"] = jdk.replace("_", ".")
    if runtime:
        versions[RUNTIMES[language][0]] = runtime
    releases = {"glibc": RELEASES[system]["glibc"].partition("-")[2]}
    listed = {
        name: [{
            "arch": "x86_64", "epoch": None, "name": name, "release": releases.get(name, "34.el7"), "source": "rpm",
            "version": versions[name],
        }]
        for name in sorted(versions)
    }  # fmt: skip
    return json.dumps(listed, indent=4).replace("\n", "\n    ")


def _version(name: str) -> str:
    digest = hashlib.sha256(name.encode()).digest()
    return f"{digest[0] % 6}.{digest[1] % 20}.{digest[2] % 12}"
