"""Texts that hold settings -> names and values: environment files, properties, YAML, JSON, Spring's actuator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from runbook_lib.sections import Format

Values = dict[str, str | None]
"""By name; None where the source masks the value (``******``)."""
_NAME = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)=(.*)", re.S)
_PAIR = re.compile(r"((?:\\.|[^\\\s=:])+)(?:\s*[=:]\s*|\s+|$)(.*)", re.S)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_MASKED = re.compile(r"\*{3,}")


def flat(text: str, kind: Format) -> Values:
    """Every setting of a text; ValueError says what is wrong and where, and repeats nothing of it."""
    try:
        found = _READERS[kind](text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise ValueError(f"it is no {'YAML' if kind == 'yaml' else 'JSON'}{_line(error)}") from None
    return {name: None if _MASKED.fullmatch(value) else value.rstrip("\n") for name, value in found.items()}


def _line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else getattr(error, "lineno", 0)
    return f" (line {line})" if line else ""


def _environment(text: str) -> dict[str, str]:
    """``KEY=VALUE`` as systemd's EnvironmentFile has it, or raw and ended by NUL as the kernel tells it."""
    raw = "\0" in text
    found = {}
    for number, line in enumerate(text.split("\0") if raw else _joined(text), 1):
        if not line.strip() or (not raw and line.lstrip()[0] in "#;"):
            continue
        pair = _NAME.fullmatch(line if raw else line.strip())
        if pair is None:
            raise ValueError(f"entry {number} is no KEY=VALUE")
        found[pair[1]] = pair[2] if raw else _unquoted(pair[2].strip())
    return found


def _joined(text: str) -> Iterator[str]:
    """Lines, those that end in an odd number of backslashes with the next one."""
    held = ""
    for line in text.splitlines():
        held += line
        if (len(held) - len(held.rstrip("\\"))) % 2:
            held = held[:-1]
            continue
        yield held
        held = ""
    if held:
        yield held


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r'\\(["\\`$])', r"\1", value[1:-1])
    return value


def _properties(text: str) -> dict[str, str]:
    found = {}
    for line in _joined("\n".join(line.lstrip() for line in text.splitlines())):
        if not line.strip() or line[0] in "#!":
            continue
        pair = _PAIR.fullmatch(line)
        if pair is None:
            raise ValueError("a line is no key and value")
        found[_unescaped(pair[1])] = _unescaped(pair[2])
    return found


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", one, text)


def _yaml(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for document in yaml.safe_load_all(text):
        if document is not None and not isinstance(document, dict):
            raise ValueError("it holds no keys and values")
        found |= _leaves(document or {})
    return found


def _json(text: str) -> dict[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it holds no keys and values")
    return _leaves(found)


def _actuator(text: str) -> dict[str, str]:
    """Of /env the first source that has a name counts; of /configprops every bean's properties below its prefix."""
    found = json.loads(text)
    if not isinstance(found, dict) or not found.keys() & {"propertySources", "contexts"}:
        raise ValueError("it is neither /env nor /configprops of an actuator")
    values: dict[str, str] = {}
    for source in found.get("propertySources") or []:
        for name, one in (source.get("properties") or {}).items():
            values.setdefault(name, _text(one.get("value") if isinstance(one, dict) else one))
    for context in (found.get("contexts") or {}).values():
        for bean in (context.get("beans") or {}).values():
            values |= _leaves(bean.get("properties") or {}, str(bean.get("prefix") or ""))
    return values


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    """``server.port`` and ``hosts[0]``; what is empty is there, too."""
    if isinstance(value, dict) and value:
        pairs = [_leaves(inner, f"{path}.{key}" if path else str(key)) for key, inner in value.items()]
    elif isinstance(value, list) and value:
        pairs = [_leaves(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    else:
        return {path: _text(value)} if path else {}
    return {name: text for part in pairs for name, text in part.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or value in ({}, []) else str(value)


_READERS: dict[str, Callable[[str], dict[str, str]]] = {
    "environment": _environment,
    "properties": _properties,
    "yaml": _yaml,
    "json": _json,
    "actuator": _actuator,
}
