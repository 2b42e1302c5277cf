"""A machine went: is it silent, did the users feel it, does business go on, and does it stay away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from runbook_lib.judge.bounds import CONFIDENCE, lower_bound
from runbook_lib.judge.rates import Interval, share_of
from runbook_lib.model import Outcome, Verdict

ENOUGH = 5.0
"""Of so many that are expected, chance hides all of them once in 150 times."""
SURE = 0.999
"""It is looked many times, and a sound service must be able to go through all of them."""


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


def going_on(name: str, written: float | None, before: float | None, seconds: float) -> Verdict:
    """A figure still rises ``seconds`` after a machine went; ``before`` is what it rose a second until then.

    Where fewer than five were to be expected, chance alone may keep them away: that nothing came speaks against
    nothing, and is said. The same is judged however long was looked, so that an approval is for what is judged later.
    """
    verdict = f"{name} afterwards"
    if written is None or before is None:
        return Verdict(verdict, Outcome.INCONCLUSIVE, f"{name} of the new side could not be read")
    expected = before * seconds
    said = f"{name}: {written:g} in {seconds:.3g} s on the new side, {expected:.3g} expected"
    if expected < ENOUGH and not written:
        said += f"; {ENOUGH:g} must be for none to mean anything, retention.watch says how long is looked"
    outcome = Outcome.FAIL if expected >= ENOUGH and written <= 0 else Outcome.PASS
    return Verdict(verdict, outcome, said, {"written": written, "expected": expected})


def retired(name: str, answering: bool, after: Interval, before: Interval, limit: float) -> Verdict:
    """After one instance went: it is silent, and the users of the new side did not feel it.

    FAIL where surely more than ``limit`` of their requests fail, or than failed ``before`` where that is more;
    INCONCLUSIVE where that is likely, and where nobody asked.
    """
    verdict, bad, requests = f"retired {name}", after.kubernetes_bad, after.kubernetes_requests
    if answering:
        return Verdict(verdict, Outcome.FAIL, f"{name} still answers")
    if not requests:
        return Verdict(verdict, Outcome.INCONCLUSIVE, f"{name} is silent; no request of the new side was counted since")
    allowed = max(limit, lower_bound(before.kubernetes_bad, before.kubernetes_requests))
    surely, likely = (lower_bound(bad, requests, confidence) > allowed for confidence in (SURE, CONFIDENCE))
    sign = "> limit" if surely else "not surely within limit" if likely else "within limit"
    earlier = share_of(before.kubernetes_bad, before.kubernetes_requests)
    message = f"{name} is silent; new side: {share_of(bad, requests)} failed, {sign} {allowed:.2%}; {earlier} before"
    numbers = {"failed": bad, "requests": requests, "limit": allowed}
    outcome = Outcome.FAIL if surely else Outcome.INCONCLUSIVE if likely else Outcome.PASS
    return Verdict(verdict, outcome, message, numbers)
