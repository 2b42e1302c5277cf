"""OpenSSH's allowed_signers file -> who may sign in which role, and when.

A role is a namespace: ``anna namespaces="runbook-operator,runbook-approver" ssh-ed25519 AAAA… laptop`` may sign records
and answer gates. The format is ssh-keygen(1)'s; times without a zone are UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from runbook_lib.errors import BadParameters

OPERATOR, APPROVER, SEALER = "operator", "approver", "sealer"
"""Signs records; answers gates; seals batches of records. Parameters may name further roles for gates."""
PREFIX = "runbook-"
_LINE = re.compile(
    r"""(?P<names>"[^"]+"|\S+)\s+
    (?:(?P<options>(?:[a-z-]+(?:="[^"]*")?)(?:,[a-z-]+(?:="[^"]*")?)*)\s+)?
    (?P<type>(?:ssh|ecdsa|sk)-\S+)\s+(?P<key>[A-Za-z0-9+/]+=*)(?:\s|$)""",
    re.VERBOSE,
)
_MOMENT = re.compile(r"\d{8}(?:\d{4}(?:\d{2})?)?Z?")


@dataclass(frozen=True)
class Signer:
    """One line: a person's key, in the roles and the time it is good for; ``public`` is its type and base64."""

    name: str
    public: str
    namespaces: tuple[str, ...]
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def may(self, role: str, at: datetime) -> bool:
        """True when the key may sign in that role at that time; a line that names no namespace holds no role."""
        if (self.valid_after and at < self.valid_after) or (self.valid_before and at >= self.valid_before):
            return False
        return any(fnmatchcase(namespace(role), pattern) for pattern in self.namespaces)


@dataclass(frozen=True)
class Signers:
    """Everybody who may sign, as the file at ``path`` says."""

    path: Path
    entries: tuple[Signer, ...]

    def names(self, role: str, at: datetime) -> tuple[str, ...]:
        """Who may sign in that role at that time, each once, in the file's order."""
        return tuple(dict.fromkeys(entry.name for entry in self.entries if entry.may(role, at)))

    def name_of(self, public: str, role: str, at: datetime) -> str | None:
        """Whose key that is, if it may sign in that role at that time."""
        return next((entry.name for entry in self.entries if entry.public == public and entry.may(role, at)), None)

    def owner_of(self, public: str) -> str | None:
        """Whose key that is, whatever it may do."""
        return next((entry.name for entry in self.entries if entry.public == public), None)


def namespace(role: str) -> str:
    """What ssh-keygen calls the role."""
    return PREFIX + role


def read_signers(path: Path) -> Signers:
    """The signers of a file; BadParameters names the file, the line and what is wrong with it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise BadParameters(
            f"gates.allowed_signers: there is no file {path}; it names who may sign, one line a key: "
            'NAME namespaces="runbook-operator,runbook-approver" ssh-ed25519 AAAA… (see ssh-keygen(1), ALLOWED SIGNERS)'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameters(f"gates.allowed_signers: {path} cannot be read: {error}") from None
    entries: list[Signer] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            entry = _signer(line.strip(), f"{path}, line {number}")
            _refuse_second_name(entries, entry, f"{path}, line {number}")
            entries.append(entry)
    return Signers(path, tuple(entries))


def _signer(line: str, where: str) -> Signer:
    found = _LINE.match(line)
    if not found:
        raise BadParameters(f'{where}: write NAME namespaces="runbook-ROLE" KEYTYPE KEY, found {line[:60]!r}')
    name = found["names"].strip('"').split(",")[0]
    if re.search(r"[*?!]", name):
        raise BadParameters(f"{where}: {name!r} is a pattern; name one person, so that two people can be told apart")
    options = dict(re.findall(r'([a-z-]+)(?:="([^"]*)")?', found["options"] or ""))
    if unknown := options.keys() - {"namespaces", "valid-after", "valid-before"}:
        raise BadParameters(f"{where}: {min(unknown)!r} is not supported; name each key itself")
    moments = (_moment(options.get(key), where) for key in ("valid-after", "valid-before"))
    namespaces = tuple(part.strip() for part in options.get("namespaces", "").split(",") if part.strip())
    return Signer(name, f"{found['type']} {found['key']}", namespaces, *moments)


def _moment(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    digits = text.removesuffix("Z")
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadParameters(f"{where}: {text!r} is no time; write YYYYMMDD or YYYYMMDDHHMM[SS]") from None


def _refuse_second_name(entries: list[Signer], entry: Signer, where: str) -> None:
    for earlier in entries:
        if earlier.public == entry.public and earlier.name != entry.name:
            raise BadParameters(
                f"{where}: one key is {earlier.name!r} and {entry.name!r}; "
                "give each person a key of their own, or two could be one"
            )
