"""Reads what configuration management knows of the machines: an Ansible fact cache, one JSON file a host."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Host, Inventory
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.text import parse_json, read_json
from runbook_lib.observe.inventory.kept import Keeper

# What else lies in such a folder. A host's file is named like the host: its suffix may be .example or .11.
OTHERS = re.compile(r"(?i)[.~].*|.*\.(?:csv|tsv|xlsx?|ya?ml|md|txt|log|g?zip|gz|bak|swp|tmp|lock|retry)")
# One of these is in the facts of any host.
TELLING = {"hostname", "nodename", "fqdn", "distribution", "kernel", "system", "architecture", "local", "packages"}
PAYLOAD = "__payload__"
"""ansible-core 2.19 and later: the facts as JSON in JSON, in a file whose name begins with s1_."""


def read_hosts(folder: Path) -> Inventory:
    """All hosts of a fact cache; a broken file becomes a finding and the others are still read.

    Raises BadParameters when the folder is missing or no host in it can be read.
    """
    if not folder.is_dir():
        raise BadParameters(f"folder of host facts {folder} does not exist: check assessment.hosts in the parameters")
    hosts: list[Host] = []
    findings: list[Finding] = []
    keeper = Keeper()
    for path, wrong in _files(folder):
        try:
            if wrong:
                raise BadParameters(f"host facts {path} {wrong}")
            hosts.append(_host(path, keeper, findings))
        except BadParameters as error:
            findings.append(_finding(path, str(error)))
    if not hosts:
        broken = f": {findings[0].message}" if findings else ""
        raise BadParameters(f"no host facts in {folder}{broken}")
    return Inventory(tuple(_each_once(hosts, findings)), tuple(findings))


def read_host(path: Path) -> Host:
    """One fact file as Ansible's cache or ``setup --tree`` writes it; raises BadParameters when it is none."""
    return _host(path, Keeper(), [])


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """What may be a host's file, by name, and what is wrong with it from outside."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise BadParameters(
            f"folder of host facts {folder} cannot be read ({error.strerror}): check its rights"
        ) from None
    for entry in entries:
        path = Path(entry.path)
        if OTHERS.fullmatch(entry.name):
            continue
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            yield path, f"cannot be read ({error.strerror}): check where the link leads"
            continue
        yield path, "" if stat.S_ISREG(mode) else "is a folder" if stat.S_ISDIR(mode) else "is no file that can be read"


def _host(path: Path, keeper: Keeper, findings: list[Finding]) -> Host:
    facts = _facts(path)
    try:
        kept, large = keeper.keep(facts)
    except RecursionError:
        raise BadParameters(f"host facts {path} is nested too deeply to be read") from None
    if not TELLING & set(kept):
        said = str(facts.get("msg") or "").strip().partition("\n")[0]
        why = f"hold no facts ({said})" if said else "hold nothing that is known of a host"
        raise BadParameters(f"host facts {path}:1 {why}: collect them again")
    findings += [
        _finding(path, f"{path}: the fact {name} is too long to be kept; it is left out", "info") for name in large
    ]
    return Host(name=_name(kept, path), facts=kept, file=str(path))


def _facts(path: Path) -> dict[str, Any]:
    """The facts as written, out of whatever wraps them."""
    value = read_json(path, "host facts")
    if isinstance(value, dict) and isinstance(value.get(PAYLOAD), str):
        value = parse_json(value[PAYLOAD], path, "host facts")
    if isinstance(value, dict) and isinstance(value.get("ansible_facts"), dict):
        value = {**value, **value["ansible_facts"]}
    if not isinstance(value, dict):
        raise BadParameters(f"host facts {path}:1 hold {type(value).__name__}, not a host's facts")
    return value


def _name(facts: dict[str, Any], path: Path) -> str:
    """How the machine calls itself; a clone that calls itself localhost goes by its name in Ansible's inventory."""
    for key in ("hostname", "nodename"):
        name = facts.get(key)
        if isinstance(name, str) and name.strip() and not name.startswith("localhost"):
            return name.strip()
    return inventory_name(path)


def inventory_name(path: Path) -> str:
    """What Ansible's inventory calls the host, by its file."""
    return path.name.removesuffix(".json").removeprefix("s1_")


def _each_once(hosts: list[Host], findings: list[Finding]) -> list[Host]:
    """No name twice: the newer facts of one machine are kept, two machines of one name go by their files' names."""
    by_name: dict[str, list[Host]] = {}
    for host in hosts:
        by_name.setdefault(host.name, []).append(host)
    kept: list[Host] = []
    for name, same in by_name.items():
        machines = _machines(same, findings)
        if len(machines) > 1:
            files = ", ".join(host.file for host in machines)
            message = f"{files}: different machines call themselves {name}; they go by the names of their files"
            findings.append(_finding(Path(machines[0].file), message))
            machines = [Host(_unused(host, by_name), host.facts, host.file) for host in machines]
        kept += machines
    return kept


def _unused(host: Host, names: Iterable[str]) -> str:
    name = inventory_name(Path(host.file))
    return f"{name} ({Path(host.file).name})" if name in names else name


def _machines(same: list[Host], findings: list[Finding]) -> list[Host]:
    """Hosts of one name that are not the same machine; of one machine what was collected last."""
    found: dict[str, Host] = {}
    for host in same:
        key = _identity(host)
        before = found.setdefault(key, host)
        if before is not host:
            newer = max((before, host), key=_collected)
            older = host if newer is before else before
            message = f"{older.file} left out: {newer.file} is of the same machine and newer"
            findings.append(_finding(Path(older.file), message))
            found[key] = newer
    return list(found.values())


def _identity(host: Host) -> str:
    """The address tells machines apart; clones share their machine id."""
    address = host.facts.get("default_ipv4")
    told = address.get("address") if isinstance(address, dict) else None
    return str(told or host.facts.get("machine_id") or host.facts.get("product_uuid") or "")


def _collected(host: Host) -> str:
    time = host.facts.get("date_time")
    return str(time.get("iso8601") or "") if isinstance(time, dict) else ""


def _finding(path: Path, message: str, severity: str = "warning") -> Finding:
    return Finding(
        check="host-facts",
        title="Host facts cannot be read" if severity == "warning" else "Host facts are read whole",
        outcome=Outcome.INCONCLUSIVE,
        severity="warning" if severity == "warning" else "info",
        object=inventory_name(path),
        message=message,
        reason="What this machine does differently is not known, so drift may be missed.",
        file=str(path),
    )
