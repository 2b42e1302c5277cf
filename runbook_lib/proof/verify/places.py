"""Where things lie in the archive; what has no place there is told."""

from __future__ import annotations

import re
from pathlib import Path

from runbook_lib.pages import incident, index, page
from runbook_lib.proof.seal import FOLDER as SEALS
from runbook_lib.proof.verify.report import Remarks

VIEWS = frozenset({page.NAME, index.NAME})
HALF = re.compile(r"\.(?:index\.(?:html|js)|incident\.html)\.\d+\.part")
"""What is left of a view whose writer was killed."""
LOCKS = frozenset({".index.lock", ".rewriting.lock"})
ATTEMPT = re.compile(r"attempt-[1-9]\d{0,8}")
OWN = re.compile(r"runner\.lock|guard\.json|\.guard\.json\.\d+\.part")
"""Of an application: who runs it, and what its guard said last; no evidence."""
SEAL = re.compile(r"[1-9]\d*\.json(?:\.sig)?|\.lock")
STRANGE = "has no place in an archive: nothing here names it"


def applications(records: Path, said: Remarks) -> list[Path]:
    """The folders of the applications."""
    found = []
    for path in sorted(records.iterdir()):
        if path.is_dir() and not path.is_symlink() and path.name not in {SEALS, ".ipynb_checkpoints"}:
            found.append(path)
        elif path.name not in VIEWS | LOCKS | {SEALS}:
            _strange(path.name, path, said)
    return found


def attempts(application: Path, said: Remarks) -> list[Path]:
    """The folders of an application's attempts."""
    found = []
    for run in sorted(application.iterdir()):
        if not run.is_dir() or run.is_symlink():
            if not OWN.fullmatch(run.name):
                said.fault(f"{application.name}/{run.name}", STRANGE)
        elif run.name != "gates":
            inner = sorted(run.iterdir())
            found += [path for path in inner if ATTEMPT.fullmatch(path.name) and path.is_dir()]
            for path in inner:
                if path not in found and path.name not in VIEWS | {incident.NAME}:
                    _strange(f"{application.name}/{run.name}/{path.name}", path, said)
    return found


def _strange(place: str, path: Path, said: Remarks) -> None:
    if HALF.fullmatch(path.name) and path.is_file() and not path.is_symlink():
        said.note(place, "is what a crash left of a view; it may be removed")
    else:
        said.fault(place, STRANGE)


def seals(records: Path, said: Remarks) -> None:
    """A fault for what lies among the seals and is none."""
    folder = records / SEALS
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for name in sorted(names):
        if not SEAL.fullmatch(name) or not (folder / name).is_file():
            said.fault(f"{SEALS}/{name}", STRANGE)
        elif name.endswith(".sig") and name.removesuffix(".sig") not in names:
            said.note(f"{SEALS}/{name}", "is the signature of a seal that was never written, or was taken away")
