"""`runbook rollback`: the users first, then whoever still runs the application, the other levels, and the record.

No kernel is needed for it, and nothing but the knob until the users are back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from runbook_lib.act.level import TRAFFIC, Wanted
from runbook_lib.act.send_back import Returned, previous_weight, send_back
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import Clients, connect
from runbook_lib.errors import Busy, ChangeFailed, RolledBack, RunbookError, Unwritable
from runbook_lib.model import BY_HAND
from runbook_lib.parameters import Parameters

if TYPE_CHECKING:
    from runbook_lib.record import Run
    from runbook_lib.runner.progress import Screen
    from runbook_lib.runner.recover import Recovery


def act(parameters: Parameters, to_previous: bool = False) -> Returned:
    """Bring the users back now; where the weight cannot be read, back to 0, because nothing tells what is previous."""
    clients = connect(parameters)
    if not to_previous:
        return send_back(clients, BY_HAND)
    try:
        standing = read_weight(clients)
    except RunbookError as error:
        return send_back(clients, f"{BY_HAND}: back to 0 %, the previous weight is not known ({error})")
    before = previous_weight(parameters, standing)
    return send_back(clients, f"{BY_HAND}: back to the previous weight", before, standing)


def settle(parameters: Parameters, screen: Screen, returned: Returned, asked: Wanted = TRAFFIC) -> int:
    """What comes after the users were moved: stop the runner, see them back, the other levels, the record.

    Raises what the knob raised when it could not be turned at all; a change that it refused is put on record, too.
    """
    return _told(screen, returned, lambda: _settled(parameters, screen, returned, asked))


def owed(parameters: Parameters, screen: Screen, found: Recovery) -> int:
    """The rollback that a dead attempt owes its users, whole; call it while holding the application. The exit code."""
    from runbook_lib.runner import recover

    asked = recover.asked_for(parameters) or TRAFFIC
    returned = send_back(connect(parameters), found.back)

    def first(run: Run) -> None:
        recover.note(run.event, found)

    def last(run: Run) -> None:
        for finding in recover.redone(run.event, found, journal.read(run.attempt)):
            screen.say(finding.said)

    from runbook_lib.record import journal

    return _told(screen, returned, lambda: _recorded(parameters, screen, returned, asked, "runner", first, last))


def _told(screen: Screen, returned: Returned, recorded: Callable[[], int]) -> int:
    if returned.error is not None and not isinstance(returned.error, ChangeFailed):
        raise returned.error  # nothing could be turned: the sentence is all that there is to tell
    screen.say(returned.said)
    from runbook_lib.runner import unwritable  # seconds of imports, and the users are back already

    try:
        with unwritable.told("the rollback"):
            return recorded()
    except Unwritable as error:
        if returned.error is not None:
            raise returned.error from None
        screen.say(f"{returned.what}, but this is not on record: {error}")
        return Unwritable.exit_code


def file_left(parameters: Parameters, screen: Screen, said: str) -> int:
    """File what was broken off before the users were brought back, and go no further; the exit code."""
    from runbook_lib.runner import holding

    with holding.held(parameters, screen):
        screen.say(said)
    return RolledBack.exit_code


def _settled(parameters: Parameters, screen: Screen, returned: Returned, asked: Wanted) -> int:
    from runbook_lib.runner import holding, passage

    if parameters.dry_run:  # nobody is stopped for a question
        return _recorded(parameters, screen, returned, asked, "command")
    home = passage.home(parameters)
    try:
        holding.take_over(home, screen)
    except Busy as error:
        left = f"; level {asked.level} waits for that" if asked.reaches("workload") else ""
        said = f"{error}; it may move users forward again: stop it there, then run `runbook rollback` once more{left}"
        screen.say(said)
        alone = once_more(connect(parameters), returned)  # nothing but the users while somebody else is at work
        return _recorded(parameters, screen, alone, TRAFFIC, "command") or Busy.exit_code
    returned = once_more(connect(parameters), returned)
    with holding.held(parameters, screen):
        return _recorded(parameters, screen, returned, asked, "command")


def once_more(clients: Clients, returned: Returned) -> Returned:
    """A runner that was about to move users forward may have done so before it was stopped."""
    if returned.weight or returned.error is not None or clients.parameters.dry_run:
        return returned
    try:
        if read_weight(clients) == 0:
            return returned
    except RunbookError:
        pass  # what cannot be read is set again
    again = send_back(clients, returned.cause)
    return replace(again, standing=returned.standing, began=returned.began)


def _recorded(
    parameters: Parameters,
    screen: Screen,
    returned: Returned,
    asked: Wanted,
    by: str,
    *notes: Callable[[Run], object],
) -> int:
    from runbook_lib.rollback.whole import put_on_record

    ended = put_on_record(parameters, returned, by, asked, screen.say, *notes)
    screen.say(ended.message)
    if ended.filed.unsigned:
        screen.say(f"its record is not signed: {ended.filed.unsigned}")
    following = ended.filed.statement["predicate"]["next_notebook"]
    screen.say(f"record: {ended.attempt / 'record.json'}; open next: {following}")
    return ended.exit_code
