"""Where the hosts of one application differ, and its environments; what that means for the move."""

from runbook_lib.judge.drift.compare import UNDECIDED, Drift, compare_hosts, usual
from runbook_lib.judge.drift.environments import compare_environments

__all__ = ["UNDECIDED", "Drift", "compare_environments", "compare_hosts", "usual"]
