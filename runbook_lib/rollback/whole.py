"""One application's rollback without a kernel: the users are back already; the levels after that, and the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.act.send_back import Returned
from runbook_lib.model import Event
from runbook_lib.parameters import Parameters
from runbook_lib.record.filing import Filed
from runbook_lib.rollback.plan import Wanted

TRAFFIC = Wanted()


@dataclass(frozen=True)
class RolledBackTo:
    """How it ended: what to tell people, the attempt, and its record."""

    message: str
    attempt: Path
    filed: Filed

    @property
    def exit_code(self) -> int:
        """0 when everything that was asked for is done and seen."""
        return int(self.filed.statement["predicate"]["exit_code"])


def put_on_record(
    parameters: Parameters,
    returned: Returned,
    by: str,
    asked: Wanted = TRAFFIC,
    say: Callable[[str], object] = print,
    found: Sequence[Event] = (),
) -> RolledBackTo:
    """Open the attempt late, see the users back, do the levels that are asked for, judge and file.

    ``returned`` is what `act.send_back` did first; ``by`` is the kind of program (command, guard, batch); ``found`` are
    events of the journal about earlier attempts. A level that cannot be done ends the attempt as failed, truthfully;
    nothing of that is raised. Raises OSError or Unwritable where the archive cannot be written: the users are back all
    the same.
    """
    raise NotImplementedError
