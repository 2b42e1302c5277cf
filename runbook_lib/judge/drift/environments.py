"""Compares the environments of one application: production's own agreement first, then where the others differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from runbook_lib.artefacts import Host
from runbook_lib.judge.drift.aspects import Aspect
from runbook_lib.judge.drift.compare import Drift, aspects_of, commonest, in_order, said_already, value_of

PRODUCTION = re.compile(r"(?i)^(?:prod(?:uction)?|prd|live|online|生产(?:环境)?|线上)(?:\b|[-_\d]|$)")
MIXED = "mixed: "


def production(names: Iterable[str]) -> str:
    """The environment that users are on, by its name; empty when none is called that."""
    return next((name for name in names if PRODUCTION.match(name)), "")


def compare_environments(by: Mapping[str, Sequence[Host]]) -> tuple[Drift, ...]:
    """Every aspect that two environments know: first what production does not agree on, then what others have else.

    The usual is what most of production's hosts have; where it is not known, what most environments have. One whose own
    hosts differ has ``mixed: 7.9 (3), 7.6 (1)`` for a value.
    """
    named = {name: tuple(hosts) for name, hosts in by.items() if hosts}
    if len(named) < 2:
        return ()
    first = production(named)
    aspects = (aspect for aspect in aspects_of([h for hosts in named.values() for h in hosts]) if not aspect.stage)
    rows = {row.aspect: row for aspect in aspects if (row := _compared(aspect, named, first)) is not None}
    ordered = in_order(row for row in rows.values() if not said_already(row.aspect, rows))
    return tuple(sorted(ordered, key=lambda row: not (first and first in row.odd)))


def _compared(aspect: Aspect, named: Mapping[str, tuple[Host, ...]], first: str) -> Drift | None:
    """One aspect over all environments; None where fewer than two know it."""
    each = {name: [value_of(aspect, host) for host in hosts] for name, hosts in named.items()}
    values = {name: _agreed(found) for name, found in each.items()}
    if sum(value is not None for value in values.values()) < 2:
        return None
    known = first and values[first] is not None
    usual = commonest(each[first] if known else values.values())[0]
    odd = tuple(name for name, value in values.items() if value not in (None, usual))
    by = first if known else "most environments"
    return Drift(aspect.name, aspect.weight, aspect.reason, values, usual, odd, by)


def _agreed(values: Iterable[str | None]) -> str | None:
    """What all hosts of an environment that say something have; else each value with its number of hosts."""
    counted = Counter(value for value in values if value is not None)
    if len(counted) < 2:
        return next(iter(counted), None)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return MIXED + ", ".join(f"{value.replace(chr(10), ' + ')} ({count})" for value, count in ordered)
