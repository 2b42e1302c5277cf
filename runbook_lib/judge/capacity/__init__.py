"""How large a Pod has to be, how many are needed and on how many nodes, from what the virtual machines used."""

from runbook_lib.judge.capacity.jvm import Jvm
from runbook_lib.judge.capacity.nodes import Nodes, NodeShape, Wanted, nodes_for
from runbook_lib.judge.capacity.profiles import HPA_TARGET, Size
from runbook_lib.judge.capacity.size import Sizing, size, startup_budget
from runbook_lib.judge.capacity.use import Use

__all__ = [
    "HPA_TARGET",
    "Jvm",
    "NodeShape",
    "Nodes",
    "Size",
    "Sizing",
    "Use",
    "Wanted",
    "nodes_for",
    "size",
    "startup_budget",
]
