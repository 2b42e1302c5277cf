"""Reads every source that the parameters name, and puts together what they say of each application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from runbook_lib.artefacts import Host, Node, Rule
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.judge.inventory.assign import Assigned, assign, trees_of
from runbook_lib.judge.inventory.merge import Merged, folded, merge_all, with_more
from runbook_lib.judge.inventory.names import names_of
from runbook_lib.judge.inventory.share import share
from runbook_lib.judge.risk import named
from runbook_lib.model import Finding, Outcome, now
from runbook_lib.observe.files.located import read_located
from runbook_lib.observe.inventory.facts import read_hosts
from runbook_lib.observe.inventory.monitoring import Java, ask_java, ask_processes, ask_usage, monitored
from runbook_lib.observe.inventory.profiles import read_profiles, unused
from runbook_lib.observe.inventory.table import read_table
from runbook_lib.observe.inventory.usage import Usage, read_usage
from runbook_lib.observe.source.rules import read_rules
from runbook_lib.parameters import Parameters

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect


@dataclass(frozen=True)
class Sources:
    """What is known before anything is judged: by application, in the order in which the sources name them."""

    merged: Mapping[str, Merged]
    assigned: Assigned
    usage: Mapping[str, pd.DataFrame]
    source: Mapping[str, Path]
    """The source tree of each application that has one."""
    rules: tuple[Rule, ...]
    findings: tuple[Finding, ...] = field(default=())


def read_sources(p: Parameters, clients: Clients) -> Sources:
    """All sources of one application or of a fleet; what is broken is a finding, and the rest is still read.

    Raises BadParameters where a file or folder that the parameters name is missing or holds nothing usable, and
    Unreachable where Prometheus is asked and does not answer.
    """
    a = p.assessment
    inventory = read_hosts(p.path(a.hosts))
    trees, findings = _told(p)
    java: dict[str, Java] = {}
    machines, processes = (read_usage(p.path(a.usage)) if a.usage else None), None
    if a.monitoring is not None:
        prometheus, until = _prometheus(p, clients), now()
        machines = machines or ask_usage(prometheus, a.monitoring, until)
        processes = ask_processes(prometheus, a.monitoring, until) if a.monitoring.process_cpu else None
        java = ask_java(prometheus, a.monitoring, until)
    merged = merge_all([*trees, trees_of(inventory.hosts)] if p.of_fleet else trees)
    assigned = assign(inventory.hosts, [one.node for one in merged.values()])
    if not p.of_fleet:
        merged, assigned = _of_one(p.application.name, merged, assigned, inventory.hosts)
    merged = _with_java(merged, assigned, java)
    stated = [one.node for one in merged.values()]
    shares = share(assigned.hosts, _table(machines), processes.table if processes else None, stated)
    found = [*inventory.findings, *findings, *assigned.findings, *shares.findings]
    found += [*(machines.findings if machines else ()), *(processes.findings if processes else ())]
    rules = read_rules([p.path(folder) for folder in a.rules])
    source, unassigned = _source_trees(p, merged)
    return Sources(merged, assigned, shares.tables, source, rules, (*found, *unassigned))


def _told(p: Parameters) -> tuple[list[Iterable[Node]], list[Finding]]:
    """What people wrote down; a profile has the first word."""
    a = p.assessment
    trees: list[Iterable[Node]] = []
    findings: list[Finding] = []
    if a.profile and p.of_fleet:
        profiles = read_profiles(p.path(a.profile))
        trees.append(profiles.trees.values())
        findings += profiles.findings
    elif a.profile:
        profile = read_located(p.path(a.profile), "profile")
        trees.append([_named(profile, p.application.name)])
        findings += unused(profile)
    if a.cmdb:
        table = read_table(p.path(a.cmdb.file), a.cmdb.columns, a.cmdb.sheet)
        trees.append(table.trees)
        findings += table.findings
    return trees, findings


def _named(profile: Node, name: str) -> Node:
    """The profile of one application under the name that the parameters give it."""
    own = profile.get("application")
    return replace(profile, value={**dict(profile.entries()), "application": replace(own, value=name)})


def _prometheus(p: Parameters, clients: Clients) -> PrometheusConnect:
    if p.prometheus is None:
        raise BadParameters("assessment.monitoring: there is no section prometheus to ask; give its url")
    return clients.prometheus


def _of_one(
    name: str, merged: Mapping[str, Merged], assigned: Assigned, hosts: Iterable[Host]
) -> tuple[dict[str, Merged], Assigned]:
    """One application: the hosts folder is its own, and only what its profile and its row say counts."""
    return {name: merged[name]}, Assigned({name: tuple(hosts)}, {name: assigned.environments.get(name, {})})


def _with_java(merged: Mapping[str, Merged], assigned: Assigned, java: Mapping[str, Java]) -> dict[str, Merged]:
    """What Prometheus knows of the JVMs, below what people say."""
    if not java:
        return dict(merged)
    named = {name: {own for host in assigned.hosts.get(name, ()) for own in names_of(host)} for name in merged}
    return with_more(merged, [monitored(name, machines, java) for name, machines in named.items()])


def _table(machines: Usage | None) -> pd.DataFrame:
    return (
        machines.table if machines else pd.DataFrame(columns=["at", "instance", "cpu_cores", "memory_mib", "starting"])
    )


def _source_trees(p: Parameters, names: Iterable[str]) -> tuple[dict[str, Path], list[Finding]]:
    """Where the source of each application lies; of a fleet, the folders that bear its name, and who found none."""
    if p.assessment.source is None:
        return {}, []
    root = p.path(p.assessment.source)
    if not p.of_fleet:
        return dict.fromkeys(names, root), []
    if not root.is_dir():
        raise BadParameters(f"source trees {root} do not exist: check assessment.source in the parameters")
    folders = [path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    there, wanted = {folded(path.name): path for path in folders}, {folded(name): name for name in names}
    without = [name for key, name in wanted.items() if key not in there]
    nobodys = [path.name for key, path in there.items() if key not in wanted]
    findings = []
    if without:
        rest = "the source tree of an application is a folder of its name"
        findings.append(_unassigned(root, f"{root} has no folder for {named(without, 20)}: {rest}"))
    if nobodys:
        findings.append(
            _unassigned(root, f"{root}: folders of no application, which are not read: {named(nobodys, 20)}")
        )
    return {name: there[key] for key, name in wanted.items() if key in there}, findings


def _unassigned(root: Path, message: str) -> Finding:
    return Finding(
        check="source-assigned",
        title="Every application has its source tree",
        outcome=Outcome.INCONCLUSIVE,
        severity="warning",
        object=root.name,
        message=message,
        reason="What binds an application to its machine stands in its source.",
        file=str(root),
    )
