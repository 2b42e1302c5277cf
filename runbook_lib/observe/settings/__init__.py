"""The settings of both sides as digests under a key that nobody keeps; a value is shown only where it stands open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.reach import Sender, Target
from runbook_lib.observe.release.keyed_digest import DigestKey, new_key
from runbook_lib.observe.settings.formats import Values
from runbook_lib.observe.settings.legacy import NotReadable, answered, parsed, read_instance
from runbook_lib.observe.settings.pod import Found, Reading
from runbook_lib.redact import Redactor
from runbook_lib.redact.names import names_it
from runbook_lib.sections import Legacy, LegacyInstance, Request, Settings

LONGEST = 120  # characters of a value that are shown
SHORTEST = 4  # characters of a Secret's value by which another value is known to hold it


@dataclass(frozen=True)
class Setting:
    """One setting: equal values have equal digests; None where the value is not known.

    ``shown`` is the value itself where it is no secret.
    """

    name: str
    digest: str | None
    source: str
    shown: str | None = None


@dataclass(frozen=True)
class Sides:
    """By instance of the old side, and of one Pod; ``unread`` says of whom nothing is known and why.

    ``changed``: objects that were written after the Pod started, which runs with what stood there before.
    """

    pod: str
    container: str
    old: dict[str, list[Setting]]
    new: list[Setting]
    unread: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def both_sides(
    cluster: Cluster, sender: Sender, asked: Target, wanted: Settings, legacy: Legacy, folder: Path
) -> Sides:
    """Reads every instance and the Pod behind ``asked``; no value is returned that may be a secret."""
    pods = cluster.all("v1", "Pod", fields=f"metadata.name={asked.name}")  # to list them is allowed anyway
    if not pods:
        return Sides(asked.name, "", {}, [], {asked.name: "the Pod is gone"})
    reading, key = Reading(cluster, pods[0], wanted.container), new_key()
    unread, new = dict[str, str](), dict[str, Found]()
    try:
        new = _of_pod(reading, wanted)
        if wanted.path is not None:
            text = answered(sender, asked, Request(path=wanted.path, token=wanted.token))
            new |= {name: Found(v, wanted.path) for name, v in parsed(text, wanted.format, wanted.path).items()}
    except NotReadable as error:
        unread[asked.name] = str(error)
    hidden = {value for value in reading.secrets() if len(value) >= SHORTEST}
    shown = {name for name, found in new.items() if not found.secret and found.source != wanted.path}
    names = wanted.rules.names
    public = {name for name, fresh in names.items() if fresh in shown} | (shown - names.keys())
    old: dict[str, list[Setting]] = {}
    for instance, values in _instances(legacy, sender, folder):
        if isinstance(values, str):
            unread[instance.name] = values
        else:
            old[instance.name] = [
                _sealed(name, Found(value, instance.name), key, name in public, hidden)
                for name, value in sorted(values.items())
            ]
    fresh = [_sealed(name, found, key, name in shown, hidden) for name, found in sorted(new.items())]
    return Sides(asked.name, reading.container["name"], old, fresh, unread, reading.changed_since())


def _of_pod(reading: Reading, wanted: Settings) -> dict[str, Found]:
    """Environment and files; of a file whose format is known each value, under its own name."""
    found, formats = dict(reading.environment()), {file.path: file.format for file in wanted.files}
    for path, file in reading.files().items():
        kind = formats.get(path)
        if kind is None or file.value is None:
            found[path] = Found(None if file.value is None else file.value.rstrip("\n"), file.source, file.secret)
        else:
            values = parsed(file.value, kind, path)
            found |= {name: Found(value, f"{file.source} {path}", file.secret) for name, value in values.items()}
    return found


def _instances(legacy: Legacy, sender: Sender, folder: Path) -> Iterable[tuple[LegacyInstance, Values | str]]:
    """Every instance with its settings, or with the reason why they are not known."""

    def one(instance: LegacyInstance) -> Values | str:
        try:
            return read_instance(legacy.settings, instance, sender, folder)
        except NotReadable as error:
            return str(error)

    if not legacy.settings or not legacy.instances:
        return []
    with ThreadPoolExecutor(min(16, len(legacy.instances))) as many:
        return list(zip(legacy.instances, many.map(one, legacy.instances), strict=True))


def _sealed(name: str, found: Found, key: DigestKey, public: bool, hidden: Sequence[str] | set[str]) -> Setting:
    if found.value is None:
        return Setting(name, None, found.source)
    value = found.value.strip()
    open_ = public and not names_it(name) and Redactor().text(value) == value
    open_ = open_ and not any(secret in value for secret in hidden)
    shown = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    return Setting(name, key.of(value.encode()), found.source, shown if open_ else None)
