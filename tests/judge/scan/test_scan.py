"""Scans: grave ones block until somebody answers for them; an old scan, or one of another image, answers nothing."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.artefacts import Accepted, Policy
from runbook_lib.errors import BadParameters
from runbook_lib.judge.scan.images import is_of
from runbook_lib.judge.scan.judge import QUESTIONS, check_scans
from runbook_lib.judge.scan.seen import Leak, Scan, Vulnerability
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.manifests import parse_manifests
from runbook_lib.observe.files.scans import read_scan

NOW = datetime(2026, 11, 12, 9, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
IMAGE = "registry.example/shop:main-4f2a91c-20261112"
POD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: shop}}\nspec:\n  template:\n    spec:\n      containers:\n"
POD += "        - name: shop\n          image: {}\n"

GRAVE = Vulnerability("CVE-2026-1", "openssl", "3.0.1", "CRITICAL", "3.0.2", line=7)
SOUND = Scan("scan.json", "Trivy", (IMAGE,), (DIGEST,), NOW - timedelta(days=2), looked_at=2)


def world(image: str = IMAGE, policy: Policy | None = None) -> World:
    return World(parse_manifests(POD.format(image), "pod.yaml").resources, policy=policy or Policy())


def judged(*scans: Scan, image: str = IMAGE, policy: Policy | None = None) -> list[Finding]:
    return check_scans(scans, world(image, policy), NOW)


def accepted(**changes: Any) -> Policy:
    entry = Accepted("CVE-2026-1", "ada", "not reachable", date(2026, 12, 1))
    return Policy(accepted=(replace(entry, **changes),))


def outcomes(findings: list[Finding]) -> set[tuple[str, str, str]]:
    """Check, outcome and severity of everything that did not pass."""
    return {(f.check, f.outcome.name, f.severity) for f in findings if f.outcome is not Outcome.PASS}


BLOCKED = {("vulnerability", "FAIL", "blocking")}
UNFIXED = replace(GRAVE, fixed="", state="will not fix")

# Two that fail and two that pass of each question, and what else rightly speaks up with it.
FAILS: list[tuple[str, Scan, Policy, set[tuple[str, str, str]]]] = [
    ("critical with a fix", replace(SOUND, vulnerabilities=(GRAVE,)), Policy(), BLOCKED),
    ("high without a fix", replace(SOUND, vulnerabilities=(replace(UNFIXED, severity="HIGH"),)), Policy(), BLOCKED),
    ("the exception has ended", replace(SOUND, vulnerabilities=(GRAVE,)), accepted(expires=date(2026, 11, 11)), BLOCKED),
    ("the exception is of another package", replace(SOUND, vulnerabilities=(GRAVE,)), accepted(package="zlib"),
     BLOCKED | {("exception-needed", "FAIL", "info")}),
    ("unfixed, by policy a warning", replace(SOUND, vulnerabilities=(UNFIXED,)), Policy(unfixed="warning"),
     {("vulnerability", "FAIL", "warning")}),
    ("not rated yet", replace(SOUND, vulnerabilities=(replace(GRAVE, severity="UNKNOWN"),)), Policy(),
     {("vulnerability", "INCONCLUSIVE", "warning")}),
    ("older than the policy allows", replace(SOUND, at=NOW - timedelta(days=15)), Policy(),
     {("scan-fresh", "INCONCLUSIVE", "blocking")}),
    ("does not say when", replace(SOUND, at=None), Policy(), {("scan-fresh", "INCONCLUSIVE", "blocking")}),
    ("dated in the future", replace(SOUND, at=NOW + timedelta(days=3)), Policy(),
     {("scan-fresh", "INCONCLUSIVE", "blocking")}),
    ("made today with last year's list", replace(SOUND, database=NOW - timedelta(days=400)), Policy(),
     {("scan-fresh", "INCONCLUSIVE", "blocking")}),
    ("of another tag", replace(SOUND, names=("registry.example/shop:main-0000000-20261101",)), Policy(),
     {("image-scanned", "INCONCLUSIVE", "blocking"), ("image-scanned", "INCONCLUSIVE", "warning")}),
    ("of another image, and grave", replace(SOUND, names=("registry.example/cart:1",), vulnerabilities=(GRAVE,)), Policy(),
     {("image-scanned", "INCONCLUSIVE", "blocking"), ("image-scanned", "INCONCLUSIVE", "warning")}),
    ("looked at nothing", replace(SOUND, looked_at=0), Policy(), {("scan-whole", "INCONCLUSIVE", "blocking")}),
    ("half of it cannot be read", replace(SOUND, broken=3), Policy(), {("scan-whole", "INCONCLUSIVE", "blocking")}),
    ("the scanner was told to be silent", replace(SOUND, hidden=2), Policy(), {("scan-whole", "FAIL", "warning")}),
    ("a private key", replace(SOUND, leaks=(Leak("RSA key", "/app/id_rsa", "HIGH"),)), Policy(),
     {("image-leak", "FAIL", "blocking")}),
    ("a token of low weight", replace(SOUND, leaks=(Leak("token", "/app/x", "MEDIUM"),)), Policy(),
     {("image-leak", "FAIL", "warning")}),
    ("a distribution that has ended", replace(SOUND, ended="centos 7.9"), Policy(), {("base-supported", "FAIL", "warning")}),
    ("an exception that covers nothing", SOUND, accepted(), {("exception-needed", "FAIL", "info")}),
]  # fmt: skip


@pytest.mark.parametrize(("scan", "policy", "expected"), [f[1:] for f in FAILS], ids=[f[0] for f in FAILS])
def test_exactly_what_is_wrong_is_said(scan: Scan, policy: Policy, expected: set[tuple[str, str, str]]) -> None:
    findings = judged(scan, policy=policy)
    assert outcomes(findings) == expected
    assert all(f.file and f.line > 0 for f in findings if f.check != "exception-needed")


PASSES: list[tuple[str, Scan, str, Policy]] = [
    ("nothing grave", SOUND, IMAGE, Policy()),
    ("by its digest", SOUND, f"registry.example/shop:other@{DIGEST}", Policy()),
    ("medium and low are counted", replace(SOUND, vulnerabilities=(replace(GRAVE, severity="MEDIUM"),)), IMAGE, Policy()),
    ("somebody answers for it", replace(SOUND, vulnerabilities=(GRAVE,)), IMAGE, accepted()),
    ("until today", replace(SOUND, vulnerabilities=(GRAVE,)), IMAGE, accepted(expires=NOW.date())),
    ("by its other name", replace(SOUND, vulnerabilities=(replace(GRAVE, id="GHSA-x", aliases=("CVE-2026-1",)),)), IMAGE,
     accepted(package="openssl")),
    ("as old as the policy allows", replace(SOUND, at=NOW - timedelta(days=60)), IMAGE, Policy(scan_days=60)),
    ("with a list of yesterday", replace(SOUND, database=NOW - timedelta(days=1)), IMAGE, Policy()),
    ("switched off", replace(SOUND, ended="centos 7.9"), IMAGE, Policy(off=("base-supported",))),
]  # fmt: skip


@pytest.mark.parametrize(("scan", "image", "policy"), [p[1:] for p in PASSES], ids=[p[0] for p in PASSES])
def test_what_is_right_passes_and_is_said_to_have_been_looked_at(scan: Scan, image: str, policy: Policy) -> None:
    findings = judged(scan, image=image, policy=policy)
    assert outcomes(findings) == set()
    assert {"image-scanned", "scan-fresh", "scan-whole", "vulnerability"} <= {f.check for f in findings}


def test_every_question_is_played() -> None:
    asked = {check for *_, expected in FAILS for check, *_ in expected}
    assert asked == {question.id for question in QUESTIONS}


def test_without_a_scan_nobody_knows() -> None:
    assert outcomes(judged()) == {("image-scanned", "INCONCLUSIVE", "warning")}


def test_a_grave_one_names_the_fix_and_is_told_once_however_many_layers_hold_it() -> None:
    found = [f for f in judged(replace(SOUND, vulnerabilities=(GRAVE, GRAVE))) if f.check == "vulnerability"]
    assert [(f.mend, f.line) for f in found] == [("openssl 3.0.1 -> 3.0.2", 7)]
    ended = judged(replace(SOUND, vulnerabilities=(GRAVE,)), policy=accepted(expires=date(2026, 11, 1)))
    assert any("ada's exception ended on 2026-11-01" in f.message for f in ended)


def test_a_severity_of_the_policy_holds_for_scans_too() -> None:
    findings = judged(replace(SOUND, vulnerabilities=(GRAVE,)), policy=Policy(severities={"vulnerability": "warning"}))
    assert outcomes(findings) == {("vulnerability", "FAIL", "warning")}


@pytest.mark.parametrize(
    ("name", "image", "same"),
    [
        ("nginx:1.25", "docker.io/library/nginx:1.25", True),
        ("index.docker.io/shop/web:1", "shop/web:1", True),
        ("registry.example:5000/a:1", "registry.example:5000/a:1", True),
        ("registry.example:5000/a", "registry.example:5000/a:latest", True),
        ("registry.example/a:1", "other.example/a:1", False),
        ("registry.example/a:1", f"registry.example/a:1@{DIGEST}", False),
    ],
)
def test_one_image_has_many_names(name: str, image: str, same: bool) -> None:
    assert is_of(Scan("s", "Trivy", (name,)), image) is same


TRIVY: dict[str, Any] = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-10T09:00:00.123456789+08:00",
    "ArtifactName": IMAGE,
    "ArtifactType": "container_image",
    "Metadata": {
        "OS": {"Family": "centos", "Name": "7.9", "EOSL": True},
        "RepoTags": ["registry.example/shop:v1"],
        "RepoDigests": [f"registry.example/shop@{DIGEST}"],
    },
    "Results": [
        {
            "Target": "shop (centos 7.9)",
            "Class": "os-pkgs",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2026-1",
                    "VendorIDs": ["RHSA-2026:1"],
                    "PkgName": "openssl-libs",
                    "InstalledVersion": "1.0.2k",
                    "FixedVersion": "1.0.2l",
                    "Status": "fixed",
                    "Severity": "HIGH",
                    "Title": "openssl: reads\n beyond",
                },
                {"VulnerabilityID": "CVE-2026-2", "PkgName": "tar", "Status": "will_not_fix", "Severity": "LOW"},
            ],
            "ExperimentalModifiedFindings": [{"Type": "vulnerability", "Status": "ignored"}],
        },
        {
            "Target": "/app/.env",
            "Class": "secret",
            "Secrets": [
                {"RuleID": "aws", "Title": "AWS key", "Severity": "CRITICAL", "StartLine": 4, "Match": "AKIA0"}
            ],
        },
    ],
}
GRYPE: dict[str, Any] = {
    "matches": [
        {
            "vulnerability": {
                "id": "GHSA-1",
                "severity": "High",
                "fix": {"versions": ["2.17.1", "2.12.4"], "state": "fixed"},
            },
            "relatedVulnerabilities": [{"id": "CVE-2021-44228"}],
            "artifact": {"name": "log4j-core", "version": "2.14.0"},
        },
        {
            "vulnerability": {
                "id": "CVE-2026-3",
                "severity": "Negligible",
                "fix": {"versions": [], "state": "wont-fix"},
            },
            "artifact": {"name": "tar", "version": "1"},
        },
    ],
    "ignoredMatches": [{}],
    "source": {
        "type": "image",
        "target": {"userInput": IMAGE, "manifestDigest": DIGEST, "tags": [], "repoDigests": ["r.example/a@sha256:b"]},
    },
    "distro": {"name": "debian", "version": "12"},
    "descriptor": {
        "name": "grype",
        "timestamp": "2026-11-10T09:00:00.5+08:00",
        "db": {"status": {"built": "2026-11-09T01:00:00Z"}},
    },
}


def read(tmp_path: Path, value: Any) -> Scan:
    path = tmp_path / "scan.json"
    path.write_text(json.dumps(value, indent=1))
    return read_scan(path)


def test_trivy_is_read(tmp_path: Path) -> None:
    scan = read(tmp_path, TRIVY)
    assert scan.names == (IMAGE, "registry.example/shop:v1")
    assert (scan.digests, scan.at) == ((DIGEST,), datetime(2026, 11, 10, 1, 0, 0, 123456, tzinfo=UTC))
    assert (scan.looked_at, scan.hidden, scan.broken, scan.ended) == (1, 1, 0, "centos 7.9")
    one, two = scan.vulnerabilities
    assert (one.id, one.package, one.fixed, one.state, one.title) == (
        "CVE-2026-1",
        "openssl-libs",
        "1.0.2l",
        "",
        "openssl: reads beyond",
    )
    assert (two.state, two.severity, one.aliases) == ("will not fix", "LOW", ("RHSA-2026:1",))
    lines = (tmp_path / "scan.json").read_text().splitlines()
    assert "CVE-2026-1" in lines[one.line - 1]
    assert "AKIA0" not in str(scan.leaks)
    assert scan.leaks == (Leak("AWS key", "/app/.env:4", "CRITICAL", scan.leaks[0].line),)


def test_trivys_first_schema_is_read_and_says_neither_when_nor_of_what(tmp_path: Path) -> None:
    scan = read(tmp_path, TRIVY["Results"])
    assert (scan.names, scan.at, len(scan.vulnerabilities)) == ((), None, 2)
    assert {c for c, o, _ in outcomes(judged(scan)) if o == "INCONCLUSIVE"} == {"image-scanned"}
    assert read(tmp_path, []).looked_at == 0


def test_grype_is_read(tmp_path: Path) -> None:
    scan = read(tmp_path, GRYPE)
    assert (scan.names, scan.digests) == ((IMAGE,), (DIGEST, "sha256:b"))
    assert (scan.at, scan.database) == (
        datetime(2026, 11, 10, 1, 0, 0, 500000, tzinfo=UTC),
        datetime(2026, 11, 9, 1, tzinfo=UTC),
    )
    one, two = scan.vulnerabilities
    assert (one.severity, one.fixed, one.aliases) == ("HIGH", "2.17.1, 2.12.4", ("CVE-2021-44228",))
    assert (two.state, scan.hidden, scan.looked_at) == ("wont fix", 1, 1)
    older = {**GRYPE, "descriptor": {"db": {"built": "2026-11-08T01:00:00Z"}, "timestamp": ""}}
    assert (read(tmp_path, older).at, read(tmp_path, older).database) == (None, datetime(2026, 11, 8, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("rules", "hidden"),
    [
        (None, 1),
        ([], 1),
        ([3], 1),
        ([{"vulnerability": "CVE-2026-3"}], 1),
        ([{"fix-state": "not-fixed"}], 1),
        ([{"reason": "Explicit APK NAK", "vulnerability": "CVE-2026-3"}], 0),
        ([{"reason": "DistroPackageFixed"}, {"vulnerability": "CVE-2026-3"}], 1),
        ([{"reason": "our kernel is safe"}], 1),
        ([{"match-type": "exact-indirect-match", "package": {"name": "linux-libc-dev", "upstream-name": "linux"}}], 0),
        ([{"match-type": "exact-indirect-match", "package": {"name": "openssl", "upstream-name": "linux"}}], 1),
        ([{"package": {"name": "linux-libc-dev", "upstream-name": "linux"}}], 1),
    ],
)
def test_what_grype_leaves_out_by_itself_nobody_told_it(tmp_path: Path, rules: Any, hidden: int) -> None:
    assert read(tmp_path, {**GRYPE, "ignoredMatches": [{"appliedIgnoreRules": rules}]}).hidden == hidden


def test_a_scan_of_a_folder_is_of_no_image(tmp_path: Path) -> None:
    assert read(tmp_path, {**TRIVY, "ArtifactType": "filesystem", "Metadata": {}}).names == ()
    assert read(tmp_path, {**GRYPE, "source": {"type": "directory", "target": "/x"}}).names == ()


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}", "[1]", "null", '"x"', '{"SchemaVersion": 3}', '{"matches": {}}', '{"bomFormat": "CycloneDX"}'],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scan.json"
    path.write_text(text)
    with pytest.raises(BadParameters, match="image scan"):
        read_scan(path)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, child in items for place in _places(child, (*path, key))]


JUNK = st.one_of(st.none(), st.integers(), st.booleans(), st.text(max_size=3), st.just([]), st.just({}), st.just([3]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([TRIVY, GRYPE]), st.data())
def test_a_wrong_type_in_any_field_is_refused_or_judged(
    tmp_path: Path, report: dict[str, Any], data: st.DataObject
) -> None:
    damaged = json.loads(json.dumps(report))
    *path, last = data.draw(st.sampled_from([p for p in _places(report) if p]))
    place = damaged
    for key in path:
        place = place[key]
    place[last] = data.draw(JUNK)
    try:
        scan = read(tmp_path, damaged)
    except BadParameters:
        return
    assert all(finding.file and finding.line > 0 for finding in judged(scan))


@pytest.mark.parametrize(
    ("path", "junk"),
    [
        (("Results",), 3),
        (("Results", 0), 3),
        (("Results", 0, "Vulnerabilities"), {}),
        (("Results", 0, "Vulnerabilities", 0), None),
        (("Results", 0, "Vulnerabilities", 0, "VulnerabilityID"), 7),
        (("Results", 0, "Vulnerabilities", 0, "PkgName"), None),
        (("Results", 0, "Vulnerabilities", 0, "Severity"), 9),
    ],
)
def test_a_grave_one_that_cannot_be_read_is_not_gone(tmp_path: Path, path: tuple[Any, ...], junk: Any) -> None:
    damaged = json.loads(json.dumps({**TRIVY, "Metadata": {}}))
    del damaged["Results"][0]["ExperimentalModifiedFindings"]
    place = damaged
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = junk
    found = outcomes(judged(read(tmp_path, damaged))) - {("image-leak", "FAIL", "blocking")}
    assert {outcome for _, outcome, _ in found} & {"FAIL", "INCONCLUSIVE"}
