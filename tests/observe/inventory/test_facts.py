"""Fact caches: what Ansible writes is read in all its forms, reduced, and what is broken is named."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.artefacts import Node
from runbook_lib.errors import BadParameters
from runbook_lib.judge.inventory.assign import assign, trees_of
from runbook_lib.judge.inventory.names import names_of
from runbook_lib.model import plain
from runbook_lib.observe.inventory.facts import read_host, read_hosts

VM = {"ansible_hostname": "vm-1", "ansible_kernel": "3.10"}


def put(folder: Path, name: str, facts: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(facts))
    return path


def test_facts_are_read_as_every_version_of_ansible_writes_them(tmp_path: Path) -> None:
    put(tmp_path, "a.json", VM)
    put(tmp_path, "b", {"ansible_facts": {"hostname": "vm-2", "kernel": "4.18"}, "changed": False})
    put(tmp_path, "s1_c", {"__payload__": json.dumps({"ansible_hostname": "vm-3", "ansible_kernel": "5.14"})})
    put(tmp_path, "10.20.30.14", {"ansible_hostname": "vm-4", "ansible_kernel": "6.1"})
    (tmp_path / "usage.csv").write_text("timestamp,host\n")
    (tmp_path / ".ansible.swp").write_text("x")
    inventory = read_hosts(tmp_path)
    assert {host.name: host.facts["kernel"] for host in inventory.hosts} == {
        "vm-4": "6.1", "vm-1": "3.10", "vm-2": "4.18", "vm-3": "5.14",
    }  # fmt: skip
    assert inventory.findings == ()


def test_a_clone_that_calls_itself_localhost_goes_by_its_inventory_name(tmp_path: Path) -> None:
    path = put(tmp_path, "s1_10.0.0.9", {"ansible_hostname": "localhost", "ansible_kernel": "3.10"})
    assert read_host(path).name == "10.0.0.9"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"ansible_hostname": "vm-2", ', "bad.json:1 is not JSON"),
        (b'{"ansible_hostname": "vm-2",\n "ansible_mounts": [{"mount": "/da', "bad.json:2 is not JSON"),
        (b"", "bad.json:1 is not JSON"),
        (b"\0" * 40, "bad.json:1 is not JSON"),
        ("{\n'名'}".encode("gbk"), "bad.json:2 is not UTF-8"),
        (b"[1]", "bad.json:1 hold list"),
        (b'{"__payload__": "{"}', "bad.json:1 is not JSON"),
        (b'{"failed": true, "msg": "Timeout (12s) waiting for privilege escalation"}', r"hold no facts (Timeout (12s)"),
        (b'{"dependencies": {}}', "hold nothing that is known of a host"),
        (b"[" * 100_000, "bad.json"),
        (b'{"hostname": ' + b'{"a": ' * 700 + b"1" + b"}" * 701, "bad.json is nested too deeply"),
        (b'{"hostname": "a", "memtotal_mb": ' + b"9" * 5000 + b"}", "number too long"),
    ],
)
def test_a_broken_fact_file_is_named_and_the_others_are_read(tmp_path: Path, content: bytes, said: str) -> None:
    put(tmp_path, "good.json", VM)
    (tmp_path / "bad.json").write_bytes(content)
    inventory = read_hosts(tmp_path)
    assert [host.name for host in inventory.hosts] == ["vm-1"]
    assert [(said in finding.message, finding.file) for finding in inventory.findings] == [
        (True, str(tmp_path / "bad.json"))
    ]


def test_what_is_no_file_is_named_and_nobody_waits_for_it(tmp_path: Path) -> None:
    put(tmp_path, "good.json", VM)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.json")
    inventory = read_hosts(tmp_path)
    assert [host.name for host in inventory.hosts] == ["vm-1"]
    assert [(f.object, f.message.partition(".json ")[2][:22]) for f in inventory.findings] == [
        ("folder", "is a folder"),
        ("gone", "cannot be read (No suc"),
        ("loop", "cannot be read (Too ma"),
        ("pipe", "is no file that can be"),
    ]


def test_no_readable_host_at_all_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(BadParameters, match="host facts"):
            read_hosts(folder)


def machine(address: str, at: str, memory: int) -> dict[str, Any]:
    return {
        **VM,
        "ansible_default_ipv4": {"address": address},
        "ansible_machine_id": "the same, for it was cloned",
        "ansible_date_time": {"iso8601": at},
        "ansible_memtotal_mb": memory,
    }


def test_of_a_machine_that_is_there_twice_the_newer_facts_are_kept(tmp_path: Path) -> None:
    put(tmp_path, "old", machine("10.0.0.1", "2026-11-01T00:00:00Z", 1000))
    put(tmp_path, "new", machine("10.0.0.1", "2026-11-20T00:00:00Z", 2000))
    inventory = read_hosts(tmp_path)
    assert [(host.name, host.facts["memtotal_mb"]) for host in inventory.hosts] == [("vm-1", 2000)]
    assert ["old left out" in finding.message for finding in inventory.findings] == [True]


def test_two_machines_of_one_name_go_by_their_files_names(tmp_path: Path) -> None:
    put(tmp_path, "a.shop", machine("10.0.0.1", "2026-11-01T00:00:00Z", 1000))
    put(tmp_path, "b.shop", machine("10.0.0.2", "2026-11-01T00:00:00Z", 1000))
    inventory = read_hosts(tmp_path)
    assert [host.name for host in inventory.hosts] == ["a.shop", "b.shop"]
    assert ["call themselves vm-1" in finding.message for finding in inventory.findings] == [True]


PACKAGES = {
    "glibc": [{"name": "glibc", "version": "2.17", "release": "324.el7_9", "arch": "x86_64"}],
    "bash": [{"name": "bash", "version": "4.2.46", "release": "34.el7"}],
    "kernel": [{"version": "3.10.0", "release": "1160.el7"}, {"version": "3.10.0", "release": "957.el7"}],
}


def test_of_packages_only_what_matters_is_kept_and_the_rest_can_still_be_compared(tmp_path: Path) -> None:
    changed = {**PACKAGES, "bash": [{"version": "4.2.46", "release": "35.el7"}]}
    backwards = dict(reversed(PACKAGES.items()))
    one, same, other = (
        read_host(put(tmp_path, f"{number}", {**VM, "packages": packages})).facts
        for number, packages in enumerate((PACKAGES, backwards, changed))
    )
    assert one["packages"] == {"glibc": "2.17-324.el7_9"}
    assert one["packages_other"]["count"] == 2
    assert one["packages_other"] == same["packages_other"] != other["packages_other"]


def test_what_no_judge_reads_is_not_held(tmp_path: Path) -> None:
    facts = {
        **VM,
        "ansible_env": {"LANG": "zh_CN.UTF-8", "DB_PASSWORD": "secret", "http_proxy": "http://me:secret@proxy:3128"},
        "ansible_devices": {"sda": {"size": "40 GB"}},
        "ansible_veth12": {"device": "veth12", "mtu": 1500, "macaddress": "aa"},
        "ansible_mounts": [{"mount": "/data", "device": "nas:/x", "fstype": "nfs", "inode_total": 5}, "nonsense"],
        "services": {"crond.service": {"state": "running"}, "nfs.service": {"state": "stopped"}},
        "ansible_local": {"application": {"name": "订单\ud800"}, "notes": "x" * 30_000},
        "ansible_dns": {"nameservers": float("nan")},
        "house_notes": "x",
    }
    inventory = read_hosts(put(tmp_path, "a", facts).parent)
    assert inventory.hosts[0].facts == {
        "hostname": "vm-1",
        "kernel": "3.10",
        "env": {"LANG": "zh_CN.UTF-8", "http_proxy": "http://proxy:3128"},
        "mounts": [{"mount": "/data", "device": "nas:/x", "fstype": "nfs"}],
        "services": {"crond.service": {"state": "running"}},
        "local": {"application": {"name": "订单?"}},
        "dns": {"nameservers": None},
    }
    assert ["the fact local/notes is too long" in finding.message for finding in inventory.findings] == [True]


KEYS = ["ansible_hostname", "ansible_local", "packages", "services", "ansible_mounts", "ansible_env", "group_names"]
KEYS += ["ansible_default_ipv4", "ansible_date_time", "ansible_dns", "ansible_all_ipv4_addresses", "ansible_fqdn"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "application", "state", "version", "address", "mount", "x"]), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), anything), min_size=1, max_size=4))
def test_whatever_the_facts_hold_nothing_is_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, machines: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("facts")
    for number, facts in enumerate(machines):
        put(folder, f"vm-{number}", {**facts, "ansible_kernel": "3.10"})
    inventory = read_hosts(folder)
    assert len({host.name for host in inventory.hosts}) == len(inventory.hosts) > 0
    assigned = assign(inventory.hosts, [*trees_of(inventory.hosts), Node(), Node({"application": Node("a")})])
    json.dumps(plain([inventory, assigned.findings]), ensure_ascii=False).encode()


def test_what_ansible_itself_caches_is_read(tmp_path: Path) -> None:
    play = [{"hosts": "all", "gather_facts": False, "tasks": [{"setup": {"gather_subset": ["!all"]}}]}]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "vm-7,", "-c", "local", tmp_path / "play.yml"],
        env={
            **os.environ,
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (machine,) = read_hosts(tmp_path / "cache").hosts
    assert machine.facts["kernel"] == platform.release()
    assert "vm-7" in names_of(machine)
