"""Kills with SIGKILL at a chosen write of a journal; Python imports it by its name wherever PYTHONPATH leads here.

``RUNBOOK_KILL`` names a folder with ``aim.json``: {"what": "writer" | "all", "only": kind or None}. Each step of the
passage is killed at its first journal write, its next attempt at the second, and so on, until an attempt gets through;
a result is killed twice, before it is written (the act is done, nobody knows) and after. ``kills.jsonl`` says where.
"""

from __future__ import annotations

import fcntl
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
from pathlib import Path

HOOKED = "runbook_lib.record.journal"
TWICE = ("result", "started", "ended", "recovered")


class Finder(importlib.abc.MetaPathFinder):
    """Lets the journal be imported as it is, then wraps its write."""

    def find_spec(self, name, path=None, target=None):
        if name != HOOKED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            wrap(module.Journal)

        spec.loader.exec_module = exec_module
        return spec


def wrap(journal):
    write = journal.write

    def counted(self, kind, **data):
        with locked() as lock:
            step = step_of(self, kind, data)
            ordinal = next_ordinal(self.path)
            aim = next_aim(step)
            hit = wanted(kind) and ordinal >= aim["ordinal"] and struck() != name_of(self.path)
            lock.flush()
        where = {"step": step, "attempt": name_of(self.path), "ordinal": ordinal, "kind": kind} | told(data)
        if hit and aim["when"] == "before" and kind in TWICE:
            strike(step, where | {"when": "before"}, {"ordinal": ordinal, "when": "after"})
        event = write(self, kind, **data)
        if hit:
            strike(step, where | {"when": "after"}, {"ordinal": ordinal + 1, "when": "before"})
        return event

    journal.write = counted


def locked():
    stream = (FOLDER / "lock").open("a")
    fcntl.flock(stream, fcntl.LOCK_EX)
    return stream


def step_of(journal, kind, data):
    if kind == "started":
        return f"{data['phase']}:{data['weight'] or data['mode'] or ''}"
    first = json.loads(journal.path.read_text().splitlines()[0])["data"]
    return f"{first['phase']}:{first['weight'] or first['mode'] or ''}"


def next_ordinal(path):
    counter = FOLDER / f"{name_of(path).replace('/', '.')}.count"
    ordinal = 1 + (int(counter.read_text()) if counter.exists() else 0)
    counter.write_text(str(ordinal))
    return ordinal


def name_of(path):
    return f"{path.parent.parent.name}/{path.parent.name}"


def next_aim(step):
    path = FOLDER / f"{step.replace(':', '.')}.aim"
    return json.loads(path.read_text()) if path.exists() else {"ordinal": 1, "when": "before"}


def wanted(kind):
    only = AIM["only"]
    return AIM["what"] != "nothing" and (only is None or kind in only)


def struck():
    """The attempt that was killed last: whoever survived it, a runner its kernel, is left to file it."""
    path = FOLDER / "kills.jsonl"
    return json.loads(path.read_text().splitlines()[-1])["attempt"] if path.exists() else None


def told(data):
    return {key: data[key] for key in ("act", "what", "before", "after", "name") if key in data}


def strike(step, where, then):
    (FOLDER / f"{step.replace(':', '.')}.aim").write_text(json.dumps(then))
    kernel = bool(os.environ.get("JPY_PARENT_PID"))
    with (FOLDER / "kills.jsonl").open("a") as stream:
        stream.write(json.dumps(where | {"process": "kernel" if kernel else "runner"}) + "\n")
        stream.flush()
    if AIM["what"] == "all":
        runner = int(os.environ["JPY_PARENT_PID"]) if kernel else os.getpid()
        for pid in [runner, *children(runner)]:
            if pid != os.getpid():
                os.kill(pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def children(parent):
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            yield int(path.parent.name)


if "RUNBOOK_KILL" in os.environ:
    FOLDER = Path(os.environ["RUNBOOK_KILL"])
    AIM = json.loads((FOLDER / "aim.json").read_text())
    sys.meta_path.insert(0, Finder())
