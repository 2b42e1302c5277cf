"""Reads the source rules: YAML files that come along, and any the user adds; what stands for a topic is said once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from runbook_lib.artefacts import Rule
from runbook_lib.errors import BadParameters
from runbook_lib.observe.files.text import cause, read_text, where
from runbook_lib.observe.source.expressions import plain_classes
from runbook_lib.observe.source.samples import unproven

BUILT_IN = Path(__file__).parents[2] / "rules"
TOPICS = "topics.yaml"
SCRIPTS = ("*.js", "*.mjs", "*.cjs", "*.jsx")
TYPED = ("*.ts", "*.mts", "*.cts", "*.tsx")
FILES: Mapping[str, tuple[str, ...]] = {
    "java": ("*.java",),
    "python": ("*.py",),
    "go": ("*.go",),
    "javascript": (*SCRIPTS, *TYPED),
    "typescript": TYPED,
    "php": ("*.php", "*.phtml", "*.inc"),
    "bash": ("*.sh", "*.bash", "*.ksh"),
    "text": (),
}
SEVERITIES = ("blocking", "warning", "info")
OF_TOPIC = ("severity", "reason", "change", "control")
REQUIRED = ("id", "title", "topic", "language", "match", "samples")
OPTIONAL = ("files", "words", "requires", "unless", "constraints", "once", *OF_TOPIC)
RELATIONS = frozenset(("inside", "has", "precedes", "follows", "stopBy", "field"))
SYNTAX = RELATIONS | {"pattern", "kind", "regex", "nthChild", "range", "all", "any", "not", "matches"}
OF_PATTERN = frozenset(("context", "selector", "strictness"))
"""Keys of a pattern that is written as an object."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_rules(folders: Iterable[Path] = ()) -> tuple[Rule, ...]:
    """The rules that come along, then those of the folders.

    Raises BadParameters naming file and rule when one is not usable, has an id that is taken, or when a rule of the
    folders does not do what its own samples say.
    """
    rules: dict[str, Rule] = {}
    topics: dict[str, Mapping[str, Any]] = {}
    for folder in (BUILT_IN, *folders):
        own = tuple(_of_folder(folder, topics))
        for rule in own:
            if rule.id in rules:
                raise BadParameters(
                    f"rules {rule.file}: {rule.id} is there twice, also in {rules[rule.id].file}; rename one"
                )
            rules[rule.id] = rule
        if folder != BUILT_IN and (wrong := unproven(own)):
            raise BadParameters("\n".join(wrong))
    return tuple(rules.values())


def _of_folder(folder: Path, topics: dict[str, Mapping[str, Any]]) -> Iterator[Rule]:
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not paths:
        raise BadParameters(f"no rules (*.yaml) in {folder}: check assessment.rules in the parameters")
    for path in paths:
        if path.name == TOPICS:
            topics |= _topics(path)
    for path in paths:
        if path.name != TOPICS:
            for item in _items(path):
                yield from _rules(item, path, topics)


def _topics(path: Path) -> dict[str, Mapping[str, Any]]:
    value = _yaml(path)
    for topic, said in value.items() if isinstance(value, dict) else [("the file", None)]:
        if not isinstance(said, dict) or set(said) != set(OF_TOPIC) or said["severity"] not in SEVERITIES:
            raise BadParameters(f"rules {path}: {topic} must have {', '.join(OF_TOPIC)} ({', '.join(SEVERITIES)})")
    return dict(value)


def _items(path: Path) -> list[dict[str, Any]]:
    value = _yaml(path)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadParameters(f"rules {path} must be a list of rules; {BUILT_IN / 'java.yaml'} shows the form")
    return value


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(read_text(path, "rules"), LOADER)
    except yaml.YAMLError as error:
        raise BadParameters(f"rules {path}:{where(error)} is not YAML: {cause(error)}") from None


def _rules(item: dict[str, Any], path: Path, topics: Mapping[str, Mapping[str, Any]]) -> Iterator[Rule]:
    name = f"rules {path}: {item.get('id', 'a rule without id')}"
    item = {**topics.get(str(item.get("topic")), {}), **item}
    missing = [key for key in (*REQUIRED, *OF_TOPIC) if key not in item]
    unknown = [key for key in item if key not in REQUIRED + OPTIONAL]
    if missing or unknown:
        raise BadParameters(f"{name} lacks {missing or 'nothing'}, has unknown {unknown or 'nothing'}")
    if item["language"] not in FILES or item["severity"] not in SEVERITIES:
        raise BadParameters(
            f"{name} has language {item['language']!r}, severity {item['severity']!r}; "
            f"allowed are {', '.join(FILES)} and {', '.join(SEVERITIES)}"
        )
    item.setdefault("files", FILES[item["language"]])
    _check_texts(item, name)
    _check_match(item, name)
    samples = _samples(item.pop("samples"), name)
    lists = {key: tuple(item.get(key, ())) for key in ("files", "words")}
    if item["language"] != "text":
        item |= {key: plain_classes(item[key]) for key in ("match", "constraints") if key in item}
    yield Rule(**{**item, **lists, **samples, "file": str(path)})


def _check_texts(item: Mapping[str, Any], name: str) -> None:
    for key in ("id", "title", "topic", "reason", "change", "control"):
        if not isinstance(item[key], str) or not item[key]:
            raise BadParameters(f"{name}.{key} must be a text")
    for key in ("files", "words"):
        value = item.get(key, ())
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
            raise BadParameters(f"{name}.{key} must be a list of texts")
    if not item["files"]:
        raise BadParameters(f"{name}.files must name at least one pattern, such as '*.conf'")
    if not isinstance(item.get("once", False), bool):
        raise BadParameters(f"{name}.once must be true or false")


def _check_match(item: Mapping[str, Any], name: str) -> None:
    of_text = item["language"] == "text"
    for key in ("requires", "unless") + (("match",) if of_text else ()):
        try:
            re.compile(item.get(key, ""))
        except (re.error, TypeError) as error:
            raise BadParameters(f"{name}.{key} is not a regular expression ({error})") from None
    if of_text:
        return
    if not isinstance(item["match"], dict) or not isinstance(item.get("constraints", {}), dict):
        raise BadParameters(f"{name}.match must be an ast-grep rule (keys pattern, kind, any ...)")
    if strange := _strange_keys([item["match"], *item.get("constraints", {}).values()]):
        raise BadParameters(f"{name}.match has {strange}, which ast-grep does not know; quote the pattern")


def _strange_keys(match: Any) -> list[str]:
    """Keys that are no ast-grep rule keys: most often the rest of a pattern that was not quoted."""
    if isinstance(match, list):
        return [key for item in match for key in _strange_keys(item)]
    if not isinstance(match, dict):
        return []
    own = [str(key) for key in match if key not in SYNTAX | OF_PATTERN]
    return own + [key for item in match.values() for key in _strange_keys(item)]


def _samples(value: Any, name: str) -> dict[str, tuple[str, ...]]:
    """What the rule has to find, and what it has to pass by."""
    wanted = ("finds", "passes")
    good = isinstance(value, dict) and set(value) == set(wanted)
    if not good or not all(
        isinstance(value[key], list) and value[key] and all(isinstance(one, str) for one in value[key])
        for key in wanted
    ):
        raise BadParameters(f"{name}.samples must be {{finds: [text, ...], passes: [text, ...]}}, one of each at least")
    return {key: tuple(value[key]) for key in wanted}
