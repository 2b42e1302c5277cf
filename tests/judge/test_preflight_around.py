"""What surrounds a release: each criterion with both numbers, and what to do next."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.judge import preflight as judge
from runbook_lib.judge.preflight.seen import Clocks, Image, Name, Reference, Rules, Series, Unknown
from runbook_lib.model import Outcome, Verdict

UNREAD = Unknown("it may not be listed by us")


def image(**known: Any) -> Image:
    return Image("r.example/shop/web:1", "Deployment/web", known.pop("policy", "IfNotPresent"), **known)


@pytest.mark.parametrize(
    ("seen", "outcome", "words"),
    [
        (image(problem="no container runtime takes this for a name"), 2, "correct the manifest"),
        (image(missing_secrets=("pull",)), 2, "Secret/pull is not there"),
        (image(missing_secrets=("pull",), nodes=3, on_nodes=3), 0, "is on 3 of 3 nodes"),
        (image(missing_secrets=("pull",), nodes=3, on_nodes=3, policy="Always"), 2, "Secret/pull is not there"),
        (image(nodes=3, on_nodes=2, said="r.example cannot be asked from here"), 1, "it is on 2 of 3 nodes"),
        (image(answer="there"), 0, "the registry has it"),
        (image(answer="absent", said="r.example has no shop/web at 1"), 2, "push it, or correct the tag"),
        (image(answer="refused", said="it refuses (401)"), 2, "renew the imagePullSecret"),
        (image(answer="not allowed", said="it wants credentials"), 1, "the rollout tells"),
        (image(answer="unknown", said="r.example cannot be asked from here"), 1, "the rollout tells"),
        (image(policy="Never"), 1, "is never pulled"),
        (image(nodes=0), 1, "the rollout tells"),
    ],
)
def test_an_image_is_there_or_is_not_or_is_not_known(seen: Image, outcome: int, words: str) -> None:
    verdict = judge.images([seen])
    assert (verdict.outcome, words in verdict.message) == (outcome, True), verdict.message


def test_a_registry_that_only_nodes_reach_holds_nobody_up_and_an_absent_image_does() -> None:
    away, absent = judge.images([image(said="away")]), judge.images([image(answer="absent", said="none")])
    assert judge.holding([away, absent]) == [absent]
    assert judge.images([]).outcome is Outcome.INCONCLUSIVE
    mixed = judge.images([image(answer="there"), image(answer="absent", said="none")])
    assert mixed.message.startswith("1 of 2 images are there: ")


@pytest.mark.parametrize(("state", "outcome"), [("there", 0), ("absent", 2), ("refused", 2), ("unknown", 1)])
def test_what_the_release_stands_on(state: Any, outcome: int) -> None:
    seen = Reference("Ingress/web", "IngressClass/nginx", state, "there are: none")
    for verdict in (judge.storage([seen]), judge.routes([seen]), judge.service(seen)):
        assert verdict.outcome == outcome
        assert "IngressClass/nginx" in verdict.message
        assert judge.holding([verdict]) == ([] if outcome == 1 else [verdict])
    assert judge.routes([]).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("lost", "outcome"),
    [("", 0), ("kubernetes.gateway", 2), ("traffic.entrance", 1), ("HTTPRoute/web", 0)],
)
def test_only_the_name_that_we_call_ourselves_must_resolve_here(lost: str, outcome: int) -> None:
    seen = [
        Name(f"{used}.example", used, () if used == lost else ("10.0.0.1",), needed, "no such name")
        for used, needed in (("kubernetes.gateway", True), ("traffic.entrance", True), ("HTTPRoute/web", False))
    ]
    verdict = judge.names(seen)
    assert verdict.outcome == outcome
    assert (f"{lost}.example" in verdict.message) == bool(lost)


@pytest.mark.parametrize(
    ("seen", "outcome", "words"),
    [
        (Clocks(0.4, {"n1": 3.0}), 0, "our clock is 0 s ahead of the API server's <= 10 s"),
        (Clocks(31.0, {}), 2, "31 s ahead of the API server's > 10 s"),
        (Clocks(-31.0, {}), 2, "31 s behind the API server's > 10 s"),
        (Clocks(0.0, {"n1": -25.0, "n2": 1.0}), 2, "n1 is 25 s ahead > 10 s"),
        (Clocks(0.0, {"n1": 95.0}), 1, "last heard of > 40 s ago: n1 95 s"),
        (Clocks(0.0, UNREAD), 1, "those of the nodes are not known"),
        (Clocks(None, UNREAD), 1, "does not say what time it is"),
    ],
)
def test_clocks_that_differ_are_named_with_seconds(seen: Clocks, outcome: int, words: str) -> None:
    verdict = judge.clocks(seen)
    assert (verdict.outcome, words in verdict.message) == (outcome, True), verdict.message


def test_an_expression_that_gives_nothing_fails_and_a_prometheus_that_is_away_holds() -> None:
    good, none = Series("requests", "a{}", 3, 3), Series("CPU", "sum(b)", 0)
    assert judge.old_side_measured([good]).outcome is Outcome.PASS
    failed = judge.old_side_measured([good, none])
    assert failed.outcome is Outcome.FAIL
    assert "1 of 2 expressions give series; nothing for CPU: sum(b)" in failed.message
    away = judge.old_side_measured(Unknown("Prometheus does not answer"))
    assert away.outcome is Outcome.INCONCLUSIVE
    assert judge.holding([away]) == [away]


@pytest.mark.parametrize(("pods", "outcome"), [(3, 0), (4, 1)])
def test_every_pod_is_to_be_seen_by_the_monitoring(pods: int, outcome: int) -> None:
    verdict = judge.new_side_measured([Series("requests", "a{}", 12, 3)], pods)
    assert verdict.outcome == outcome
    assert f"of 3 {'>=' if pods == 3 else '<'} {pods} Pods" in verdict.message


def test_no_rule_about_the_application_is_not_known_to_call_anybody() -> None:
    assert judge.alerts(Rules(12, ("OrderErrors",), ("web",))).outcome is Outcome.PASS
    none = judge.alerts(Rules(12, (), ("web", "http_requests_total")))
    assert none.outcome is Outcome.INCONCLUSIVE
    assert none.message.startswith("0 of 12 alerting rules name web, http_requests_total")
    assert judge.holding([none, judge.alerts(UNREAD)]) == []


def test_nobody_on_call_is_a_fail() -> None:
    assert judge.on_call([], "team").outcome is Outcome.FAIL
    assert judge.on_call(["anna (#1)"], "team").message == "1 >= 1: anna (#1) for team"


def test_an_older_api_version_is_named_and_still_works() -> None:
    assert judge.versions([]).outcome is Outcome.PASS
    verdict = judge.versions(["HTTPRoute/web is v1beta1, gateway.networking.k8s.io/v1 is served"])
    assert (verdict.outcome, "v1beta1" in verdict.message) == (Outcome.PASS, True)


def test_what_was_unknown_is_known_when_all_pods_run() -> None:
    unknown = [Verdict(name, Outcome.INCONCLUSIVE, "") for name in ("images", "capacity", "names")]
    assert [v.name for v in judge.proven([*unknown, Verdict("quota", Outcome.PASS, "")], 3)] == ["images", "capacity"]
    assert all(v.outcome is Outcome.PASS for v in judge.proven(unknown, 3))
    assert judge.proven(unknown, 0) == []


@pytest.mark.parametrize("name", ["version", "permissions", "difference", "no user traffic", "metrics of the old side"])
def test_what_nobody_will_tell_later_holds_when_it_is_not_known(name: str) -> None:
    unknown = Verdict(name, Outcome.INCONCLUSIVE, "")
    assert judge.holding([unknown]) == [unknown]
