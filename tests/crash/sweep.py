"""Plays a passage that is killed at every write of its journals, and holds the world against what is on record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.parameters import Parameters
from runbook_lib.record import journal
from runbook_lib.record.archive import Attempt, attempts

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
KILLED = -9


@dataclass
class Sweep:
    """One passage under fire; ``folder`` keeps where it was killed, ``codes`` what each command line ended with."""

    parameters: Parameters
    folder: Path
    runners: subprocess.Popen[str]
    codes: list[int] = field(default_factory=list)

    def command(self, *words: str) -> int:
        """Run one command line to its end, by whatever it ends; its exit code."""
        assert self.runners.stdin and self.runners.stdout
        self.runners.stdin.write(json.dumps(words) + "\n")
        self.runners.stdin.flush()
        self.codes.append(int(self.runners.stdout.readline()))
        return self.codes[-1]

    @property
    def kills(self) -> list[dict[str, Any]]:
        path = self.folder / "kills.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def said(self) -> str:
        """What all command lines said."""
        return (self.folder / "said.log").read_text()

    @property
    def attempts(self) -> list[Attempt]:
        return attempts(self.parameters.path(self.parameters.records), self.parameters.application.name)


@contextmanager
def sweeping(parameters: Parameters, folder: Path, project: Path, **aim: Any) -> Iterator[Sweep]:
    """Runners that are killed as ``aim`` says (see inject/sitecustomize.py); ``project`` is where they work."""
    folder.mkdir()
    (folder / "aim.json").write_text(json.dumps({"what": "writer", "only": None} | aim))
    paths = os.pathsep.join([str(HERE / "inject"), str(REPOSITORY)])
    with (folder / "said.log").open("ab") as said:
        runners = subprocess.Popen(
            [sys.executable, str(HERE / "runners.py")],
            cwd=project,
            env=os.environ | {"PYTHONPATH": paths, "RUNBOOK_KILL": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        try:
            yield Sweep(parameters, folder, runners)
        finally:
            runners.communicate()  # no more lines: it ends


def explained(known: list[Attempt]) -> set[int]:
    """The weights that the journals allow: after the last act on traffic, or on both sides of one that is open."""
    weights = {0}
    for attempt in known:
        events = journal.read(attempt.folder)
        opened = {event.data["act"] for event in journal.open_intents(events)}
        for event in events:
            if event.kind == "intent" and event.data.get("after") is not None:
                both = event.data["act"] in opened
                weights = {event.data["after"]} | ({event.data["before"]} if both else set())
    return weights


def assert_explained(sweep: Sweep) -> None:
    """nginx stands where a journal says, and what is filed says of each cell what became of it."""
    weight, allowed = read_weight(connect(sweep.parameters)), explained(sweep.attempts)
    assert weight in allowed, f"nginx stands at {weight} %, on record is {allowed}; killed {sweep.kills[-1:]}"
    for attempt in sweep.attempts:
        if attempt.statement is not None:
            statuses = {cell["status"] for cell in attempt.facts["cells"]}
            assert statuses <= {"completed", "failed", "not-run"}, attempt.folder


def assert_found_rightly(sweep: Sweep) -> int:
    """Each open act was told as it was: killed before its result was written it had been done; how many there were."""
    told = {}
    for attempt in sweep.attempts:
        for event in journal.read(attempt.folder):
            if event.kind == "recovered":
                told[event.data["attempt"], event.data["act"]] = event.data["finding"]
    seen = 0
    for kill in sweep.kills:
        if (kill["attempt"], kill.get("act")) not in told or kill["kind"] not in ("intent", "result"):
            continue
        seen += 1
        finding = told[kill["attempt"], kill["act"]]
        done = kill["kind"] == "result" or kill.get("before", 0) == kill.get("after", 1)
        if "after" in kill or "users" in kill["what"]:
            assert finding == ("done" if done else "not done"), kill
        elif kill["kind"] == "result":  # the drill begins again: its mark is cleared before it is redone
            assert finding in (("done", "repeated") if kill["what"].startswith("drill: ") else ("done",)), kill
    return seen
