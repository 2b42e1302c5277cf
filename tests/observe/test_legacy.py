"""Silence is measured: what Prometheus counted, who is connected, and "not known" where nobody can say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.observe.old_side.legacy import busiest, connections, look, machine
from runbook_lib.sections import LegacyInstance, Metrics, Selectors
from tests.fake_prometheus import serving

VM = LegacyInstance(name="vm-1", url="http://127.0.0.1:9")
SIDES = Selectors(legacy='side="legacy"', kubernetes='side="kubernetes"')
METRICS = Metrics(selectors=SIDES, cpu=SIDES, memory=SIDES)
SERIES = 'http_requests_total{side="legacy"}'


def vector(values: dict[str, float]) -> list[dict[str, object]]:
    return [{"metric": {"instance": name}, "value": [1.0, str(value)]} for name, value in values.items()]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("vm-1", "vm-1"),
        ("10.0.0.2:8080", "vm-2"),
        ("10.0.0.2:9100", "vm-2"),  # the exporter beside the application
        ("VM-1:9100", "vm-1"),
        ("10.0.0.2", "vm-2"),
        ("10.0.0.3:9100", ""),  # of two machines at one address nobody knows which is meant
        ("10.0.0.3:8081", "vm-4"),
        ("10.0.0.20:8080", ""),
        ("vm-10", ""),
        ("", ""),
    ],
)
def test_a_series_is_of_the_machine_that_it_names_by_name_address_or_host(label: str, name: str) -> None:
    urls = {"vm-1": "127.0.0.1:9", "vm-2": "10.0.0.2:8080", "vm-3": "10.0.0.3:8080", "vm-4": "10.0.0.3:8081"}
    machines = [LegacyInstance(name=one, url=f"http://{address}") for one, address in urls.items()]
    assert machine(label, machines) == name


def test_looking_sends_no_request_and_says_why_nothing_answers() -> None:
    def refused(address: tuple[str, int], timeout: float) -> None:
        assert address == ("127.0.0.1", 9)
        raise ConnectionRefusedError(111, "Connection refused")

    state = look(VM, refused)  # type: ignore[arg-type]
    assert (state.answering, state.detail) == (False, "Connection refused")


def test_each_line_of_the_command_is_a_connection(tmp_path: Path) -> None:
    lines = [sys.executable, "-c", "import sys; print('a to', sys.argv[1]); print(); print('b')", "{address}"]
    assert connections(VM, lines, tmp_path).value == 2
    assert connections(VM, [sys.executable, "-c", ""], tmp_path).value == 0


def test_without_a_command_connections_are_not_known(tmp_path: Path) -> None:
    assert connections(VM, None, tmp_path).value is None


@pytest.mark.parametrize("command", [["./absent"], [sys.executable, "-c", "import sys; sys.exit('unknown host')"]])
def test_a_command_that_fails_is_not_silence(command: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"legacy\.connections"):
        connections(VM, command, tmp_path)


def test_how_busy_an_instance_was_is_known_by_its_name_or_its_address_or_not_at_all() -> None:
    rate = f"sum by (instance) (rate({SERIES}[150s]))"
    two_weeks = f"max_over_time(({rate})[1209600s:604s])"
    machines = [VM, *(LegacyInstance(name=f"vm-{n}", url=f"http://10.0.0.{n}:8080") for n in (2, 3))]
    with serving() as fake:
        fake.answers = {
            f"max_over_time(({rate})[3600s:150s])": vector({"vm-1": 90.0, "127.0.0.1:9": 40.0, "10.0.0.2:8080": 80.0}),
            two_weeks: vector({"vm-1": 120.0}),
        }
        found = busiest(fake.connect(), METRICS, machines)
    assert found == {"vm-1": 120.0, "vm-2": 80.0, "vm-3": None}
