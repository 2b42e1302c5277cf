"""Has each application judged: source scanned, hosts compared, size worked out; many of them in several processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from runbook_lib.artefacts import Rule
from runbook_lib.assess.read import Sources
from runbook_lib.errors import BadParameters
from runbook_lib.judge.assessment import Assessment, Subject, assess
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.source.scan import Scan, scan_source

MANY = 50
"""From so many applications on, starting processes pays."""
AT_ONCE = 20
"""So many applications go to a process together."""


@dataclass(frozen=True)
class Order:
    """One application to be judged: what was read of it, and where its source lies."""

    subject: Subject
    source: Path | None


def assess_one(sources: Sources, name: str) -> Assessment:
    """One application; BadParameters where its source tree is missing or holds nothing that a rule is about."""
    order = _order(sources, name)
    scan = scan_source(order.source, sources.rules) if order.source else Scan((), 0)
    return assess(_with(order.subject, scan))


def assess_all(sources: Sources, processes: int | None = None) -> list[Assessment]:
    """Every application, in the order of the sources; a source tree that cannot be read is a finding of its own."""
    orders = [_order(sources, name) for name in sources.merged]
    count = processes or os.cpu_count() or 1
    judged = partial(_assessed, sources.rules)
    if len(orders) < MANY or count == 1:
        return [judged(order) for order in orders]
    # a kernel has threads, and a fork of one that holds a lock never lets go of it
    with ProcessPoolExecutor(count, get_context("forkserver")) as pool:
        return list(pool.map(judged, orders, chunksize=AT_ONCE))


def _order(sources: Sources, name: str) -> Order:
    merged = sources.merged[name]
    subject = Subject(
        name=name,
        stated=merged.node,
        conflicts=merged.conflicts,
        hosts=sources.assigned.hosts.get(name, ()),
        environments=sources.assigned.environments.get(name, {}),
        usage=sources.usage.get(name),
    )
    return Order(subject, sources.source.get(name))


def _assessed(rules: Sequence[Rule], order: Order) -> Assessment:
    if order.source is None:
        return assess(order.subject)
    try:
        return assess(_with(order.subject, scan_source(order.source, rules, processes=1)))
    except BadParameters as error:
        return assess(_with(order.subject, Scan((), 0, (_unscanned(order.source, str(error)),))))


def _with(subject: Subject, scan: Scan) -> Subject:
    found, over = scan.evidence, dict(scan.left_out)
    return replace(subject, evidence=found, files=scan.files, passed_over=over, left_out=scan.findings)


def _unscanned(root: Path, message: str) -> Finding:
    return Finding(
        check="source-readable",
        title="The source can be read",
        outcome=Outcome.INCONCLUSIVE,
        severity="warning",
        object=root.name,
        message=message,
        reason="What binds this application to its machine is not known.",
        file=str(root),
    )
