"""Plays the samples that every rule carries: what it must find, and what looks alike and must not be found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runbook_lib.artefacts import Rule
from runbook_lib.observe.source.match import scan_text


def unproven(rules: Iterable[Rule]) -> tuple[str, ...]:
    """A message for each sample that its rule does not live up to, and for each rule that cannot be played at all."""
    return tuple(message for rule in rules for message in _of_rule(rule))


def _of_rule(rule: Rule) -> Iterator[str]:
    for text, wanted in [*((one, True) for one in rule.finds), *((one, False) for one in rule.passes)]:
        try:
            found = bool(scan_text(text, _name(rule, text), [rule]))
        except (RuntimeError, ValueError, TypeError) as error:  # what ast-grep raises of a rule that it cannot read
            said = "; ".join(str(error).split("\n\nStack backtrace")[0].split("\n")[-3:])
            yield f"rules {rule.file}: {rule.id}.match is no rule for {rule.language}: {' '.join(said.split())}"
            return
        if found is not wanted:
            shown = " ".join(text.split())[:120]
            yield f"rules {rule.file}: {rule.id} {'does not find' if wanted else 'finds'} its own sample {shown!r}"


def _name(rule: Rule, text: str) -> str:
    """A file that the rule is about; markup is told from other configuration, because its comments differ."""
    markup = [pattern for pattern in rule.files if pattern.endswith(".xml")] if text.lstrip().startswith("<") else []
    return (markup or list(rule.files))[0].replace("*", "sample")
