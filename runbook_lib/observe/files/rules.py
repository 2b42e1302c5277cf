"""Reads the source rules: YAML files beside this package, and any the user adds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from runbook_lib.artefacts import Rule
from runbook_lib.errors import BadParameters
from runbook_lib.observe.files.text import cause, read_text, where

BUILT_IN = Path(__file__).parents[2] / "rules"
LANGUAGES = ("java", "python", "go", "javascript", "typescript", "php", "bash", "text")
SEVERITIES = ("blocking", "warning", "info")
REQUIRED = ("id", "title", "topic", "severity", "language", "files", "match", "reason", "change", "control")
OPTIONAL = ("unless", "requires")
SYNTAX = frozenset(
    [
        "pattern",
        "kind",
        "regex",
        "nthChild",
        "range",
        "inside",
        "has",
        "precedes",
        "follows",
        "all",
        "any",
        "not",
        "matches",
        "stopBy",
        "field",
    ]
)


def read_rules(folders: Iterable[Path] = (BUILT_IN,)) -> tuple[Rule, ...]:
    """All rules of the folders; raises BadParameters naming the file and rule that is not usable."""
    rules: dict[str, Rule] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            for item in _items(path):
                rule = _rule(item, path)
                if rule.id in rules:
                    raise BadParameters(f"rules {path}: {rule.id} is there twice; rename one")
                rules[rule.id] = rule
    if not rules:
        raise BadParameters(f"no rules in {', '.join(map(str, folders))}")
    return tuple(rules.values())


def _items(path: Path) -> list[dict[str, Any]]:
    try:
        value = yaml.safe_load(read_text(path, "rules"))
    except yaml.YAMLError as error:
        raise BadParameters(f"rules {path}:{where(error)} is not YAML: {cause(error)}") from None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadParameters(f"rules {path} must be a list of rules; java.yaml shows the form")
    return value


def _rule(item: dict[str, Any], path: Path) -> Rule:
    name = item.get("id", "without id")
    missing = [key for key in REQUIRED if key not in item]
    unknown = [key for key in item if key not in REQUIRED + OPTIONAL]
    if missing or unknown:
        raise BadParameters(f"rules {path}: {name} lacks {missing or 'nothing'}, has unknown {unknown or 'nothing'}")
    if item["language"] not in LANGUAGES or item["severity"] not in SEVERITIES:
        raise BadParameters(
            f"rules {path}: {name} has language {item['language']!r}, severity {item['severity']!r}; "
            f"allowed are {', '.join(LANGUAGES)} and {', '.join(SEVERITIES)}"
        )
    for key in ("requires", "unless") + (("match",) if item["language"] == "text" else ()):
        try:
            re.compile(item.get(key, ""))
        except (re.error, TypeError) as error:
            raise BadParameters(f"rules {path}: {name}.{key} is not a regular expression ({error})") from None
    if item["language"] != "text" and not isinstance(item["match"], dict):
        raise BadParameters(f"rules {path}: {name}.match must be an ast-grep rule (keys pattern, kind, any ...)")
    if item["language"] != "text" and (strange := _strange_keys(item["match"])):
        raise BadParameters(
            f"rules {path}: {name}.match has {strange}, which ast-grep does not know; quote the pattern"
        )
    return Rule(**{**item, "files": tuple(item["files"])})


def _strange_keys(match: Any) -> list[str]:
    """Keys that are no ast-grep rule keys: most often the rest of a pattern that was not quoted."""
    if isinstance(match, list):
        return [key for item in match for key in _strange_keys(item)]
    if not isinstance(match, dict):
        return []
    own = [str(key) for key in match if key not in SYNTAX]
    return own + [key for item in match.values() for key in _strange_keys(item)]
