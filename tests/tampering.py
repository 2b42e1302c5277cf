"""Seeded ways to tamper with an archive: bytes, cells, lines, files, folders, answers, signatures and seals."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from small_archive import Archive

from runbook_lib.durable import as_text
from runbook_lib.proof import seal
from runbook_lib.record import archive
from runbook_lib.trust.keys import Key
from runbook_lib.trust.signature import sign
from runbook_lib.trust.signers import APPROVER, OPERATOR, SEALER

LOCKS = {"runner.lock", ".index.lock", ".rewriting.lock", ".lock"}
VIEWS = {"index.html", "index.js", "incident.html"}


@dataclass(frozen=True)
class Tampered:
    """What was done; one of ``named`` must begin the path of what is found, ``touched`` is put back afterwards."""

    what: str
    named: tuple[str, ...]
    touched: tuple[str, ...]
    harmless: bool = False


Mutation = Callable[[Archive, random.Random], Tampered]


def files(records: Path) -> Iterator[str]:
    """Every file that says something."""
    for path in sorted(records.rglob("*")):
        if path.is_file() and path.name not in LOCKS:
            yield path.relative_to(records).as_posix()


def kind(name: str) -> str:
    """Which kind of file it is: each kind is tampered with as often as any other."""
    parts = name.split("/")
    if parts[0] == seal.FOLDER:
        return "seal signature" if name.endswith(".sig") else "seal"
    if len(parts) > 2 and parts[1] == "gates":
        return "gate " + ".".join(parts[2].split(".")[1:]).translate({ord(d): None for d in "-0123456789"})
    return "evidence" if "evidence" in parts else parts[-1]


def pick(made: Archive, rng: random.Random, wanted: str = "") -> str:
    """A file, of a kind that begins so."""
    kinds: dict[str, list[str]] = {}
    for name in files(made.records):
        kinds.setdefault(kind(name), []).append(name)
    chosen = rng.choice(sorted(one for one in kinds if one.startswith(wanted)))
    return rng.choice(kinds[chosen])


def on_file(what: str, name: str) -> Tampered:
    """A change of one file must be found at that file, or at the attempt, gate or seal that it belongs to."""
    parts = name.split("/")
    if parts[0] == seal.FOLDER:
        named = (name.removesuffix(".sig"),)
    elif len(parts) > 2 and parts[1] == "gates":
        named = ("/".join([*parts[:2], parts[2].split(".")[0]]),)
    else:
        named = ("/".join(parts[:3]) if len(parts) > 3 else name,)
    harmless = parts[-1] in VIEWS or parts[-1] == archive.NOTEBOOK
    return Tampered(f"{what} {name}", named, (name,), harmless)


def bytes_changed(made: Archive, rng: random.Random) -> Tampered:
    name = pick(made, rng)
    path = made.records / name
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    what = rng.choice(["flip", "insert", "delete", "truncate", "empty", "append", "repeat"])
    if what == "flip":
        content[at] ^= 1 << rng.randrange(8)
    elif what == "insert":
        content[at:at] = rng.choice([b" ", b"0", b"\n", b"x", b"\0"])
    elif what == "delete":
        del content[at : at + rng.randint(1, 8)]
    elif what == "truncate":
        del content[at:]
    elif what == "empty":
        content.clear()
    elif what == "append":
        content += rng.choice([b"\n", b" ", b"{}", b"\xff"])
    else:
        content[at:at] = content[at : at + 40]
    if bytes(content) == path.read_bytes():
        content += b" "
    path.write_bytes(content)
    return on_file(f"{what} at {at} in", name)


def file_deleted(made: Archive, rng: random.Random) -> Tampered:
    name = pick(made, rng)
    (made.records / name).unlink()
    return on_file("delete", name)


def file_put_in(made: Archive, rng: random.Random) -> Tampered:
    beside = pick(made, rng)
    new = (Path(beside).parent / rng.choice(["extra.json", "notes.txt", "evidence-2.json", "attempt-7"])).as_posix()
    (made.records / new).write_text("{}")
    return Tampered(f"put in {new}", (new,), (new,))


def files_swapped(made: Archive, rng: random.Random) -> Tampered:
    """The same kind of file of two runs change places."""
    while True:
        one = pick(made, rng)
        others = [name for name in files(made.records) if kind(name) == kind(one) and name != one]
        other = rng.choice(others) if others else one
        contents = [(made.records / name).read_bytes() for name in (one, other)]
        if contents[0] != contents[1]:
            break
    (made.records / one).write_bytes(contents[1])
    (made.records / other).write_bytes(contents[0])
    found = on_file("", one), on_file("", other)
    named = (*found[0].named, *found[1].named)
    return Tampered(f"swap {one} and {other}", named, (one, other), found[0].harmless)


def cell_edited(made: Archive, rng: random.Random) -> Tampered:
    name = pick(made, rng, archive.NOTEBOOK)
    path = made.records / name
    nb = nbformat.read(path, as_version=4)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    cell = rng.choice(code)
    what = rng.choice(["source", "output", "count", "status", "tag", "delete", "insert", "order", "parameters"])
    if what == "source":
        cell.source += "\n# nothing"
    elif what == "output":
        cell.outputs = [*cell.outputs, nbformat.v4.new_output("stream", text="all well\n")]
    elif what == "count":
        cell.execution_count = 99
    elif what == "status":
        cell.metadata.papermill.status = "skipped"
    elif what == "tag":
        cell.metadata.tags = ["raises-exception"]
    elif what == "delete":
        nb.cells.remove(cell)
    elif what == "insert":
        nb.cells.insert(rng.randrange(len(nb.cells)), nbformat.v4.new_code_cell("1"))
    elif what == "order":
        nb.cells.reverse()
    else:
        nb.metadata.papermill.parameters = {"dry_run": True}
    path.write_text(nbformat.writes(nb))
    return Tampered(f"cell {what} in {name}", ("/".join(name.split("/")[:3]),), (name,))


def line_edited(made: Archive, rng: random.Random) -> Tampered:
    name = pick(made, rng, "journal")
    path = made.records / name
    lines = path.read_bytes().splitlines(keepends=True)
    at = rng.randrange(len(lines))
    what = rng.choice(["drop", "repeat", "swap", "forge"])
    if what == "drop":
        del lines[at]
    elif what == "repeat":
        lines.insert(at, lines[at])
    elif what == "swap":
        lines[at], lines[at - 1] = lines[at - 1], lines[at]
    else:
        event = json.loads(lines[at])
        event["data"]["note"] = "all well"
        lines[at] = (json.dumps(event) + "\n").encode()
    path.write_bytes(b"".join(lines))
    return Tampered(f"line {at} {what} in {name}", ("/".join(name.split("/")[:3]),), (name,))


def value_edited(made: Archive, rng: random.Random) -> Tampered:
    """A value of a JSON file is another one, written as neatly as before."""
    name = pick(made, rng, rng.choice(["record.json", "parameters", "evidence", "gate ", "seal"]))
    while name.endswith(".sig"):
        name = pick(made, rng, "record.json")
    value = json.loads((made.records / name).read_bytes())
    place = value
    while isinstance(place, dict | list) and place:
        holder = place
        key = rng.choice(sorted(place)) if isinstance(place, dict) else rng.randrange(len(place))
        place = holder[key]
    others = ["another", None, -1, 1e400, [], {}, True, "2026-11-21T12:00:00", "2026-11-21T12:00:00.000Z"]
    holder[key] = rng.choice([other for other in others if other != place])
    (made.records / name).write_text(as_text(value))
    return on_file(f"value {key} in", name)


def folders(made: Archive, depth: str) -> list[str]:
    found = [path.relative_to(made.records).as_posix() for path in made.records.glob(depth) if path.is_dir()]
    return sorted(name for name in found if "/gates" not in name and not name.startswith(seal.FOLDER))


def folder_deleted(made: Archive, rng: random.Random) -> Tampered:
    name = rng.choice(folders(made, rng.choice(["*", "*/*", "*/*/attempt-*"])))
    shutil.rmtree(made.records / name)
    return Tampered(f"delete folder {name}", (name,), (name,))


def folders_swapped(made: Archive, rng: random.Random) -> Tampered:
    one, other = rng.sample(folders(made, rng.choice(["*/*", "*/*/attempt-*"])), 2)
    aside = made.records / "aside"
    (made.records / one).rename(aside)
    (made.records / other).rename(made.records / one)
    aside.rename(made.records / other)
    return Tampered(f"swap folders {one} and {other}", (one, other), (one, other))


def folder_copied(made: Archive, rng: random.Random) -> Tampered:
    one = rng.choice(folders(made, "*/*"))
    home = rng.choice(folders(made, "*"))
    new = f"{home}/20261121t235959z-gray_stage-5"
    shutil.copytree(made.records / one, made.records / new)
    return Tampered(f"copy {one} to {new}", (new,), (new,))


def end_cut_off(made: Archive, rng: random.Random) -> Tampered:
    """The last runs go, and the last seals with them, if they speak of them; the trailer was kept elsewhere."""
    everything = sorted(folders(made, "*/*"), key=lambda name: name.split("/")[1])
    gone = everything[-rng.randint(1, 4) :]
    for name in gone:
        shutil.rmtree(made.records / name)
    seals = seal.seal_files(made.records)
    cut = seals[-rng.randint(1, len(seals)) :] if rng.random() < 0.7 else []
    cut = [sig for path in cut for sig in (path, path.with_name(f"{path.name}.sig"))]
    for path in cut:
        path.unlink()
    touched = (*gone, *(path.relative_to(made.records).as_posix() for path in cut))
    return Tampered(f"cut off {gone} and {len(cut)} files of seals", (*gone, f"{seal.FOLDER}/{len(seals)}"), touched)


def answer_forged(made: Archive, rng: random.Random) -> Tampered:
    """An answer that was never given so: replayed, by the initiator, with a wrong key, or after the use."""
    question = made.records / pick(made, rng, "gate json")
    gate = question.name.removesuffix(".json")
    answers = sorted(made.records.glob("*/gates/*.answer-*.json"))
    what = rng.choice(["replayed", "initiator", "wrong key", "attacker", "changed", "late"])
    number = 1 + len(list(question.parent.glob(f"{gate}.answer-*.json")))
    new = question.with_name(f"{gate}.answer-{number}.json")
    source = rng.choice([path for path in answers if not path.name.startswith(gate)])
    said = json.loads(source.read_bytes())
    if what == "replayed":
        shutil.copy(source, new)
        shutil.copy(f"{source}.sig", f"{new}.sig")
    else:
        asked = json.loads(question.read_bytes())
        if what != "changed":
            keys = ("application", "phase", "stage", "run", "role", "evidence_digest", "parameters_digest")
            said |= {key: asked[key] for key in keys}
            said |= {"gate": gate, "number": number, "gate_digest": _sha(question), "at": asked["opened_at"]}
        who = {"initiator": asked["initiator"], "wrong key": "olga", "attacker": "mallory"}.get(what, "chloe")
        said |= {"by": who if what != "attacker" else "chloe", "answer": "approved", "previous": None}
        write_signed(made, new, said, who, APPROVER)
    touched = tuple(path.relative_to(made.records).as_posix() for path in (new, Path(f"{new}.sig")))
    return Tampered(f"answer {what} to {gate}", (f"{question.parent.parent.name}/gates/{gate}",), touched)


def record_signed_anew(made: Archive, rng: random.Random) -> Tampered:
    """Somebody with a key of some kind writes a record anew and signs it."""
    name = pick(made, rng, "record.json")
    name = name.removesuffix(".sig")
    who = rng.choice(["mallory", "ernst", "anna", "selma", "olga", "oscar"])
    value = json.loads((made.records / name).read_bytes())
    key = made.keys / who
    value["predicate"]["message"] = "all well"
    value["predicate"]["filed_by"] = {"name": who, "key": _key(key).fingerprint}
    write_signed(made, made.records / name, value, who, OPERATOR)
    return Tampered(f"{who} signs {name} anew", ("/".join(name.split("/")[:3]),), (name, f"{name}.sig"))


def seal_signed_anew(made: Archive, rng: random.Random) -> Tampered:
    """The last seal is written anew without one of its entries, by the sealer or by somebody else."""
    last = seal.seal_files(made.records)[-1]
    value: dict[str, Any] = json.loads(last.read_bytes())
    del value["entries"][rng.randrange(len(value["entries"]))]
    value["count"] = len(value["entries"])
    previous = value["previous"]["number"], value["previous"]["root"]
    value["root"] = seal.merkle_root(value["entries"], previous)
    who = rng.choice(["selma", "olga", "mallory"])
    write_signed(made, last, value, who, SEALER)
    name = last.relative_to(made.records).as_posix()
    return Tampered(f"{who} seals {name} anew", (name,), (name, f"{name}.sig"))


MUTATIONS: tuple[Mutation, ...] = (
    *(bytes_changed,) * 6,
    *(file_deleted, file_put_in, files_swapped, cell_edited, line_edited, value_edited) * 2,
    *(folder_deleted, folders_swapped, folder_copied, end_cut_off),
    *(answer_forged, record_signed_anew, seal_signed_anew),
)


def put_back(made: Archive, pristine: Path, tampered: Tampered) -> None:
    """The archive as it was."""
    for name in tampered.touched:
        path, original = made.records / name, pristine / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if original.is_dir():
            shutil.copytree(original, path)
        elif original.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(original, path)


def writable(records: Path) -> None:
    """Whoever tampers can write."""
    for path in (records, *records.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def write_signed(made: Archive, path: Path, value: Any, who: str, role: str) -> None:
    text = as_text(value)
    path.write_text(text)
    path.with_name(f"{path.name}.sig").write_text(sign(text.encode(), _key(made.keys / who), role))


def _key(path: Path) -> Key:
    kind, public = path.with_name(f"{path.name}.pub").read_text().split()[:2]
    return Key(f"{kind} {public}", path, "a test")


def _sha(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
