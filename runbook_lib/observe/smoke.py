"""Asks the new side before any user does: smoke cases against each Pod, sessions carried from side to side."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import requests

from runbook_lib.sections import SmokeCase


@dataclass(frozen=True)
class Answer:
    """What one target said to one case; ``status`` is None when nothing came back. The body itself is not kept."""

    target: str
    case: str
    expected: int
    status: int | None
    body_as_expected: bool
    seconds: float
    within: float
    error: str = ""


@dataclass(frozen=True)
class Crossing:
    """A session made on one side and used on the other; ``forged`` is the answer to a session that nobody made."""

    made_on: str
    used_on: str
    login: int | None
    status: int | None
    forged: int | None


def smoke(http: requests.Session, targets: Mapping[str, str], cases: Sequence[SmokeCase]) -> list[Answer]:
    """Every case against every target (name -> URL), in order; each target begins without cookies."""
    answers = []
    for name, url in targets.items():
        http.cookies.clear()
        answers += [_ask(http, name, url, case) for case in cases]
    http.cookies.clear()
    return answers


def first_answer(http: requests.Session, url: str, case: SmokeCase, patience: float) -> float | None:
    """Seconds until a target gives the expected status for the first time; None when patience is over.

    A gateway hears of new endpoints after the cluster does: it gets this time before it is judged.
    """
    started = time.monotonic()
    while time.monotonic() - started < patience:
        if _ask(http, "gateway", url, case).status == case.status:
            return time.monotonic() - started
        time.sleep(0.2)
    return None


def _ask(http: requests.Session, target: str, url: str, case: SmokeCase) -> Answer:
    within = case.within.total_seconds()
    started = time.perf_counter()
    try:
        found = http.request(case.method, url.rstrip("/") + case.path, timeout=within + 5, allow_redirects=False)
    except requests.RequestException as error:
        seconds = time.perf_counter() - started
        return Answer(target, case.name, case.status, None, False, seconds, within, type(error).__name__)
    seconds = time.perf_counter() - started
    return Answer(target, case.name, case.status, found.status_code, case.body_contains in found.text, seconds, within)


def cross(
    http: requests.Session, login: str, check: str, made_on: tuple[str, str], used_on: tuple[str, str]
) -> Crossing:
    """Log in (POST) on one target (name, URL), then read with that session (GET) on another; it writes nothing."""
    (made_name, made_url), (used_name, used_url) = made_on, used_on
    checked = used_url.rstrip("/") + check
    http.cookies.clear()
    session = _send(http, "POST", made_url.rstrip("/") + login, "")
    http.cookies.clear()
    cookies = dict(session.cookies.items()) if session is not None else {}
    lives = _send(http, "GET", checked, _header(cookies)) if cookies else None
    forged = _send(http, "GET", checked, _header(dict.fromkeys(cookies, "no-such-session")))
    http.cookies.clear()
    return Crossing(made_name, used_name, _status(session), _status(lives), _status(forged))


def _header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{key}={value}" for key, value in cookies.items())


def _send(http: requests.Session, method: str, url: str, cookies: str) -> requests.Response | None:
    # a jar binds cookies to the host that set them: users carry them across behind one name, so does this header
    headers = {"Cookie": cookies} if cookies else {}
    try:
        return http.request(method, url, headers=headers, timeout=5, allow_redirects=False)
    except requests.RequestException:
        return None


def _status(answer: requests.Response | None) -> int | None:
    return None if answer is None else answer.status_code
