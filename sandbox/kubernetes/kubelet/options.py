"""How big the node of the process kubelet is, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Sizes as Kubernetes quantities, times in seconds.

    `back_off` is the pause before a container that crashed twice is started again, doubled up to `longest_back_off`;
    Kubernetes waits 10 s, a range that is to be quick waits less.
    """

    node: str = "range-node-1"
    cpu: str = "8"
    memory: str = "16Gi"
    pods: int = 110
    back_off: float = 1.0
    longest_back_off: float = 300.0
    retry: float = 2.0  # before a missing ConfigMap or volume is looked for again
    tick: float = 0.1  # memory is looked at, and a CPU period lasts

    @property
    def forgiven_after(self) -> float:
        """How long a container has to run for its crashes to be forgotten; Kubernetes: 10 min at a back-off of 10 s."""
        return 60 * self.back_off
