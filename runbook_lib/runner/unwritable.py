"""Where the archive cannot be written: one sentence, nothing is begun, and a rollback is done all the same."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator

from runbook_lib.act.traffic.knob import shift
from runbook_lib.clients import connect
from runbook_lib.errors import Unwritable
from runbook_lib.parameters import Parameters
from runbook_lib.runner.progress import Screen

REASONS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.ENOTDIR})


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Tell a disk that is full or broken, or a folder that is not ours, as Unwritable."""
    try:
        yield
    except OSError as error:
        if error.errno not in REASONS:
            raise
        where = error.filename or "the archive"
        raise Unwritable(
            f"{what}: {where} cannot be written ({error.strerror}); make room or mend the disk, then run "
            "`runbook resume`: what is there is filed then"
        ) from None


def bring_back(parameters: Parameters, screen: Screen, recorded: Callable[[], int]) -> int:
    """A rollback as ``recorded`` does it, and where no record can be written, the knob alone; the exit code."""
    reason = "the journal cannot be written"
    try:
        with told("the rollback"):
            code = recorded()
        if code != Unwritable.exit_code:
            return code
    except Unwritable as error:
        reason = str(error)
    change = shift(connect(parameters), 0)
    screen.say(f"users {change.before} % -> {change.after} %, but this is not on record: {reason}")
    return Unwritable.exit_code
