"""Before a pilot deploy: which cluster this is, who asks, what may be done there, and what surrounds the release."""

from runbook_lib.observe.preflight.access import Version, permissions, version, who
from runbook_lib.observe.preflight.look import look_around
from runbook_lib.observe.preflight.monitoring import new_series
from runbook_lib.observe.preflight.needs import LOOKS, Need, needs, of_release, of_rollout, of_traffic

__all__ = [
    "LOOKS",
    "Need",
    "Version",
    "look_around",
    "needs",
    "new_series",
    "of_release",
    "of_rollout",
    "of_traffic",
    "permissions",
    "version",
    "who",
]
