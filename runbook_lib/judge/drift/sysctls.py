"""Which kernel settings matter for the move, and who sets each for a Pod: the Pod, the kubelet's leave, or the node."""

from __future__ import annotations

import re
from functools import lru_cache

# kubelet's list of safe sysctls (Kubernetes 1.32, pkg/kubelet/sysctl/safe_sysctls.go): a Pod sets these itself.
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
# Known to lie in a namespace; of net.core only somaxconn.
NAMESPACED = re.compile(
    r"^(kernel\.(shm\w*|msg\w*|sem)|fs\.mqueue\..*|net\.(?!core|netfilter|unix).*|net\.core\.somaxconn)$"
)
LOOKED_AT = re.compile(
    r"""(?x) ^(?:
      net\.core\.(?:somaxconn|[rw]mem_(?:max|default)|netdev_max_backlog)
    | net\.ipv4\.(?:ip_local_port_range|ip_local_reserved_ports|ip_unprivileged_port_start|ip_nonlocal_bind|ip_forward)
    | net\.ipv4\.tcp_(?:tw_reuse|tw_recycle|fin_timeout|max_syn_backlog|max_tw_buckets|syncookies|keepalive_\w+|[rw]mem
        |timestamps|sack|retries2|syn_retries|synack_retries|slow_start_after_idle|congestion_control|fastopen)
    | net\.ipv6\.conf\.(?:all|default)\.disable_ipv6 | net\.(?:netfilter\.)?nf_conntrack_max
    | kernel\.(?:shm\w+|msg\w+|sem|pid_max|threads-max|core_pattern)
    | vm\.(?:swappiness|max_map_count|overcommit_(?:memory|ratio)|nr_hugepages|dirty_ratio|zone_reclaim_mode)
    | fs\.(?:file-max|nr_open|aio-max-nr|inotify\.max_user_(?:watches|instances)|mqueue\.\w+)
    )$"""
)
# Applications refuse to start, or drop connections, when these are too low.
HEAVY = re.compile(
    r"^(vm\.(max_map_count|overcommit_memory|nr_hugepages)|net\.core\.somaxconn|net\.ipv4\.tcp_(max_syn_backlog|keepalive_\w+)"
    r"|kernel\.(shm\w+|sem)|fs\.(inotify\.\w+|aio-max-nr))$"
)


@lru_cache(maxsize=1 << 12)
def matters(name: str) -> bool:
    """Whether the assessment compares this kernel setting; most of the kernel's thousand do not matter."""
    return LOOKED_AT.match(name) is not None


def weight(name: str) -> int:
    """2 where the application or the Pod has to see to it, 1 where the node's own value will do."""
    return 2 if HEAVY.match(name) else 1


def reason(name: str) -> str:
    """Who can set it for a Pod."""
    if name in SAFE:
        return "A Pod starts with its namespace's default and may set this one itself (securityContext.sysctls)."
    if NAMESPACED.match(name):
        return "A Pod starts with its namespace's default; the kubelet must allow this one (allowedUnsafeSysctls)."
    return "The node decides for all of its Pods: a node profile or a node pool of its own."
