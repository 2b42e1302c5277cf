"""The record is what follows from its folder: composed again from journal, notebook and evidence, it says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runbook_lib.errors import by_name
from runbook_lib.model import canonical
from runbook_lib.proof.verify.looked import moment
from runbook_lib.proof.verify.report import Remarks
from runbook_lib.record import journal, statement

SAID = 120  # letters of a value in a message


def check(folder: Path, filed: dict[str, Any], path: str, said: Remarks) -> None:
    """A fault for each key of the predicate that the folder does not bear out."""
    facts = filed["predicate"]
    try:
        end = statement.ending_of(journal.read(folder))
        composed = statement.compose(folder, end, facts["next_notebook"], moment(facts["ended"]), facts["filed_by"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        said.fault(path, f"does not follow from its folder: {type(error).__name__}: {error}"[:300])
        return
    for key, value in composed["predicate"].items():
        if value != facts.get(key) and canonical(value) != canonical(facts.get(key)):  # NaN is not itself
            said.fault(path, f"says {key} {_short(facts.get(key))}, its folder says {_short(value)}")
    recorded = {subject["name"]: subject["digest"]["sha256"] for subject in filed["subject"]}
    follows = {subject["name"]: subject["digest"]["sha256"] for subject in composed["subject"]}
    for name in sorted(recorded.keys() | follows.keys()):
        if ":" in name and recorded.get(name) != follows.get(name):
            said.fault(path, f"does not name {name} as its folder does")
    for gate in facts["gates"]:
        if gate.get("gate") and f"gates/{gate['gate']}.json" not in recorded:
            said.fault(path, f"does not name the file of the gate {gate['gate']}")
    if facts["error"] is not None and by_name(facts["error"]) is not None and facts["outcome"] == "passed":
        said.fault(path, f"says passed and {facts['error']}")


def _short(value: Any) -> str:
    text = canonical(value).decode()
    return text if len(text) <= SAID else f"{text[:SAID]}…"
