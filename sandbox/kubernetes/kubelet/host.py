"""What every Pod of the node shares: the store, the folders, the addresses and the patience."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.kubelet.options import Options
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]


class Addresses:
    """The Pod network: each Pod an address of its own, one given back is used again last."""

    def __init__(self, network: str) -> None:
        self._network = ipaddress.ip_network(network)
        self._used: set[str] = set()
        self._next = 1

    def take(self) -> str:
        """The next free address."""
        for _ in range(self._network.num_addresses):
            address = str(self._network[self._next])
            self._next = self._next % (self._network.num_addresses - 2) + 1
            if address not in self._used:
                self._used.add(address)
                return address
        raise LookupError(f"every address of {self._network} is taken")

    def give_back(self, address: str) -> None:
        self._used.discard(address)


@dataclass
class Host:
    """The node as its Pods see it."""

    store: Store
    settings: Settings
    options: Options
    recorder: Recorder = field(init=False)
    addresses: Addresses = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.store, "kubelet", self.options.node)
        self.addresses = Addresses(self.settings.pod_network)


def go_duration(seconds: float) -> str:
    """`10s`, `1m20s`, `500ms`, as Go writes a duration."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 1), 60)
    text = f"{rest:g}s"
    return f"{int(minutes)}m{text}" if minutes else text
