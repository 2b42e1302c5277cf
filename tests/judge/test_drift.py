"""Where hosts and environments differ: tables of cases."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runbook_lib.artefacts import Host
from runbook_lib.judge.drift import Drift, compare_environments, compare_hosts, usual
from runbook_lib.judge.drift.aspects import ASPECTS, KEYS
from runbook_lib.judge.drift.environments import production
from runbook_lib.judge.drift.packages import kind
from runbook_lib.judge.drift.sysctls import matters, reason


def host(name: str, **facts: object) -> Host:
    return Host(name, facts, f"{name}.json")


def row(aspect: str, *facts: dict[str, object]) -> Drift:
    """The one row of an aspect, of hosts a, b, c ... with these facts."""
    drifts = compare_hosts([host(chr(97 + n), **one) for n, one in enumerate(facts)])
    return next(drift for drift in drifts if drift.aspect == aspect)


def centos(name: str, release: str, kernel: str, jdk: str) -> Host:
    local = {"java": {"version": jdk}}
    return host(name, kernel=kernel, distribution="CentOS", distribution_version=release, local=local)


def test_what_the_image_must_decide_comes_before_what_the_node_brings() -> None:
    hosts = [centos("a", "7.9", "3.10", "1.8.0_291"), centos("b", "7.9", "3.10", "1.8.0_291")]
    drifts = compare_hosts([*hosts, centos("c", "7.6", "4.18", "1.8.0_181")])
    assert [(d.aspect, d.odd) for d in drifts] == [("JDK", ("c",)), ("operating system", ("c",)), ("kernel", ("c",))]
    assert (drifts[0].usual, drifts[0].said("c"), drifts[0].by) == ("1.8.0_291", "1.8.0_181", "most hosts")
    assert usual(drifts, "JDK") == "1.8.0_291"


def test_what_is_missing_on_one_host_is_unknown_and_no_difference_and_what_nobody_has_is_no_row() -> None:
    drifts = compare_hosts([host("a", kernel="3.10"), host("b")])
    assert [(d.aspect, d.values, d.odd, d.unknown) for d in drifts] == [
        ("kernel", {"a": "3.10", "b": None}, (), ("b",))
    ]
    assert (drifts[0].differs, drifts[0].said("b")) == (False, "nothing on record")


@pytest.mark.parametrize(
    "facts",
    [
        {"mounts": 3},
        {"packages": []},
        {"local": "x"},
        {"packages": {"openssl": [1]}},
        {"packages": {"openssl": []}},
        {"dns": None},
        {"local": {"limits": 3, "cron": {"a": 3}, "sysctl": [], "java": []}},
        {"getent_passwd": {"a": 1}, "getent_hosts": {"10.0.0.1": None}, "services": {"a": "b"}, "mounts": [1, {}]},
        {"dns": {"search": 3, "options": 4, "nameservers": "10.0.0.1"}, "env": []},
    ],
)
def test_facts_of_another_shape_are_no_traceback(facts: dict[str, object]) -> None:
    compare_hosts([host("a", **facts), host("b", **facts)])
    compare_environments({"prod": [host("a", **facts)], "test": [host("b", **facts)]})


CASES: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("time zone", {"local": {"timezone": "Etc/UTC"}}, {"date_time": {"tz": "UTC", "tz_offset": "+0000"}}, ""),
    ("time zone", {"local": {"timezone": "PRC"}}, {"date_time": {"tz": "CST", "tz_offset": "+0800"}}, ""),
    ("time zone", {"local": {"timezone": "Etc/UTC"}}, {"local": {"timezone": "Asia/Shanghai"}}, "Asia/Shanghai"),
    ("open files (nofile)", {"local": {"limits": {"nofile": 65535}}}, {"ulimit_nofile": "65535"}, ""),
    ("open files (nofile)", {"local": {"limits": {"nofile": 65535}}}, {"local": {"limits": {"nofile": 1024}}}, "1024"),
    ("open files (nofile)", {"local": {"limits": {"nofile": 9}}}, {"local": {"limits": {"nofile": {"soft": 1, "hard": 2}}}}, "hard 2, soft 1"),
    ("open files (nofile)", {"local": {"limits": ["* - nofile 9"]}}, {"local": {"limits": ["* - nofile 99"]}}, "* - nofile 99"),
    ("processes (nproc)", {"local": {"limits": {"nproc": 4096}}}, {"local": {"limits": {"nproc": 1024}}}, "1024"),
    ("memory (GiB)", {"memtotal_mb": 32012}, {"memtotal_mb": 31987}, ""),
    ("memory (GiB)", {"memtotal_mb": 7821}, {"memtotal_mb": 3789}, "3.7"),
    ("scheduled jobs", {"local": {"cron": ["# nightly", "0 3 * * *  /x"]}}, {"local": {"cron": "0 3 * * * /x\n"}}, ""),
    ("scheduled jobs", {"local": {"cron": []}}, {"local": {"cron": ["0 3 * * * /x"]}}, "0 3 * * * /x"),
    ("scheduled jobs", {"local": {"cron": {"app": ["a"], "ops": ["b"]}}}, {"local": {"cron": {"app": ["a"]}}}, "without ops: b"),
    ("package openssl", {"packages": {"openssl": [{"version": "1.0.2k", "release": "21"}]}}, {"packages": {"openssl": [{"version": "1.0.2k", "release": "25"}]}}, "1.0.2k-25"),
    ("package openssl", {"packages": {"openssl": "3"}}, {"packages": {"bash": "5", "tzdata": "1"}}, "not installed"),
    ("package openssl", {"packages": {"openssl": "3"}}, {"packages": {}, "packages_other": {"count": 9}}, "not installed"),
    ("package openssl", {"packages": {"openssl": "3"}}, {"packages": {}}, ""),
    ("package tomcat", {"packages": {"tomcat": "8.5, 9.0"}}, {"packages": {"tomcat": "9.0, 8.5"}}, ""),
    ("mounts", {"mounts": [{"mount": "/data", "fstype": "nfs4", "device": "nas1:/a"}]}, {"mounts": [{"mount": "/data", "fstype": "nfs4", "device": "nas2:/a"}]}, "/data (nfs4 from nas2:/a)"),
    ("mounts", {"mounts": [{"mount": "/", "device": "/dev/sda"}]}, {"mounts": [{"mount": "/", "device": "/dev/vda"}]}, ""),
    ("names in /etc/hosts", {"hostname": "a", "local": {"hosts": ["10.0.0.1 a", "10.0.0.9 db"]}}, {"hostname": "b", "local": {"hosts": ["10.0.0.2 b", "10.0.0.9 db"]}}, ""),
    ("users", {"getent_passwd": {"root": ["x", "0"], "li": ["x", "1001"]}}, {"getent_passwd": {"root": ["x", "0"]}}, "none"),
    ("services beside it", {"services": {"sshd.service": {"state": "running"}, "worker.service": {"state": "running"}}}, {"services": {"sshd.service": {"state": "running"}}}, "none"),
    ("CA certificates", {"local": {"ca_certificates": ["house CA", "old CA"]}}, {"local": {"ca_certificates": ["house CA"]}}, "without old CA"),
    ("environment of the process", {"local": {"application": {"env": {"DB_PASSWORD": "a"}}}}, {"local": {"application": {"env": {"DB_PASSWORD": "b"}}}}, ""),
    ("net.ipv4.ip_local_port_range", {"local": {"sysctl": {"net.ipv4.ip_local_port_range": "1024\t65000"}}}, {"sysctl": {"net.ipv4.ip_local_port_range": "1024 65000"}}, ""),
    ("vm.max_map_count", {"local": {"sysctl": {"vm.max_map_count": 262144}}}, {"sysctl": {"vm.max_map_count": "65530"}}, "65530"),
    ("Node.js", {"local": {"node": {"version": "14.1"}}}, {"local": {"runtimes": {"node": "16.2"}}}, "16.2"),
    ("PHP modules", {"local": {"php": {"modules": ["gd", "redis"]}}}, {"local": {"php": {"modules": ["gd"]}}}, "without redis"),
]  # fmt: skip


@pytest.mark.parametrize(("aspect", "two", "third", "said"), CASES)
def test_hosts_are_held_against_each_other_by_what_their_facts_mean(
    aspect: str, two: dict[str, object], third: dict[str, object], said: str
) -> None:
    found = row(aspect, two, two, third)
    assert {name: found.said(name) for name in found.odd} == ({"c": said} if said else {})


def test_a_set_is_told_by_what_one_has_more_and_less() -> None:
    jobs = {"local": {"cron": ["0 3 * * * /a", "0 4 * * * /b"]}}
    found = row("scheduled jobs", jobs, jobs, {"local": {"cron": ["0 3 * * * /a", "*/5 * * * * /c, d"]}})
    assert found.said("c") == "also */5 * * * * /c, d; without 0 4 * * * /b"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("0 3 * * * mysqldump -uroot -pS3cr3tPass orders > /b", "0 3 * * * mysqldump -uroot -p… orders > /b"),
        ("0 3 * * * mysql -p orders", "0 3 * * * mysql -p orders"),
        ("0 3 * * * curl -u admin:S3cr3t http://x", "0 3 * * * curl -u admin:… http://x"),
        ("0 3 * * * sshpass -p S3cr3t scp a b:", "0 3 * * * sshpass -p … scp a b:"),
        ("0 3 * * * redis-cli -h r -a S3cr3t save; cp -p a b", "0 3 * * * redis-cli -h r -a … save; cp -p a b"),
    ],
)
def test_passwords_on_the_command_line_of_a_job_are_not_kept(line: str, kept: str) -> None:
    assert row("scheduled jobs", {"local": {"cron": [line]}}).usual == kept


def test_the_python_of_the_system_is_not_taken_for_that_of_the_application() -> None:
    drifts = compare_hosts([host("a", python_version="3.6.8"), host("b", python_version="2.7.5")])
    assert [(d.aspect, d.weight) for d in drifts] == [("Python of the system", 1)]


def test_a_package_whose_version_another_row_tells_has_none_of_its_own() -> None:
    java = {"local": {"java": {"version": "1.8.0_291"}}, "packages": {"java-1.8.0-openjdk": [{"version": "1.8.0.291"}]}}
    assert [d.aspect for d in compare_hosts([host("a", **java), host("b", **java)])] == ["JDK"]


PACKAGES = [
    ("runtime", "java-1.8.0-openjdk java-latest-openjdk jdk1.8.0_181 openjdk-11-jre-headless temurin-8-jdk python3.11"),
    ("runtime", "python36 php7.4-mysql php-pecl-redis nodejs golang-1.19-go ruby2.7 dotnet-runtime-6.0 tomcat9 nginx"),
    ("library", "openssl-libs libssl1.1 glibc libc6 glibc-langpack-zh ca-certificates wqy-microhei-fonts ImageMagick"),
    ("agent", "filebeat node_exporter zabbix-agent keepalived cronie supervisor nfs-utils"),
    (None, "bash python3-dnf perl-libs gobject-introspection tomcatjss javapackages-filesystem rubygems vim-minimal"),
]


@pytest.mark.parametrize(("wanted", "name"), [(wanted, name) for wanted, names in PACKAGES for name in names.split()])
def test_of_hundreds_of_packages_those_count_that_run_or_are_loaded(wanted: str | None, name: str) -> None:
    assert kind(name) == wanted


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("net.ipv4.tcp_keepalive_time", "itself"),
        ("net.core.somaxconn", "allowedUnsafeSysctls"),
        ("kernel.shmmax", "allowedUnsafeSysctls"),
        ("net.core.rmem_max", "node"),
        ("net.netfilter.nf_conntrack_max", "node"),
        ("net.nf_conntrack_max", "node"),
        ("vm.swappiness", "node"),
        ("fs.file-max", "node"),
    ],
)
def test_a_kernel_setting_says_who_sets_it_for_a_pod(name: str, who: str) -> None:
    assert matters(name)
    assert who in reason(name)


@pytest.mark.parametrize(
    "name", ["kernel.hostname", "fs.file-nr", "kernel.random.uuid", "net.ipv4.conf.eth0.rp_filter"]
)
def test_settings_that_count_or_name_are_not_compared(name: str) -> None:
    assert not matters(name)


class Asked(Mapping[str, Any]):
    """Facts that write down what they are asked for."""

    def __init__(self) -> None:
        self.keys_asked: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.keys_asked.add(key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_a_reader_that_keeps_the_named_facts_keeps_all_that_is_asked_for() -> None:
    asked = Asked()
    for aspect in ASPECTS:
        aspect.read(asked)
    wanted = {key for key in asked.keys_asked if not key.endswith("_version")} - KEYS
    assert wanted == set()


def test_of_equally_many_the_newest_is_usual_whatever_the_order() -> None:
    old, new = host("old", kernel="3.10.0-957"), host("new", kernel="3.10.0-1160")
    for hosts in ([old, new], [new, old]):
        drift = compare_hosts(hosts)[0]
        assert (drift.usual, drift.odd, drift.by) == ("3.10.0-1160", ("old",), "no majority")


VALUES = some.lists(some.sampled_from([None, "1", "2", "10"]), min_size=1, max_size=7)


@given(VALUES, some.randoms(use_true_random=False))
def test_the_order_of_the_hosts_does_not_matter(values: list[str | None], draw: Any) -> None:
    hosts = [host(f"h{n}", **({"kernel": value} if value else {})) for n, value in enumerate(values)]
    mixed = list(hosts)
    draw.shuffle(mixed)
    one, other = compare_hosts(hosts), compare_hosts(mixed)
    assert [(d.usual, sorted(d.odd), d.by) for d in one] == [(d.usual, sorted(d.odd), d.by) for d in other]
    for drift in one:
        assert {*drift.odd}.isdisjoint(drift.unknown)
        assert all(drift.values[name] != drift.usual for name in drift.odd)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["test", "prod"], "prod"),
        (["Production-eu", "uat"], "Production-eu"),
        (["开发", "生产环境"], "生产环境"),
        (["dev", "product-test"], ""),
        (["prd1", "dev"], "prd1"),
    ],
)
def test_production_is_known_by_its_name(names: list[str], wanted: str) -> None:
    assert production(names) == wanted


def test_what_production_does_not_agree_on_comes_before_what_other_environments_have_else() -> None:
    live = [centos("a", "7.9", "3.10", "11"), centos("b", "7.9", "4.18", "11"), centos("c", "7.9", "3.10", "11")]
    drifts = compare_environments({"test": [centos("t", "7.9", "3.10", "1.8.0_181")], "prod": live})
    assert [(d.aspect, d.usual, d.odd, d.by) for d in drifts] == [
        ("kernel", "3.10", ("prod",), "prod"),
        ("JDK", "11", ("test",), "prod"),
        ("operating system", "CentOS 7.9", (), "prod"),
    ]
    assert drifts[0].said("prod") == "mixed: 3.10 (2), 4.18 (1)"


def test_what_production_does_not_tell_is_still_compared_between_the_others() -> None:
    by = {"prod": [host("p")], "dev": [host("d", kernel="4")], "test": [host("t", kernel="5")]}
    found = compare_environments(by)[0]
    assert (found.usual, found.odd, found.unknown, found.by) == ("5", ("dev",), ("prod",), "most environments")


def test_environments_may_differ_in_size_and_release() -> None:
    small = host("t", processor_vcpus=2, memtotal_mb=4000, local={"application": {"version": "2"}})
    large = host("a", processor_vcpus=16, memtotal_mb=64000, local={"application": {"version": "1"}})
    assert compare_environments({"prod": [large], "test": [small]}) == ()


def test_one_environment_alone_and_what_only_one_knows_is_no_comparison() -> None:
    assert compare_environments({"prod": [host("a", kernel="1")]}) == ()
    assert compare_environments({"prod": [host("a", kernel="1")], "dev": []}) == ()
    assert compare_environments({"prod": [host("a", kernel="1")], "dev": [host("b")]}) == ()


def test_without_a_production_most_environments_are_the_measure() -> None:
    drifts = compare_environments({n: [host(n, kernel="2" if n == "c" else "1")] for n in "abc"})
    assert [(d.usual, d.odd, d.by) for d in drifts] == [("1", ("c",), "most environments")]


def test_five_hosts_are_compared_in_a_few_milliseconds() -> None:
    packages = {f"lib{n}": [{"version": str(n)}] for n in range(500)} | {"openssl": [{"version": "1"}]}
    hosts = [host(str(n), kernel=str(n), packages=packages, local={"sysctl": {"vm.swappiness": n}}) for n in range(5)]
    compare_hosts(hosts)
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        compare_hosts(hosts)
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.01


def test_packages_that_are_not_known_to_matter_are_compared_as_a_whole() -> None:
    same, other = {"count": 412, "digest": "ab12"}, {"count": 413, "digest": "cd34"}
    rows = compare_hosts(
        [host("a", packages_other=same), host("b", packages_other=same), host("c", packages_other=other)]
    )
    assert [(row.aspect, row.weight, row.odd, row.values["c"]) for row in rows] == [
        ("other packages", 1, ("c",), "413 (cd34)")
    ]
