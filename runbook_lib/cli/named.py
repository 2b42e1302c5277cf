"""Which parameters a person on call means: a file, or the name of an application."""

from __future__ import annotations

from pathlib import Path

import yaml

from runbook_lib.errors import BadParameters
from runbook_lib.parameters import project_root

EXAMPLE = ".example.yaml"


def parameters_file(named: str) -> Path:
    """The file itself, or the one in parameters/ whose application has that name; BadParameters says what there is."""
    if Path(named).is_file() or named.endswith((".yaml", ".yml")):
        return Path(named)
    folder = project_root() / "parameters"
    files = sorted(path for path in folder.glob("*.y*ml") if not path.name.endswith(EXAMPLE))
    texts = {path: _text(path) for path in files}
    found = [path for path, text in texts.items() if named in text and _name(text) == named]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadParameters(
            f"{named} is the application of {', '.join(path.name for path in found)} in {folder}; name one of the files"
        )
    names = sorted(filter(None, (_name(text) for text in list(texts.values())[:20])))
    there = ", ".join(names) or "none"
    raise BadParameters(f"no file in {folder} is of an application {named!r}; there are {there}; or name a file")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _name(text: str) -> str:
    """What the file calls its application; a file that is spoilt elsewhere does not matter here."""
    try:
        value = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return str(value["application"]["name"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return ""
