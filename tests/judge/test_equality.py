"""Settings of both sides: what is equal, what differs, what is explained, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.equality import OWN_REASON, Row, Rules, compare, configuration
from runbook_lib.model import Outcome
from runbook_lib.observe.settings import Setting

POOL = Setting("POOL", "hmac:1/aa", "ConfigMap/web", "20")
MEANT = Rules(expected=(("POOL", "twice as many Pods"),))


def judged(old: dict[str, list[Setting]], new: list[Setting], rules: Rules | None = None) -> tuple[Outcome, str]:
    verdict = configuration(compare(old, new, rules or Rules()), {}, [])
    return verdict.outcome, verdict.message


def test_equal_settings_pass() -> None:
    outcome, said = judged({"vm-1": [POOL], "vm-2": [POOL]}, [POOL])
    assert (outcome, said) == (Outcome.PASS, "1 settings are equal on 2 instances, 0 differences explained")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ([POOL], [replace(POOL, digest="hmac:1/bb")], "different"),
        ([POOL], [], "only old"),
        ([], [POOL], "only new"),
    ],
)
def test_a_difference_fails_unless_it_is_explained(old: list[Setting], new: list[Setting], kind: str) -> None:
    other = Setting("PORT", "hmac:1/cc", "ConfigMap/web")
    sides = {"vm-1": [*old, other]}
    outcome, said = judged(sides, [*new, other])
    assert (outcome, f"POOL ({kind}: vm-1)" in said) == (Outcome.FAIL, True)
    assert judged(sides, [*new, other], MEANT)[0] is Outcome.PASS


def test_one_machine_that_drifted_is_named_and_the_others_are_equal() -> None:
    drifted = replace(POOL, digest="hmac:1/dd", shown="50")
    rows = compare({"vm-1": [POOL], "vm-2": [drifted], "vm-3": [POOL]}, [POOL], Rules())
    assert [(row.kind, row.instances, row.old) for row in rows] == [
        ("different", ("vm-2",), "50"),
        ("same", ("vm-1", "vm-3"), "20"),
    ]


def test_what_is_explained_for_each_of_many_machines_is_told_once() -> None:
    own = {vm: [replace(POOL, digest=f"hmac:1/{vm}", shown=vm)] for vm in ("vm-1", "vm-2", "vm-3")}
    (row,) = compare(own, [POOL], MEANT)
    assert (row.instances, row.old, row.reason) == (("vm-1", "vm-2", "vm-3"), "vm-1, …", "twice as many Pods")
    assert len(compare(own, [POOL], Rules())) == 3


def test_what_the_login_sets_is_no_setting_of_the_application_but_only_on_the_old_side() -> None:
    shell = Setting("SHLVL", "hmac:1/ee", "vm-1")
    (row,) = compare({"vm-1": [shell]}, [], Rules())
    assert row.reason == OWN_REASON
    (row,) = compare({"vm-1": []}, [shell], Rules())
    assert row.reason == ""


def test_a_name_may_be_another_one_on_the_new_side() -> None:
    file = replace(POOL, name="/etc/web/pool")
    (row,) = compare({"vm-1": [POOL]}, [file], Rules(names={"POOL": "/etc/web/pool"}))
    assert (row.name, row.kind) == ("POOL → /etc/web/pool", "same")


@pytest.mark.parametrize(("relaxed", "kinds"), [(True, ["same"]), (False, ["only new", "only old"])])
def test_names_are_relaxed_as_spring_binds_them_only_when_that_is_asked_for(relaxed: bool, kinds: list[str]) -> None:
    old, new = replace(POOL, name="spring.datasource.pool-size"), replace(POOL, name="SPRING_DATASOURCE_POOLSIZE")
    assert sorted(row.kind for row in compare({"vm-1": [old]}, [new], Rules(relaxed=relaxed))) == kinds


@pytest.mark.parametrize(
    ("rows", "unread", "changed", "says"),
    [
        ([], {}, [], "legacy.settings"),
        ([], {"vm-1": "ssh ended with 255"}, [], "vm-1: ssh ended with 255"),
        ([Row("POOL", "unknown", ("vm-1",))], {}, [], "POOL is masked or missing"),
        ([Row("POOL", "same", ("vm-1",))], {}, ["ConfigMap/web"], "roll it"),
        ([Row("POOL", "only old", ("vm-1",), reason="meant")], {}, [], "nothing was compared"),
    ],
)
def test_what_is_not_known_is_no_pass(rows: list[Row], unread: dict[str, str], changed: list[str], says: str) -> None:
    verdict = configuration(rows, unread, changed)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert says in verdict.message


def test_an_unexplained_difference_outweighs_what_is_not_known() -> None:
    rows = [Row("POOL", "different", ("vm-1",)), Row("KEY", "unknown", ("vm-1",))]
    assert configuration(rows, {"vm-2": "silent"}, []).outcome is Outcome.FAIL


NAMES = st.text("ABC", min_size=1, max_size=2)
SIDE = st.dictionaries(NAMES, st.sampled_from(["hmac:1/aa", "hmac:1/bb"]), max_size=5)


@given(st.dictionaries(st.sampled_from(["vm-1", "vm-2"]), SIDE, min_size=1), SIDE)
def test_no_setting_is_lost_and_a_pass_means_that_every_instance_equals_the_new_side(
    old: dict[str, dict[str, str]], new: dict[str, str]
) -> None:
    sides = {vm: [Setting(name, digest, vm) for name, digest in found.items()] for vm, found in old.items()}
    rows = compare(sides, [Setting(name, digest, "Pod") for name, digest in new.items()], Rules())
    told = sorted((row.name, instance) for row in rows for instance in row.instances)
    assert told == sorted((name, vm) for vm, found in old.items() for name in found.keys() | new.keys())
    passed = configuration(rows, {}, []).outcome is Outcome.PASS
    assert passed == (bool(new) and all(found == new for found in old.values()))
