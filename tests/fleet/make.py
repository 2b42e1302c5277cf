"""Makes a fleet as an operations team has it: facts of hosts, a CMDB, profiles, use, source trees; and its truth."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .facts import Box, write_facts
from .hosts import differing
from .plan import STORIES, Deck, Draft, draft
from .sources import Tree, write_tree
from .tables import COLUMNS, rows, write_csv, write_profile, write_workbook
from .truth import Expected, Machine, Truth
from .use import Measured, drawn, spans, write_usage

BLOCK = 60
"""So many applications have one circle of two and one of three among them."""
CIRCLES = ((3, 8), (15, 20, 25))
HEAP = re.compile(r"-Xmx(\d+)m")
STRAY = Box("jump-vm1", "10.20.0.77", "shell")


@dataclass
class _Fleet:
    """What is between the applications: by number."""

    drafts: list[Draft]
    uses: dict[int, list[str]] = field(default_factory=dict)
    stores: dict[int, list[str]] = field(default_factory=dict)
    hosts: dict[int, list[str]] = field(default_factory=dict)
    """What the table says; a host may stand with two applications."""
    borrowed: dict[int, int] = field(default_factory=dict)
    """Who claims a host of whom."""


def make_fleet(folder: Path, count: int, seed: int, *, source: bool = True, workbook: bool = False) -> Truth:
    """Write the files of ``count`` applications below ``folder``; the same seed gives the same bytes."""
    chance = random.Random(seed)
    deck = Deck(chance)
    fleet = _Fleet([draft(number, chance, deck) for number in range(count)])
    _relate(fleet, chance)
    for name in ("facts", "profiles", "source"):
        (folder / name).mkdir(parents=True)
    machines = {one.number: _write_hosts(folder / "facts", one) for one in fleet.drafts}
    write_facts(folder / "facts" / f"{STRAY.name}.corp.example", STRAY)
    lines = list(rows(fleet.drafts, fleet.hosts, fleet.uses, fleet.stores))
    write_csv(folder / "cmdb.csv", lines)
    if workbook:
        write_workbook(folder / "cmdb.xlsx", lines)
    for one in fleet.drafts:
        if one.has_profile:
            write_profile(folder / "profiles" / f"{one.name}.yaml", one, fleet.uses[one.number])
    tables = {one.number: _use(one, seed) for one in fleet.drafts}
    write_usage(folder / "usage.csv", tables.values())
    turn: Counter[str] = Counter()
    trees = {one.number: _write_source(folder / "source", one, turn) for one in fleet.drafts} if source else {}
    expected = [
        _expected(fleet, one, machines[one.number], tables[one.number], trees.get(one.number)) for one in fleet.drafts
    ]
    return Truth(
        folder=folder,
        applications={one.name: one for one in expected},
        columns=dict(COLUMNS),
        cycles=_circles(fleet),
        shared_hosts={
            fleet.drafts[of].boxes[-1].name: frozenset((fleet.drafts[by].name, fleet.drafts[of].name))
            for by, of in fleet.borrowed.items()
        },
        stray_hosts=frozenset((STRAY.name,)),
    )


def _relate(fleet: _Fleet, chance: random.Random) -> None:
    """Who calls whom: those made before, so that the only circles are those that are planted; databases are shared."""
    names = [one.name for one in fleet.drafts]
    circle: dict[int, tuple[int, int]] = {}
    for block in range(0, len(names), BLOCK):
        for members in CIRCLES:
            numbers = [block + member for member in members]
            if numbers[-1] < len(names):
                circle |= {number: (numbers[0], numbers[(at + 1) % len(numbers)]) for at, number in enumerate(numbers)}
    for one in fleet.drafts:
        lowest, following = circle.get(one.number, (one.number, None))
        below = range(max(0, lowest - 40), lowest)
        uses = chance.sample(below, min(len(below), chance.choice((0, 1, 1, 2, 3))))
        fleet.uses[one.number] = [names[number] for number in (*uses, *([] if following is None else [following]))]
        fleet.stores[one.number] = [f"db-{one.number // 3:04}"] if one.number % 4 else []
        fleet.hosts[one.number] = [box.name for box in one.boxes]
        if one.number % 30 == 13:
            fleet.borrowed[one.number] = one.number - 1
            fleet.hosts[one.number].append(fleet.drafts[one.number - 1].boxes[-1].name)


def _circles(fleet: _Fleet) -> frozenset[frozenset[str]]:
    names = [one.name for one in fleet.drafts]
    return frozenset(
        frozenset(names[block + member] for member in members)
        for block in range(0, len(names), BLOCK)
        for members in CIRCLES
        if block + members[-1] < len(names)
    )


def _write_hosts(folder: Path, one: Draft) -> tuple[Machine, ...]:
    """The cache file is named as the inventory names the host: in full, shortly, or by its address."""
    found = []
    for box in one.boxes:
        name = (f"{box.name}.corp.example", box.name, box.address)[one.number % 3]
        write_facts(folder / name, box)
        found.append(Machine(box.name, box.address, folder / name))
    return tuple(found)


def _heap(one: Draft) -> int:
    found = HEAP.search(one.boxes[0].options)
    return int(found[1]) if found and one.language == "java" else 0


def _use(one: Draft, seed: int) -> list[Measured]:
    if not one.days:
        return []
    return drawn([box.name for box in one.boxes], one.days, (seed, one.number), _heap(one))


def _write_source(folder: Path, one: Draft, turn: Counter[str]) -> Tree:
    if one.story == "no source":
        return Tree(frozenset(), frozenset())
    stem = re.sub(r"\W", "", one.boxes[0].name.partition("-")[0])
    words = {
        "app": f"{stem}-service",
        "name": stem,
        "Name": stem.capitalize(),
        "NAME": stem.upper(),
        "port": str(one.port),
        "address": f"10.40.{one.number % 250}.{one.port % 241 + 2}",
        "other": f"192.168.{one.number % 250}.{one.port % 239 + 3}",
        "hour": str(one.number % 7),
        "version": f"{one.number % 9 + 1}.{one.number % 20}.4",
    }
    return write_tree(folder / one.name, one.language, one.topics, words, turn)


def _expected(
    fleet: _Fleet, one: Draft, machines: tuple[Machine, ...], table: list[Measured], tree: Tree | None
) -> Expected:
    _, state, mode = STORIES[one.story]
    boxes, conflicts = list(one.boxes), set(one.conflicts)
    shared = one.number in fleet.borrowed or one.number in fleet.borrowed.values()
    if one.number in fleet.borrowed:
        boxes.append(fleet.drafts[fleet.borrowed[one.number]].boxes[-1])
        conflicts |= {"port"} if boxes[-1].application else set()
    drift = differing(boxes)
    conflicts |= {"version"} if "release of the application" in drift else set()
    cpu, memory = (None, None) if shared else spans(table, _heap(one))
    return Expected(
        name=one.name, story=one.story, language=one.language, environment="生产", line=one.line, owner=one.owner,
        criticality=one.criticality, port=one.port, machines=machines, state=state, mode=mode, drift=drift,
        planted=tree.planted if tree else frozenset(), alike=tree.alike if tree else frozenset(),
        conflicts=frozenset(conflicts), missing=frozenset(() if one.owner else ("owner",)), cpu=cpu, memory=memory,
        depends_on=tuple(fleet.uses[one.number]), databases=tuple(fleet.stores[one.number]),
    )  # fmt: skip
