"""Can this archive be trusted? Every run that can is named, and everything that is wrong."""

from runbook_lib.proof.verify.report import Accepted, Remark, Report
from runbook_lib.proof.verify.whole import spoilt_runs, verify

__all__ = ["Accepted", "Remark", "Report", "spoilt_runs", "verify"]
