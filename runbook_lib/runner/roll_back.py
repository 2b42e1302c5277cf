"""`runbook rollback`: the users first, then whoever still runs the application, then the record; without a kernel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runbook_lib.act.send_back import Returned, previous_weight, send_back
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import Clients, connect
from runbook_lib.errors import Busy, ChangeFailed, RolledBack, RunbookError, Unwritable
from runbook_lib.parameters import Parameters

if TYPE_CHECKING:
    from runbook_lib.runner.progress import Screen

CAUSE = "asked for by a person"


def act(parameters: Parameters, to_previous: bool = False) -> Returned:
    """Bring the users back now; where the weight cannot be read, back to 0, because nothing tells what is previous."""
    clients = connect(parameters)
    if not to_previous:
        return send_back(clients, CAUSE)
    try:
        standing = read_weight(clients)
    except RunbookError as error:
        return send_back(clients, f"{CAUSE}: back to 0 %, the previous weight is not known ({error})")
    return send_back(clients, f"{CAUSE}: back to the previous weight", previous_weight(parameters, standing), standing)


def roll_back(parameters: Parameters, screen: Screen, to_previous: bool = False) -> int:
    """Bring the users back, whoever runs the application and whatever the disk says; the exit code.

    Raises what the knob raises when it cannot be turned at all; a change that it refused is put on record, too.
    """
    return settle(parameters, screen, act(parameters, to_previous))


def settle(parameters: Parameters, screen: Screen, returned: Returned) -> int:
    """What comes after the users were moved: stop the runner, see them back, and file it; the exit code."""
    if returned.error is not None and not isinstance(returned.error, ChangeFailed):
        raise returned.error  # nothing could be turned: the sentence is all that there is to tell
    screen.say(returned.said)
    from runbook_lib.runner import unwritable  # seconds of imports, and the users are back already

    try:
        with unwritable.told("the rollback"):
            return _settled(parameters, screen, returned)
    except Unwritable as error:
        if returned.error is not None:
            raise returned.error from None
        screen.say(f"{returned.what}, but this is not on record: {error}")
        return Unwritable.exit_code


def file_left(parameters: Parameters, screen: Screen, said: str) -> int:
    """File what was broken off before the users were brought back, and go no further; the exit code."""
    from runbook_lib.runner import run

    with run.held(parameters, screen):
        screen.say(said)
    return RolledBack.exit_code


def _settled(parameters: Parameters, screen: Screen, returned: Returned) -> int:
    from runbook_lib.runner import passage, run

    home = passage.home(parameters)
    try:
        run.take_over(home, screen)
    except Busy as error:
        screen.say(f"{error}; it may move users forward again: stop it there, then run `runbook rollback` once more")
        return _recorded(parameters, screen, once_more(connect(parameters), returned)) or Busy.exit_code
    returned = once_more(connect(parameters), returned)
    with run.held(parameters, screen):
        return _recorded(parameters, screen, returned)


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


def _recorded(parameters: Parameters, screen: Screen, returned: Returned) -> int:
    from runbook_lib.observe.legacy import look_at_all
    from runbook_lib.rollback import conclude, open_late, see_them_back

    run = open_late(parameters, returned, "command")
    seen = None
    try:
        if returned.change is not None:
            silent = [i.name for i in look_at_all(parameters.legacy.instances) if not i.answering]
            if silent:
                screen.say(f"the old side is not whole: {', '.join(silent)} did not answer; start what is missing")
            seen = see_them_back(run, run.connect(), returned.weight)
        message, filed = conclude(run, returned, seen)
    finally:
        run.close()
    screen.say(message)
    if filed.unsigned:
        screen.say(f"its record is not signed: {filed.unsigned}")
    screen.say(f"record: {run.attempt / 'record.json'}; open next: {filed.statement['predicate']['next_notebook']}")
    return int(filed.statement["predicate"]["exit_code"])
