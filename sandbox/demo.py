"""The whole passage on the practice range, as a newcomer sees it: the same commands an operator would type."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, Held
from runbook_lib.gate import answer_gate, gates_folder, names_at_hand, open_gates
from runbook_lib.parameters import load
from sandbox import faults
from sandbox.control import Wish, range_for
from sandbox.load.check import check_orders
from sandbox.load.counts import read_lines
from sandbox.load.report import orders_file
from sandbox.picture import draw_passage
from sandbox.plan import Plan

# How large a fault is when only its name is given.
SIZES = {
    "errors": "errors=0.3",
    "latency": "latency=1",
    "leak": "leak=100",
    "throttle": "throttle=0.95",
    "slow_start": "slow_start=10",
    "session_loss": "session_loss=0.5",
    "wrong_amount": "wrong_amount=0.5",
}
FAULT_FROM = 30  # percent: the fault comes when so many users are on the new side
FAULT_AFTER = 3.0  # seconds into that stage
HELD_TIMES = 3


@dataclass
class Saboteur:
    """Switches a fault on once, when enough users are on the new side; remembers when."""

    plan: Plan
    words: list[str]
    console: Console
    at: datetime | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        """Wait for the weight, then break things; ends when ``done`` is set."""
        clients = connect(load(self.plan.parameters))
        while not self.done.wait(0.1):
            if read_weight(clients) >= FAULT_FROM:
                if not self.done.wait(FAULT_AFTER):
                    faults.switch(self.plan.faults, self.words)
                    self.at = datetime.now(UTC)
                    self.console.print(f"[red]fault[/red] {' '.join(self.words)}, switched on on purpose")
                return


def fault_words(text: str) -> list[str]:
    """``errors`` or ``errors=0.3 side=kubernetes`` as the words of the fault command; BadParameters for neither."""
    words = text.split()
    name = words[0].partition("=")[0]
    if name not in faults.CATALOGUE:
        raise BadParameters(f"there is no fault {name!r}; there are {', '.join(faults.CATALOGUE)}")
    if "=" not in words[0]:
        words[0] = SIZES.get(name, f"{name}=true")
    if not any(word.startswith("side=") for word in words):
        sides = faults.CATALOGUE[name].sides
        words.append(f"side={'kubernetes' if 'kubernetes' in sides else sides[0]}")
    return words


def demo(name: str, root: Path, fault: str | None, rate: int, console: Console) -> int:
    """Bring the range up, run the passage, answer its gates, say what the users saw; the exit code of the passage."""
    words = fault_words(fault) if fault else []
    began = time.monotonic()
    console.print("[bold]A live order service moves from three virtual machines to Kubernetes.[/bold]")
    with range_for(Wish(name=name, root=root, load=rate, owner=os.getpid())) as plan:
        console.print(
            f"range up after {time.monotonic() - began:.0f} s: users come in at {plan.front.url}, {rate} a second"
        )
        saboteur = Saboteur(plan, words, console)
        if words:
            threading.Thread(target=saboteur.work, daemon=True).start()
        try:
            code = _passage(plan, console)
        finally:
            saboteur.done.set()
        _report(plan, saboteur, console)
    parameters = load(plan.parameters)
    _prove(console)
    index = parameters.path(parameters.records) / "index.html"
    console.print(f"The archive: {index}   ({time.monotonic() - began:.0f} s in all, exit {code})", soft_wrap=True)
    return code


def _passage(plan: Plan, console: Console) -> int:
    """`runbook run` to its end, with somebody at the gates; a stage that lacks evidence is looked at again."""
    words = ("run", str(plan.parameters), "--wait", "5min")
    over = threading.Event()
    threading.Thread(target=_approve, args=(plan, console, over), daemon=True).start()
    try:
        code = _runbook(*words, "--anew")
        for _ in range(HELD_TIMES):
            if code != Held.exit_code:
                break
            code = _runbook(*words)
    finally:
        over.set()
    return code


def _approve(plan: Plan, console: Console, over: threading.Event) -> None:
    """Play the approvers: what waits is looked at for a moment, and allowed with a reason, by as many as it takes."""
    parameters = load(plan.parameters)
    records, application = parameters.path(parameters.records), parameters.application.name
    folder, reason = gates_folder(records, application), "practice range: the evidence passes, approved by script"
    known = {gate.id for gate in open_gates(records, application)}
    while not over.wait(1.0):
        for gate in open_gates(records, application):
            if gate.state != "pending" or gate.id in known:
                continue
            console.print(f"[yellow]gate[/yellow] {gate.asked.question}", soft_wrap=True)
            for name in names_at_hand(parameters, gate.asked)[: gate.asked.people]:
                answer_gate(folder, gate.id, "approved", reason, name)
                console.print(f"     {name} says yes, as `runbook approve {gate.id}` would", soft_wrap=True)


def _runbook(*words: str) -> int:
    """The command line as an operator types it; Ctrl-C reaches it too, and it is given time to file its record."""
    process = subprocess.Popen([sys.executable, "-m", "runbook_lib.cli", *words])
    try:
        return process.wait()
    except BaseException:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(5)
        raise


def _prove(console: Console) -> None:
    """Seal what is new and have it checked, as an auditor would; of the many lines the last ones are shown."""
    command = [sys.executable, "-m", "runbook_lib.cli"]
    for words in (["seal"], ["verify"]):
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        console.print(f"[bold]runbook {words[0]}[/bold]")
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        for line in [line for line in lines if not line.startswith(("accepted", "unsigned"))]:
            console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)


def _report(plan: Plan, saboteur: Saboteur, console: Console) -> None:
    """What the users saw, whether every order is there, and after a fault how long everything took."""
    time.sleep(1.2)  # the load generator writes one line a second
    lines = read_lines(plan.load_lines)
    requests, failed = (sum(line[key] for line in lines) for key in ("requests", "failed"))
    per = 10_000 * failed / requests if requests else 0.0
    console.print(f"users: {requests:,} requests, {failed} failed ({per:.1f} in 10 000)")
    if saboteur.at:
        _timeline(plan, saboteur.at, lines, console)
    console.print(f"orders: {check_orders(orders_file(plan), plan.orders_database)}", soft_wrap=True)
    picture = draw_passage(lines, plan.folder / "passage.png", saboteur.at)
    console.print(f"The picture: {picture}", soft_wrap=True)


def _timeline(plan: Plan, fault_at: datetime, lines: Sequence[dict[str, Any]], console: Console) -> None:
    """From the fault to the last user on the broken side, by the records and by what the users saw."""
    rows = _journalled(plan, fault_at)
    after = [line for line in lines if _when(line["at"]) > fault_at]
    empty = next((_when(line["at"]) for line in after if not line["by_side"]["kubernetes"]), None)
    if empty:
        # a line is written at the end of its second: the last user left in the second before
        left = max(0.0, (empty - timedelta(seconds=1) - fault_at).total_seconds())
        rows.append((left, "share 0", "no user is answered by the new side any more"))
    for seconds, kind, said in sorted(rows):
        console.print(f"  +{seconds:5.2f} s  {kind:9} {said}", soft_wrap=True)
    console.print(f"from fault to share 0: {left:.1f} s" if empty else "the share never became 0")


def _journalled(plan: Plan, fault_at: datetime) -> list[tuple[float, str, str]]:
    """What the last attempt's journal says of the rollback: seconds since the fault, kind, sentence."""
    parameters = load(plan.parameters)
    folder = parameters.path(parameters.records) / parameters.application.name
    journals = sorted(folder.glob("*/attempt-*/journal.jsonl"), key=lambda path: path.stat().st_mtime)
    rows = []
    for event in read_lines(journals[-1]) if journals else []:
        if event["kind"] in ("detected", "result", "verified") and _when(event["at"]) > fault_at:
            data = event["data"]
            said = data.get("cause") or data.get("what") or data.get("message")
            rows.append(((_when(event["at"]) - fault_at).total_seconds(), event["kind"], str(said)))
    return rows


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text)
