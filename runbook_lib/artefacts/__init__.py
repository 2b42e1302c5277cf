"""What is read from files before a move: hosts, source evidence, manifests, a Dockerfile. Types only, no I/O."""

from runbook_lib.artefacts.assessed import Assessed, Demanded, home_of
from runbook_lib.artefacts.hosts import Host, Inventory
from runbook_lib.artefacts.images import Dockerfile, Instruction, Stage
from runbook_lib.artefacts.manifests import Manifests, Output, Resource, Schemas, Served
from runbook_lib.artefacts.nodes import Node, node_of
from runbook_lib.artefacts.policy import Accepted, Policy, Waiver
from runbook_lib.artefacts.source import Evidence, Rule

__all__ = [
    "Accepted",
    "Assessed",
    "Demanded",
    "Dockerfile",
    "Evidence",
    "Host",
    "Instruction",
    "Inventory",
    "Manifests",
    "Node",
    "Output",
    "Policy",
    "Resource",
    "Rule",
    "Schemas",
    "Served",
    "Stage",
    "Waiver",
    "home_of",
    "node_of",
]
