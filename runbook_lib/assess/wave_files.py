"""A plan of waves as files: a table with a line an application, and a batch a wave."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from runbook_lib.judge.waves import Plan, Wave
from runbook_lib.pages.spreadsheet import cell

COLUMNS = (
    "wave", "phase", "begin", "end", "application", "effort low", "effort high", "level", "risk", "state", "mode",
    "criticality", "owner", "reasons",
)  # fmt: skip
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LONGEST = 63


def as_csv(plan: Plan) -> str:
    """One line an application in the order of the waves, those that are left out last; efforts are working days.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    waves = {wave.name: wave for wave in plan.waves}
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(COLUMNS)
    for place in plan.places:
        one, wave = place.candidate, waves.get(place.wave)
        moves = (wave.name, wave.phase, wave.begins, wave.ends) if wave else ("", "left out", "", "")
        days = tuple(f"{day:g}" for day in one.effort) if wave else ("", "")
        told = (one.level, one.risk, one.state, one.mode, one.criticality, one.owner, "; ".join(place.reasons))
        table.writerow([cell(str(value)) for value in (*moves, one.name, *days, *told)])
    return written.getvalue()


def as_batches(plan: Plan, parameters: Mapping[str, str | Path]) -> dict[str, str]:
    """Wave -> the YAML of its batch (parameters/batch.example.yaml); ``parameters`` are the files by application.

    A member is named by its label, which has to be ``application.name`` of its parameters. Who has no parameters file
    yet is named in a comment; a wave of such members only has no batch.
    """
    labels = labelled(place.candidate.name for place in plan.places)
    broken = {cycle.edge for cycle in plan.cycles}
    needs = {
        place.candidate.name: [one for one in place.candidate.depends_on if (place.candidate.name, one) not in broken]
        for place in plan.places
    }
    found: dict[str, str] = {}
    for wave in plan.waves:
        ready = [name for name in wave.members if name in parameters]
        members = {labels[name]: _member(str(parameters[name]), needs[name], ready, labels) for name in ready}
        if members:
            batch = {"name": _free(wave.name, labels.values()), "members": members}
            text = yaml.safe_dump(batch, allow_unicode=True, sort_keys=False, width=1000)
            found[wave.name] = "".join(f"# {line}\n" for line in _said(wave, ready, labels)) + text
    return found


def expected(plan: Plan) -> dict[str, str]:
    """Where the parameters of each application are looked for once it has some: parameters/<label>.yaml."""
    labels = labelled(place.candidate.name for place in plan.places)
    return {name: f"parameters/{label}.yaml" for name, label in labels.items()}


def labelled(names: Iterable[str]) -> dict[str, str]:
    """A DNS label for each name, its own where it is one already; no two are alike."""
    given = sorted(set(names))
    found = {name: name for name in given if LABEL.fullmatch(name)}
    for name in given:
        if name not in found:
            found[name] = _free(_label(name), found.values())
    return found


def _label(name: str) -> str:
    """Letters and digits of the name; what has none that a label may hold is told by its digest."""
    plain = unicodedata.normalize("NFKD", name).lower()
    text = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-")
    known = sum(letter.isalnum() for letter in name)
    if sum(letter.isalnum() for letter in text) >= known > 0:
        return text
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{text[: LONGEST - 9].strip('-') or 'app'}-{digest}"


def _free(label: str, taken: Iterable[str]) -> str:
    """The label, or the first of it with a number that nobody has."""
    others, number, free = set(taken), 1, label
    while free in others:
        number += 1
        free = f"{label[: LONGEST - 1 - len(str(number))].rstrip('-')}-{number}"
    return free


def _member(path: str, needs: Iterable[str], ready: Iterable[str], labels: Mapping[str, str]) -> dict[str, object]:
    there = sorted({labels[one] for one in needs if one in ready})
    return {"parameters": path, **({"depends_on": there} if there else {})}


def _said(wave: Wave, ready: list[str], labels: Mapping[str, str]) -> Iterator[str]:
    """What stands above a batch, one line each."""
    yield f"{wave.name} ({wave.phase}), {wave.begins} to {wave.ends}: {'; '.join(wave.reasons)}"
    yield from (f"{labels[name]} is {_line(name)}" for name in ready if labels[name] != name)
    yield from (f"not in it yet, no parameters file: {_line(name)}" for name in wave.members if name not in ready)


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
