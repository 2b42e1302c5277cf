"""Which kernel settings matter for the move, and what to do about each that differs."""

from __future__ import annotations

import re
from functools import lru_cache

from runbook_lib.judge.kernel_settings import set_by

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
BEGIN = "A Pod starts with its namespace's default"
REASONS = {
    "pod": f"{BEGIN} and may set this one itself (securityContext.sysctls).",
    "kubelet": f"{BEGIN}; its securityContext.sysctls sets it, where the kubelet allows it (allowedUnsafeSysctls).",
    "node": "The node decides for all of its Pods, and no Pod can set it: a node profile or a node pool of its own.",
}


@lru_cache(maxsize=1 << 12)
def matters(name: str) -> bool:
    """Whether the assessment compares this kernel setting; most of the kernel's thousand do not matter."""
    return LOOKED_AT.match(name) is not None


def weight(name: str) -> int:
    """2 where the application or the Pod has to see to it, 1 where the node's own value will do."""
    return 2 if HEAVY.match(name) else 1


def reason(name: str) -> str:
    """Who can set it for a Pod, and where."""
    return REASONS[set_by(name)]
