"""What the assessment hands to the later phases: ports, size, start-up time, what the source asks of manifests."""

from __future__ import annotations

from collections.abc import Iterable

from runbook_lib.artefacts import Assessed, Demanded, Host, Node
from runbook_lib.judge.capacity import Sizing
from runbook_lib.judge.drift import Drift, usual
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.profile import decided, ports, seconds, span


def handover(
    stated: Node, hosts: Iterable[Host], drifts: Iterable[Drift], asked: Iterable[Demand], sizing: Sizing
) -> Assessed:
    """The profile decides, the hosts fill what it leaves open; a size that was refused stays empty."""
    default = sizing.sizes[0] if sizing.sizes else None
    runtime = stated.get("runtime")
    language = f"{runtime.get('language').text()} {runtime.get('version').text()}".strip()
    java = usual(drifts := tuple(drifts), "JDK")
    shared = stated.get("state", "sessions", "shared")
    return Assessed(
        ports=ports(stated, hosts),
        start_seconds=seconds(runtime.get("start_seconds")),
        drain_seconds=seconds(runtime.get("drain_seconds")),
        cpu_request=default.cpu_request if default else None,
        memory_mib=float(default.memory_request) if default else None,
        replicas=default.replicas if default else None,
        time_zone=runtime.get("time_zone").text() or usual(drifts, "time zone"),
        shared_sessions=shared.value if isinstance(shared.value, bool) else None,
        runtime=language or (f"java {java}" if java else ""),
        demands=tuple(Demanded(d.topic, d.severity, d.control, d.places, d.captured) for d in asked),
        decided=decided(stated),
        rpo_seconds=span(stated.get("objectives", "rpo")),
    )
