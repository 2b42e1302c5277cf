"""Which rules are about a file: by its name, and then by the words that stand in it, before anything is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache

from runbook_lib.artefacts import Rule

WORD = re.compile(r"\w+", re.ASCII)
LETTERS = bytes(code if WORD.fullmatch(chr(code)) else ord(" ") for code in range(256))
"""What stands for each byte: itself for a letter, digit or underscore, else a space."""
SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*/)?(\S+)")
PROGRAMS = (("python", ".py"), ("node", ".js"), ("php", ".php"), ("sh", ".sh"))


@dataclass(frozen=True)
class Choice:
    """Rules by the suffix that they are about, and those with any other pattern."""

    rules: tuple[Rule, ...]
    by_suffix: dict[str, tuple[int, ...]]
    others: tuple[tuple[re.Pattern[str], int], ...]
    known: dict[tuple[int, ...], tuple[Rule, ...]] = field(default_factory=dict)

    def by_name(self, name: str) -> tuple[Rule, ...]:
        """The rules about files of that path, in their order."""
        suffix = name[name.rfind(".") :] if "." in name else ""
        numbers = set(self.by_suffix.get(suffix, ()))
        numbers.update(number for pattern, number in self.others if pattern.match(name))
        key = tuple(sorted(numbers))
        if key not in self.known:
            self.known[key] = tuple(self.rules[number] for number in key)
        return self.known[key]


def choice_of(rules: Iterable[Rule]) -> Choice:
    """Rules ready to be chosen from by a file's name."""
    all_rules = tuple(rules)
    by_suffix: dict[str, list[int]] = {}
    others = []
    for number, rule in enumerate(all_rules):
        rest = []
        for pattern in rule.files:
            if re.fullmatch(r"\*\.[\w-]+", pattern):
                by_suffix.setdefault(pattern[1:], []).append(number)
            else:
                rest.append(translate(pattern) + "|" + translate(f"*/{pattern}"))
        if rest:
            others.append((re.compile("|".join(rest)), number))
    return Choice(all_rules, {suffix: tuple(found) for suffix, found in by_suffix.items()}, tuple(others))


def by_words(rules: Iterable[Rule], text: str) -> list[Rule]:
    """Those of the rules whose words stand in the text: a file that holds none of them is never parsed.

    Looked through is first what the text says at all, each word once: a third of the text, and in one byte a letter.
    """
    said = b"\n".join(set(text.encode("utf-8", "replace").translate(LETTERS).split())).decode()
    there: dict[str, bool] = {}
    found = []
    for rule in rules:
        for word in rule.words:
            if word not in there:
                there[word] = _core(word) in said and word in text
            if there[word]:
                break
        else:
            if rule.words:
                continue
        if not rule.requires or pattern(rule.requires).search(text):
            found.append(rule)
    return found


def suffix_of_script(start: bytes) -> str:
    """What a file without suffix would be called by its first line; empty for what is no script."""
    found = SHEBANG.match(start.partition(b"\n")[0].decode("latin-1"))
    return next((suffix for word, suffix in PROGRAMS if found and word in found[1]), "")


@lru_cache(maxsize=4096)
def _core(word: str) -> str:
    """The longest piece of a word that no space or sign can part; empty when there is none."""
    return max(WORD.findall(word), key=len, default="")


@lru_cache(maxsize=1024)
def pattern(text: str) -> re.Pattern[str]:
    """A rule's regular expression, compiled once a process."""
    return re.compile(text, re.MULTILINE)
