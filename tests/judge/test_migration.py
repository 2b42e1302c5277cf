"""State class, mode, level and risk of an application follow rules that are shown with the answer."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.artefacts import Host, home_of, node_of
from runbook_lib.judge.drift import compare_hosts
from runbook_lib.judge.migration import LEVEL_RULES, LEVELS, decide, migration_verdict
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.risk import LEVELS as RISKS
from runbook_lib.judge.risk import Around, around, criticality, judge_risk, share, with_fleet
from runbook_lib.model import Outcome


def demand(topic: str, severity: str = "blocking", *captured: str) -> Demand:
    return Demand(topic, severity, "a control", ("A.java:1",), captured)


CASES: list[tuple[str, list[Demand], int, str, bool | None, dict[str, str], tuple[str, str, str]]] = [
    ("nothing found", [], 9, "", None, {}, ("stateless", "re-host", "Excellent")),
    ("only warnings", [demand("identity", "warning")], 9, "", None, {}, ("stateless", "re-platform", "Good")),
    ("a local file", [demand("local-file", "blocking", "/data/x")], 9, "", None, {}, ("local files", "refactor", "Moderate")),
    ("with a new home", [demand("local-file", "blocking", "/data/x")], 9, "", None, {"/data": "S3"}, ("stateless", "refactor", "Good")),
    ("a folder of a like name", [demand("local-file", "blocking", "/data2/x")], 9, "", None, {"/data": "S3"}, ("local files", "refactor", "Moderate")),
    ("the folder itself, with a slash", [demand("local-file", "blocking", "/data")], 9, "", None, {"/data/": "S3"}, ("stateless", "refactor", "Good")),
    ("a folder of Windows undecided", [demand("local-file", "blocking", "/data/x", "D:\\out\\x")], 9, "", None, {"/data": "S3"}, ("local files", "refactor", "Moderate")),
    ("a folder of Windows decided", [demand("local-file", "blocking", "D:\\out\\x")], 9, "", None, {"D:\\out": "S3"}, ("stateless", "refactor", "Good")),
    ("one path undecided", [demand("local-file", "blocking", "/data/x", "/srv/y")], 9, "", None, {"/data": "S3"}, ("local files", "refactor", "Moderate")),
    ("sessions", [demand("session")], 9, "", False, {}, ("sessions", "refactor", "Moderate")),
    ("sessions in a store", [demand("session")], 9, "", True, {}, ("stateless", "refactor", "Good")),
    ("a cache", [demand("cache", "info")], 9, "", None, {}, ("cache", "re-host", "Excellent")),
    ("many topics", [demand(t) for t in ("cron", "secret", "signal", "fixed-address")], 9, "", None, {}, ("stateless", "re-platform", "Major work")),
    ("remote objects", [demand("rpc")], 9, "", None, {}, ("stateless", "not yet", "Not yet")),
    ("a database", [], 9, "database", None, {}, ("database", "stays outside", "Not yet")),
    ("code changed as decided, and more to watch", [demand("session"), demand("identity", "warning")], 9, "", True, {}, ("stateless", "refactor", "Good")),
    ("three topics", [demand(t) for t in ("cron", "secret", "signal")], 9, "", None, {}, ("stateless", "re-platform", "Moderate")),
    ("a database without source", [], 0, "database", None, {}, ("database", "stays outside", "Not yet")),
    ("no source", [], 0, "", None, {}, ("unknown", "unknown", "Insufficient data")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "files", "kind", "shared", "homes", "result"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_state_class_mode_and_level_follow_rules_that_are_shown(
    asked: list[Demand], files: int, kind: str, shared: bool | None, homes: dict[str, str], result: tuple[str, str, str]
) -> None:
    migration = decide(asked, files, kind, shared, homes)
    assert (migration.state, migration.mode, migration.level) == result
    assert [reason.split(":")[0] for reason in migration.reasons] == ["state", "mode", "level"]
    wanted = {"Not yet": Outcome.FAIL, "Insufficient data": Outcome.INCONCLUSIVE}.get(result[2], Outcome.PASS)
    assert migration_verdict(migration).outcome is wanted


def test_the_innermost_folder_decides() -> None:
    homes = {"/data": "S3", "/data/import": "a volume", "/": "nothing"}
    assert [home_of(homes, path) for path in ("/data/import/x", "/data/x", "/srv/y")] == ["a volume", "S3", "nothing"]
    assert home_of({"/data": "S3"}, "/database") == ""


def test_every_level_has_a_rule_and_the_rule_that_held_is_among_the_reasons() -> None:
    assert {rule.level for rule in LEVEL_RULES} == set(LEVELS)
    migration = decide([demand(t) for t in ("cron", "secret", "signal", "fixed-address")], 9)
    assert "more than 3 blocking topics are open" in migration.reasons[-1]


@pytest.mark.parametrize(
    ("stated", "state", "mode", "level"),
    [
        ("stateless", "stateless", "re-host", "Excellent"),
        ("cache", "cache", "re-host", "Excellent"),
        ("有状态", "local files", "refactor", "Moderate"),
        ("sessions", "sessions", "refactor", "Moderate"),
        ("database", "database", "stays outside", "Not yet"),
        ("whatever", "stateless", "re-host", "Excellent"),
    ],
)
def test_a_graver_state_that_people_state_counts(stated: str, state: str, mode: str, level: str) -> None:
    migration = decide([], 9, stated_state=stated)
    assert (migration.state, migration.mode, migration.level) == (state, mode, level)
    assert stated in migration.reasons[0] or stated == state or "graver" in migration.reasons[0]


def test_a_lighter_state_that_people_state_does_not_count() -> None:
    assert decide([demand("local-file", "blocking", "/data")], 9, stated_state="stateless").state == "local files"


def test_what_is_not_known_is_no_effort_of_zero() -> None:
    assert "effort not known" in migration_verdict(decide([], 0)).message
    low, high = decide([], 9).effort
    assert 0 < low < high


CALM = Around("low", 0, 0.99, (), (), True)
WORST = Around("high", 40, 0.5, ("JDK",), ("a", "b"), False)
STATES = ("stateless", "cache", "sessions", "local files", "database", "unknown")


@pytest.mark.parametrize(
    ("state", "surroundings", "level"),
    [
        ("stateless", CALM, "low"),
        ("stateless", replace(CALM, criticality="medium", dependents=5), "low"),
        ("stateless", replace(CALM, criticality="medium", dependents=5, sharing=("x",)), "medium"),
        ("stateless", replace(CALM, criticality="high"), "medium"),
        ("stateless", replace(CALM, criticality="high", dependents=10), "high"),
        ("local files", replace(CALM, criticality="核心"), "high"),
        ("sessions", replace(CALM, criticality="medium", release_success=0.9, drift=("JDK",), sharing=("x",)), "high"),
        ("stateless", replace(CALM, criticality=""), "medium"),
        ("stateless", replace(CALM, criticality="", dependents=None), "high"),
        ("unknown", Around(), "high"),
    ],
)
def test_risk_is_a_judgement_of_its_own(state: str, surroundings: Around, level: str) -> None:
    assert judge_risk(state, surroundings).level == level


surroundings = st.builds(
    Around,
    st.sampled_from(["high", "medium", "low", "?", ""]),
    st.none() | st.integers(0, 50),
    st.none() | st.floats(0, 1),
    st.none() | st.lists(st.just("JDK"), max_size=3).map(tuple),
    st.none() | st.lists(st.just("other"), max_size=3).map(tuple),
    st.none() | st.booleans(),
)
FIELDS = ("criticality", "dependents", "release_success", "drift", "sharing", "sized")


@given(st.sampled_from(STATES), surroundings, st.sampled_from(FIELDS))
def test_missing_data_never_lowers_a_risk(state: str, given_: Around, name: str) -> None:
    less = replace(given_, **{name: "" if name == "criticality" else None})  # type: ignore[arg-type]
    before, after = judge_risk(state, given_), judge_risk(state, less)
    assert RISKS.index(after.level) >= RISKS.index(before.level)
    assert any("nobody says" in r or "could not" in r or "too little" in r for r in after.reasons)


@given(surroundings)
def test_an_unknown_state_is_as_grave_as_any(given_: Around) -> None:
    unknown = RISKS.index(judge_risk("unknown", given_).level)
    assert unknown >= max(RISKS.index(judge_risk(state, given_).level) for state in STATES)


def test_each_reason_of_a_risk_says_what_it_weighs_and_the_gravest_comes_first() -> None:
    weights = [int(reason[-2]) for reason in judge_risk("local files", WORST).reasons]
    assert weights == sorted(weights, reverse=True) and len(weights) == 7
    assert judge_risk("stateless", CALM).reasons == ("nothing speaks against it",)


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("High", "high"),
        ("Tier-1", "high"),
        ("核心", "high"),
        ("mission_critical", "high"),
        ("一般", "medium"),
        ("低", "low"),
        ("A+", ""),
        ("", ""),
    ],
)
def test_words_for_criticality_are_understood_or_count_as_unknown(word: str, level: str) -> None:
    assert criticality(word) == level


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0.91, 0.91),
        (91, 0.91),
        ("91%", 0.91),
        ("0.5%", 0.005),
        (1, 1.0),
        ("often", None),
        (None, None),
        (True, None),
        (-1, None),
        ("nan", None),
    ],
)
def test_a_share_is_read_as_people_write_it(value: object, number: float | None) -> None:
    assert share(node_of(value)) == (None if number is None else pytest.approx(number))


def test_what_risk_hangs_on_comes_from_the_profile_the_hosts_and_the_fleet() -> None:
    stated = node_of({"criticality": "low", "dependents": [{"name": "a"}], "releases": {"success_rate": 0.9}})
    hosts = [Host(name, {"local": {"java": {"version": version}}}, "") for name, version in (("a", "8"), ("b", "11"))]
    found = around(stated, compare_hosts(hosts))
    assert found == Around("low", 1, 0.9, ("JDK",), None, None)
    assert with_fleet(found, 0, None).dependents == around(stated, None, 0).dependents == 1
    assert with_fleet(found, 7, {"b", "a"}) == Around("low", 7, 0.9, ("JDK",), ("a", "b"), None)


def test_hosts_that_cannot_be_compared_are_unknown_and_not_alike() -> None:
    assert around(node_of({}), compare_hosts([Host("a", {"kernel": "3.10"}, "")])).drift is None
    assert around(node_of({})).dependents is None


@pytest.mark.parametrize(
    ("instances", "drift"), [(["a"], ()), ([{"name": "10.0.0.1"}], ()), (["a", "b"], None), ([], None)]
)
def test_the_only_machine_of_an_application_differs_from_none(instances: list[object], drift: object) -> None:
    stated = node_of({"operations": {"instances": instances}})
    assert around(stated, compare_hosts([Host("a", {"kernel": "3.10"}, "")])).drift == drift
    assert around(stated, compare_hosts([])).drift is None


def test_a_path_that_is_only_named_makes_no_state_and_no_refactoring_but_is_to_be_looked_at() -> None:
    named = Demand("local-file", "warning", "a volume", ("Import.java:7",), ("/data/import",))
    migration = decide([named], 12)
    assert (migration.state, migration.mode, migration.level) == ("stateless", "re-platform", "Good")
    assert "look at the paths that are named at Import.java:7" in migration.reasons[0]
