"""Breaks what real inputs have broken, each in another application, and says where: the rest must not notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .truth import Expected, Truth


@dataclass(frozen=True)
class Break:
    """One input that was broken: whose it is, and what must stand in a finding about it."""

    what: str
    application: str
    file: Path
    line: int
    """0: the file as a whole."""


def break_fleet(truth: Truth) -> tuple[Break, ...]:
    """Break one input a kind, in place; all else stays byte for byte."""
    whole = [one for one in truth.applications.values() if one.cpu is not None and not one.conflicts]
    alone = [one for one in whole if not any(one.name in both for both in truth.shared_hosts.values())]
    paged = [one for one in alone if (truth.profiles / f"{one.name}.yaml").exists()]
    treed = [one for one in alone if one.planted]
    cut, negative = alone[0], alone[1]
    odd = next(one for one in paged if one not in (cut, negative))
    looped = next(one for one in treed if one not in (cut, negative, odd))
    return (
        _cut_in_half(cut),
        _in_no_encoding(truth.profiles / f"{odd.name}.yaml", odd),
        _negative(truth.usage, negative),
        _looped(truth.source / looped.name, looped),
        _nameless(truth.cmdb),
    )


def _cut_in_half(one: Expected) -> Break:
    path = one.machines[-1].file
    data = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(data)
    return Break("half a JSON file", one.name, path, data.count(b"\n") + 1)


def _in_no_encoding(path: Path, one: Expected) -> Break:
    """A second line that is neither UTF-8 nor GBK."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"remark: \xff\xfe\x80\x81 \xff\n", *lines[1:]]))
    return Break("wrong encoding", one.name, path, 2)


def _negative(path: Path, one: Expected) -> Break:
    lines = path.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if f",{one.machines[0].name}," in line) + 30
    stamp, host, cores, memory = lines[at].split(",")
    lines[at] = f"{stamp},{host},-{cores},{memory}"
    path.write_text("".join(lines))
    return Break("negative CPU", one.name, path, at + 1)


def _looped(root: Path, one: Expected) -> Break:
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "a").symlink_to(root / "b")
    (root / "b").symlink_to(root / "a")
    return Break("symlink loop", one.name, root / "loop", 0)


def _nameless(path: Path) -> Break:
    """A last row that names a host and no application, as a half-filled table has them."""
    with path.open("ab") as file:
        file.write("VM99999,,张伟,,,生产,零售,,,lost-vm1,,,\r\n".encode("gbk"))
    return Break("row without application", "", path, path.read_bytes().count(b"\n"))
