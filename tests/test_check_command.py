"""`runbook check` in a pipeline: the verdict in its exit code, findings on stdout, a sentence where input is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = Path(__file__).parent / "judge" / "workload" / "good.yaml"
SCAN = {"SchemaVersion": 2, "ArtifactName": "registry.example/shop:main-4f2a91c-20261112", "Results": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copy(GOOD, tmp_path / "deploy" / "all.yaml")
    return tmp_path


def spoil(folder: Path, old: str, new: str) -> None:
    path = folder / "deploy" / "all.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runbook_lib.cli", "check", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_what_is_fit_ends_with_0_and_says_so_first(folder: Path) -> None:
    done = check(folder, "deploy")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("PASS: fit for the pilot: nothing blocks\n")


def test_what_blocks_ends_with_10_and_names_file_and_line(folder: Path) -> None:
    spoil(folder, "readinessProbe:", "livenessProb:")
    done = check(folder, "deploy")
    assert (done.returncode, done.stderr) == (10, "")
    assert done.stdout.startswith("FAIL: not fit: something blocks\n")
    assert "readiness-probe" in done.stdout and "deploy/all.yaml:" in done.stdout


def test_a_blocking_question_without_an_answer_ends_with_76(folder: Path) -> None:
    scan = folder / "scan.json"
    scan.write_text(json.dumps(SCAN))
    done = check(folder, "deploy", "--scan", "scan.json", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcome"]) == (76, "INCONCLUSIVE")
    open_ = [f for f in told["findings"] if (f["outcome"], f["severity"]) == ("INCONCLUSIVE", "blocking")]
    assert any(f": {f['check']} at {f['object']}" in told["verdicts"][0]["message"] for f in open_)


def test_a_cache_beside_the_application_takes_its_name_to_tell_them_apart(folder: Path) -> None:
    container = "{name: redis, image: 'registry.example/redis:main-4f2a91c-20261112'}"
    cache = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "cache"}}
    text = f"{json.dumps(cache)[:-1]}, spec: {{template: {{spec: {{containers: [{container}]}}}}}}}}\n"
    (folder / "deploy" / "cache.yaml").write_text(text)
    (folder / "assessment.json").write_text('{"start_seconds": 40.0}')
    asked = ("deploy", "--assessment", "assessment.json", "--format", "json")
    open_ = [json.loads(check(folder, *asked, *more).stdout) for more in ((), ("--deployment", "shop"))]
    told = [[f["outcome"] for f in one["findings"] if f["check"] == "application-known"] for one in open_]
    assert told == [["INCONCLUSIVE"], ["PASS"]]


ROLLOUT = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\n"


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        (f"{ROLLOUT}spec: {{template: {{spec: {{containers: [{{name: a}}]}}}}}}\n", 76, "Rollout/web"),
        ("kind: Deployment\nmetadata:\n  name: web\n   labels: x\n", 10, "is not YAML"),
    ],
    ids=["a kind that no check looks at", "a file that cannot be read"],
)
def test_an_application_that_may_be_there_is_not_called_misspelt(folder: Path, text: str, code: int, told: str) -> None:
    (folder / "deploy" / "web.yaml").write_text(text)
    done = check(folder, "deploy", "--deployment", "web")
    assert (done.returncode, done.stderr) == (code, "")
    assert told in done.stdout


def test_what_another_program_renders_is_checked_from_a_pipe_with_its_lines(folder: Path) -> None:
    spoil(folder, "readinessProbe:", "livenessProb:")
    command = [sys.executable, "-m", "runbook_lib.cli", "check", "-"]
    piped = (folder / "deploy" / "all.yaml").read_text()
    done = subprocess.run(command, cwd=folder, input=piped, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (10, "")
    assert "readiness-probe         stdin:" in done.stdout and "      > " in done.stdout
    empty = subprocess.run(command, cwd=folder, input="", capture_output=True, text=True, check=False)
    assert (empty.returncode, empty.stdout) == (78, "") and "no Kubernetes object in stdin" in empty.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere do not exist"),
        (["deploy", "--policy", "policy.yaml"], "policy.yaml:1: unknown key colour"),
        (["deploy", "--dockerfile", "Dockerfile"], "Dockerfile does not exist"),
        (["deploy", "--scan", "deploy/all.yaml"], "is not JSON"),
        (["deploy", "--assessment", "other.json"], "is not what 01_assessment writes"),
        (["deploy", "--kubernetes-version", "next"], "'next' is no version of Kubernetes"),
        (["deploy", "--overlay", "deploy"], "deploy is there already"),
        (["deploy", "--deployment", "shops"], "no workload is called shops; there are "),
    ],
)
def test_what_cannot_be_used_ends_with_78_and_one_sentence(folder: Path, arguments: list[str], sentence: str) -> None:
    (folder / "policy.yaml").write_text("colour: blue\n")
    (folder / "other.json").write_text('{"colour": "blue"}')
    done = check(folder, *arguments)
    assert (done.returncode, done.stdout) == (78, "")
    assert sentence in done.stderr and done.stderr.count("\n") == 1


def test_sarif_is_printed_whole_and_relative_to_where_it_was_asked(folder: Path) -> None:
    spoil(folder, "readinessProbe:", "livenessProb:")
    done = check(folder, str(folder / "deploy"), "--format", "sarif")
    (run,) = json.loads(done.stdout)["runs"]
    assert done.returncode == 10
    places = {r["ruleId"]: r["locations"][0].get("physicalLocation") for r in run["results"]}
    assert places["readiness-probe"]["artifactLocation"]["uri"] == "deploy/all.yaml"


def test_a_waiver_lets_a_pipeline_pass_until_its_day_and_no_longer(folder: Path) -> None:
    spoil(folder, "readinessProbe:", "x-readinessProbe:")
    policy = folder / "policy.yaml"
    for day, code, said in (("2999-01-01", 0, "waived by anna"), ("2026-01-01", 10, "ended on 2026-01-01")):
        waivers = [
            f"  - {{check: {check}, object: 'Deployment/*', owner: anna, reason: a trial, expires: {day}}}\n"
            for check in ("readiness-probe", "schema")
        ]
        policy.write_text("waivers:\n" + "".join(waivers))
        done = check(folder, "deploy", "--policy", "policy.yaml")
        assert (done.returncode, said in " ".join(done.stdout.split())) == (code, True)


def test_the_overlay_is_written_beside_the_verdict(folder: Path) -> None:
    spoil(folder, "\n  maxUnavailable: 1\n", "\n  maxUnavailable: 0\n")
    done = check(folder, "deploy", "--overlay", "mends")
    assert done.returncode == 10
    assert done.stderr == "mends in mends: 1; 0 blocking findings of the manifests stay failed, 0 have no answer\n"
    assert "maxUnavailable: 1" in (folder / "mends" / "kustomization.yaml").read_text()


def test_a_question_that_a_mend_raises_is_counted_beside_the_overlay(folder: Path) -> None:
    (folder / "first.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: {app: a}}\n"
        "  template:\n    metadata: {labels: {app: a}}\n"
        "    spec: {containers: [{name: a, image: 'registry.example/a:1.2.3'}]}\n"
    )
    (folder / "Dockerfile").write_text('FROM registry.example/base:1\nCMD ["a"]\n')
    done = check(folder, "first.yaml", "--dockerfile", "Dockerfile", "--overlay", "mends")
    assert done.returncode == 10 and done.stderr.endswith("stay failed, 1 have no answer\n")


def test_a_file_that_is_named_twice_or_lies_in_a_named_folder_is_read_once(folder: Path) -> None:
    once = check(folder, "deploy")
    assert check(folder, "deploy", "deploy/all.yaml", "./deploy").stdout == once.stdout
    assert once.returncode == 0


def test_an_overlay_where_nothing_can_be_written_is_one_sentence(folder: Path) -> None:
    (folder / "taken").touch()
    done = check(folder, "deploy", "--overlay", "taken/mends")
    assert done.returncode == 78 and "no overlay was written: taken/mends" in done.stderr
    assert "Traceback" not in done.stderr
