"""The size of a container, from what machines used."""

from __future__ import annotations

import pandas as pd
import pytest

from runbook_lib.judge.capacity import Jvm, restarts, size, startup_budget
from runbook_lib.model import Outcome


def usage(points: int = 4032, step: str = "5min", cpu: float = 0.2, memory: float = 400.0) -> pd.DataFrame:
    """Two weeks of one instance: flat, with a tenth of the time at 2.5 times the CPU."""
    at = pd.date_range("2026-11-01", periods=points, freq=step, tz="UTC")
    cores = [cpu * 2.5 if n % 10 == 0 else cpu for n in range(points)]
    table = {"at": at, "instance": "a", "cpu_cores": cores, "memory_mib": memory, "starting": False}
    return pd.DataFrame(table)


@pytest.mark.parametrize(("points", "step"), [(99, "4h"), (2000, "5min"), (0, "5min")])
def test_too_little_data_gives_no_number(points: int, step: str) -> None:
    sizing = size(usage(points, step))
    assert (sizing.verdict.outcome, sizing.sizes, sizing.use) == (Outcome.INCONCLUSIVE, (), None)
    assert sizing.verdict.message.startswith("insufficient data")


def test_the_default_is_the_95th_percentile_and_the_peak_of_memory_with_a_margin() -> None:
    default, burst = size(usage()).sizes
    assert (default.cpu_request, default.cpu_limit, default.memory_request) == (0.5, None, 464)
    assert default.starved == 0.0
    # mean 0.23: the often quoted rule asks for 60 % of it, and needs more than it asked all the time
    assert (burst.cpu_request, burst.cpu_limit, burst.starved) == (0.14, 0.88, 1.0)
    assert burst.utilisation_mean == pytest.approx(0.23 / 0.14, rel=1e-3)


def test_host_agents_are_taken_off() -> None:
    assert size(usage(), agents=(0.1, 100.0)).sizes[0].memory_request == 352


def test_java_gets_everything_beside_its_heap() -> None:
    needs = Jvm(heap=512).needs
    assert needs == 512 + 256 + 64 + 240 + 100
    assert size(usage(), Jvm(heap=512)).sizes[0].memory_request == 1184


def test_the_processors_of_a_start_are_no_part_of_the_request() -> None:
    table = usage()
    table.loc[2001, ["cpu_cores", "memory_mib"]] = [8.0, 90.0]
    assert restarts(table).sum() == 1
    with_start, without = size(table), size(usage())
    assert with_start.use is not None
    assert (with_start.use.cpu_peak, with_start.use.start_cpu_peak) == (0.5, 8.0)
    assert with_start.sizes[0].cpu_request == without.sizes[0].cpu_request


def test_points_far_apart_are_said_to_hide_peaks() -> None:
    assert "30 min apart" in size(usage(800, "30min")).verdict.message
    assert "apart" not in size(usage()).verdict.message


@pytest.mark.parametrize(("measured", "budget"), [(None, None), (0.3, 10), (40.0, 80), (41.0, 85)])
def test_the_start_up_budget_is_twice_the_longest_start(measured: float | None, budget: int | None) -> None:
    assert startup_budget(measured) == budget
