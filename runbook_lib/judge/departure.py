"""A machine went: is it silent, did the users feel it, does business go on, and does it stay away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from runbook_lib.model import Outcome, Verdict

ENOUGH = 5.0
"""Of so many that are expected, chance hides all of them once in 150 times."""


def stays_away(retired: Mapping[str, datetime], answering: Sequence[str]) -> Verdict:
    """No machine that was retired in this passage answers again; ``retired`` says when each went."""
    back = [f"{name} (retired {retired[name]:%Y-%m-%d %H:%M} UTC)" for name in answering if name in retired]
    numbers = {"retired": float(len(retired)), "back": float(len(back))}
    if back:
        message = (
            f"{', '.join(back)} answers again: something started it, or another machine has its address; "
            "find out, end it there, then run this again"
        )
        return Verdict("gone for good", Outcome.FAIL, message, numbers)
    said = f"{len(retired)} machines were retired before, 0 answer again"
    return Verdict("gone for good", Outcome.PASS, said, numbers)


def going_on(name: str, written: float | None, before: float | None, seconds: float) -> Verdict | None:
    """A figure still rises ``seconds`` after a machine went; ``before`` is what it rose a second until then.

    None where chance alone would explain that nothing came: fewer than five were to be expected.
    """
    if written is None or before is None:
        return Verdict(f"{name} afterwards", Outcome.INCONCLUSIVE, f"{name} of the new side could not be read")
    expected = before * seconds
    if expected < ENOUGH:
        return None
    outcome = Outcome.PASS if written > 0 else Outcome.FAIL
    said = f"{name}: {written:g} in {seconds:.3g} s on the new side, {expected:.3g} expected"
    return Verdict(f"{name} afterwards", outcome, said, {"written": written, "expected": expected})


def retired(name: str, answering: bool, failed_requests: float | None) -> Verdict:
    """After one instance went: it is silent, and the users of the new side did not feel it."""
    verdict = f"retired {name}"
    if answering:
        return Verdict(verdict, Outcome.FAIL, f"{name} still answers")
    if failed_requests is None:
        return Verdict(verdict, Outcome.INCONCLUSIVE, f"{name} is silent; the new side's errors could not be read")
    outcome = Outcome.PASS if failed_requests < 0.5 else Outcome.FAIL
    sign = "=" if failed_requests < 0.5 else ">"
    message = f"{name} is silent; {failed_requests:.0f} failed requests on the new side {sign} 0"
    return Verdict(verdict, outcome, message, {"failed": failed_requests})
