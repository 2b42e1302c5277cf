"""What the judgement of a stage promises, by seeded simulation, beside the rules that people use instead.

Counts of both sides are drawn in worlds that are known (`judge_worlds`), thousands of passages at once; our rule is the
library's own functions, and the batched form is held against `judge_rate` passage by passage (`judge_rules.agree`).
``python -m bench.judge [PASSAGES]``; what must hold is asserted at the end of the run.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.judge_rules import ALPHA, LIMITS, RULES, Found, agree, from_the_start_only, ours
from bench.judge_worlds import World, intervals, simulated
from runbook_lib.judge.bounds import requests_to_tell
from runbook_lib.judge.calibration import Served, judge_calibration
from runbook_lib.judge.plan import requests_to_see
from runbook_lib.judge.rates import Interval, RateLimits, judge_rate
from runbook_lib.judge.split import judge_split
from runbook_lib.model import Outcome

PASSAGES = 4000
SAMPLE = 25
"""So many passages of each world are judged by `judge_rate` as well, stage by stage."""
STAGES = (1.0, 5.0, 10.0, 30.0, 50.0)
GROWTH = (1000, 10_000, 80_000)
TABLE = ((0.001, 0.01, 667), (0.001, 0.005, 2107), (0.001, 0.002, 19171), (0.01, 0.02, 1857), (0.01, 0.05, 209))
"""Old side's rate, new side's rate, requests that the design names for alpha 1 % and power 90 %."""
OUT = Path(__file__).parents[1] / "bench" / "out" / "judge.json"

Numbers = dict[str, float]


def main() -> None:
    """Simulate, print the tables, write the numbers, and fail when a promise is not kept."""
    passages = int(sys.argv[1]) if len(sys.argv) > 1 else PASSAGES
    began, numbers = time.perf_counter(), {"passages": float(passages)}
    for part in (rules, worlds, pooling, speeds, late, common, retries, calibration, no_pass, split, plans, growth):
        numbers |= part(passages)
    numbers["seconds"] = time.perf_counter() - began
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 5) for key, value in numbers.items()}, indent=1) + "\n")
    kept(numbers)
    print(f"\nall promises hold; {numbers['seconds']:.0f} s, {OUT.relative_to(OUT.parents[2])}")


def rules(passages: int) -> Numbers:
    """The rules side by side: 100 requests/s, 1 % on the new side, 0.1 % bad, 30 minutes, a look a minute."""
    same = World()
    cases = {"same": same, "same_bursts": replace(same, bursts=True)}
    cases |= {"0.5": replace(same, worse=0.005), "1": replace(same, worse=0.01)}
    cases |= {"1_bursts": replace(same, worse=0.01, bursts=True)}
    headings = ("same", "same, bursts", "0.1->0.5 %", "0.1->1 %", "0.1->1, bursts")
    print("rules side by side: passages in which each fires, and the median minute\n" + _row("", headings))
    drawn = {key: simulated(world, passages, seed) for seed, (key, world) in enumerate(cases.items())}
    numbers: Numbers = {}
    for name, rule in RULES.items():
        first = {key: rule(counts, cases[key]) for key, counts in drawn.items()}
        found = {key: Found.of(looks, cases[key]) for key, looks in first.items()}
        print(_row(name, found.values()), flush=True)
        short = name.split()[0].lower()
        numbers |= {f"rule_{short}_{key}_share": value.share for key, value in found.items()}
        numbers |= {f"rule_{short}_{key}_minutes": value.median for key, value in found.items() if value.share}
        if rule is ours:
            for key, counts in drawn.items():
                agree(counts, cases[key], first[key], SAMPLE)
    return numbers


def worlds(passages: int) -> Numbers:
    """Whole passages of five stages on identical sides, in worlds that are not as tidy."""
    tidy = World(weights=STAGES)
    cases = {
        "tidy": tidy,
        "bursts": replace(tidy, bursts=True),
        "daily cycle": replace(tidy, daily=True),
        "counter resets": replace(tidy, resets=True),
        "all three": replace(tidy, bursts=True, daily=True, resets=True),
        "20 percent bad": replace(tidy, base=0.2, worse=0.2, per_second=10),
        "1.25 x, the margin": replace(tidy, worse=0.00125),
    }
    print(f"\nidentical sides, passages of {len(STAGES)} stages of 30 min: false rollbacks")
    numbers: Numbers = {}
    for name, world in cases.items():
        found = _judged(world, passages, 10)
        print(_row(name, (f"{100 * found.share:.2f} %",)), flush=True)
        numbers["margin_failed" if "margin" in name else f"false_{_key(name)}"] = found.share
    return numbers


def pooling(passages: int) -> Numbers:
    """0.1 -> 0.2 %: evidence carried on from stage to stage, and begun anew at each with an even share of alpha."""
    world = World(weights=STAGES, worse=0.002, looks=20)
    anew = replace(LIMITS, alpha=ALPHA / len(STAGES))
    counts = simulated(world, passages, 20)
    pooled, single = (
        Found.of(looks, world) for looks in (ours(counts, world), ours(counts, world, anew, pooled=False))
    )
    print(f"\n0.1 -> 0.2 % over {len(STAGES)} stages of 20 min: pooled {pooled}, each stage anew {single}")
    return {"pooled_found": pooled.share, "not_pooled_found": single.share}


def speeds(passages: int) -> Numbers:
    """From 1 to 1000 requests a second: what a first stage of 1 % and 30 min finds, and what it calls wrongly."""
    print("\nrequests/s at 1 %\n" + _row("", ("false", "0.1->1 %", "0.1->1, alpha/2")))
    numbers: Numbers = {}
    for pace in (1, 10, 100, 1000):
        same = World(per_second=pace)
        worse = replace(same, worse=0.01)
        found = [_judged(same, passages, 30), _judged(worse, passages, 31)]
        found.append(_judged(worse, passages, 31, replace(LIMITS, alpha=ALPHA / 2)))
        print(_row(f"{pace} requests/s", found), flush=True)
        numbers |= {f"false_{pace}_per_second": found[0].share, f"found_{pace}_per_second": found[1].share}
        numbers |= {f"minutes_{pace}_per_second": found[1].median} if found[1].share else {}
    return numbers


def late(passages: int) -> Numbers:
    """A regression after six quiet hours at 5 %: how long it takes, and would take without beginning anew."""
    world = World(weights=(5.0,), looks=480, late=360, worse=0.01)
    counts = simulated(world, max(passages // 10, 100), 40)
    first, without = ours(counts, world), from_the_start_only(counts, world)
    minutes, before = (float(np.median(looks)) + 1 - world.late for looks in (first, without))
    print(f"\n0.1 -> 1 % after 6 quiet hours at 5 %: {minutes:.0f} min; without beginning anew {before:.0f} min")
    return {"late_minutes": minutes, "late_minutes_without": before}


def common(passages: int) -> Numbers:
    """Where one request in five is bad: the form for proportions beside the Poisson form."""
    world = World(per_second=2, weights=(20.0,), base=0.3, worse=0.5)
    counts = simulated(world, passages // 2, 50)
    first = ours(counts, world)
    agree(counts, world, first, SAMPLE)
    binomial, poisson = Found.of(first, world), Found.of(ours(counts, world, common=2.0), world)
    print(f"\n30 -> 50 % at 24 requests/min: 2x2 form {binomial}, Poisson form {poisson}")
    return {"common_found": binomial.share, "common_found_poisson": poisson.share}


def retries(passages: int) -> Numbers:
    """Failed requests are tried again up to twice: what that does when it is not, and when it is, named."""
    named = replace(LIMITS, attempts=3)
    print(
        "\nretries, a failed one fails again\n" + _row("", ("false, not named", "false, attempts 3", "0.1->1, att. 3"))
    )
    numbers: Numbers = {}
    for again in (0.3, 0.8):
        world = World(weights=STAGES, retried=again)
        worse = World(worse=0.01, retried=again)
        found = [_judged(world, passages, 60), _judged(world, passages, 60, named), _judged(worse, passages, 61, named)]
        print(_row(f"with {again:.0%}", found), flush=True)
        numbers |= {f"false_retried_{again:g}_not_named": found[0].share, f"false_retried_{again:g}": found[1].share}
        numbers[f"found_retried_{again:g}"] = found[2].share
    return numbers


def calibration(passages: int) -> Numbers:
    """The old side against itself, four hours at 50 % each: passes when it is even, and finds retries."""
    numbers: Numbers = {}
    said = []
    for name, again in (("even", 0.0), ("retried", 0.3)):
        world = World(weights=(50.0,), looks=240, retried=again, bursts=True)
        counts = simulated(world, 200, 70)
        fails = 0
        for passage in range(200):
            halves: dict[str, list[Served]] = {"a": [], "b": []}
            for i in intervals(counts, passage):
                halves["a"].append(Served(i.seconds, i.legacy_requests, i.legacy_bad))
                halves["b"].append(Served(i.seconds, i.kubernetes_requests, i.kubernetes_bad))
            fails += judge_calibration("A/A", halves, LIMITS).outcome is Outcome.FAIL
        numbers[f"calibration_{name}"] = fails / 200
        said.append(f"{name} {fails / 2:.1f} % fail")
    print(f"\nA/A calibration on the old side: {', '.join(said)}")
    return numbers


def no_pass(passages: int) -> Numbers:
    """No PASS on empty, NaN, stale, partial or reset data: every such stage holds."""
    random = np.random.default_rng(80)
    passed = judged = 0
    for _ in range(passages // 4):
        total = int(random.integers(0, 299))  # what may be measured: one less than rules 1 % out
        parts = random.multinomial(total, [0.1] * 10).tolist()
        good = [Interval(15, 9900, 10, n, 0) for n in parts]
        wrong = float(random.choice([math.nan, math.inf, -5.0]))
        broken = [
            Interval(15, 9900, 10, 5000, wrong),
            Interval(15, wrong, 10, 5000, 0),
            Interval(15, 9900, 10, wrong, 0),
            Interval(15, 0, 0, 0, 0),  # stale: nothing moved
            Interval(15, 9900, 10, 0, 0),  # partial: one side only
            Interval(15, 9900, 10, -4000, -3),  # reset, not handled
        ]
        stages: tuple[list[Interval], ...] = (good + broken, broken, [], broken[3:4] * 40)
        for stage in stages:
            order = random.permutation(len(stage)).tolist()
            earlier = [Interval(15, 9900, 10, 5000, 5)] * 20
            for before in ((), earlier):
                outcome = judge_rate("failed requests", [stage[i] for i in order], LIMITS, before).outcome
                judged, passed = judged + 1, passed + (outcome is not Outcome.INCONCLUSIVE)
    print(f"\nempty, NaN, stale, partial, reset: {judged} stages judged, {passed} decided")
    return {"decided_without_data": float(passed)}


def split(passages: int) -> Numbers:
    """The split that works is called wrong, at any of 120 looks; one that routes half as much is found."""
    random = np.random.default_rng(90)
    wrong = found = count = 0
    for weight in (1, 5, 10, 30, 50):
        for _ in range(max(passages // 100, 10)):
            total = np.cumsum(random.poisson(1500, 120))
            for share, seen in ((weight / 100, "right"), (weight / 200, "half")):
                new = np.cumsum(random.binomial(np.diff(total, prepend=0), share))
                pairs = zip(new.tolist(), (total - new).tolist(), strict=True)
                fired = any(judge_split(weight, k, n).outcome is Outcome.FAIL for k, n in pairs)
                wrong, found = wrong + (fired and seen == "right"), found + (fired and seen == "half")
            count += 1
    print(f"split, 120 looks: {100 * wrong / count:.2f} % of the right ones called wrong, half of it found in "
          f"{100 * found / count:.1f} %")  # fmt: skip
    return {"split_false": wrong / count, "split_found": found / count}


def plans(passages: int) -> Numbers:
    """What a plan foretells, beside the design and beside simulated stages at 1 %."""
    print("\nplan\n" + _row("", ("one look, exact", "as designed", "ours, planned", "ours, 90 % found")))
    numbers: Numbers = {}
    for base, rate, stated in TABLE:
        least, planned = requests_to_tell(base, rate, ALPHA), requests_to_see(rate / base, base, 1, ALPHA)
        world = World(per_second=planned / 60 / 60 * 100, base=base, worse=rate, looks=120)
        first = ours(simulated(world, passages // 4, 100), world)
        needed = float(np.quantile(first, 0.9) + 1) * planned / 60
        key = f"{100 * base:g}_{100 * rate:g}"
        print(_row(f"{100 * base:g} -> {100 * rate:g} %", [f"{n:.0f}" for n in (least, stated, planned, needed)]))
        numbers |= {f"plan_least_{key}": least, f"plan_stated_{key}": stated}
        numbers |= {f"plan_{key}": planned, f"plan_needed_{key}": needed}
    return numbers


def growth(_: int) -> Numbers:
    """What one judgement costs, in processor time, from a thousand intervals to two weeks at 15 s."""
    print("\none judgement\n" + _row("", [f"{count} intervals" for count in GROWTH]))
    numbers: Numbers = {}
    for name, base in (("rare", 0.001), ("common", 0.1)):
        cells = []
        for count in GROWTH:
            world = World(weights=(10.0,), looks=count, seconds=15, base=base, worse=base)
            stage = intervals(simulated(world, 1, 110), 0)
            cost = min(_seconds(partial(judge_rate, "failed requests", stage, LIMITS)) for _ in range(3))
            numbers[f"judge_ms_{name}_{count}"] = 1e3 * cost
            cells.append(f"{1e3 * cost:.1f} ms")
        print(_row(f"{100 * base:g} % bad", cells), flush=True)
    return numbers


def kept(numbers: Numbers) -> None:
    """Raises unless what is promised does hold."""
    false = {key: value for key, value in numbers.items() if key.startswith(("false_", "rule_ours_same"))}
    false = {key: value for key, value in false.items() if not key.endswith(("not_named", "minutes"))}
    too_often = {key: value for key, value in false.items() if value > ALPHA}
    assert not too_often, f"false rollbacks above {ALPHA:.0%}: {too_often}"
    assert numbers["margin_failed"] <= 0.04, "a side within the margin fails too often"
    assert numbers["rule_ours_1_share"] >= 0.99 and numbers["rule_ours_1_minutes"] <= 7, "0.1 -> 1 % is found too late"
    assert numbers["decided_without_data"] == 0, "a stage without data was decided"
    assert numbers["pooled_found"] > numbers["not_pooled_found"], "pooling finds no more"
    assert numbers["judge_ms_rare_80000"] < 200, "a judgement takes longer than 0.2 s"


def _judged(world: World, passages: int, seed: int, limits: RateLimits = LIMITS) -> Found:
    """Our rule in a world, in parts that fit the memory; the first part is held against `judge_rate`."""
    first = []
    for part in range(0, passages, 500):
        counts = simulated(world, min(500, passages - part), seed * 1000 + part)
        first.append(ours(counts, world, limits))
        if not part:
            agree(counts, world, first[0], min(SAMPLE, passages), limits)
    return Found.of(np.concatenate(first), world)


def _row(name: str, cells: Iterable[object]) -> str:
    return f"{name:<28}" + "".join(f"{cell!s:>18}" for cell in cells)


def _key(name: str) -> str:
    return "".join(c if c.isalnum() or c == "." else "_" for c in name)


def _seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    main()
