"""What the notebook says of a fleet."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.judge.waves import plan_waves
from runbook_lib.show.fleet import fleet_headline
from tests.judge.test_fleet import judged
from tests.judge.waves.fleets import app, rules


def said(needs: dict[str, tuple[str, ...]]) -> str:
    fleet = judged(dict.fromkeys(needs, ""), dict.fromkeys(needs, 4))
    plan = plan_waves([app(name, *others) for name, others in needs.items()], rules())
    return str(fleet_headline(replace(fleet, plan=plan)).data)


def test_one_is_not_told_as_many() -> None:
    assert "<li>1 ring of applications that need each other, with a proposal.</li>" in said({"a": ("b",), "b": ("a",)})
    assert "<li>1 dependency names something that no source knows.</li>" in said({"a": ("ghost",)})
    many = said({"a": ("b", "x"), "b": ("a", "y"), "c": ("d",), "d": ("c",)})
    assert "<li>2 rings of applications that need each other, each with a proposal.</li>" in many
    assert "<li>2 dependencies name something that no source knows.</li>" in many


def test_who_calls_itself_is_no_ring_of_applications() -> None:
    assert "need each other" not in said({"a": ("a",)})
