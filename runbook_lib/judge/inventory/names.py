"""Finds machines by what people call them: a name, a full name, an address, with a port or without."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from runbook_lib.artefacts import Host
from runbook_lib.judge.inventory.merge import folded


class Names:
    """Hosts by their names; a name that several hosts go by is none's."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._by: dict[str, list[Host]] = {}
        for host in hosts:
            for name in names_of(host):
                self._by.setdefault(name, []).append(host)

    def find(self, name: str) -> list[Host]:
        """The host of that name: none, one, or several that cannot be told apart.

        A full name also finds the host that is known by its first part alone.
        """
        wanted = bare(name)
        found = self._by.get(wanted, [])
        if len(found) > 1:
            return [host for host in found if bare(host.name) == wanted] or found
        if not found and _is_full(wanted):
            short = self._by.get(wanted.partition(".")[0], [])
            return [host for host in short if not any(map(_is_full, names_of(host)))]
        return found


def names_of(host: Host) -> tuple[str, ...]:
    """Every name and address a host goes by, as ``bare`` writes them, the surest first."""
    file = host.file.rpartition("/")[2].removesuffix(".json").removeprefix("s1_")
    card, addresses = host.facts.get("default_ipv4"), host.facts.get("all_ipv4_addresses")
    given = [host.name, file, *(host.facts.get(key) for key in ("hostname", "fqdn", "nodename"))]
    given += [card.get("address")] if isinstance(card, Mapping) else []
    given += addresses if isinstance(addresses, list) else []
    known = (bare(name) for name in given if isinstance(name, str))
    return tuple(dict.fromkeys(name for name in known if name and not name.startswith(("127.", "localhost"))))


def bare(name: str) -> str:
    """A machine's name as it is compared: without a port, a dot at its end, or capitals."""
    text = folded(name).rstrip(".")
    head, colon, port = text.rpartition(":")
    return head if colon and port.isdigit() and ":" not in head else text


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_full(name: str) -> bool:
    return "." in name and not is_address(name)
