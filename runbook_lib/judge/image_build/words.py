"""Takes the text of an instruction apart: the commands of a RUN, the pairs of ENV, ARG and LABEL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.artefacts import Instruction

SHELLS = ("sh", "bash", "ash", "dash", "zsh", "ksh")
TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\\\n)
    |(?P<comment>\#[^\n]*)
    |(?P<redirect>\d*(?:<<<|<<-?|>>|[<>])(?:&[\d-])?)
    |(?P<operator>&&|\|\||\|&|;;|[;|&()\n`])
    |(?P<word>(?:[^\s;|&()<>"'\\`]|\\.|"(?:\\.|[^"\\])*"|'[^']*')+)
    |(?P<other>.)""",
    re.X | re.S,
)
PAIR = re.compile(r"""([A-Za-z_][\w.-]*)(?:=((?:[^\s"'\\]|\\.|"(?:\\.|[^"\\])*"|'[^']*')*))?""", re.S)
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
QUOTED = re.compile(r"""["']""")
KEYWORDS = ("if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "exec", "command", "env", "nice")


@dataclass(frozen=True)
class Command:
    """One simple command of a script; ``after`` is the operator before it, ``to`` the files it writes into."""

    words: tuple[str, ...]
    after: str = ""
    to: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def program(self) -> str:
        return self.words[0].rpartition("/")[2] if self.words else ""

    def has(self, *flags: str) -> bool:
        """Whether one of the options is given; short ones may stand together, as in -qqy."""
        for word in self.words[1:]:
            together = re.fullmatch(r"-[A-Za-z]+", word) is not None
            if any(word.partition("=")[0] == flag or (together and _within(flag, word)) for flag in flags):
                return True
        return False

    def plain(self, *takes_value: str) -> tuple[str, ...]:
        """The words that are no options and no values of the options named."""
        result: list[str] = []
        skip = False
        for word in self.words[1:]:
            if not skip and not word.startswith("-"):
                result.append(word)
            skip = not skip and word in takes_value
        return tuple(result)


def _within(flag: str, word: str) -> bool:
    return len(flag) == 2 and flag[0] == "-" and flag[1] in word[1:]


def commands(instruction: Instruction) -> list[Command]:
    """The commands of a RUN in order; none for another interpreter's script."""
    if instruction.words:
        is_script = instruction.words[0].rpartition("/")[2] in SHELLS and instruction.words[1:2] == ("-c",)
        return script(" ".join(instruction.words[2:])) if is_script else [Command(instruction.words)]
    found = script(instruction.value)
    alone = not found or (len(found) == 1 and found[0].program in SHELLS)
    if instruction.body and alone and not re.match(r"#!(?!.*\b(ba|da|a|z|k)?sh\b)", instruction.body):
        found = script(instruction.body)
    return found


def script(text: str) -> list[Command]:
    """Simple commands of a shell script: quotes, comments, operators and redirections are understood, no more."""
    result: list[Command] = []
    words: list[str] = []
    to: list[str] = []
    operator = ""
    redirect = ""
    pattern = False  # between ``case … in`` or ``;;`` and the bracket, where | separates patterns
    for found in TOKEN.finditer(text):
        kind, value = found.lastgroup, found.group()
        if kind == "operator":
            result += _command(words, operator, to) if not pattern else []
            words, to, operator = [], [], value
            pattern = value == ";;" or (pattern and value != ")")
        elif kind == "redirect":
            redirect = "" if value[-1:] in "0123456789-" and "&" in value else value
        elif kind in ("word", "other"):
            value = QUOTED.sub("", value)
            if redirect:
                to += [value] if ">" in redirect else []
            else:
                words.append(value)
            redirect = ""
            if pattern and words == ["esac"]:
                pattern = False
            elif value == "in" and words[-3:-2] == ["case"]:
                words, pattern = [], True
    return result + _command(words, operator, to)


def _command(words: list[str], operator: str, to: list[str]) -> list[Command]:
    """What is left when assignments and keywords before it are dropped."""
    first = next((n for n, w in enumerate(words) if not ASSIGNMENT.match(w) and w not in KEYWORDS), None)
    if first is None:
        return []
    return [Command(tuple(words[first:]), operator.strip() or ("" if not operator else ";"), tuple(to))]


def without_sudo(found: list[Command]) -> list[Command]:
    return [Command(c.words[1:], c.after, c.to) if c.program == "sudo" and len(c.words) > 1 else c for c in found]


def pairs(text: str, older: bool = True) -> Iterator[tuple[str, str | None]]:
    """Key and value of ENV, ARG and LABEL, quotes taken off, or None.

    ``older`` is the form ``ENV key value``, which every ENV and LABEL has whose first word holds no sign; an ARG
    without values is a list of names.
    """
    first, _, rest = text.partition(" ")
    if older and "=" not in first and rest.strip():
        yield first, rest.strip()
        return
    for found in PAIR.finditer(text):
        value = found.group(2)
        yield found.group(1), None if value is None else unquoted(value)


def unquoted(text: str) -> str:
    return QUOTED.sub("", text)
