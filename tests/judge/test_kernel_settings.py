"""Who sets a setting of the kernel for a Pod."""

from __future__ import annotations

import pytest

from runbook_lib.judge.kernel_settings import dotted, namespace_of, set_by


@pytest.mark.parametrize(
    ("name", "setter"),
    [
        ("net.ipv4.tcp_keepalive_time", "pod"),
        ("net.core.somaxconn", "kubelet"),
        ("net.core.optmem_max", "kubelet"),
        ("net.core.somaxconn_max", "node"),
        ("net.core.wmem_default", "node"),
        ("net.ipv4.tcp_mem", "node"),
        ("net.ipv4.tcp_max_orphans", "node"),
        ("net.ipv4.tcp_max_tw_buckets", "kubelet"),
        ("net.ipv4.neigh.default.gc_thresh3", "node"),
        ("net.ipv4.neigh.eth0.gc_stale_time", "kubelet"),
        ("net.netfilter.nf_conntrack_buckets", "node"),
        ("net.netfilter.nf_conntrack_udp_timeout", "kubelet"),
        ("net.unix.max_dgram_qlen", "kubelet"),
        ("kernel.msgmnb", "kubelet"),
        ("kernel.sem", "kubelet"),
        ("kernel.pid_max", "node"),
        ("fs.mqueue.msg_max", "kubelet"),
        ("fs.nr_open", "node"),
        ("", "node"),
    ],
)
def test_both_kubelet_and_kernel_have_to_let_a_pod_set_it(name: str, setter: str) -> None:
    assert set_by(name) == setter


@pytest.mark.parametrize(
    ("name", "kind"), [("net.core.rmem_max", "network"), ("kernel.shmall", "ipc"), ("kernel.sem_next_id", "")]
)
def test_the_kubelet_goes_by_the_name_alone(name: str, kind: str) -> None:
    assert namespace_of(name) == kind


def test_slashes_part_folders_where_they_come_first() -> None:
    assert dotted("net/ipv4/tcp_mem") == "net.ipv4.tcp_mem"
    assert dotted("net/ipv4/conf/eth0.1/forwarding") == "net.ipv4.conf.eth0/1.forwarding"
    assert dotted("net.ipv4.conf.eth0/1.forwarding") == "net.ipv4.conf.eth0/1.forwarding"
