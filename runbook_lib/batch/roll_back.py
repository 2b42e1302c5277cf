"""`runbook batch rollback`: the users of all members first, in reverse order of dependency; then proof and records.

While only users are moved both sides go on answering, so that each step takes as long as its knob, seconds for a whole
batch. The order holds all the same: forward a member was moved after what it depends on, so that its new side was never
seen beside the old side of that. What is slow (stopping runners, looking at requests, filing) comes when all users are
back, for everybody at once. The levels beyond the traffic take something away that others may still use: they go member
by member in the same order, each when those that use it are through.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from runbook_lib.act.level import TRAFFIC, Wanted
from runbook_lib.act.send_back import Returned
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.batch import member
from runbook_lib.batch.book import Book, Tries, open_book, transaction
from runbook_lib.batch.crew import Task, in_order
from runbook_lib.batch.file import Loaded
from runbook_lib.batch.member import Finished, Told
from runbook_lib.batch.signals import Stop, never
from runbook_lib.batch.standing import Stand, fold, held_up
from runbook_lib.clients import connect
from runbook_lib.errors import ChangeFailed, PartlyBack, RunbookError, Unwritable
from runbook_lib.model import Change, Outcome, Verdict, now
from runbook_lib.record import archive
from runbook_lib.runner import unwritable
from runbook_lib.runner.progress import Screen


@dataclass(frozen=True)
class Ended:
    """How a try at a transaction ended: where each member stands, a sentence, the exit code, the batch's record."""

    stands: Mapping[str, Stand]
    message: str
    exit_code: int
    place: str = ""
    unsigned: str = ""


@dataclass
class _Try:
    """One try while it goes on; ``returned`` is what became of the users of each member."""

    loaded: Loaded
    book: Book
    asked: Wanted
    reason: str
    cause: str
    screens: dict[str, Told]
    stop: Stop
    returned: dict[str, Returned] = field(default_factory=dict)

    @property
    def stands(self) -> dict[str, Stand]:
        """Where each member stands by what was told so far."""
        return fold(self.loaded.depends_on, self.book.events)


def roll_back(
    loaded: Loaded,
    screen: Screen,
    reason: str,
    asked: Wanted = TRAFFIC,
    earlier: Tries = (),
    stop: Stop = never,
) -> Ended:
    """Bring the users of all members back, or go on with the transaction that ``earlier`` tells of.

    Busy, and nothing begun, while another process does it. Nothing else that goes wrong with a member is raised.
    """
    began = now()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(archive.hold(loaded.home))
            book = open_book(loaded, earlier, began)
        except (OSError, Unwritable) as error:
            book = Book(None, earlier, str(error))
            screen.say(f"the batch's own records cannot be written ({error}); the users are brought back all the same")
        if book.run is not None:
            stack.callback(book.run.close)
        book.begin(loaded, asked.level, reason)
        cause = f"{reason} (with the batch {book.place or loaded.name})"
        screens = {name: Told(name, p, screen) for name, p in loaded.parameters.items()}
        current = _Try(loaded, book, asked, reason, cause, screens, stop)
        kept = _compared(current, earlier)
        _turn_all(current, kept)
        _finish_all(current, kept)
        return _concluded(current)


def rehearse(loaded: Loaded, screen: Screen, reason: str, asked: Wanted = TRAFFIC) -> Ended:
    """Say what a rollback would do, in its order; nothing is changed and no runner is stopped."""
    with unwritable.told("the dry run"), archive.hold(loaded.home):
        book = open_book(loaded, (), now())
        book.begin(loaded, asked.level, reason)
        further = f", then back to level {asked.level}" if asked != TRAFFIC else ""
        shown = weights(loaded)
        for name in loaded.order:
            standing = shown[name]
            where = f"{standing} %" if isinstance(standing, int) else f"? ({standing})"
            book.would(name, f"{name}: users {where} -> 0 %{further}")
            screen.say(f"would: {name}: users {where} -> 0 %{further}")
        message = f"dry run: nobody was moved; {len(loaded.order)} members in this order: {', '.join(loaded.order)}"
        filed = book.file(None, message)
    return Ended({}, message, 0, book.place, filed.unsigned if filed else book.problem)


def weights(loaded: Loaded) -> dict[str, int | str]:
    """Percent of each member's users on the new side, read side by side; a sentence where it cannot be read."""

    def read(name: str) -> int | str:
        try:
            return read_weight(connect(loaded.parameters[name]))
        except RunbookError as error:
            return str(error)

    with ThreadPoolExecutor(loaded.batch.at_once) as pool:
        return dict(zip(loaded.order, pool.map(read, loaded.order), strict=True))


def _compared(current: _Try, earlier: Tries) -> list[str]:
    """The members that an earlier try brought back, and that are back still: nothing is done about them again.

    None of them beyond the traffic: where the users are does not tell what runs, which may have been released anew
    since. They go again, and each act compares first.
    """
    if current.asked.reaches("workload"):
        return []
    before = transaction(earlier)
    done = [name for name in (before.of("back") if before else []) if name in current.loaded.depends_on]
    with ThreadPoolExecutor(current.loaded.batch.at_once) as pool:
        still = pool.map(lambda name: member.still_back(current.loaded.parameters[name]), done)
        kept = [name for name, is_so in zip(done, still, strict=True) if is_so]
    for name in done:
        moved = "is not known to be back any more: it is brought back again"
        current.screens[name].say("is back already" if name in kept else moved)
    return kept


def _turn_all(current: _Try, kept: Sequence[str]) -> None:
    """The users of everybody, as fast as knobs can be turned."""
    parameters, book = current.loaded.parameters, current.book

    def end(name: str, came: Returned | BaseException) -> bool:
        screen = current.screens[name]
        error = came if isinstance(came, BaseException) else came.error
        if isinstance(came, Returned):
            current.returned[name] = came
        if error is not None:
            message = screen.redactor.text(str(error))
            book.failed(name, type(error).__name__, message)
            screen.say(f"could not be brought back: {message}")
            return False
        assert isinstance(came, Returned) and came.change is not None
        book.done(name, replace(came.change, what=f"{name}: {came.change.what}"))
        screen.say(came.said)
        return True

    turn = Task(
        work=lambda name: member.turn(parameters[name], current.cause),
        begin=lambda name: book.intend(name, f"{name}: users -> 0 %"),
        end=end,
        stopped=lambda: current.stop() is not None,
    )
    in_order(current.loaded.before, kept, turn, current.loaded.batch.at_once)


def _finish_all(current: _Try, kept: Sequence[str]) -> None:
    """Runners stopped, requests looked at, other levels done, records filed."""
    touched = [name for name, came in current.returned.items() if came.error is None or _shown(came)]
    if not touched:
        return
    from runbook_lib.rollback import whole  # noqa: F401 - seconds of imports, once and before there are threads
    from runbook_lib.runner import roll_back  # noqa: F401

    further, before = current.asked != TRAFFIC, current.loaded.before

    def begin(name: str) -> None:
        if further:
            current.book.intend(name, f"{name}: back to level {current.asked.level}")

    def end(name: str, came: Finished | BaseException) -> bool:
        return _ended(current, name, came, further)

    def work(name: str) -> Finished:
        return member.finish(
            current.loaded.parameters[name], current.screens[name], current.returned[name], current.asked
        )

    waits = {name: before[name] if further else () for name in [*kept, *touched]}
    task = Task(work, begin, end, lambda: current.stop() is not None)
    in_order(waits, kept, task, current.loaded.batch.at_once)


def _ended(current: _Try, name: str, came: Finished | BaseException, further: bool) -> bool:
    """Note how a member ended; True when others may follow it."""
    screen, book = current.screens[name], current.book
    if isinstance(came, BaseException):
        came = Finished(getattr(came, "exit_code", RunbookError.exit_code), f"{type(came).__name__}: {came}")
    said = screen.redactor.text(came.message)
    if further and came.exit_code:
        book.failed(name, "CriterionFailed", said)
    elif further:
        what = f"{name}: back to level {current.asked.level}"
        book.done(name, Change(what, None, current.asked.level, True, now(), f"record {came.run}"), False)
    book.ended(name, exit_code=came.exit_code, message=said, run=came.run, confirmed=came.confirmed)
    screen.say(f"{said}; record: {came.run}" if came.run else said)
    return came.exit_code == 0


def _shown(returned: Returned) -> bool:
    """True for a change that was refused: it goes on the member's own record, too."""
    return isinstance(returned.error, ChangeFailed)


def _concluded(current: _Try) -> Ended:
    book, stop = current.book, current.stop()
    stands = held_up(current.stands, current.loaded.before, current.asked.level)
    book.judge(*(_judged(name, stands[name]) for name in current.loaded.order))
    message, error = f"{current.reason}: {_sentence(stands)}", None
    if any(stand.state != "back" for stand in stands.values()):
        error = PartlyBack.__name__
    filed = book.file(None if stop else error, message, stop)
    if filed is None:
        message += f"; the batch itself is not on record: {book.problem}"
    code = 128 + stop if stop else PartlyBack.exit_code if error else 0 if filed else Unwritable.exit_code
    return Ended(stands, message, code, book.place, filed.unsigned if filed else "")


def _judged(name: str, stand: Stand) -> Verdict:
    """A member's verdict names its own record, where it has one."""
    where = f"; record {stand.run}" if stand.run else ""
    if stand.state == "back":
        outcome = Outcome.PASS if stand.confirmed else Outcome.INCONCLUSIVE
        return Verdict(name, outcome, f"back: {stand.said}{where}")
    return Verdict(name, Outcome.FAIL, f"{stand.text}{where}")


def _sentence(stands: Mapping[str, Stand]) -> str:
    back = [name for name, stand in stands.items() if stand.state == "back"]
    others = [f"{name} {stand.text}" for name, stand in stands.items() if stand.state != "back"]
    return "; ".join([f"{len(back)} of {len(stands)} members are back", *others])
