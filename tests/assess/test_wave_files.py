"""A plan as files: a table for people, and batches that the commands read."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.assess.wave_files import COLUMNS, LABEL, as_batches, as_csv, labelled
from runbook_lib.batch.file import Batch, read
from runbook_lib.judge.waves import Candidate, WaveRules, plan_waves
from tests.judge.waves.fleets import app, fleets, limits, rules


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_has_a_line_for_each_application_in_the_order_of_the_waves() -> None:
    fleet = [app("订单"), app("b", "订单", risk="high", effort=(0.5, 2.0), owner="shop"), app("c", level="Not yet")]
    first, second, third = lines(as_csv(plan_waves(fleet, rules())))
    assert (first["application"], first["wave"], first["phase"]) == ("订单", "wave-1", "pilot")
    assert (second["begin"], second["end"], second["phase"]) == ("2026-12-07", "2026-12-18", "rest")
    assert (second["effort low"], second["effort high"], second["owner"]) == ("0.5", "2", "shop")
    assert (third["wave"], third["phase"], third["effort high"]) == ("", "left out", "")
    assert third["reasons"].startswith("Not yet")


@settings(max_examples=100, deadline=None)
@given(fleets(), limits)
def test_the_table_can_be_read_again_and_names_everybody_once(fleet: list[Candidate], given_: WaveRules) -> None:
    rows = lines(as_csv(plan_waves(fleet, given_)))
    assert sorted(row["application"] for row in rows) == sorted(one.name for one in fleet)
    assert all(set(row) == set(COLUMNS) and row["reasons"] for row in rows)


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+1", "-1"])
def test_no_text_becomes_a_formula(name: str) -> None:
    assert lines(as_csv(plan_waves([app(name)], rules())))[0]["application"] == f"'{name}"


@settings(max_examples=100, deadline=None)
@given(fleets(), limits, st.integers(0, 3))
def test_every_batch_is_one_that_the_commands_read(fleet: list[Candidate], given_: WaveRules, missing: int) -> None:
    plan = plan_waves(fleet, given_)
    files = {one.name: f"parameters/{number}.yaml" for number, one in enumerate(fleet) if number >= missing}
    batches = as_batches(plan, files)
    labels = labelled(one.name for one in fleet)
    for wave in plan.waves:
        ready = [name for name in wave.members if name in files]
        assert (wave.name in batches) == bool(ready)
        if ready:
            batch = _read(batches[wave.name])
            assert list(batch.members) == [labels[name] for name in ready]
            assert [member.parameters for member in batch.members.values()] == [files[name] for name in ready]


def _read(text: str) -> Batch:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batch.yaml"
        path.write_text(text, encoding="utf-8")
        return read(path)


def test_a_batch_knows_who_waits_for_whom_and_a_broken_edge_is_none() -> None:
    fleet = [app("a", "b", risk="high"), app("b", "c", risk="medium"), app("c", "a", risk="high")]
    plan = plan_waves(fleet, rules())
    (text,) = as_batches(plan, {name: f"p/{name}.yaml" for name in "abc"}).values()
    assert {name: member.depends_on for name, member in _read(text).members.items()} == {
        "a": ["b"],
        "b": [],
        "c": ["a"],
    }


def test_who_has_no_parameters_yet_is_named_and_nobody_waits_for_it() -> None:
    plan = plan_waves([app("a", "b"), app("b")], rules())
    text = as_batches(plan, {"a": "parameters/a.yaml"})["wave-1"]
    assert "# not in it yet, no parameters file: b\n" in text
    assert list(_read(text).members) == ["a"]


def test_a_batch_is_never_named_like_an_application() -> None:
    plan = plan_waves([app("wave-1")], rules())
    assert _read(as_batches(plan, {"wave-1": "p.yaml"})["wave-1"]).name == "wave-1-2"


@pytest.mark.parametrize(
    "name", ["a\nmembers: {}", "on", "null", "1e3", "2026-11-21", "0x1f", "a: b", "#", "x\x00y", "\u2028"]
)
def test_no_name_breaks_out_of_its_place(name: str) -> None:
    plan = plan_waves([app(name)], rules())
    batch = _read(as_batches(plan, {name: "parameters/x.yaml"})["wave-1"])
    assert list(batch.members) == [labelled([name])[name]]


@given(st.lists(st.text(max_size=80), unique=True, max_size=20))
def test_labels_are_labels_and_no_two_are_alike(names: list[str]) -> None:
    labels = labelled(names)
    assert set(labels) == set(names) and len(set(labels.values())) == len(names)
    assert all(LABEL.fullmatch(label) for label in labels.values())
    assert all(labels[name] == name for name in names if LABEL.fullmatch(name))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Order Service", "order-service"),
        ("ORDER_SERVICE-01", "order-service-01"),
        ("订单中心", "app-a6762b01"),
        ("订单-order", "order-"),
        ("é", "e"),
    ],
)
def test_a_name_that_is_no_label_gets_one_that_is_like_it(name: str, label: str) -> None:
    assert labelled([name])[name].startswith(label)


def test_names_that_would_get_one_label_are_told_apart() -> None:
    assert labelled(["order", "Order", "ORDER"]) == {"order": "order", "ORDER": "order-2", "Order": "order-3"}
