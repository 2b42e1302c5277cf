"""What hosts can differ in, and what each difference means for the move. Paths are those of Ansible's facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.judge.drift import read


@dataclass(frozen=True)
class Aspect:
    """One thing hosts can differ in. ``weight`` 3: the image must decide it; 2: the Pod; 1: the node brings its own.

    ``stage``: environments may well differ in it (size, release), so that only hosts of one are compared.
    """

    name: str
    weight: int
    reason: str
    read: Callable[[Mapping[str, Any]], Any]
    stage: bool = False


ONE = "The image holds one version; the hosts with another one have been running something else."
JVM = (
    "The image holds one version. Before 8u191 a JVM takes the node's memory and processors for its own, "
    "before 8u372 and 11.0.16 it does so on nodes with cgroup v2."
)

RUNTIMES: tuple[Aspect, ...] = (
    Aspect("JDK", 3, JVM, read.version("java", "jdk")),
    Aspect("JDK vendor", 3, ONE, read.at("local/java/vendor", "local/jdk/vendor")),
    Aspect(
        "JVM options",
        3,
        "One image, one set of options: heap, collector and encoding of some users would change.",
        read.at("local/java/options", "local/jdk/options", "local/application/java_opts", "env/JAVA_OPTS"),
    ),
    Aspect("Python", 3, ONE, read.version("python", "python3")),
    Aspect("Node.js", 3, ONE, read.version("node", "nodejs")),
    Aspect("PHP", 3, ONE, read.version("php")),
    Aspect(
        "PHP modules",
        3,
        "A module that the image lacks fails at the first call of it.",
        read.names("local/php/modules", "local/php_modules"),
    ),
    Aspect("Go", 3, "A binary is built with one version.", read.version("go", "golang")),
    Aspect(".NET", 3, ONE, read.version("dotnet", "aspnetcore")),
    Aspect("Ruby", 3, ONE, read.version("ruby")),
    Aspect("Tomcat", 3, ONE, read.version("tomcat")),
    Aspect("web server", 3, ONE, read.version("nginx", "httpd", "apache")),
)
PROCESS: tuple[Aspect, ...] = (
    Aspect(
        "release of the application",
        3,
        "Users meet two releases today: decide which one moves before anything is compared with it.",
        read.at("local/application/version"),
        stage=True,
    ),
    Aspect(
        "time zone",
        3,
        "A container runs in UTC unless TZ says otherwise: cut-off times and reports would shift.",
        read.time_zone,
    ),
    Aspect(
        "locale",
        3,
        "Encodings and number formats follow it; an image has POSIX.",
        read.at("local/locale", "locale", "env/LC_ALL", "env/LANG"),
    ),
    Aspect(
        "open files (nofile)",
        3,
        "No Pod field sets it: the node's container runtime decides.",
        read.limit("nofile", "open_files", "open files", "LimitNOFILE"),
    ),
    Aspect(
        "processes (nproc)",
        2,
        "In a Pod the kubelet's limit of processes counts (podPidsLimit), threads included.",
        read.limit("nproc", "max_user_processes", "max user processes", "LimitNPROC"),
    ),
    Aspect(
        "locked memory and core files",
        1,
        "The node's container runtime decides.",
        read.limit("memlock", "core", "stack", both=True),
    ),
    Aspect(
        "user of the application",
        2,
        "In a Pod a user is a number (runAsUser, fsGroup): files on volumes belong to it.",
        read.user,
    ),
    Aspect(
        "scheduled jobs",
        3,
        "A job on one host only runs once today; in every replica it would run many times.",
        read.jobs,
    ),
    Aspect(
        "names in /etc/hosts",
        3,
        "A name that only a host's file knows is unknown in a Pod: a Service, or hostAliases.",
        read.host_names,
    ),
    Aspect(
        "CA certificates",
        3,
        "An authority of the house that the image lacks fails the first TLS call.",
        read.names("local/ca_certificates", "local/certificates", "local/trust", "ca_certificates"),
    ),
    Aspect(
        "proxy for the way out",
        3,
        "What one host reaches through a proxy, a Pod does not reach without it.",
        read.proxy,
    ),
    Aspect(
        "other packages",
        1,
        "None of them is known to matter; a command that the application calls may still come from one.",
        read.other_packages,
    ),
    Aspect(
        "environment of the process",
        3,
        "A ConfigMap is the same for all replicas; what looks like a secret is named and not compared.",
        read.environment,
        stage=True,
    ),
)
MACHINE: tuple[Aspect, ...] = (
    Aspect("mounts", 2, "Data outside the root disk has to become a volume or an object store.", read.mounts),
    Aspect(
        "services beside it",
        2,
        "A Pod has no agent of the machine: a DaemonSet, a sidecar, or nothing.",
        read.services,
    ),
    Aspect(
        "processors",
        2,
        "Hosts of different size blur what one instance needs.",
        read.at("processor_vcpus", "processor_nproc"),
        stage=True,
    ),
    Aspect(
        "memory (GiB)",
        2,
        "Hosts of different size blur what one instance needs.",
        read.gibibytes("memtotal_mb"),
        stage=True,
    ),
    Aspect(
        "swap (GiB)", 1, "Nodes run without swap: beyond its limit a Pod is killed.", read.gibibytes("swaptotal_mb")
    ),
    Aspect(
        "DNS servers",
        2,
        "The cluster's DNS answers in a Pod, and asks these only for names outside.",
        read.names("dns/nameservers"),
        stage=True,
    ),
    Aspect(
        "DNS search and options",
        2,
        "Short names resolve by search domains; a Pod has the cluster's and ndots 5 (dnsConfig).",
        read.resolver,
    ),
    Aspect("architecture", 3, "An image is built for one processor architecture.", read.at("architecture")),
    Aspect(
        "operating system",
        2,
        "The base image replaces it; libraries built for one may not run on the other.",
        read.system,
    ),
    Aspect("C library", 2, "Native libraries are bound to it.", read.at("local/glibc", "glibc")),
    Aspect("FIPS mode", 2, "A node decides, and the image's OpenSSL must know it.", read.at("fips")),
    Aspect("users", 1, "Accounts of people stay behind; a job or a file may belong to one.", read.users),
    Aspect("SELinux", 1, "The node decides; volumes may need labels.", read.at("selinux/status")),
    Aspect("kernel", 1, "Containers use the node's kernel.", read.at("kernel")),
    Aspect("MTU", 1, "An overlay network takes 50 bytes or more of it.", read.at("default_ipv4/mtu")),
    Aspect(
        "time servers", 1, "A Pod has the node's clock.", read.names("local/ntp", "local/chrony", "local/time_servers")
    ),
    Aspect(
        "Python of the system",
        1,
        "What Ansible runs with; seldom the application's.",
        read.at("python_version", "python/version_string"),
    ),
)
ASPECTS = (*RUNTIMES, *PROCESS, *MACHINE)
# The package that another aspect already speaks of: the JDK itself says more than the package it came in.
SPOKEN_OF = {
    "package java": "JDK",
    "package jdk": "JDK",
    "package php": "PHP",
    "package python": "Python",
    "package node": "Node.js",
    "package glibc": "C library",
}
# The facts that are read, by their first name: a reader need not keep the others.
KEYS = frozenset({
    "application", "architecture", "ca_certificates", "cron", "crontab", "date_time", "default_ipv4",
    "distribution", "distribution_version", "dns", "env", "fips", "fqdn", "getent_hosts", "getent_passwd",
    "glibc", "hostname", "java_version", "kernel", "limits", "local", "locale", "memtotal_mb", "mounts",
    "nofile", "nproc", "packages", "packages_other", "processor_nproc", "processor_vcpus", "python",
    "python_version", "selinux",
    "services", "swaptotal_mb", "sysctl", "timezone", "ulimit", "ulimits", "ulimit_nofile", "ulimit_nproc",
})  # fmt: skip
