"""Everything that can stop a runbook, each with the exit code that a scheduler sees."""

from __future__ import annotations


class RunbookError(Exception):
    """A runbook stopped for a reason it can name: what happened, to what, and what to do next."""

    exit_code = 70

    def _render_traceback_(self) -> list[str]:
        """IPython shows this instead of a traceback: the sentence is what the operator needs."""
        return [f"{type(self).__name__}: {self}"]


class BadParameters(RunbookError):
    """The parameters, a manifest or an argument are not usable; nothing was changed."""

    exit_code = 78


class Unreachable(RunbookError):
    """A cluster, Prometheus, a database or a tool does not answer; nothing is known, nothing was changed."""

    exit_code = 69


class CriterionFailed(RunbookError):
    """A verdict is FAIL before anything was changed, or a phase ended without what it needs to pass."""

    exit_code = 10


class RolledBack(RunbookError):
    """A trigger fired and traffic is back on the old side, verified."""

    exit_code = 20


class ChangeFailed(RunbookError):
    """A change was written but does not show in the world; the message says what stands now."""

    exit_code = 30


class GatePending(RunbookError):
    """A person is asked; run again after the answer."""

    exit_code = 75


class Held(RunbookError):
    """Evidence is missing: the weight stays where it is, nobody is harmed, and the stage is looked at again later."""

    exit_code = 76


class Observing(RunbookError):
    """A slice of a long stage is over, nothing is wrong, and the stage is not decided yet: run again to go on."""

    exit_code = 80


class GateRejected(RunbookError):
    """A person said no, with a reason."""

    exit_code = 77


class Unwritable(RunbookError):
    """The archive cannot be written: the disk is full, or the folder is not ours; nothing is done unrecorded."""

    exit_code = 74


class Busy(RunbookError):
    """Somebody else is changing this application's traffic."""

    exit_code = 73


class NotTrusted(RunbookError):
    """A signature, a record or a seal is not what it says it is; the message names the file."""

    exit_code = 65


class CannotSign(RunbookError):
    """No key at hand may sign, or the key does not; nothing was changed."""

    exit_code = 79


class PartlyBack(RunbookError):
    """A member of a batch could not be brought back, and some may wait for it; the message says what stands now."""

    exit_code = 81


def by_name(name: str) -> type[RunbookError] | None:
    """The error class of that name, as a kernel reports it; None for any other exception."""
    classes = [RunbookError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    return next((cls for cls in classes if cls.__name__ == name), None)
