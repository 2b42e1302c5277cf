from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters, Unreachable
from sandbox.plan import Plan, Ports, folder_of, load, localise, project_root, save


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan("other", tmp_path / ".range" / "other", 201)


def test_a_plan_is_read_back_as_it_was_saved(plan: Plan) -> None:
    unusual = replace(plan, ports=Ports(front=18080))
    save(unusual)
    assert load(unusual.file) == unusual


def test_no_plan_says_how_to_start_a_range(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="python -m sandbox up"):
        load(tmp_path / "plan.json")


@pytest.mark.parametrize(
    "content", ["", "[]", '{"name": "x"}', '{"name": "x", "folder": "/", "octet": 1, "ports": {"z": 1}}']
)
def test_a_damaged_plan_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(BadParameters, match="is no plan of a range"):
        load(file)


@pytest.mark.parametrize("name", ["", "UPPER", "with space", "../up", "-x", "x" * 41])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadParameters, match="is no name for a range"):
        folder_of(name, tmp_path)


@pytest.mark.parametrize(
    ("index", "address"),
    [(0, "127.201.16.1"), (254, "127.201.16.255"), (255, "127.201.17.0"), (4093, "127.201.31.254")],
)
def test_pods_have_addresses_of_a_network_of_their_own(plan: Plan, index: int, address: str) -> None:
    assert plan.pod_host(index) == address


def test_there_is_an_end_to_the_addresses_of_pods(plan: Plan) -> None:
    with pytest.raises(BadParameters, match="4094"):
        plan.pod_host(4094)


def test_a_deep_folder_still_gives_a_socket_path_that_fits(plan: Plan) -> None:
    assert len(str(replace(plan, folder=Path("/", *["deep"] * 40)).gateway_socket)) <= 100
    assert plan.gateway_socket.name.endswith(".sock")


@pytest.mark.parametrize(
    ("usual", "here"),
    [
        ("http://127.77.0.10:8080/orders", "http://127.201.0.10:18080/orders"),
        ("127.77.0.40:8080", "127.201.0.40:8080"),
        ("127.77.16.9", "127.201.16.9"),
        ("sqlite:///.range/default/orders.db", "sqlite:///{folder}/orders.db"),
        ("[.range/default/bin/nginx, -t]", "[{folder}/bin/nginx, -t]"),
        ("10.127.77.0.1 and 1127.77.0.1", "10.127.201.0.1 and 1127.77.0.1"),
        ("nothing of the range", "nothing of the range"),
    ],
)
def test_parameters_of_the_default_range_are_made_another_ranges(plan: Plan, usual: str, here: str) -> None:
    assert localise(usual, replace(plan, ports=Ports(front=18080))) == here.format(folder=plan.folder)


def test_parameters_of_the_default_range_stay_as_they_are_for_it() -> None:
    text = (project_root() / "parameters" / "demo.yaml").read_text()
    assert localise(text, Plan("default", project_root() / ".range" / "default")) == text


def test_no_address_of_the_default_range_is_left_for_another(plan: Plan) -> None:
    text = localise((project_root() / "parameters" / "demo.yaml").read_text(), plan)
    assert "127.77" not in text
    assert ".range/default" not in text
