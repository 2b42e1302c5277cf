"""What of the instances' figures decides a comparison, and what is only told."""

from __future__ import annotations

import pytest

from runbook_lib.judge.exposure import Exposure
from runbook_lib.judge.instances import InstanceLimits, judge_instances
from runbook_lib.judge.resources import Use
from runbook_lib.judge.throttling import PodPeriods
from runbook_lib.model import Outcome
from runbook_lib.observe.instances import Figures

PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL
LIMITS = InstanceLimits(cost_ratio=1.5, headroom=0.1, throttled=0.25, alpha=0.01)


def seen(cost: float = 1.0, instances: int = 3, served: float = 1000, **others: object) -> Figures:
    """Two healthy sides whose new one needs ``cost`` times the CPU a request, and served so many an instance."""
    cpu = {
        "legacy": [Use(f"vm-{n}", 10 + n / 100, 1000) for n in range(instances)],
        "kubernetes": [Use(f"pod-{n}", cost * (10 + n / 100) * served / 1000, served) for n in range(instances)],
    }
    whole: dict[str, object] = {
        "cpu": cpu,
        "memory": cpu,
        "memory_peaks": {"pod-0": 50.0},
        "memory_limits": {"pod-0": 100.0},
        "periods": [PodPeriods("pod-0", 1, 1000)],
        "restarts": {"kubernetes": Exposure(0, 72), "legacy": Exposure(0, 72)},
    }
    return Figures(**{**whole, **others})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "decides", "told"),
    [
        (seen(), (PASS, PASS, PASS), (PASS, PASS)),
        (seen(cost=2.0), (PASS, PASS, PASS, FAIL), (FAIL,)),  # CPU decides when it is surely too much, memory never
        (seen(cost=2.0, served=800), (PASS, PASS, PASS, FAIL), (FAIL,)),
        (seen(cost=2.0, served=500), (PASS, PASS, PASS), (FAIL, FAIL)),  # half of it may be the Pod's own
        (seen(instances=1), (PASS, PASS, PASS), (INCONCLUSIVE, INCONCLUSIVE)),  # one of each tells nothing of spread
        (seen(restarts={"kubernetes": Exposure(9, 72), "legacy": Exposure(0, 72)}), (FAIL, PASS, PASS), (PASS, PASS)),
        (seen(restarts={"kubernetes": None, "legacy": None}), (INCONCLUSIVE, PASS, PASS), (PASS, PASS)),
        (seen(memory_peaks={"pod-0": 95.0}), (PASS, FAIL, PASS), (PASS, PASS)),
        (seen(memory_limits={}), (PASS, INCONCLUSIVE, PASS), (PASS, PASS)),  # asked for, and not reported
        (seen(periods=[PodPeriods("pod-0", 900, 1000)]), (PASS, PASS, FAIL), (PASS, PASS)),
        (seen(periods=None, memory_limits=None, restarts=None), (), (PASS, PASS)),
    ],
)
def test_each_figure_decides_for_itself(
    figures: Figures, decides: tuple[Outcome, ...], told: tuple[Outcome, ...]
) -> None:
    judged = judge_instances(figures, LIMITS)
    assert tuple(verdict.outcome for verdict in judged.decides) == decides
    assert tuple(verdict.outcome for verdict in judged.told) == told
