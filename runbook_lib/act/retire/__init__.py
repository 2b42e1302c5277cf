"""Ends one machine of the old side in the way that the parameters name; the last act of a migration."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from runbook_lib.act.retire import ansible, command, webhook
from runbook_lib.clients import Clients
from runbook_lib.errors import ChangeFailed
from runbook_lib.model import Change, now
from runbook_lib.observe.old_side.legacy import look
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import AnsibleRetire, CommandRetire, Retire

LOOK_EVERY = 0.2  # seconds
LONGEST_NOTE = 500


def retire(instance: LegacyInstance, way: Retire, folder: Path, clients: Clients, key: str) -> Change:
    """End one machine, then see that nothing answers there any more; does nothing when nothing does.

    ``folder`` is where commands run, so that they may be named from the project's root. ``key`` is the same whenever
    the same run asks for the same machine: a webhook that has heard it does nothing again. Raises ChangeFailed.
    """
    what = f"retire {instance.name}"
    before = look(instance)
    if not before.answering:
        return Change(what, before, before, False, now(), f"nothing answers at {instance.url}")
    said = _end(instance, way, folder, clients, key)
    after = _silent(instance, way.timeout)
    return Change(what, before, after, True, now(), said[-LONGEST_NOTE:])


def _end(instance: LegacyInstance, way: Retire, folder: Path, clients: Clients, key: str) -> str:
    match way:
        case CommandRetire():
            return command.run(instance, way, folder)
        case AnsibleRetire():
            return ansible.run(instance, way, folder).told
        case _:
            return webhook.run(instance, way, clients, key)


def _silent(instance: LegacyInstance, patience: timedelta) -> object:
    """How the machine looks once it is silent; ChangeFailed when it goes on answering."""
    end = time.monotonic() + patience.total_seconds()
    while (after := look(instance)).answering:
        if time.monotonic() >= end:
            raise ChangeFailed(
                f"{instance.name} still answers at {instance.url} though it was ended well; nothing else was retired, "
                "look at legacy.retire and at what starts it"
            )
        time.sleep(LOOK_EVERY)
    return after
