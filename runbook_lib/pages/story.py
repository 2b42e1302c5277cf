"""What happened in one run, from its records alone: what the page of the run tells, in order of time.

Records are read as they lie there, also those of older versions and those that somebody spoilt: what is missing or of
another kind is left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.pages.questions import Asked, asked
from runbook_lib.pages.shape import mapping, mappings, text
from runbook_lib.pages.timeline import Moment, moments
from runbook_lib.pages.words import address, duration, exit_words, instant, moment, short
from runbook_lib.record.archive import RECORD, SIGNATURE, Attempt
from runbook_lib.record.attempt import title

FILES = ("notebook.html", "notebook.ipynb", RECORD, SIGNATURE, "journal.jsonl", "observations.jsonl", "parameters.json")


@dataclass(frozen=True)
class Told:
    """One attempt of the run."""

    attempt: Attempt
    facts: dict[str, Any]
    moments: list[Moment]
    verdicts: list[dict[str, Any]]
    stopped: list[dict[str, Any]]
    not_run: list[str]
    broken: list[dict[str, Any]]
    unknown: list[dict[str, Any]]
    how: list[tuple[str, str]]
    files: list[tuple[str, str]]
    evidence: list[tuple[str, str]]
    queries: list[str]

    @property
    def day(self) -> str:
        """The day on which it began."""
        return instant(self.facts.get("started"))[:10]

    @property
    def exit_words(self) -> str:
        """What its exit code means."""
        code = self.facts.get("exit_code")
        return exit_words(code) if isinstance(code, int) else ""

    @property
    def took(self) -> str:
        """How long it was at work."""
        return duration(self.facts.get("seconds"))


@dataclass(frozen=True)
class Story:
    """One run: its attempts in the order they were made, and what people were asked."""

    application: str
    run_id: str
    title: str
    told: list[Told]
    asked: list[Asked]
    previous: dict[str, str] | None

    @property
    def last(self) -> Told:
        """The attempt that says how it ended."""
        return self.told[-1]

    @property
    def who(self) -> str:
        """Whoever ran the attempts, each once."""
        names = [text(mapping(told.facts.get("who")).get("name")) for told in self.told]
        return ", then ".join(dict.fromkeys(filter(None, names)))

    @property
    def filed_by(self) -> dict[str, str]:
        """Whoever signed the last record, with the key; empty when nobody did."""
        filed = mapping(self.last.facts.get("filed_by"))
        return {"name": text(filed.get("name")), "key": text(filed.get("key"))} if text(filed.get("name")) else {}

    @property
    def ended_minute(self) -> str:
        """When it ended, as the list's filter takes it."""
        return instant(self.last.facts.get("ended"))[:16]

    @property
    def dry_run(self) -> bool:
        """True when nothing was to be changed."""
        return bool(self.last.facts.get("dry_run"))


def story(run: Path, known: Sequence[Attempt]) -> Story | None:
    """What the filed attempts of a run tell; None when none is filed yet."""
    filed = [attempt for attempt in known if attempt.statement is not None or attempt.problem]
    if not filed:
        return None
    gates = asked(run.parent / "gates", filed)
    ends = ["", *(instant(facts_of(attempt).get("ended")) for attempt in filed)]
    told = [_tell(attempt, gates, before) for attempt, before in zip(filed, ends, strict=False)]
    facts = told[-1].facts
    weight, mode = facts.get("weight"), text(facts.get("mode")) or None
    name = title(text(facts.get("phase")), weight if isinstance(weight, int) else None, mode)
    return Story(run.parent.name, run.name, name or run.name, told, gates, _previous(run, told[0].facts))


def facts_of(attempt: Attempt) -> dict[str, Any]:
    """The predicate of a record, empty when it is none."""
    return mapping((attempt.statement or {}).get("predicate"))


def _tell(attempt: Attempt, gates: Sequence[Asked], since: str) -> Told:
    facts = facts_of(attempt)
    names = [text(one.get("name")) for one in mappings((attempt.statement or {}).get("subject"))]
    here = attempt.folder.name
    evidence = [name for name in names if name.startswith("evidence/")]
    queries, signed = facts.get("questions"), [SIGNATURE] if _signer(facts) else []
    return Told(
        attempt,
        facts,
        moments(facts, gates, since),
        [{**one, "figures": _figures(one.get("numbers"))} for one in mappings(facts.get("verdicts"))],
        [one for one in mappings(facts.get("cells")) if one.get("status") not in ("completed", "not-run")],
        [_cell(one) for one in mappings(facts.get("cells")) if one.get("status") == "not-run"],
        mappings(facts.get("failed_changes")),
        mappings(facts.get("open_intents")),
        _how(facts),
        [(name, address(here, name)) for name in FILES if name in {*names, RECORD, *signed}],
        [(name.removeprefix("evidence/"), address(here, *name.split("/"))) for name in evidence],
        [text(query) for query in queries] if isinstance(queries, list) else [],
    )


def _cell(one: dict[str, Any]) -> str:
    return f"{text(one.get('index'))} {text(one.get('id'))}".strip()


def _figures(numbers: Any) -> str:
    return " · ".join(f"{name.replace('_', ' ')} {_figure(value)}" for name, value in mapping(numbers).items())


def _figure(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else short(value, 80)


def _how(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Who, with which code, against which cluster, with which versions; what is not known is not there."""
    who, cluster = mapping(facts.get("who")), mapping(facts.get("cluster"))
    code, versions = mapping(facts.get("code")), mapping(facts.get("versions"))
    commit = text(code.get("commit"))
    dirty = {"True": ", with changes that were not committed", "False": ", nothing uncommitted"}
    lines = [
        ("ran by", _person(who)),
        ("account", " on ".join(filter(None, (text(who.get("account")), text(who.get("host")))))),
        ("filed by", _signer(facts)),
        ("code", f"commit {commit}{dirty.get(text(code.get('dirty')), '')}" if commit else ""),
        ("cluster", ", ".join(f"{key} {text(value)}" for key, value in cluster.items() if text(value))),
        ("versions", ", ".join(f"{key} {text(value)}" for key, value in versions.items())),
    ]
    return [(name, value) for name, value in lines if value]


def _person(who: dict[str, Any]) -> str:
    """Whose run it was, and where that name comes from."""
    name, source = text(who.get("name")), text(who.get("source"))
    return f"{name} ({source})" if name and source else name


def _signer(facts: dict[str, Any]) -> str:
    """Who filed the record, with the key that signed it."""
    filed = mapping(facts.get("filed_by"))
    return ", key ".join(filter(None, (text(filed.get("name")), text(filed.get("key")))))


def _previous(run: Path, facts: dict[str, Any]) -> dict[str, str] | None:
    """The record that this one follows, with the link to its page."""
    before = mapping(facts.get("previous"))
    name, number = text(before.get("run")), text(before.get("attempt"))
    if not name or "/" in name or name in {".", "..", run.name}:
        return None
    return {"run": name, "attempt": number, "link": f"../{address(name)}/index.html#attempt-{address(number)}"}


def span(told: Told) -> str:
    """From when to when, in UTC."""
    first, last = moment(told.facts.get("started")), moment(told.facts.get("ended"))
    return f"{first} to {last[11:] if first[:10] == last[:10] else last} UTC"
