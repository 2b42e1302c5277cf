"""The observe + judge loop of a gray stage: one Look a tick; it never acts, whoever renders or guards it does."""

from runbook_lib.watch.history import History, history_of
from runbook_lib.watch.limits import alpha_shares, limits_of, stage_limits
from runbook_lib.watch.log import ObservationLog, read_observations
from runbook_lib.watch.look import Look
from runbook_lib.watch.loop import watch_stage
from runbook_lib.watch.split import wait_for_split
from runbook_lib.watch.watcher import Watcher

__all__ = [
    "History",
    "Look",
    "ObservationLog",
    "Watcher",
    "alpha_shares",
    "history_of",
    "limits_of",
    "read_observations",
    "stage_limits",
    "wait_for_split",
    "watch_stage",
]
