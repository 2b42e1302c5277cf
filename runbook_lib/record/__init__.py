"""What a run leaves behind: journal, evidence, statement, and the archive that holds them."""

from runbook_lib.record.attempt import Run, Summary
from runbook_lib.record.begin import begin

__all__ = ["Run", "Summary", "begin"]
