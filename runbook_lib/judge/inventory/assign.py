"""Says which machines are whose: by the profile, the machine's own fact, or its Ansible groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from runbook_lib.artefacts import Host, Node, node_of
from runbook_lib.judge.inventory.merge import folded, origin
from runbook_lib.judge.inventory.names import Names
from runbook_lib.model import Finding, Outcome

INSTANCES = ("operations", "instances")
ENVIRONMENTS = ("operations", "environments")
"""Environment -> instances, where a source tells them apart."""
SHOWN = 50
"""So many hosts of nobody are named one by one."""


@dataclass(frozen=True)
class Assigned:
    """The hosts of each application, and of each of its environments ("" where nobody says)."""

    hosts: dict[str, tuple[Host, ...]]
    environments: dict[str, dict[str, tuple[Host, ...]]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def assign(hosts: Iterable[Host], trees: Iterable[Node]) -> Assigned:
    """Each application's hosts; doubts are findings, an application without a host is a key with none.

    What is stated for an application counts first; a host that nobody states is its fact's, then its groups'.
    """
    machines, stated = tuple(hosts), {tree.get("application").text().strip(): tree for tree in trees}
    names = Names(machines)
    findings: list[Finding] = []
    owners: dict[str, list[str]] = {host.name: [] for host in machines}
    for application, tree in stated.items():
        for instance in instances_of(tree):
            for host in _meant(names, instance, application, findings):
                if application not in owners[host.name]:
                    owners[host.name].append(application)
    known = {folded(application): application for application in stated}
    groups = {_group(name): application for name, application in known.items()}
    for host in machines:
        _by_itself(host, owners[host.name], known, groups, findings)
    found: dict[str, list[Host]] = {application: [] for application in stated}
    for host in machines:
        for application in owners[host.name]:
            found.setdefault(application, []).append(host)
    findings += _left(machines, owners, found, stated)
    by_environment = {name: _by_environment(own, stated.get(name, Node()), names) for name, own in found.items()}
    return Assigned({name: tuple(own) for name, own in found.items()}, by_environment, tuple(findings))


def environment_of(host: Host) -> str:
    """What the machine itself says of its environment; empty where it says nothing."""
    for path in (("local", "application", "environment"), ("local", "environment")):
        value: Any = host.facts
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def trees_of(hosts: Iterable[Host]) -> tuple[Node, ...]:
    """A tree that holds only the name, for each application that a host's own facts name: a source like the others."""
    found: dict[str, Node] = {}
    for host in hosts:
        for name in _facts_names(host):
            found.setdefault(folded(name), node_of({"application": name.strip()}, host.file, 1))
    return tuple(found.values())


def instances_of(tree: Node) -> Iterator[Node]:
    """The machines that are stated, each as the text that names it."""
    for item in tree.get(*INSTANCES).elements():
        named = item if item.text() else item.get("name")
        if named.text():
            yield named


def _meant(names: Names, instance: Node, application: str, findings: list[Finding]) -> list[Host]:
    found = names.find(instance.text())
    if not found:
        message = f"{origin(instance)}: no facts of {instance.text()}, a machine of {application}"
        findings.append(_finding(application, message, "info", instance))
    if len(found) > 1:
        told = ", ".join(host.file.rpartition("/")[2] for host in found)
        message = f"{origin(instance)}: {instance.text()} of {application} may be each of {told}: name its address"
        findings.append(_finding(application, message, "warning", instance))
        return []
    return found


def _by_itself(
    host: Host, owners: list[str], known: Mapping[str, str], groups: Mapping[str, str], findings: list[Finding]
) -> None:
    """Adds what the host says of itself; one that two applications name stays with both."""
    said = [known.get(folded(name), name.strip()) for name in _facts_names(host)]
    if owners and said and not set(said) & set(owners):
        message = f"{host.name} is stated to run {' and '.join(owners)}, its own facts say {' and '.join(said)}"
        findings.append(_finding(host.name, f"{message}: it is counted for all of them", "warning", file=host.file))
    if not owners and not said:
        named = host.facts.get("group_names")
        found = (groups.get(_group(str(name))) for name in (named if isinstance(named, list) else []))
        said = [application for application in found if application]
    owners += [name for name in dict.fromkeys(said) if name not in owners]


def _group(name: str) -> str:
    """A group of Ansible's inventory has no hyphen and no space in its name."""
    return folded(name).replace("-", "_").replace(" ", "_")


def _facts_names(host: Host) -> list[str]:
    """The applications in the fact local/application: one, or a list."""
    local = host.facts.get("local")
    told = (local.get("application") or local.get("applications")) if isinstance(local, Mapping) else None
    entries = told if isinstance(told, list) else [told]
    names = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in entries]
    return [name for name in names if isinstance(name, str) and name.strip()]


def _left(
    hosts: tuple[Host, ...],
    owners: Mapping[str, list[str]],
    found: Mapping[str, list[Host]],
    stated: Mapping[str, Node],
) -> Iterator[Finding]:
    """Hosts of several applications and of none, and applications without any."""
    for host in hosts:
        if len(owners[host.name]) > 1:
            told = " and ".join(owners[host.name])
            message = f"{host.name} runs {told}: what it uses has to be told apart by process"
            yield _finding(host.name, message, "warning", file=host.file)
    nobodys = [host for host in hosts if not owners[host.name]]
    for host in nobodys[:SHOWN]:
        yield _finding(host.name, f"nobody says what runs on {host.name}", "warning", file=host.file)
    if (more := len(nobodys) - SHOWN) > 0:
        yield _finding("hosts", f"nobody says what runs on {more:,} more hosts", "warning")
    for application, own in found.items():
        if not own:
            tree = stated[application]
            at = f"{origin(tree)}: " if tree.file else ""
            yield _finding(application, f"{at}no facts of any host of {application}", "warning", tree)


def _by_environment(own: list[Host], tree: Node, names: Names) -> dict[str, tuple[Host, ...]]:
    stated = {
        host.name: environment
        for environment, instances in tree.get(*ENVIRONMENTS).entries()
        for instance in instances.elements()
        for host in names.find(instance.text())
    }
    whole = tree.get("environment").text()
    found: dict[str, list[Host]] = {}
    for host in own:
        found.setdefault(stated.get(host.name) or environment_of(host) or whole, []).append(host)
    return {environment: tuple(hosts) for environment, hosts in found.items()}


def _finding(
    about: str, message: str, severity: Literal["warning", "info"], at: Node | None = None, file: str = ""
) -> Finding:
    return Finding(
        check="host-assigned",
        title="Every machine has its application, and every application its machines",
        outcome=Outcome.INCONCLUSIVE,
        severity=severity,
        object=about,
        message=message,
        reason="What is not known of a machine is not known of its application: drift and size may be wrong.",
        file=at.file if at else file,
        line=at.line if at else 0,
    )
