"""What the image brings along, as its Dockerfile says: variables, the process that starts, whom it runs as."""

from __future__ import annotations

import shlex

from runbook_lib.artefacts import Instruction, Node
from runbook_lib.judge.workload.world import Container, World


def last(world: World, name: str) -> Instruction | None:
    """The instruction that counts: the last of its name."""
    return next(reversed(world.instructions(name)), None)


def base_image(world: World) -> str:
    """The image from elsewhere that the one that runs is built on."""
    lineage = world.dockerfile.lineage if world.dockerfile else ()
    return lineage[0].image if lineage else ""


def image_variables(world: World) -> dict[str, str]:
    """ENV of all stages that the image that runs is made of."""
    found: dict[str, str] = {}
    for instruction in world.instructions("ENV"):
        words = _words(instruction.value)
        if words and "=" not in words[0]:  # the older form: one key, and the rest of the line is its value
            found[words[0]] = instruction.value.strip()[len(words[0]) :].strip()
            continue
        for word in words:
            key, _, value = word.partition("=")
            found[key] = value
    return found


def brought_along(world: World, container: Container) -> dict[str, str]:
    """What the container's image sets of variables, as far as the Dockerfile is its own."""
    return image_variables(world) if world.runs_application(container) else {}


def started(world: World, container: Container) -> tuple[str, ...]:
    """The words of the process that starts: command and args hide ENTRYPOINT and CMD; a shell form is one word.

    What the image of another than the application starts is not known.
    """
    command = tuple(word.text() for word in container.node.get("command").elements())
    args = tuple(word.text() for word in container.node.get("args").elements())
    if command or not world.runs_application(container):
        return command + args
    entry, parameters = world.dockerfile.process if world.dockerfile else (None, None)
    if entry is not None and not entry.words:
        return (entry.value,)  # a shell form takes no parameters
    begin = entry.words if entry else ()
    if args:
        return begin + args
    if parameters is not None:
        return begin + (parameters.words or (parameters.value,))
    return begin


def at(world: World, instruction: Instruction) -> Node:
    """A place in the Dockerfile to point at."""
    return Node(None, world.dockerfile.file if world.dockerfile else "", instruction.line)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation mark that is never closed is the parser's finding
        return text.split()
