"""Who sets a setting of the kernel for a Pod: the Pod, the Pod where the kubelet lets it, or the node."""

from __future__ import annotations

import re
from typing import Literal

Setter = Literal["pod", "kubelet", "node"]
# The kubelet's list of safe ones (Kubernetes 1.32, pkg/kubelet/sysctl/safe_sysctls.go): a Pod sets these itself.
SAFE = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
# What the kubelet goes by is the name alone (component-helpers/node/util/sysctl/namespace.go).
IPC = re.compile(r"kernel\.(shm|msg)|kernel\.sem$|fs\.mqueue\.")
# The kernel has these once for all, whatever the kubelet makes of their names: a Pod's network lacks them, or has them
# to be read only (net/core/sysctl_net_core.c, ipv4_table of net/ipv4/sysctl_net_ipv4.c, nf_conntrack_standalone.c).
ONE_FOR_ALL = re.compile(
    r"""(?x) net\. (?:
      core\.(?!(?:somaxconn|optmem_max|txrehash|rps_default_mask|tstamp_allow_data|bypass_prot_mem|txq_reselection_ms)$)
    | ipv4\.(?:tcp_mem|udp_mem|tcp_max_orphans|inet_peer_\w+)$ | ipv[46]\.neigh\.default\.gc_
    | netfilter\.nf_conntrack_(?:max|expect_max|buckets)$ | nf_conntrack_max$
    )"""
)


def dotted(name: str) -> str:
    """A setting's name as the kernel's folders have it, with dots; with slashes it may be written, too.

    What comes first of the two parts the folders, the other belongs to a name: net/ipv4/conf/eth0.1/forwarding.
    """
    slash, dot = name.find("/"), name.find(".")
    if slash < 0 or 0 <= dot < slash:
        return name
    return name.translate({ord("/"): ".", ord("."): "/"})


def namespace_of(name: str) -> Literal["network", "ipc", ""]:
    """What of the Pod's own the kubelet takes it for; with what the node shares, the API server refuses it."""
    return "network" if name.startswith("net.") else "ipc" if IPC.match(name) else ""


def set_by(name: str) -> Setter:
    """Who can set it for a Pod, as kubelet and kernel let both of them."""
    if name in SAFE:
        return "pod"
    return "kubelet" if namespace_of(name) and not ONE_FOR_ALL.match(name) else "node"
