"""nginx ``upstream``: the weights of the servers of both sides in one block; every other byte of the file stays.

nginx knows no weight of 0: the servers of a side that nobody is sent to are ``down``. What the servers of a side weigh
against each other stays as it is. There are no testers here: one upstream cannot tell users apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from runbook_lib.act.traffic import shares
from runbook_lib.act.traffic.nginx import apply, file
from runbook_lib.act.traffic.nginx.apply import Edit, as_expected, held, held_bytes
from runbook_lib.act.traffic.nginx.words import Block, find, plain, words
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.model import Change
from runbook_lib.sections.traffic import NginxUpstream

BREAK_THE_RATIO = frozenset({"ip_hash", "hash", "least_conn", "least_time", "random", "sticky", "include"})


@dataclass(frozen=True)
class _Server:
    """One ``server`` line, its words with their offsets; the address is the first."""

    words: tuple[re.Match[bytes], ...]

    @property
    def address(self) -> str:
        return plain(self.words[0]["word"])

    @property
    def parameters(self) -> tuple[re.Match[bytes], ...]:
        return self.words[1:]

    def has(self, word: bytes) -> bool:
        return any(m["word"] == word for m in self.parameters)

    @property
    def weighed(self) -> re.Match[bytes] | None:
        return next((m for m in self.parameters if m["word"].startswith(b"weight=")), None)

    @property
    def weight(self) -> int:
        word = self.weighed["word"].removeprefix(b"weight=") if self.weighed else b"1"
        if not word.isdigit() or not int(word):
            raise BadParameters(f"server {self.address}: weight={word.decode(errors='replace')} is no weight of nginx'")
        return int(word)

    @property
    def takes(self) -> int:
        return 0 if self.has(b"down") else self.weight


def read(knob: NginxUpstream, clients: Clients) -> Standing:
    """What the configuration says; BadParameters when it is no whole percent, or not decided by weights."""
    name, text = file.read(knob)
    block = _block(knob, text, name)
    return Standing(_weight(knob, text, block), False, held(text[block.start : block.end]))


def shift(knob: NginxUpstream, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Send ``weight`` percent of the requests to the Kubernetes side: compare, write, ``nginx -t``, reload, read back.

    A configuration that nginx refuses is put back as it was; going to 0, what is right stays. Raises ChangeFailed.
    """

    def write(text: bytes) -> bytes:
        if weight:
            _refuse_what_breaks(knob, text, Fraction(weight))
            as_expected(_shown(knob, text), weight, expected, knob.config)
        return text if _shown(knob, text) == weight else rewritten(knob, weight, text)

    return apply.carry_out(knob, clients, _edit(knob, write, weight == 0))


def restore(knob: NginxUpstream, clients: Clients, kept: Any) -> Change:
    """The block byte for byte as it stood; all else in the file stays."""
    stood = held_bytes(kept)
    weight = _shown(knob, stood)

    def write(text: bytes) -> bytes:
        block = _block(knob, text, knob.config)
        return text[: block.start] + stood + text[block.end :]

    return apply.carry_out(knob, clients, _edit(knob, write, weight == 0))


def preflight(knob: NginxUpstream, clients: Clients) -> None:
    """Unreachable or BadParameters when the file could not be changed now."""
    apply.preflight(knob, clients)


def rewritten(knob: NginxUpstream, weight: int, text: bytes) -> bytes:
    """The file with other weights: at 0 and 100 one side is down and no weight changes."""
    legacy, new = _sides(knob, text)
    edits: list[tuple[int, int, bytes]] = []
    if weight in (0, 100):
        carries, rests = (new, legacy) if weight else (legacy, new)
        edits += [_without_down(server) for server in carries if not any(s.takes for s in carries)]
        edits += [_down(server) for server in rests if not server.has(b"down")]
    else:
        up = [[s for s in side if s.takes] or side for side in (legacy, new)]
        edits += [_without_down(server) for side in up for server in side if server.has(b"down")]
        found = shares.weights(weight, [s.weight for s in up[0]], [s.weight for s in up[1]])
        pairs = (pair for side, part in zip(up, found, strict=True) for pair in zip(side, part, strict=True))
        edits += [_weighed(server, number) for server, number in pairs if server.weight != number]
    for start, end, word in sorted(edits, reverse=True):
        text = text[:start] + word + text[end:]
    return text


def _down(server: _Server) -> tuple[int, int, bytes]:
    end = server.words[-1].end()
    return end, end, b" down"


def _without_down(server: _Server) -> tuple[int, int, bytes]:
    at = next(i for i, m in enumerate(server.words) if m["word"] == b"down")
    return server.words[at - 1].end(), server.words[at].end(), b""


def _weighed(server: _Server, weight: int) -> tuple[int, int, bytes]:
    if server.weighed:
        return *server.weighed.span(), f"weight={weight}".encode()
    end = server.words[0].end()
    return end, end, f" weight={weight}".encode()


def _edit(knob: NginxUpstream, write: Any, urgent: bool) -> Edit:
    def said(stands: int | str) -> str:
        return f"{stands} %" if isinstance(stands, int) else stands

    return Edit(
        "traffic weight", write, lambda text: _shown(knob, text), said, "of the users are on the new side", urgent
    )


def _weight(knob: NginxUpstream, text: bytes, block: Block) -> int:
    shown = _shown(knob, text)
    _refuse_what_breaks(knob, text, Fraction(shown) if isinstance(shown, int) else None)
    if isinstance(shown, int):
        return shown
    lines = ", ".join(_line(server) for server in _servers(text, block))
    raise BadParameters(f"{_where(knob)}: {shown} stands ({lines}), expected whole percent; shift to 0, or mend it")


def _shown(knob: NginxUpstream, text: bytes) -> int | str:
    """The share as whole percent, else as a sentence has it."""
    share = shares.percent(*([server.takes for server in side] for side in _sides(knob, text)))
    if share is None:
        return "nobody anywhere"
    return int(share) if share.denominator == 1 else shares.said(share)


def _refuse_what_breaks(knob: NginxUpstream, text: bytes, asked: Fraction | None) -> None:
    """BadParameters when weights would not decide: another method, servers that are not there, backups, of no side."""
    block = _block(knob, text, knob.config)
    method = [d["directive"] for d in block.directives if d["directive"] in BREAK_THE_RATIO]
    if method and asked not in (0, 100):
        raise BadParameters(
            f"{_where(knob)} says `{method[0]}`: who is sent where is then not decided by the weights alone; take it "
            "out, or use another knob"
        )
    named, servers = [*knob.legacy, *knob.kubernetes], _servers(text, block)
    there = [server.address for server in servers]
    if odd := [address for address in named if there.count(address) != 1]:
        raise BadParameters(
            f"{_where(knob)} has the server {odd[0]} {there.count(odd[0])} times, needed is once; it has "
            f"{', '.join(there) or 'none'}"
        )
    if backups := [s.address for s in servers if s.has(b"backup") and s.address in named]:
        raise BadParameters(f"{_where(knob)}: {', '.join(backups)} only stands in for others (backup); leave it out")
    if strangers := [s.address for s in servers if s.takes and not s.has(b"backup") and s.address not in named]:
        raise BadParameters(
            f"{_where(knob)}: {', '.join(strangers)} takes users but belongs to no side; name it in traffic.knob"
        )


def _sides(knob: NginxUpstream, text: bytes) -> tuple[list[_Server], list[_Server]]:
    """The servers of both sides as far as they are there, in the order of the block."""
    servers = _servers(text, _block(knob, text, knob.config))
    legacy, new = ([s for s in servers if s.address in side] for side in (knob.legacy, knob.kubernetes))
    if not legacy:
        raise BadParameters(f"{_where(knob)} has none of {', '.join(knob.legacy)}; check traffic.knob.legacy")
    return legacy, new


def _servers(text: bytes, block: Block) -> list[_Server]:
    found: list[_Server] = []
    directive: list[re.Match[bytes]] = []
    for word in words(text, block.inside, block.inside_end):
        if word["word"] != b";":
            directive.append(word)
            continue
        if directive and directive[0]["word"] == b"server" and len(directive) > 1:
            found.append(_Server(tuple(directive[1:])))
        directive = []
    return found


def _block(knob: NginxUpstream, text: bytes, file: str) -> Block:
    block = find(text, "upstream", knob.upstream, 0, file)
    if block is None:
        raise BadParameters(f"{file} has no upstream {knob.upstream}; check traffic.knob.upstream and .config")
    return block


def _line(server: _Server) -> str:
    return " ".join(m["word"].decode(errors="replace") for m in server.words)


def _where(knob: NginxUpstream) -> str:
    return f"upstream {knob.upstream} in {knob.config}"
