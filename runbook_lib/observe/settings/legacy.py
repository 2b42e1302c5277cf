"""The settings of one instance of the old side, from what its commands print and its endpoints answer."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from runbook_lib.errors import BadParameters
from runbook_lib.observe.command import PATIENCE, named, ran
from runbook_lib.observe.reach import Sender, Target
from runbook_lib.observe.settings.formats import Values, flat
from runbook_lib.sections import Format, LegacyInstance, Request, SettingsSource


class NotReadable(Exception):
    """Settings that could not be read; the message holds none of them."""


def read_instance(sources: Sequence[SettingsSource], instance: LegacyInstance, sender: Sender, folder: Path) -> Values:
    """Every setting of every source, the later over the earlier; raises NotReadable."""
    found: Values = {}
    for source in sources:
        if source.command is not None:
            text = _printed(source.command, instance, folder)
        else:
            target = Target(instance.name, instance.url)
            text = answered(sender, target, Request(path=str(source.path), token=source.token))
        values = parsed(text, source.format, source.path or (source.command or [""])[0])
        found |= {source.prefix + name: value for name, value in values.items()}
    return found


def answered(sender: Sender, target: Target, request: Request) -> str:
    """What an endpoint tells; raises NotReadable for anything but 200."""
    reply = sender.send(target, request, PATIENCE)
    if reply.status != 200:
        said = f"answered {reply.status}" if reply.status else reply.unasked or f"did not answer ({reply.error})"
        raise NotReadable(f"{request.path} {said}")
    return reply.text


def parsed(text: str, kind: Format, what: str) -> Values:
    """The settings of a text; raises NotReadable, also for a text without any."""
    try:
        found = flat(text, kind)
    except ValueError as error:
        raise NotReadable(f"{what}: {error}") from None
    if not found:
        raise NotReadable(f"{what} told no setting")
    return found


def _printed(command: Sequence[str], instance: LegacyInstance, folder: Path) -> str:
    line = [named(word, instance) for word in command]
    try:
        ended = ran("legacy.settings", line, folder, PATIENCE)
    except subprocess.TimeoutExpired:
        raise NotReadable(f"{line[0]} took longer than {PATIENCE:g} s") from None
    except BadParameters as error:
        raise NotReadable(str(error)) from None
    if ended.returncode != 0:
        # what it says may repeat what it was to print
        raise NotReadable(f"{line[0]} ended with {ended.returncode}; run it by hand to see why")
    return ended.stdout
