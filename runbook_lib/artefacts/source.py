"""What to look for in source, and what was found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What to look for in source, why it breaks in a Pod, what to change in code, and the control that answers it.

    ``match`` is an ast-grep rule when ``language`` is a programming language, a regular expression when it is
    ``text``; ``constraints`` are ast-grep's, of what the rule's variables stand for; ``files`` are name patterns. One
    of the ``words`` and the expression ``requires`` must stand in the file, ``unless`` in no build file. ``once``: only
    the first place of a file is told. ``topic`` joins evidence to manifest controls (``session``, ``cron`` ...).
    ``finds`` and ``passes`` are samples of what it must find and must not; ``file`` is where it is written down.
    """

    id: str
    title: str
    topic: str
    severity: str
    language: str
    files: tuple[str, ...]
    match: Any
    reason: str
    change: str
    control: str
    unless: str = ""
    requires: str = ""
    words: tuple[str, ...] = ()
    constraints: Any = None
    once: bool = False
    finds: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True)
class Evidence:
    """One place in the source where a rule matched; ``captured`` are paths, addresses or schedules in the text."""

    rule: Rule
    file: str
    line: int
    text: str
    captured: str = ""
    suppressed: str = ""
