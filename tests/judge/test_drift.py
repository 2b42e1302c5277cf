"""Where hosts differ: tables of cases."""

from __future__ import annotations

import pytest

from runbook_lib.artefacts import Host
from runbook_lib.judge.drift import compare_hosts, drift_findings
from runbook_lib.model import Outcome


def host(name: str, **facts: object) -> Host:
    return Host(name, facts, f"{name}.json")


def test_what_the_image_must_decide_comes_before_what_the_node_brings() -> None:
    hosts = [
        host(
            "a",
            kernel="3.10",
            distribution="CentOS",
            distribution_version="7.9",
            local={"java": {"version": "1.8.0_291"}},
        ),
        host(
            "b",
            kernel="3.10",
            distribution="CentOS",
            distribution_version="7.9",
            local={"java": {"version": "1.8.0_291"}},
        ),
        host(
            "c",
            kernel="4.18",
            distribution="CentOS",
            distribution_version="7.6",
            local={"java": {"version": "1.8.0_181"}},
        ),
    ]
    drifts = compare_hosts(hosts)
    assert [(row.aspect, row.odd) for row in drifts] == [
        ("JDK", ("c",)),
        ("operating system", ("c",)),
        ("kernel", ("c",)),
    ]
    assert drift_findings(drifts, hosts)[0].message == "JDK: usually 1.8.0_291, but c has 1.8.0_181"


def test_a_fact_that_is_missing_on_one_host_is_a_difference_and_one_nobody_has_is_no_row() -> None:
    drifts = compare_hosts([host("a", kernel="3.10"), host("b")])
    assert [(row.aspect, row.values) for row in drifts] == [("kernel", {"a": "3.10", "b": None})]
    assert [row.odd for row in drifts] == [("b",)]


@pytest.mark.parametrize(
    "facts", [{"mounts": 3}, {"packages": []}, {"local": "x"}, {"packages": {"openssl": [1]}}, {"dns": None}]
)
def test_facts_of_another_shape_are_missing_and_no_traceback(facts: dict[str, object]) -> None:
    compare_hosts([host("a", **facts), host("b", **facts)])


def test_one_host_alone_cannot_be_compared() -> None:
    only = [host("a", kernel="1")]
    assert [f.outcome for f in drift_findings(compare_hosts(only), only)] == [Outcome.INCONCLUSIVE]
