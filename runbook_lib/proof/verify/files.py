"""Every file of an attempt is one that its record names, with that content; and every file it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from runbook_lib.proof.verify.report import Remarks
from runbook_lib.record import archive
from runbook_lib.record.content import read_notebook
from runbook_lib.record.statement import CHECKPOINTS, CONTENT, files_of, sha256

REWRITTEN = "was rewritten with the same content, as JupyterLab does when it saves a notebook"


def recorded(statement: dict[str, Any], path: str, said: Remarks) -> dict[str, str]:
    """The sha256 of each subject by its name."""
    found: dict[str, str] = {}
    for subject in statement["subject"]:
        if subject["name"] in found:
            said.fault(path, f"names {subject['name']} twice")
        found[subject["name"]] = subject["digest"]["sha256"]
    return found


def check(folder: Path, subjects: dict[str, str], here: str, said: Remarks) -> bool:
    """Compare an attempt's folder with its record; True when all is there and as it was."""
    before = len(said.faults)
    irregular = [path for path in folder.rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir())]
    for path in irregular:
        said.fault(f"{here}/{path.relative_to(folder).as_posix()}", "is no file of its own, but a link or a device")
    present = {path.relative_to(folder).as_posix(): path for path in files_of(folder) if path not in irregular}
    for name, path in present.items():
        if name not in subjects:
            said.fault(f"{here}/{name}", "is not named by the record: it was put here afterwards")
        elif sha256(path) != subjects[name]:
            _changed(path, name, subjects, here, said)
    for name in subjects:
        if ":" not in name and name not in present and not name.startswith("gates/"):
            said.fault(f"{here}/{name}", "is missing")
    _gates(folder, subjects, here, said)
    _checkpoints(folder, subjects, here, said)
    return len(said.faults) == before


def _changed(path: Path, name: str, subjects: dict[str, str], here: str, said: Remarks) -> None:
    if name == archive.NOTEBOOK and _content(path) == subjects.get(CONTENT):
        said.note(f"{here}/{name}", REWRITTEN)
    else:
        said.fault(f"{here}/{name}", "was changed")


def _content(path: Path) -> str:
    notebook = read_notebook(path)
    return notebook[1] if notebook is not None else "no notebook"


def _gates(folder: Path, subjects: dict[str, str], here: str, said: Remarks) -> None:
    home = folder.parent.parent
    for name, digest in subjects.items():
        if not name.startswith("gates/"):
            continue
        path, place = home / name, f"{home.name}/{name}"
        if not re.fullmatch(r"gates/[^/]+", name):
            said.fault(f"{here}/{archive.RECORD}", f"names {name}, which is no file of a gate")
        elif not path.is_file():
            said.fault(place, f"is missing; {here} names it")
        elif sha256(path) != digest:
            said.fault(place, f"was changed; {here} names another content")


def _checkpoints(folder: Path, subjects: dict[str, str], here: str, said: Remarks) -> None:
    """JupyterLab keeps copies of what it opens; a copy with another content is none."""
    for place in [path for path in folder.rglob(CHECKPOINTS) if path.is_dir()]:
        for path in sorted(place.rglob("*")):
            name = f"{here}/{path.relative_to(folder).as_posix()}"
            if path.parent.parent == folder and path.is_file() and _content(path) == subjects.get(CONTENT):
                said.note(name, "is a copy of the notebook with the same content, as JupyterLab keeps")
            else:
                said.fault(name, "is no copy of the notebook that was filed here")
