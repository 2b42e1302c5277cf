"""Where the hosts of one application differ, and its environments; what that means for the move."""

from runbook_lib.judge.drift.compare import Aspect, Drift, compare_hosts, drift_findings, usual

__all__ = ["Aspect", "Drift", "compare_hosts", "drift_findings", "usual"]
