"""Does the new side answer as it should before a user asks, and do sessions live on both sides?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from runbook_lib.model import Outcome, Verdict


class Answer(Protocol):
    """What a target said to a smoke case."""

    @property
    def target(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def expected(self) -> int: ...
    @property
    def status(self) -> int | None: ...
    @property
    def body_as_expected(self) -> bool: ...
    @property
    def seconds(self) -> float: ...
    @property
    def within(self) -> float: ...
    @property
    def error(self) -> str: ...
    @property
    def way(self) -> str: ...
    @property
    def wrong(self) -> Sequence[str]: ...
    @property
    def unasked(self) -> str: ...


class Crossing(Protocol):
    """A session carried from one side to the other, and back."""

    @property
    def made_on(self) -> str: ...
    @property
    def used_on(self) -> str: ...
    @property
    def login(self) -> int | None: ...
    @property
    def status(self) -> int | None: ...
    @property
    def forged(self) -> int | None: ...
    @property
    def again(self) -> int | None: ...
    @property
    def unasked(self) -> str: ...


def smoke(answers: Sequence[Answer]) -> Verdict:
    """Every smoke case on every target: status, body, headers and time as expected; a case not sent is not known."""
    asked = [answer for answer in answers if not answer.unasked]
    unasked = [answer for answer in answers if answer.unasked and not _excused(answer, asked)]
    faults = [said for answer in asked if (said := fault(answer))]
    ways = Counter(way for _, way in {(answer.target, answer.way) for answer in asked})
    numbers = {"answers": float(len(asked)), "faults": float(len(faults)), "targets": float(sum(ways.values()))}
    numbers["unasked"] = float(len(unasked))
    said = f"{len(asked) - len(faults)} of {len(asked)} answers as expected on {sum(ways.values())} targets"
    if ways.keys() - {"direct"}:
        said += f" ({', '.join(f'{count} by way of {way}' for way, count in sorted(ways.items()))})"
    if not answers:
        return Verdict("smoke", Outcome.INCONCLUSIVE, "no smoke case was run; name some in kubernetes.smoke", numbers)
    if faults:
        return Verdict("smoke", Outcome.FAIL, f"{said}; {'; '.join(faults[:5])}", numbers)
    if unasked:
        first = unasked[0]
        said += f"; {len(unasked)} not sent: {first.target}, {first.case}: {first.unasked}"
        return Verdict("smoke", Outcome.INCONCLUSIVE, said, numbers)
    return Verdict("smoke", Outcome.PASS, said, numbers)


def _excused(answer: Answer, asked: Sequence[Answer]) -> bool:
    """A token cannot be sent to the Service through the API server: then it is enough that others were asked so."""
    return answer.target.startswith("Service/") and any(one.case == answer.case for one in asked)


def fault(answer: Answer) -> str:
    """What is wrong with an answer; empty when nothing is."""
    where = f"{answer.target}, {answer.case}"
    if answer.status is None:
        return f"{where}: no answer ({answer.error})"
    if answer.status != answer.expected:
        return f"{where}: status {answer.status} instead of {answer.expected}"
    if not answer.body_as_expected:
        return f"{where}: the body lacks what it should contain"
    if answer.wrong:
        return f"{where}: {'; '.join(answer.wrong)}"
    if answer.seconds > answer.within:
        return f"{where}: {answer.seconds:.2f} s > {answer.within:g} s"
    return ""


def sessions(crossings: Sequence[Crossing]) -> Verdict:
    """A session made on one side lives on the other and is not spoilt; a check that needs none proves nothing."""
    numbers = {"crossings": float(len(crossings))}
    if not crossings:
        message = "not checked; name kubernetes.session_login and session_check"
        return Verdict("sessions", Outcome.INCONCLUSIVE, message, numbers)
    judged = [(_crossed(one), f"made on {one.made_on}, used on {one.used_on}") for one in crossings]
    (outcome, said), way = max(judged, key=lambda pair: pair[0][0])
    if outcome is Outcome.PASS:
        return Verdict("sessions", Outcome.PASS, f"{len(crossings)} of {len(crossings)} sessions lived on", numbers)
    return Verdict("sessions", outcome, f"{way}: {said}", numbers)


def _crossed(one: Crossing) -> tuple[Outcome, str]:
    if one.unasked:
        return Outcome.INCONCLUSIVE, one.unasked
    if one.login is None or one.login >= 300:
        return Outcome.FAIL, f"the log-in answered {one.login}"
    if one.status is None or one.status >= 300:
        # a redirect leads to the log-in page
        return Outcome.FAIL, f"status {one.status}, the session is lost"
    if one.forged is None or one.forged < 300:
        return Outcome.INCONCLUSIVE, f"a forged session is answered {one.forged}, too: the check proves nothing"
    if one.again is None or one.again >= 300:
        return Outcome.FAIL, f"back on {one.made_on} status {one.again}: the other side spoilt the session"
    return Outcome.PASS, ""
