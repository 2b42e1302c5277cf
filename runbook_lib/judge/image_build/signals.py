"""Whether the application hears SIGTERM: which process an image starts, and what stands between it and the signal."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from runbook_lib.artefacts import Dockerfile, Instruction, Policy
from runbook_lib.judge.image_build.rule import Looked, failed, in_image, passed, shells, unix, unknown
from runbook_lib.judge.image_build.words import SHELLS, script, unquoted

INITS = ("tini", "dumb-init", "catatonit", "docker-init")
WRAPPERS: tuple[str, ...] = ("npm", "yarn", "pnpm", "mvn", "mvnw", "gradle", "gradlew", "sudo", "su", "service")
WRAPPERS += ("systemctl", "systemd", "runsvdir")
HANDS_OVER = re.compile(r"(^|[;&|({\n]\s*|\b(then|do|else)\s+)exec\s")


def hears_signals(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """An ENTRYPOINT outweighs every CMD, which becomes its arguments."""
    entry, command = dockerfile.process
    first = entry or command
    if first is None:
        yield unknown(dockerfile.stages[-1].line, "no ENTRYPOINT or CMD: the base image decides what runs")
    elif other := _of_another_shell(dockerfile):
        yield unknown(other.line, f"{other.name} is read by no Unix shell: make sure that the service hears of its end")
    elif not first.words:
        yield _shell_form(first, alone=not (entry and command))
    elif entry and command and not command.words:
        yield from _shell_arguments(entry, command, dockerfile)
    else:
        yield _exec_form(first, (*first.words, *(command.words if entry and command else ())), dockerfile)


def _of_another_shell(dockerfile: Dockerfile) -> Instruction | None:
    """What a shell of Windows, or PowerShell, is given."""
    read = (one for one in dockerfile.process if one and not one.words)
    other = {id(one) for _, one, shell in shells(dockerfile, "ENTRYPOINT", "CMD") if not unix(shell)}
    return next((one for one in read if id(one) in other), None)


def _shell_arguments(entry: Instruction, command: Instruction, dockerfile: Dockerfile) -> Iterator[Looked]:
    """An init or a script runs what CMD says, other programs only read it; the shell of CMD is gone after exec."""
    name = entry.words[0].rpartition("/")[2]
    if name not in INITS:
        yield _exec_form(entry, entry.words, dockerfile)
    if (name in INITS or name.endswith(".sh")) and HANDS_OVER.search(command.value):
        yield passed(command.line, "CMD hands over by exec")
    else:
        message = f"CMD in shell form: the ENTRYPOINT is given /bin/sh, -c and {command.value} as its arguments"
        yield failed(command.line, message, _as_exec_form(command))


def _shell_form(entry: Instruction, alone: bool) -> Looked:
    """A shell gives CMD to nobody: an ENTRYPOINT that becomes an array would be given it, so it is not made one."""
    if HANDS_OVER.search(entry.value):
        return passed(entry.line, f"{entry.name} hands over by exec")
    if entry.value.startswith("["):
        message = f"{entry.name} is no JSON (double quotes are), so it is the shell form: sh is process 1"
        return failed(entry.line, message, f"{entry.name} {entry.value}".replace("'", '"'))
    message = f"{entry.name} in shell form: sh is process 1 and keeps SIGTERM to itself"
    array, handed = _as_exec_form(entry) if alone else "", _with_exec(entry.value)
    return failed(entry.line, message, array or (f"{entry.name} {handed}" if handed else ""))


def _as_exec_form(instruction: Instruction) -> str:
    """The same words as an array; nothing where only a shell can read them."""
    text, found = instruction.value, script(instruction.value)
    if re.search(r"[$`\\*?~<>(){}#&]", text) or len(found) != 1:
        return ""
    try:
        words = shlex.split(text)
    except ValueError:  # a quote without its end
        return ""
    same = tuple(map(unquoted, words)) == found[0].words
    return f"{instruction.name} {json.dumps(words, ensure_ascii=False)}" if same else ""


def _with_exec(text: str) -> str:
    """The shell's one command, handed over to; nothing where there are more, or what is no program."""
    found = script(text)
    alone = len(found) == 1 and not re.search(r"[;&|<>`(){}\n]", re.sub(r"\$\{[^{}]*\}", "", text))
    whole = alone and text.split()[:1] == [found[0].words[0]] and found[0].program not in WRAPPERS
    return f"exec {text}" if whole else ""


def _exec_form(entry: Instruction, words: tuple[str, ...], dockerfile: Dockerfile) -> Looked:
    words = _behind_init(words)
    name = words[0].rpartition("/")[2] if words else ""
    if not words or (len(words) == 1 and name in SHELLS):
        return unknown(entry.line, f"{entry.name} names {'a shell' if words else 'an init'} and nothing to run")
    option = next((n for n, word in enumerate(words[:4]) if n and re.fullmatch(r"-[a-z]*c", word)), 0)
    if name in SHELLS and option:
        text = "".join(words[option + 1 : option + 2])
        if not HANDS_OVER.search(text) and script(text):
            message = f"{entry.name} runs a shell, which keeps SIGTERM to itself: exec before the last command"
            own = [_with_exec(word) if word == text else word for word in entry.words]
            mend = f"{entry.name} {json.dumps(own, ensure_ascii=False)}" if text in entry.words and all(own) else ""
            return failed(entry.line, message, mend)
    elif name in WRAPPERS:
        message = f"{entry.name} runs {name}, which starts the service as its child and passes no SIGTERM on"
        return failed(entry.line, message)
    elif name == "init":
        return unknown(entry.line, f"{words[0]} is not seen here: make sure that it passes SIGTERM on")
    elif name.endswith(".sh") or (name in SHELLS and len(words) > 1):
        path = next((w for w in words if w.rpartition("/")[2] not in SHELLS and not w.startswith("-")), words[0])
        return _script(entry, path, dockerfile)
    return passed(entry.line, f"{entry.name} in exec form")


def _behind_init(words: tuple[str, ...]) -> tuple[str, ...]:
    """What an init starts: what stands behind --, or behind its options."""
    if not words or words[0].rpartition("/")[2] not in INITS:
        return words
    if "--" in words:
        return words[words.index("--") + 1 :]
    return words[next((n for n, word in enumerate(words) if n and not word.startswith("-")), len(words)) :]


def _script(entry: Instruction, path: str, dockerfile: Dockerfile) -> Looked:
    """A script is read where a here-document holds it; elsewhere nobody knows how it ends."""
    for instruction in in_image(dockerfile, "COPY"):
        if instruction.body and instruction.value.split()[-1] == path:
            if re.search(r"(?m)^\s*exec\s", instruction.body):
                return passed(entry.line, f"{path} hands over by exec")
            return failed(
                instruction.line, f"{path} starts the service without exec: the shell keeps SIGTERM to itself"
            )
    return unknown(entry.line, f"{path} is not seen here: make sure that it ends in exec")
