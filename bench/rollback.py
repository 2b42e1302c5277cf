"""How long users stay on a side that broke: from the fault to the last request that is sent there.

On a range of its own under load, with the guard as the only one who acts, at several weights and for several faults.
Beside it the physical floor of the same machine: one scrape, one query, one reload. ``python -m bench.rollback
[TRIALS]``; the access log of nginx tells when a request was sent where, the load generator what the users saw.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import CoreV1Api

from runbook_lib.act.release import apply
from runbook_lib.act.traffic.knob import shift
from runbook_lib.clients import Clients, connect
from runbook_lib.errors import RunbookError
from runbook_lib.guard.lease import Lease
from runbook_lib.guard.rounds import Rounds
from runbook_lib.guard.scribe import Deed, Scribe
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.counters import read
from runbook_lib.observe.release import bundle
from runbook_lib.observe.workload.wait import wait
from runbook_lib.parameters import Parameters, check
from sandbox import faults
from sandbox.control import Wish, range_for
from sandbox.load.counts import totals
from sandbox.plan import Plan

TRIALS = 20
LOAD = 300  # requests a second
WEIGHTS = (5, 10, 30, 50)
FAULTS = {"errors": "errors=0.3", "latency": "latency=1", "crash": "crash=true", "oom": "oom=true"}
FAILED = 499  # nginx' word for a client that gave up, and all above it
PATIENCE = 60.0  # seconds
CALM = 4.0  # seconds of both sides being well before a fault
ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out" / "rollback.json"


@dataclass(frozen=True)
class Trial:
    """Seconds from the fault: to the verdict, to the end of the reload, to the last request sent to the new side."""

    seen: float
    acted: float
    share_0: float
    failed: int
    """Requests that the new side failed, by nginx' access log."""
    others: int
    """What else the users saw fail meanwhile, by the load generator."""


class Ear(Scribe):
    """Hears what the guard did in the place of the record, which is no part of the time."""

    def __init__(self) -> None:
        self.pending = ""
        self.deeds: list[Deed] = []
        self.did = threading.Event()

    def take(self, deed: Deed) -> None:
        self.deeds.append(deed)
        self.did.set()

    def end(self) -> None:
        """There is nothing to finish."""


def main() -> None:
    """Measure, print a table, and write the numbers."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    numbers: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-rollback-") as name:
        wish = Wish(f"bench-{os.getpid()}", Path(name), load=LOAD, owner=os.getpid())
        with range_for(wish) as plan:
            parameters = _parameters(plan, Path(name) / "records")
            _deploy(plan, parameters)
            numbers |= _floor(plan, parameters) | _command(plan, parameters, Path(name) / "bench.yaml")
            _print_floor(numbers)
            ending, ear = threading.Event(), Ear()
            guard = _guard(parameters, ear, ending)
            for weight in WEIGHTS:
                for fault, words in FAULTS.items():
                    done = [_trial(plan, parameters, ear, weight, words) for _ in range(trials)]
                    numbers |= _summary(f"{fault}_{weight}", done)
                    _print_line(numbers, fault, weight)
            ending.set()
            guard.join()
    _print_end(numbers)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 4) for key, value in numbers.items()}, indent=1) + "\n")


def _parameters(plan: Plan, records: Path) -> Parameters:
    values = yaml.safe_load(plan.parameters.read_text())
    values["records"] = str(records)
    # the range's own alert goes on for a while after a fault
    values["metrics"]["alerts"] = 'ALERTS{alertstate="firing",alertname="NoneOfTheRange"}'
    return check(values, "the bench's parameters")


def _deploy(plan: Plan, p: Parameters) -> None:
    cluster = Cluster(connect(p).kubernetes, p.kubernetes.namespace)
    apply(cluster, bundle.read(plan.manifests, p.kubernetes.namespace))
    wait(cluster, p.kubernetes.deployment, p.kubernetes.rollout_timeout)


def _guard(p: Parameters, ear: Ear, ending: threading.Event) -> threading.Thread:
    """The guard as `runbook guard` runs it, but for the record."""
    clients = connect(p)
    rounds = Rounds(clients, Lease(clients, "bench"), lambda _: None, ending)
    rounds.scribe.end()
    rounds.scribe = ear

    def work() -> None:
        while not ending.is_set():
            rounds.round()
            rounds.rest()
        rounds.end()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _trial(plan: Plan, p: Parameters, ear: Ear, weight: int, words: str) -> Trial:
    clients = connect(p)
    _calm(plan, p, clients)
    ear.did.clear()
    shift(clients, weight)
    time.sleep(CALM + random.uniform(0, 1))  # a fault comes at any moment between two ticks
    log = plan.part("nginx") / "access.log"
    begin, fault_at = (log.stat().st_ino, log.stat().st_size), time.time()
    faults.switch(plan.faults, [words, "side=kubernetes"])
    acted = ear.did.wait(PATIENCE)
    time.sleep(2.5)  # nginx and the load generator write once a second
    faults.switch(plan.faults, ["off"])
    sent = [one for one in _requests(log, *begin) if one["side"] == "kubernetes"]
    failed = sum(one["status"] >= FAILED for one in sent)
    others = max(0, totals(plan.load_lines, datetime.fromtimestamp(fault_at, UTC)).failed - failed)
    if not acted:
        return Trial(PATIENCE, PATIENCE, PATIENCE, failed, others)
    returned = ear.deeds[-1].returned
    seen, done = (moment.timestamp() - fault_at for moment in (returned.began, returned.done))
    return Trial(seen, done, _last(sent) - fault_at if sent else 0.0, failed, others)


def _calm(plan: Plan, p: Parameters, clients: Clients) -> None:
    """No fault, no user on the new side, and fresh Pods: those of the trial before may wait to be started again."""
    faults.switch(plan.faults, ["off"])
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            shift(clients, 0)
            CoreV1Api(clients.kubernetes).delete_collection_namespaced_pod(p.kubernetes.namespace)
            time.sleep(0.5)
            cluster = Cluster(clients.kubernetes, p.kubernetes.namespace)
            wait(cluster, p.kubernetes.deployment, p.kubernetes.rollout_timeout)
            return
        except RunbookError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _requests(log: Path, inode: int, offset: int) -> Iterator[dict[str, Any]]:
    """Each request since then, as nginx wrote it down; the log may have been turned over meanwhile."""
    before = log.with_suffix(".log.1")
    files = [(log, offset)] if log.stat().st_ino == inode else [(before, offset), (log, 0)]
    for path, start in files:
        with path.open("rb") as stream:
            stream.seek(start)
            for line in stream.read().splitlines():
                with contextlib.suppress(ValueError):  # the line that is being written
                    yield json.loads(line)


def _last(sent: list[dict[str, Any]]) -> float:
    """When the last of them was sent."""
    return max((float(one["at"] - one["seconds"]) for one in sent), default=0.0)


def _floor(plan: Plan, p: Parameters) -> dict[str, float]:
    """What no judge can be faster than: one scrape, one query, and a reload until the last user is away."""
    clients, queries, reloads = connect(p), [], []
    log = plan.part("nginx") / "access.log"
    for _ in range(5):
        shift(clients, 50)
        time.sleep(1)
        began = time.perf_counter()
        read(clients.prometheus, p.metrics, 0.5)
        queries.append(time.perf_counter() - began)
        begin, at = (log.stat().st_ino, log.stat().st_size), time.time()
        shift(clients, 0)
        time.sleep(2.5)
        reloads.append(max(0.0, _last([one for one in _requests(log, *begin) if one["side"] == "kubernetes"]) - at))
    scrape = p.metrics.scrape.total_seconds()
    parts = {"scrape": scrape, "query": statistics.median(queries), "reload": statistics.median(reloads)}
    return {**{f"floor_{name}": value for name, value in parts.items()}, "floor": sum(parts.values())}


def _command(plan: Plan, p: Parameters, file: Path) -> dict[str, float]:
    """From the command of a person on call to the last request that is sent to the new side, with Python's start."""
    file.write_text(yaml.safe_dump(p.model_dump(mode="json")))
    clients, log, times = connect(p), plan.part("nginx") / "access.log", []
    for _ in range(5):
        shift(clients, 10)
        time.sleep(1)
        begin, at = (log.stat().st_ino, log.stat().st_size), time.time()
        command = [sys.executable, "-m", "runbook_lib.cli", "rollback", str(file)]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        time.sleep(1.5)
        times.append(max(0.0, _last([one for one in _requests(log, *begin) if one["side"] == "kubernetes"]) - at))
    return {"command_median": statistics.median(times), "command_max": max(times)}


def _summary(name: str, done: list[Trial]) -> dict[str, float]:
    share = [trial.share_0 for trial in done]
    return {
        f"median_{name}": statistics.median(share),
        f"max_{name}": max(share),
        f"seen_median_{name}": statistics.median(trial.seen for trial in done),
        f"reload_median_{name}": statistics.median(trial.acted - trial.seen for trial in done),
        f"failed_median_{name}": statistics.median(trial.failed for trial in done),
        f"failed_max_{name}": float(max(trial.failed for trial in done)),
        f"others_median_{name}": statistics.median(trial.others for trial in done),
        f"missed_{name}": float(sum(trial.share_0 >= PATIENCE for trial in done)),
    }


def _print_floor(numbers: dict[str, Any]) -> None:
    parts = " + ".join(f"{name} {numbers[f'floor_{name}']:.2f}" for name in ("scrape", "query", "reload"))
    print(f"physical floor: {parts} = {numbers['floor']:.2f} s; {os.cpu_count()} processors, {LOAD} requests a second")
    median, most = numbers["command_median"], numbers["command_max"]
    print(f"`runbook rollback`, from the command to the last user: median {median:.2f} s, max {most:.2f} s")
    headings = ("median", "max", "seen", "reload", "failed", "most", "others", "missed")
    print(f"{'fault':>8}{'weight':>8}" + "".join(f"{heading:>9}" for heading in headings))


def _print_line(numbers: dict[str, float], fault: str, weight: int) -> None:
    keys = ("median", "max", "seen_median", "reload_median", "failed_median", "failed_max", "others_median", "missed")
    cells = [numbers[f"{key}_{fault}_{weight}"] for key in keys]
    print(f"{fault:>8}{weight:>6} %" + "".join(f"{cell:>9.2f}" for cell in cells), flush=True)


def _print_end(numbers: dict[str, float]) -> None:
    at_10 = [f"{fault} {numbers[f'median_{fault}_10']:.1f} / {numbers[f'max_{fault}_10']:.1f} s" for fault in FAULTS]
    print(f"at 10 %, median / max from the fault to share 0 (goal 3 / 6 s): {', '.join(at_10)}")


if __name__ == "__main__":
    main()
