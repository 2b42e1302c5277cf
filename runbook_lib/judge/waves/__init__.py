"""In which order a fleet moves: waves of applications that can go together, none before what it depends on."""

from runbook_lib.judge.waves.candidate import Candidate, Cycle, Place, Plan, Shared, Wave, WaveRules
from runbook_lib.judge.waves.links import Links, candidate, links
from runbook_lib.judge.waves.plan import plan_waves

__all__ = [
    "Candidate",
    "Cycle",
    "Links",
    "Place",
    "Plan",
    "Shared",
    "Wave",
    "WaveRules",
    "candidate",
    "links",
    "plan_waves",
]
