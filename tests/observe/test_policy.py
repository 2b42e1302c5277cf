"""The house's policy: every exception has a person, a reason and a day; what is wrong is refused with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.artefacts import Policy
from runbook_lib.errors import BadParameters
from runbook_lib.observe.files.policy import KEYS, policy_for, read_policy

TODAY = date(2026, 11, 20)
WHO = "owner: shop, reason: a batch"


def read(folder: Path, text: str) -> Policy:
    path = folder / "policy.yaml"
    path.write_text(text)
    return read_policy(path, TODAY)


def test_a_policy_is_read(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        "registries: [registry.example]\nseverity: {dns-config: info}\nheap_share: 0.6\nscan_days: 7\n"
        f"unfixed: warning\noff:\n  - {{check: min-ready, {WHO}}}\n"
        f"waivers:\n  - {{check: liveness, object: Deployment/shop, {WHO}, expires: 2026-12-01}}\n"
        f"accepted:\n  - {{vulnerability: CVE-2026-1, package: zlib, {WHO}, expires: 2026-12-01}}\n",
    )
    assert (policy.off, policy.registries) == (("min-ready",), ("registry.example",))
    assert policy.severities == {"dns-config": "info"}
    assert list(policy.severity_lines) == ["dns-config"] and policy.severity_lines["dns-config"] > 1
    assert (policy.heap_share, policy.scan_days, policy.unfixed) == (0.6, 7, "warning")
    (waiver,), (accepted,) = policy.waivers, policy.accepted
    assert (waiver.check, waiver.object, waiver.expires, waiver.line) == (
        "liveness",
        "Deployment/shop",
        date(2026, 12, 1),
        9,
    )
    assert (accepted.vulnerability, accepted.package, accepted.owner, accepted.line) == (
        "CVE-2026-1",
        "zlib",
        "shop",
        11,
    )


def test_no_policy_is_the_default() -> None:
    assert policy_for(None) == Policy()


def test_what_expired_is_read_and_covers_nothing(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        f"off: [{{check: min-ready, {WHO}, expires: 2026-11-19}}, {{check: dns-config, {WHO}, expires: 2026-11-20}}]",
    )
    assert policy.off == ("dns-config",)
    assert [one.check for one in policy.switched_off] == ["min-ready", "dns-config"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("of: []", "policy.yaml:1: unknown key of"),
        ("off: [{check: a, owner: b}]", "with check, reason, owner; not there: reason"),
        ("off: [{check: a, owner: b, reason: ' '}]", "not there: reason"),
        ("off: [a]", "not there: check"),
        ("off: {check: a}", "policy.yaml:1: off is a list"),
        ("off: [{check: a, owner: b, reason: c, expires: soon}]", "is no date"),
        ("off: [{check: a, owner: b, reason: c, until: 2027-01-01}]", "unknown key until"),
        ("waivers: [{check: a, owner: b, reason: c, expires: 2027-01-01}]", "not there: object"),
        ("waivers: [{check: a, object: x, owner: b, reason: c}]", "not there: expires"),
        ("accepted: [{vulnerability: CVE-1, owner: b, reason: c}]", "not there: expires"),
        ("scan_days: 7\nseverity: {a: grave}", "policy.yaml:2: severity of a is grave"),
        ("severity: [a]", "severity is a mapping"),
        ("tag_pattern: '('", "not a regular expression"),
        ("scan_days: 0", "scan_days is a whole number between 1 and 365"),
        ("scan_days: 1.5", "a whole number"),
        ("heap_share: all", "heap_share is a number between 0.1 and 0.95"),
        ("cpu_headroom: yes", "cpu_headroom is a number"),
        ("unfixed: info", "unfixed is info"),
    ],
)
def test_a_policy_that_is_wrong_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadParameters, match=said):
        read(tmp_path, text)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["blocking", "a", "2027-01-01"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["check", "owner", *KEYS]), inner),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), anything, min_size=1))
def test_a_wrong_type_anywhere_is_a_sentence(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    import json

    path = tmp_path_factory.mktemp("any") / "policy.yaml"
    path.write_text(json.dumps(value))
    try:
        read_policy(path, TODAY)
    except BadParameters as error:
        assert str(path) in str(error)
