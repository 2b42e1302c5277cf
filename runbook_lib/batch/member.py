"""One member of a batch: its users sent back in seconds, and afterwards seen to be back and put on its own record."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.act.send_back import Returned, send_back
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, Busy, ChangeFailed, RunbookError, Unwritable
from runbook_lib.model import Outcome
from runbook_lib.parameters import Parameters
from runbook_lib.redact.at_hand import redactor_for
from runbook_lib.runner.progress import Screen


@dataclass(frozen=True)
class Finished:
    """How it ended for a member; ``run`` is its own attempt, ``confirmed`` that the requests show it."""

    exit_code: int
    message: str
    run: str = ""
    confirmed: bool = False


class Told(Screen):
    """A screen on which a member's sentences begin with its name and hold none of its secrets."""

    def __init__(self, name: str, parameters: Parameters, shared: Screen) -> None:
        super().__init__(shared.console, shared.errors, redactor_for(connect(parameters)))
        self.name = name

    def say(self, sentence: str) -> None:
        """One line for the operator."""
        super().say(f"{self.name}: {sentence}")


def still_back(parameters: Parameters) -> bool:
    """Whether nobody is on the new side; what cannot be read is not known to be so."""
    try:
        return read_weight(connect(parameters)) == 0
    except RunbookError:
        return False


def turn(parameters: Parameters, cause: str) -> Returned:
    """Send everybody back, and nothing else: others wait for it. BadParameters where the parameters forbid it."""
    if parameters.dry_run:
        raise BadParameters("its parameters say dry_run: true, so that nobody of it was moved; set it to false")
    return send_back(connect(parameters), cause)


def finish(parameters: Parameters, screen: Screen, returned: Returned) -> Finished:
    """Stop whoever still runs the application, see the users back, and file it in the application's own archive."""
    from runbook_lib.runner import passage, run, unwritable  # seconds of imports; the users are back already
    from runbook_lib.runner.roll_back import once_more

    if returned.error is not None and not isinstance(returned.error, ChangeFailed):
        raise returned.error  # nothing could be turned: there is nothing to record
    busy: Busy | None = None
    try:
        with unwritable.told("the rollback"):
            try:
                run.take_over(passage.home(parameters), screen)
            except Busy as error:
                busy = error
            returned = once_more(connect(parameters), returned)
            if busy is not None:
                return _behind(busy, _recorded(parameters, screen, returned))
            with run.held(parameters, screen):
                return _recorded(parameters, screen, returned)
    except Unwritable as error:
        if returned.error is not None:
            raise returned.error from None
        return Finished(Unwritable.exit_code, f"{returned.what}, but this is not on record: {error}")


def _recorded(parameters: Parameters, screen: Screen, returned: Returned) -> Finished:
    from runbook_lib.rollback import conclude, open_late, see_them_back

    run = open_late(parameters, returned, "batch")
    try:
        seen = see_them_back(run, run.connect(), 0) if returned.change is not None else None
        message, filed = conclude(run, returned, seen)
    finally:
        run.close()
    if filed.unsigned:
        screen.say(f"its record is not signed: {filed.unsigned}")
    code = int(filed.statement["predicate"]["exit_code"])
    confirmed = seen is not None and seen.outcome is Outcome.PASS
    return Finished(code, message.removesuffix(f"; {returned.cause}"), "/".join(run.attempt.parts[-3:]), confirmed)


def _behind(busy: Busy, finished: Finished) -> Finished:
    """Somebody on another machine may move users forward again."""
    said = f"{busy}; it may move users forward again: stop it there; {finished.message}"
    return Finished(finished.exit_code or Busy.exit_code, said, finished.run)
