"""What it costs to file, to list, to verify and to seal an archive of 100, 1000 and 10 000 runs.

Ten runs an application, each with a journal, parameters, evidence and an executed notebook, filed by the library's own
functions. Beside it, in the same run: the same archive verified by one process, and a plain chain of sha256 without
signatures, which finds an edit and nobody's hand behind it. ``python -m bench.records [COUNT …]``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from runbook_lib.model import now, plain
from runbook_lib.pages import views
from runbook_lib.parameters import Parameters, load
from runbook_lib.proof import seal
from runbook_lib.proof.verify import attempt, verify
from runbook_lib.record import archive, filing, journal, statement
from runbook_lib.trust.identity import me, signers_of
from runbook_lib.trust.signers import SEALER, Signers
from sandbox import keys

COUNTS = (100, 1000, 10_000)
RUNS = 10
"""Runs an application: a passage has about so many steps."""
SAMPLE = 300
"""So many runs are filed again and again one after the other to tell what one costs in an archive of that size."""
COLUMNS = {
    "write": "write_ms",
    "index": "index_ms",
    "verify": "verify_ms",
    "runs/s": "verify_runs_per_second",
    "cpu": "verify_cpu_ms",
    "one process": "one_process_ms",
    "hash chain": "hash_chain_ms",
    "pages": "pages_ms",
    "seal": "seal_ms",
}
"""What the table shows, in ms a run; cpu is the processors' time for a verification."""
ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out" / "records.json"


def main() -> None:
    """Measure, print a table, and write the numbers."""
    counts = [int(argument) for argument in sys.argv[1:]] or list(COUNTS)
    numbers: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-records-") as name:
        folder = Path(name)
        parameters = _project(folder)
        with contextlib.chdir(folder):
            made = 0
            for count in counts:
                numbers |= _measured(folder, parameters, made, count)
                made = count
                _print_line(numbers, count)
        _writable(folder)
    first, last = counts[0], counts[-1]
    for what in ("write", "index", "verify"):
        numbers[f"{what}_growth"] = numbers[f"{what}_ms_{last}"] / numbers[f"{what}_ms_{first}"]
    _print_end(numbers, first, last)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 4) for key, value in numbers.items()}, indent=1) + "\n")


def _measured(folder: Path, parameters: Parameters, made: int, count: int) -> dict[str, float]:
    """Fill the archive up to that many runs and measure what the last of them, and all together, cost."""
    records, signers = folder / "records", signers_of(parameters)
    filed, shown = [], []
    for fresh in _attempts(records, parameters, made, count):
        end = statement.ending_of(journal.read(fresh))
        filed.append(_seconds(partial(filing.file, fresh, end)))
        shown.append(_seconds(partial(views.filed, fresh)))
    with seal.sealing(records):
        known = {entry["path"] for path in seal.seal_files(records) for entry in seal.read_seal(path).entries}
        sealer = me(parameters, SEALER)
        sealing = _seconds(lambda: seal.write_seal(records, seal.to_seal(records, known), sealer))
    before = sum(os.times()[:4])
    whole_time = _seconds(lambda: _no_faults(verify(records, signers)))
    processors = sum(os.times()[:4]) - before
    pages = _seconds(lambda: views.differing_views(records))
    alone = _seconds(lambda: _alone(records, signers))
    chain = _seconds(lambda: _chain(records))
    tail = min(SAMPLE, len(filed))
    return {
        f"write_ms_{count}": 1e3 * sum(filed[-tail:]) / tail,
        f"index_ms_{count}": 1e3 * sum(shown[-tail:]) / tail,
        f"verify_ms_{count}": 1e3 * whole_time / count,
        f"verify_runs_per_second_{count}": count / whole_time,
        f"verify_cpu_ms_{count}": 1e3 * processors / count,
        f"pages_ms_{count}": 1e3 * pages / count,
        f"one_process_ms_{count}": 1e3 * alone / count,
        f"hash_chain_ms_{count}": 1e3 * chain / count,
        f"seal_ms_{count}": 1e3 * sealing / (count - made),
    }


def _attempts(records: Path, parameters: Parameters, made: int, count: int) -> Iterator[Path]:
    """Attempts that wait to be filed, ten runs an application, each with the record before it in its journal."""
    previous: dict[str, Any] | None = None
    given = plain(parameters.model_dump(mode="json"))
    for number in range(made, count):
        application = f"service-{number // RUNS:04}"
        started = now()
        run = f"{started:%Y%m%dt%H%M%Sz}-comparison-{number % RUNS}"
        attempt = records / application / run / "attempt-1"
        (attempt / "evidence").mkdir(parents=True)
        given["application"]["name"] = application
        (attempt / "parameters.json").write_text(json.dumps(given, indent=1))
        (attempt / "evidence" / "counts.json").write_text(json.dumps({"requests": list(range(200))}))
        _write_notebook(attempt / archive.NOTEBOOK)
        _write_journal(attempt, previous if number % RUNS else None, started, application)
        yield attempt
        record = hashlib.sha256((attempt / archive.RECORD).read_bytes()).hexdigest()
        previous = {"run": run, "attempt": 1, "sha256": record}


def _write_journal(attempt: Path, previous: dict[str, Any] | None, at: Any, application: str) -> None:
    who = {"name": "practice-operator", "source": "bench", "host": "here", "account": "bench", "signed": True}
    verdict = {
        "outcome": "PASS",
        "message": "error rate 0.1 % < limit 1.0 %",
        "numbers": {"rate": 0.001},
        "trigger": False,
    }
    events: list[tuple[str, dict[str, Any]]] = [
        ("started", {"phase": "comparison", "weight": None, "mode": None, "dry_run": False, "anew": False, "who": who,
                     "code": {"commit": None, "dirty": None}, "versions": {"python": "3"}, "previous": previous,
                     "application": application, "source": None}),
        *(("verdict", {"name": f"criterion {number}", **verdict}) for number in range(12)),
        *(("asked", {"query": f"sum(rate(http_requests_total{{status='{number}'}}[1m]))"}) for number in range(8)),
        ("finished", {"message": "12 of 12 criteria passed"}),
        ("ended", {"error": None}),
    ]  # fmt: skip
    lines = [json.dumps({"at": plain(at), "kind": kind, "data": data}) for kind, data in events]
    (attempt / journal.NAME).write_text("\n".join(lines) + "\n")


def _write_notebook(path: Path) -> None:
    status = {"status": "completed", "start_time": None, "end_time": None, "exception": None, "message": ""}
    output = {"output_type": "stream", "name": "stdout", "text": ["what was seen\n"] * 40}
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"papermill": status},
            "execution_count": number,
            "source": [f"step_{number} = look()"],
            "outputs": [output],
        }
        for number in range(12)
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1))


def _alone(records: Path, signers: Signers) -> None:
    """The signatures and folders of the same archive, looked at by one process, one after the other."""
    for folder in sorted(records.glob("*/*/attempt-*")):
        assert not attempt.look(folder, signers).remarks.faults


def _chain(records: Path) -> None:
    """What anybody could do with sha256sum: each file as its record says, each record as the next one says."""
    for record in sorted(records.glob("*/*/attempt-*/record.json")):
        value = json.loads(record.read_bytes())
        for subject in value["subject"]:
            if ":" not in subject["name"]:
                found = hashlib.sha256((record.parent / subject["name"]).read_bytes()).hexdigest()
                assert found == subject["digest"]["sha256"]
        before = value["predicate"]["previous"]
        if before is not None:
            path = record.parents[2] / before["run"] / f"attempt-{before['attempt']}" / archive.RECORD
            assert hashlib.sha256(path.read_bytes()).hexdigest() == before["sha256"]


def _project(folder: Path) -> Parameters:
    for name in ("notebooks", "parameters"):
        (folder / name).mkdir()
    shutil.copy(ROOT / "parameters" / "demo.yaml", folder / "parameters")
    keys.make(folder / ".range")
    with contextlib.chdir(folder):
        return load(folder / "parameters" / "demo.yaml")


def _no_faults(report: Any) -> None:
    assert report.trusted, report.faults[:3]


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _print_line(numbers: dict[str, float], count: int) -> None:
    """A line of the table; times in ms a run, but for runs/s."""
    if len({key.rpartition("_")[2] for key in numbers}) == 1:
        print(f"{'runs':>7}" + "".join(f"{heading:>13}" for heading in COLUMNS))
    cells = [numbers[f"{key}_{count}"] for key in COLUMNS.values()]
    print(f"{count:>7}" + "".join(f"{cell:>13.2f}" for cell in cells), flush=True)


def _print_end(numbers: dict[str, float], first: int, last: int) -> None:
    said = ", ".join(f"{what} {numbers[f'{what}_growth']:.2f}" for what in ("write", "index", "verify"))
    print(f"cost of one run at {last} to that at {first}: {said} (1 is linear growth of the whole)")
    print(f"{os.cpu_count()} processors; verified are signatures, files, the records from their folders, pages")


def _writable(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


if __name__ == "__main__":
    main()
