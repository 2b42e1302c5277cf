"""Units into waves: none before what it needs, none larger than it may be, the least risky of a phase first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

from runbook_lib.judge.risk import LEVELS as RISKS
from runbook_lib.judge.waves.candidate import Candidate, Phase, WaveRules
from runbook_lib.judge.waves.units import Unit

PHASES: tuple[Phase, ...] = ("pilot", "core", "rest")
LOOKED_AT = 100
"""So many units are tried for what is left of a wave; more would make little difference."""
Key = tuple[int, float, tuple[str, ...], int]


class Filling:
    """What is ready to go and what still waits, while one wave after the other is filled."""

    def __init__(
        self, units: Sequence[Unit], phase: Mapping[int, Phase], moving: Mapping[str, Candidate], rules: WaveRules
    ) -> None:
        self.units, self.phase, self.moving, self.rules = units, phase, moving, rules
        self.waits = [len(unit.needs) for unit in units]
        self.users: list[list[int]] = [[] for _ in units]
        for number, unit in enumerate(units):
            for needed in unit.needs:
                self.users[needed].append(number)
        self.ready: dict[Phase, list[Key]] = {one: [] for one in PHASES}
        for number, left in enumerate(self.waits):
            if not left:
                self._offer(number)

    def waves(self) -> list[tuple[Phase, list[int]]]:
        """The units of each wave; one that is larger than a wave may be has a wave of its own."""
        return [(phase, wave) for phase in PHASES for wave in self._of(phase)]

    def _of(self, phase: Phase) -> Iterator[list[int]]:
        while self.ready[phase]:
            yield self._wave(self.ready[phase])

    def _wave(self, ready: list[Key]) -> list[int]:
        """The easiest that are ready, as long as they fit; what comes free on the way may go with them."""
        first = heapq.heappop(ready)[-1]
        wave, count, days = [first], len(self.units[first].members), self.units[first].days[1]
        self._release(first)
        aside: list[Key] = []
        while ready and count < self.rules.size and len(aside) < LOOKED_AT:
            key = heapq.heappop(ready)
            unit = self.units[key[-1]]
            if count + len(unit.members) > self.rules.size or not self._bearable(days + unit.days[1]):
                aside.append(key)
                continue
            wave.append(key[-1])
            count, days = count + len(unit.members), days + unit.days[1]
            self._release(key[-1])
        for key in aside:
            heapq.heappush(ready, key)
        return wave

    def _bearable(self, days: float) -> bool:
        return self.rules.days_each is None or days <= self.rules.days_each

    def _release(self, number: int) -> None:
        for user in self.users[number]:
            self.waits[user] -= 1
            if not self.waits[user]:
                self._offer(user)

    def _offer(self, number: int) -> None:
        """The least risky first, then the least work, then by name."""
        unit = self.units[number]
        risks = [self.moving[name].risk for name in unit.members]
        risk = max(RISKS.index(one) if one in RISKS else len(RISKS) for one in risks)
        heapq.heappush(self.ready[self.phase[number]], (risk, unit.days[1], unit.members, number))
