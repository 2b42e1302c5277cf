"""One member of a batch: its users sent back in seconds, and afterwards seen to be back and put on its own record."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.act.level import TRAFFIC, Wanted
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


def finish(parameters: Parameters, screen: Screen, returned: Returned, asked: Wanted) -> Finished:
    """Stop whoever runs the application, see the users back, do the other levels, file it in the application's records.

    While somebody on another machine is at work there, nothing but the users.
    """
    from runbook_lib.runner import holding, passage, unwritable  # seconds of imports; the users are back already
    from runbook_lib.runner.roll_back import once_more

    if returned.error is not None and not isinstance(returned.error, ChangeFailed):
        raise returned.error  # nothing could be turned: there is nothing to record
    try:
        with unwritable.told("the rollback"):
            try:
                holding.take_over(passage.home(parameters), screen)
            except Busy as busy:
                return _behind(busy, _recorded(parameters, screen, once_more(connect(parameters), returned), TRAFFIC))
            returned = once_more(connect(parameters), returned)
            with holding.held(parameters, screen):
                return _recorded(parameters, screen, returned, asked)
    except Unwritable as error:
        if returned.error is not None:
            raise returned.error from None
        return Finished(Unwritable.exit_code, f"{returned.what}, but this is not on record: {error}")


def _recorded(parameters: Parameters, screen: Screen, returned: Returned, asked: Wanted) -> Finished:
    from runbook_lib.rollback.whole import put_on_record

    ended = put_on_record(parameters, returned, "batch", asked, screen.say)
    if ended.filed.unsigned:
        screen.say(f"its record is not signed: {ended.filed.unsigned}")
    verdicts = ended.filed.statement["predicate"]["verdicts"]
    confirmed = bool(verdicts) and all(one["outcome"] == Outcome.PASS.name for one in verdicts)
    message = ended.message.removesuffix(f"; {returned.cause}")
    return Finished(ended.exit_code, message, "/".join(ended.attempt.parts[-3:]), confirmed)


def _behind(busy: Busy, finished: Finished) -> Finished:
    """Somebody on another machine may move users forward again."""
    said = f"{busy}; it may move users forward again: stop it there; {finished.message}"
    return Finished(finished.exit_code or Busy.exit_code, said, finished.run)
