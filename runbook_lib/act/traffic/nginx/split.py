"""nginx ``split_clients``: the share of the users is one word of one block; every other byte of the file stays.

0 and 100 % have a form of their own, because nginx refuses ``0%``: one ``*`` line, and the block's comments. Testers
go by a ``map`` right behind the block (`nginx_split_testers`); the configuration needs nothing for that beforehand.
"""

from __future__ import annotations

from typing import Any

from runbook_lib.act.traffic.nginx import apply, file
from runbook_lib.act.traffic.nginx.apply import Edit, as_expected, held, held_bytes
from runbook_lib.act.traffic.nginx.split_testers import locate, mark, with_testers, without
from runbook_lib.act.traffic.nginx.words import WORDS, Block, indentation, newline, words
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.model import Change
from runbook_lib.sections.traffic import NginxSplit, Testers


def read(split: NginxSplit, clients: Clients) -> Standing:
    """What the configuration says; BadParameters when it is unclear."""
    name, text = file.read(split)
    found = locate(split, text, name)
    return Standing(_weight(split, found.block), found.testers is not None, held(text[found.block.start : found.end]))


def shift(split: NginxSplit, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Send ``weight`` percent of the users to the Kubernetes side: compare, write, ``nginx -t``, reload, read back.

    A configuration that nginx refuses is put back as it was; going to 0, what is right stays. Raises ChangeFailed.
    """

    def write(text: bytes) -> bytes:
        block = locate(split, text, split.config).block
        if weight == 0 and _only_sides(split, block):
            return text if _shown(split, block) == 0 else rewritten(split, weight, text)  # 0.5 % is no obstacle
        as_expected(_weight(split, block), weight, expected, split.config)
        return text if _weight(split, block) == weight else rewritten(split, weight, text)

    return apply.carry_out(split, clients, _edit(split, write, weight == 0))


def admit(split: NginxSplit, clients: Clients, testers: Testers | None) -> Change:
    """Send testers to the Kubernetes side, or nobody by name any more; the share of the users stays as it is."""

    def write(text: bytes) -> bytes:
        if testers is None:
            return without(split, text, split.config)
        return with_testers(split, text, split.config, testers)

    def show(text: bytes) -> str | None:
        return mark(text, locate(split, text, split.config))

    def said(known: str | None) -> str:
        return f"testers by {known}" if known else "no testers"

    edit = Edit("testers", write, show, said, "are sent to the new side", testers is None)
    return apply.carry_out(split, clients, edit)


def restore(split: NginxSplit, clients: Clients, kept: Any) -> Change:
    """The block, and the testers' map behind it, byte for byte as they stood; all else in the file stays."""
    stood = held_bytes(kept)
    weight = _weight(split, locate(split, stood, "what is to be put back").block)

    def write(text: bytes) -> bytes:
        found = locate(split, text, split.config)
        return text[: found.block.start] + stood + text[found.end :]

    return apply.carry_out(split, clients, _edit(split, write, weight == 0))


def preflight(split: NginxSplit, clients: Clients) -> None:
    """Unreachable or BadParameters when the file could not be changed now."""
    apply.preflight(split, clients)


def rewritten(split: NginxSplit, weight: int, text: bytes) -> bytes:
    """The file with another weight: one word where the block has a share already, else its entries."""
    block = locate(split, text, split.config).block
    if 0 < weight < 100 and len(block.directives) == 2:
        first = words(text, block.inside, block.inside_end)[0]
        return text[: first.start()] + f"{weight}%".encode() + text[first.end() :]
    outer = indentation(text, block.start)
    inner = outer + (b"\t" if b"\t" in outer else b"    ")
    entries = [f"{weight}% {split.kubernetes};", f"* {split.legacy};"]
    if weight in (0, 100):
        entries = [f"* {split.kubernetes if weight else split.legacy};"]
    comments = [m["comment"] for m in WORDS.finditer(text, block.inside, block.inside_end) if m["comment"]]
    lines = [inner + entry for entry in (*comments, *(e.encode() for e in entries))]
    return text[: block.inside] + newline(text).join([b"", *lines, outer]) + text[block.inside_end :]


def _edit(split: NginxSplit, write: Any, urgent: bool) -> Edit:
    def show(text: bytes) -> int | str:
        return _shown(split, locate(split, text, split.config).block)

    def said(stands: int | str) -> str:
        return f"{stands} %" if isinstance(stands, int) else f"`{stands}`"

    return Edit("traffic weight", write, show, said, "of the users are on the new side", urgent)


def _entries(block: Block) -> list[tuple[str, str]]:
    return [(directive["directive"], " ".join(directive["args"])) for directive in block.directives]


def _only_sides(split: NginxSplit, block: Block) -> bool:
    values = {value for _, value in _entries(block)}
    return bool(values) and values <= {split.legacy, split.kubernetes}


def _shown(split: NginxSplit, block: Block) -> int | str:
    try:
        return _weight(split, block)
    except BadParameters:
        return "; ".join(f"{share} {value}" for share, value in _entries(block))


def _weight(split: NginxSplit, block: Block) -> int:
    entries = _entries(block)
    shares = {value: share for share, value in entries}
    names_once = len(shares) == len(entries) and not set(shares) - {split.legacy, split.kubernetes}
    if not names_once or not entries or entries[-1][0] != "*":
        raise BadParameters(
            f"{split.config}: split_clients {split.variable} holds {dict(entries)}; "
            f"expected a share of {split.kubernetes!r} and `* {split.legacy};`"
        )
    if shares.get(split.kubernetes) == "*" and len(shares) == 1:
        return 100
    if split.kubernetes not in shares:
        return 0
    share = shares[split.kubernetes].removesuffix("%")
    if not share.isdigit():
        raise BadParameters(f"{split.config}: the share of {split.kubernetes!r} is {share!r}, expected whole percent")
    return int(share)
