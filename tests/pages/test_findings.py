"""What the checks found, for code hosting (SARIF), for programs (JSON) and for a terminal."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from runbook_lib.artefacts import Output, Policy, Waiver
from runbook_lib.judge.dockerfile import check_dockerfile
from runbook_lib.judge.fitness import Fitness, Given, asked, fitness
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.excerpt import excerpts
from runbook_lib.observe.files.manifests import parse_manifests
from runbook_lib.pages.findings import as_json, lines
from runbook_lib.pages.sarif import sarif

_SPEC = importlib.util.spec_from_file_location("sarif_form", Path(__file__).with_name("sarif_form.py"))
assert _SPEC and _SPEC.loader
_FORM = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_FORM)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
GOOD = Path(__file__).parents[1] / "judge" / "workload" / "good.yaml"
BROKEN = Finding(
    "manifest-readable", "Readable", Outcome.FAIL, "blocking", "a b.yaml", "no YAML", "Why.", "deploy/a b.yaml", 3
)
WAIVER = Waiver("readiness-probe", "anna", "a trial", NOW.date(), "Deployment/*", 2)


def judged(folder: Path, damaged: bool = True) -> Fitness:
    text = GOOD.read_text()
    text = text.replace("readinessProbe:", "readyProbe:").replace("replicas: 3", "replicas: 1") if damaged else text
    manifests = parse_manifests(text, str(folder / "deploy" / "all.yaml"))
    dockerfile = parse_dockerfile("FROM alpine\nRUN true\nCMD x\n", str(folder / "Dockerfile"))
    given = Given(
        replace(manifests, findings=(BROKEN,)), dockerfile, policy=Policy(waivers=(WAIVER,), file="policy.yaml")
    )
    return fitness(given, NOW)


def test_the_sarif_is_what_the_standard_demands(tmp_path: Path) -> None:
    told = sarif(judged(tmp_path).findings, asked(), tmp_path)
    jsonschema.Draft202012Validator(_FORM.FORM).validate(json.loads(json.dumps(told)))


def test_code_hosting_finds_all_that_it_refuses_a_report_without(tmp_path: Path) -> None:
    """GitHub: every rule is described and has a help, every result lies in a file of the repository."""
    (run,) = sarif(judged(tmp_path).findings, asked(), tmp_path)["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        assert all(0 < len(rule[key]["text"]) < 1024 for key in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        (location,) = result["locations"]
        assert ":" not in location["physicalLocation"]["artifactLocation"]["uri"] and result["message"]["text"]


def test_two_findings_of_one_check_at_one_line_stay_two_where_lines_are_hashed(tmp_path: Path) -> None:
    beside = replace(BROKEN, message="no YAML either")
    nowhere, apart = replace(BROKEN, file=""), replace(beside, line=4)
    for findings, own in (([BROKEN, beside], 2), ([BROKEN, apart], 0), ([nowhere], 1)):
        results = sarif(findings, (), tmp_path)["runs"][0]["results"]
        hashes = [result["partialFingerprints"].get("primaryLocationLineHash") for result in results]
        assert len({value for value in hashes if value}) == own


def test_what_was_rendered_is_told_at_the_file_it_was_rendered_from(tmp_path: Path) -> None:
    made = Output(f"{tmp_path}/deploy as rendered", TEXT, str(tmp_path / "deploy" / "kustomization.yaml"))
    (result,) = sarif([replace(BROKEN, file=made.name)], (), tmp_path, [made])["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "deploy/kustomization.yaml"}}
    assert result["message"]["text"] == "a b.yaml: no YAML (deploy as rendered:3)"
    assert result["partialFingerprints"]["primaryLocationLineHash"]
    patched = replace(BROKEN, file=made.name, object="Dockerfile", mend="@@ -1 +1 @@\n-USER root\n+USER 10001:10001")
    fixed, unfixed = (sarif([patched], (), tmp_path, one)["runs"][0]["results"][0] for one in ([], [made]))
    assert "fixes" in fixed and "fixes" not in unfixed  # its lines are in no file that an editor could change


def test_the_form_refuses_what_the_standard_refuses() -> None:
    told = sarif([BROKEN], asked(), Path.cwd())
    for change in ({"level": "blocking"}, {"kind": "open"}, {"more": 1}, {"message": {}}):
        wrong = json.loads(json.dumps(told))
        wrong["runs"][0]["results"][0] |= change
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(_FORM.FORM).validate(wrong)


def test_every_finding_that_is_no_pass_is_a_result_of_a_rule_that_is_described(tmp_path: Path) -> None:
    found = judged(tmp_path)
    (run,) = sarif(found.findings, asked(), tmp_path)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    open_ = [finding for finding in found.findings if finding.outcome is not Outcome.PASS]
    assert [result["ruleId"] for result in run["results"]] == [finding.check for finding in open_]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_only_what_failed_has_a_level_and_what_is_waived_is_suppressed(tmp_path: Path) -> None:
    (run,) = sarif(judged(tmp_path).findings, asked(), tmp_path)["runs"]
    by_rule = {result["ruleId"]: result for result in run["results"]}
    assert (by_rule["manifest-readable"]["kind"], by_rule["manifest-readable"]["level"]) == ("fail", "error")
    assert (by_rule["startup-budget"]["kind"], by_rule["startup-budget"]["level"]) == ("open", "none")
    assert by_rule["readiness-probe"]["level"] == "note"
    (suppression,) = by_rule["readiness-probe"]["suppressions"]
    assert suppression == {
        "kind": "external",
        "status": "accepted",
        "justification": "anna until 2026-11-20: a trial",
    }


def test_places_are_relative_to_the_root_with_their_line(tmp_path: Path) -> None:
    (run,) = sarif(judged(tmp_path).findings, asked(), tmp_path)["runs"]
    places = {r["ruleId"]: r["locations"][0].get("physicalLocation") for r in run["results"]}
    assert places["readiness-probe"]["artifactLocation"] == {"uri": "deploy/all.yaml"}
    assert places["readiness-probe"]["region"]["startLine"] > 1
    assert places["manifest-readable"] == {"artifactLocation": {"uri": "deploy/a%20b.yaml"}, "region": {"startLine": 3}}
    assert places["image-scanned"] == {"artifactLocation": {"uri": "Dockerfile"}}  # it lies nowhere: the first file


def test_a_moved_line_is_the_same_finding_and_the_same_findings_are_the_same_text(tmp_path: Path) -> None:
    before, after = (replace(BROKEN, line=at, message=f"deploy/a b.yaml:{at} is not YAML") for at in (3, 9))
    first, moved = (sarif([one], (), tmp_path)["runs"][0]["results"][0] for one in (before, after))
    assert first["partialFingerprints"] == moved["partialFingerprints"]
    assert sarif(judged(tmp_path).findings, asked(), tmp_path) == sarif(judged(tmp_path).findings, asked(), tmp_path)


def test_the_json_holds_everything(tmp_path: Path) -> None:
    found = judged(tmp_path)
    told = json.loads(json.dumps(as_json(found)))
    assert told["outcome"] == "FAIL" and len(told["findings"]) == len(found.findings)
    probe = next(one for one in told["findings"] if one["check"] == "readiness-probe" and one["outcome"] == "FAIL")
    assert probe["link"].startswith("https://kubernetes.io/docs/") and "https" not in probe["reason"]
    assert probe["waived"] and probe["line"] > 1 and told["nothing_to_apply_to"]


def test_the_terminal_says_the_verdict_first_then_what_blocks_with_its_place(tmp_path: Path) -> None:
    said = lines(judged(tmp_path), tmp_path, 80)
    assert said[0] == "FAIL: not fit: something blocks"
    heads = [line.split()[0] for line in said if line and not line.startswith(" ")][1:]
    assert heads[0] == "blocking" and heads[-1] == "waived"
    assert sorted(heads, key=["blocking", "blocking?", "warning", "warning?", "info", "info?", "waived"].index) == heads
    assert any(line.startswith("waived     readiness-probe         deploy/all.yaml:") for line in said)
    assert max(len(line) for line in said if "https" not in line) <= 120


def test_what_a_dockerfile_says_of_a_line_is_the_same_finding_after_it_has_moved(tmp_path: Path) -> None:
    told = "FROM a.example/a:1\n{}FOO bar\nCMD a\nCMD b\n"
    first, moved = (
        sarif(check_dockerfile(parse_dockerfile(told.format(more), "Dockerfile")), (), tmp_path)["runs"][0]["results"]
        for more in ("", "# more\n\n")
    )
    assert [one["partialFingerprints"] for one in first] == [one["partialFingerprints"] for one in moved]


def test_the_patch_of_a_dockerfile_is_a_fix_that_an_editor_can_put_in(tmp_path: Path) -> None:
    text = "FROM a.example/a:1\nADD src /app/\nSTOPSIGNAL KILL\n"
    found = check_dockerfile(parse_dockerfile(text, str(tmp_path / "Dockerfile")))
    (run,) = sarif(found, asked(), tmp_path)["runs"]
    by_rule = {result["ruleId"]: result for result in run["results"]}
    (change,) = by_rule["image-add"]["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "Dockerfile"}
    assert change["replacements"] == [
        {"deletedRegion": {"startLine": 2, "endLine": 2}, "insertedContent": {"text": "COPY src /app/"}}
    ]
    (added,) = by_rule["image-user"]["fixes"][0]["artifactChanges"][0]["replacements"]
    assert added["deletedRegion"] == {"startLine": 4, "startColumn": 1, "endLine": 4, "endColumn": 1}
    assert added["insertedContent"] == {"text": "USER 10001:10001\n"}
    assert "fixes" not in by_rule["image-port"]


def test_a_fix_with_a_secret_in_it_is_none_because_an_editor_would_put_in_the_mark(tmp_path: Path) -> None:
    patch = (
        "@@ -2 +2 @@\n-RUN apt install a && b --password hunter2xx\n+RUN apt-get install a && b --password hunter2xx"
    )
    found = replace(BROKEN, object="Dockerfile", file="Dockerfile", line=2, mend=patch)
    (result,) = sarif([found], (), tmp_path)["runs"][0]["results"]
    assert "fixes" not in result
    (result,) = sarif([replace(found, mend=patch.replace("--password", "-n"))], (), tmp_path)["runs"][0]["results"]
    assert "fixes" in result


def test_a_mend_of_the_dockerfile_is_said_and_not_promised_in_the_overlay(tmp_path: Path) -> None:
    said = lines(judged(tmp_path), tmp_path, 100)
    user = next(number for number, line in enumerate(said) if line.startswith("blocking   image-user"))
    told = said[user : said.index("", user)]
    assert any("mend:" in line for line in told) and any("USER 10001:10001" in line for line in told)
    assert not any("--overlay" in line for line in told)


def test_a_clean_verdict_is_said_too(tmp_path: Path) -> None:
    manifests = parse_manifests(GOOD.read_text(), str(GOOD))
    assert lines(fitness(Given(manifests), NOW), tmp_path)[0] == "PASS: fit for the pilot: nothing blocks"


def test_the_line_of_a_secret_is_not_shown_beside_another_finding_either(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("env:\n- name: API_TOKEN\n  value: kJ83hfKd93kfLs02\nresources: {}\n")
    secret, beside = (
        replace(BROKEN, check="secret-in-env", file=str(path), line=3),
        replace(BROKEN, file=str(path), line=4),
    )
    (shown,) = excerpts([beside, secret]).values()
    assert "> 4  resources: {}" in shown and "kJ83" not in shown and "  2  - name: API_TOKEN" in shown


def test_what_was_rendered_shows_its_lines_on_the_terminal_and_no_secret(tmp_path: Path) -> None:
    made = Output("deploy as rendered", "a: 1\nreplicas: 1\nb: 2\n", "deploy/Chart.yaml")
    found = judged(tmp_path)
    one, leak = (replace(BROKEN, file=made.name, line=2, check=check) for check in ("replicas", "secret-in-env"))
    seen = excerpts([one], [made], around=1)
    said = lines(replace(found, findings=(one,)), tmp_path, 80, seen)
    assert said[said.index("blocking   replicas                deploy as rendered:2") + 2] == "        1  a: 1"
    assert "      > 2  replicas: 1" in said
    assert not excerpts([leak], [made])


def test_a_newer_package_is_named_and_not_promised_in_the_overlay(tmp_path: Path) -> None:
    scan = replace(BROKEN, check="vulnerability", mend="openssl 3.0.1 -> 3.0.2")
    said = lines(replace(judged(tmp_path), findings=(scan,)), tmp_path)
    assert said[-1] == "    mend: openssl 3.0.1 -> 3.0.2"


@pytest.mark.parametrize(
    "text",
    [
        "kind: Secret\nmetadata: {name: a}\ndata:\n  a: aHVudGVyMg==\n  a: aHVudGVyMg==\n",
        "key: |\n  -----BEGIN PRIVATE KEY-----\n  bm9uZQ\n  aHVudGVyMg\n  -----END PRIVATE KEY-----\nb: 1\n",
    ],
)
def test_no_line_shows_what_only_the_lines_before_it_show_to_be_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    shown = excerpts([replace(BROKEN, file=str(path), line=5)], around=1)
    assert "«redacted" in shown[str(path), 5] and "aHVudGVyMg" not in shown[str(path), 5]


def test_a_line_that_no_scan_is_of_is_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("image: shop:latest\n")
    scan, tag = (replace(BROKEN, check=check, file=str(path), line=1) for check in ("image-scanned", "image-fixed"))
    assert excerpts([scan, tag]) == {(str(path), 1): "> 1  image: shop:latest"}


TEXT = "a: 1\nb: 2\n---\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\n---\nh: 8\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (6, "  4  c: 3\n  5  d: 4\n> 6  e: 5\n  7  f: 6\n  8  g: 7"),
        (4, "> 4  c: 3\n  5  d: 4\n  6  e: 5"),
        (8, "  6  e: 5\n  7  f: 6\n> 8  g: 7"),
        (1, "> 1  a: 1\n  2  b: 2"),
        (10, "> 10  h: 8"),
    ],
)
def test_the_lines_of_a_finding_stay_within_its_document(tmp_path: Path, line: int, shown: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(TEXT)
    assert excerpts([replace(BROKEN, file=str(path), line=line)]) == {(str(path), line): shown}


@pytest.mark.parametrize(
    "change",
    [
        {"check": "secret-in-env"},
        {"check": "image-secret"},
        {"check": "placeholder"},
        {"check": "image-leak"},
        {"object": "Secret/keys"},
        {"outcome": Outcome.PASS},
        {"line": 99},
        {"line": 0},
        {"file": "deploy as rendered"},
    ],
)
def test_no_lines_of_secrets_of_passes_and_of_nowhere(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(TEXT)
    finding = replace(BROKEN, file=str(path), line=1)
    assert excerpts([replace(finding, **change)]) == {}  # type: ignore[arg-type]
