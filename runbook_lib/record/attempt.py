"""The `run` of a notebook: its parameters, its folder, and everything that is written down while it goes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

from runbook_lib.clients import Clients
from runbook_lib.durable import write_json, write_whole
from runbook_lib.errors import BadParameters, CriterionFailed, Unwritable
from runbook_lib.model import Change, Event, Outcome, Verdict, now, plain
from runbook_lib.parameters import Parameters
from runbook_lib.record.clients import WatchedClients
from runbook_lib.record.evidence import questions, storable
from runbook_lib.record.journal import SECRET, Journal
from runbook_lib.record.statement import sha256
from runbook_lib.redact.at_hand import redactor_for


@dataclass(frozen=True)
class Summary:
    """What `run.finish()` shows at the end of a notebook."""

    title: str
    message: str
    verdicts: tuple[Verdict, ...]
    folder: Path

    def __repr__(self) -> str:
        lines = [f"{self.title}: {self.message}", *(f"  {v.outcome.name}: {v.message}" for v in self.verdicts)]
        return "\n".join([*lines, f"filed in {self.folder}"])

    def _repr_html_(self) -> str:
        lines = ((v.name, v.outcome.name, v.message) for v in self.verdicts)
        left = "<td style='text-align:left'>"
        rows = "".join(f"<tr>{''.join(f'{left}{escape(text)}</td>' for text in line)}</tr>" for line in lines)
        head = f"<b>{escape(self.title)}</b>: {escape(self.message)}"
        return f"<p>{head}</p><table>{rows}</table><p>Filed in <code>{escape(str(self.folder))}</code>.</p>"


class Run:
    """One attempt at one step, as a notebook sees it."""

    def __init__(self, parameters: Parameters, folder: Path, step: tuple[str, int | None, str | None]) -> None:
        self.parameters = parameters
        self.attempt = folder
        self.phase, self.stage, self.mode = step
        self.verdicts: dict[str, Verdict] = {}
        self._redactor = redactor_for(Clients(parameters))
        self._secrets: set[str] = set()
        self._late: list[tuple[str, dict[str, Any]]] = []
        self._journal = Journal(folder, self.redacted)
        self._acts = count(1)
        self._clients: Clients | None = None
        self._asked: set[str] = set()
        self.on_finish: Callable[[str | None, str], None] | None = None

    @property
    def run_id(self) -> str:
        """The run that this is an attempt of."""
        return self.attempt.parent.name

    @property
    def number(self) -> int:
        """Which attempt of the run this is, from 1."""
        return int(self.attempt.name.removeprefix("attempt-"))

    @property
    def closed(self) -> bool:
        """True when the attempt is filed and takes no more entries."""
        return self._journal.closed

    def redacted(self, value: Any) -> Any:
        """The same text, or value made of JSON's types, with a mark in the place of every secret."""
        return self._redactor.value(value)

    def event(self, kind: str, **data: Any) -> Event:
        """Write one line into the journal; it is on the disk when this returns."""
        self._must_be_open()
        self._say_late()
        return self._journal.write(kind, **data)

    def tell(self, kind: str, **data: Any) -> None:
        """Like `event`, but a disk that is full holds nobody up: the line is written as soon as one can be."""
        self._must_be_open()
        self._late.append((kind, data))
        with contextlib.suppress(Unwritable):
            self._say_late()

    def progress(self, message: str, fraction: float | None = None, seconds_left: float | None = None) -> None:
        """Tell whoever watches how far it is; ``fraction`` of the whole, 0 to 1. A full disk stops no watching."""
        self._must_be_open()
        with contextlib.suppress(Unwritable):
            self._journal.write(
                "progress", durable=False, message=message, fraction=fraction, seconds_left=seconds_left
            )

    def evidence(self, name: str, value: Any) -> str:
        """Keep a value as evidence/<name>.json (name-2, name-3 … when taken); returns the sha256 of the file."""
        path = self._free(name, ".json")
        write_json(path, self.redacted(storable(value)))
        self.asked(*questions(value))
        return self._kept(name, path)

    def keep(self, name: str, text: str) -> Path:
        """Keep a text for people as evidence/<name>, whose ending says what it is: a page, a list; its path."""
        stem, dot, ending = name.rpartition(".")
        path = self._free(stem, dot + ending)
        write_whole(path, self._redactor.text(text))
        self._kept(name, path)
        return path

    def _free(self, name: str, ending: str) -> Path:
        """The first path for evidence of that name that is not taken."""
        folder = self.attempt / "evidence"
        folder.mkdir(exist_ok=True)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", self._redactor.text(name)).strip("-.") or "evidence"
        return next(p for n in count(1) if not (p := folder / f"{stem}{f'-{n}' if n > 1 else ''}{ending}").exists())

    def _kept(self, name: str, path: Path) -> str:
        digest = sha256(path)
        self.event("evidence", name=name, path=f"evidence/{path.name}", sha256=digest)
        return digest

    def asked(self, *queries: str) -> None:
        """Note questions put to Prometheus, each once."""
        for query in queries:
            if query not in self._asked:
                self._asked.add(query)
                with contextlib.suppress(Unwritable):
                    self._journal.write("asked", durable=False, query=query)

    def verdict(self, *verdicts: Verdict) -> tuple[Verdict, ...]:
        """Note judgements; a later one of the same name takes the place of the earlier one at the end."""
        for verdict in verdicts:
            self.verdicts[verdict.name] = verdict
            self.event("verdict", **plain(verdict))
        return verdicts

    def change(
        self,
        what: str,
        act: Callable[[], Change],
        before: int | None = None,
        after: int | None = None,
        unrecorded: bool = False,
    ) -> Change:
        """Act, with the intent on the disk before and the result after; a dry run only says what it would do.

        ``before`` and ``after`` are percent of the users, for an act on traffic: after a crash the knob is asked which
        of them stands. Unwritable, and nothing done, when the intent cannot be written, unless ``unrecorded`` allows
        that. A result that cannot be written stops nobody from watching what was done; the next intent waits for it.
        """
        if self.parameters.dry_run:
            self.event("would", what=what)
            return Change(what, None, None, done=False, at=now(), note="dry run: nothing was changed")
        said = {"act": f"{self.number}.{next(self._acts)}", "what": what}
        intend = self.tell if unrecorded else self.event
        intend("intent", **said, **({} if after is None else {"before": before, "after": after}))
        try:
            change = act()
        except BaseException as error:  # told to the journal and raised on: also Ctrl-C must leave its trace
            self.tell("result", **said, error=type(error).__name__, message=str(error))
            raise
        self.tell("result", **said, change=storable(change))
        return change

    def connect(self) -> Clients:
        """The clients of this run; what they are connected to and what Prometheus is asked goes into the record."""
        if self._clients is None:
            self._clients = WatchedClients(
                self.parameters, on_cluster=self._cluster, on_question=self.asked, on_secret=self._used
            )
        return self._clients

    def finish(self, message: str = "") -> Summary:
        """Judge all verdicts, file the attempt and return what to show; CriterionFailed when one is FAIL."""
        last = tuple(self.verdicts.values())
        failed = [v for v in last if v.outcome is Outcome.FAIL]
        if failed:
            reason = "; ".join(_sentence(v) for v in failed)
            self._file("CriterionFailed", reason)
            raise CriterionFailed(reason)
        unknown = [v for v in last if v.outcome is Outcome.INCONCLUSIVE]
        said = message or _in_short(last)
        if unknown:
            said += f"; not known: {'; '.join(_sentence(v) for v in unknown[:3])}"
        self.event("finished", message=said)
        self._file(None, said)
        return Summary(f"{self.title} passed", said, last, self.attempt)

    @property
    def title(self) -> str:
        """The step in words: ``gray stage 5 %``."""
        return title(self.phase, self.stage, self.mode)

    def close(self) -> None:
        """Take no more entries."""
        self._journal.close()

    def _file(self, error: str | None, message: str) -> None:
        if self.on_finish is not None:
            self.on_finish(error, self._redactor.text(message))

    def _cluster(self, facts: dict[str, Any]) -> None:
        self.event("cluster", **facts)

    def _used(self, reference: str, value: str) -> None:
        """Learn a secret before anybody can tell it; the runner hears its reference from the journal."""
        self._redactor = self._redactor.knowing(reference, value)
        if reference not in self._secrets and not self.closed:
            self._secrets.add(reference)
            with contextlib.suppress(Unwritable):
                self._journal.write(SECRET, durable=False, reference=reference)

    def _say_late(self) -> None:
        while self._late:
            kind, data = self._late[0]
            self._journal.write(kind, **data)
            del self._late[0]

    def _must_be_open(self) -> None:
        if self.closed:
            raise BadParameters(f"{self.attempt} is filed already; run the notebook from its first cell to begin anew")


def title(phase: str, weight: int | None, mode: str | None) -> str:
    """A step in words: ``gray stage 5 %``, ``rollback drill``."""
    words = phase.replace("_", " ")
    if weight is not None:
        words += f" {weight} %"
    return f"{words} {mode}" if mode and mode != phase else words


def _in_short(verdicts: tuple[Verdict, ...]) -> str:
    passed = sum(v.outcome is Outcome.PASS for v in verdicts)
    count = f"{passed} of {len(verdicts)} criteria passed"
    return f"{count}; {_sentence(verdicts[0])}" if verdicts else "nothing to judge"


def _sentence(verdict: Verdict) -> str:
    """The message with its name before it, unless it begins with it."""
    told = verdict.message.lower().startswith(verdict.name.lower())
    return verdict.message if told else f"{verdict.name}: {verdict.message}"
