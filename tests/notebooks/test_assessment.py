"""01 and 02: the sample is assessed and found fit; what is missing or broken is refused in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import papermill
import pytest
import yaml
from fleet.make import make_fleet

from runbook_lib.parameters import ONES_OWN, project_root
from runbook_lib.record.archive import Attempt, attempts
from sandbox import keys

ROOT = project_root()
SAMPLE = ROOT / "sandbox" / "sample"
FILLED = {
    "namespace": "shop",
    "port": "8080",
    "image": "registry.example/shop/order-service:main-4f2a91c-20261112",
    "orders_database": "sqlite:////orders.db",
    "redis_url": "redis://sessions.shop.example:6379/0",
}
Play = Callable[[str], tuple[Attempt, str]]
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """The range's parameters with copies of the sample that a test may spoil; no range is running."""
    sample = tmp_path / "sample"
    shutil.copytree(SAMPLE, sample, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (sample / "manifests").glob("*.yaml"):
        path.write_text(Template(path.read_text()).safe_substitute(FILLED))
    given: dict[str, Any] = yaml.safe_load((ROOT / "parameters" / "demo.yaml").read_text())
    given["records"] = str(tmp_path / "records")
    people = keys.make(tmp_path)
    given["gates"] |= {"allowed_signers": str(people / keys.SIGNERS), "keys": [str(people / "operator")]}
    given["assessment"] = {
        "hosts": str(sample / "hosts"),
        "usage": str(sample / "hosts" / "usage.csv"),
        "profile": str(sample / "profile.yaml"),
        "source": str(sample / "source"),
    }
    given["containerization"] = {"dockerfile": str(sample / "Dockerfile"), "manifests": str(sample / "manifests")}
    return given


@pytest.fixture
def play(values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Run a notebook to its end; the attempt it filed, and what stopped it as ``Name: sentence``."""
    monkeypatch.chdir(ROOT / "notebooks")

    def run(name: str) -> tuple[Attempt, str]:
        stopped_by = ""
        try:
            papermill.execute_notebook(
                str(ROOT / "notebooks" / name),
                str(tmp_path / name),
                parameters=values,
                progress_bar=False,
                log_output=False,
            )
        except papermill.PapermillExecutionError as stopped:
            stopped_by = f"{stopped.ename}: {stopped.evalue}"
        return attempts(tmp_path / "records")[-1], stopped_by

    return run


def evidence(attempt: Attempt, name: str) -> Any:
    return json.loads((attempt.folder / "evidence" / f"{name}.json").read_text())


def test_the_sample_is_assessed_and_its_manifests_are_found_fit(play: Play) -> None:
    assessed, error = play("01_assessment.ipynb")
    assert (error, assessed.outcome) == ("", "passed")
    handed = evidence(assessed, "assessment")
    assert (handed["ports"], handed["start_seconds"], handed["drain_seconds"]) == ([8080], 0.3, 8.0)
    assert {demand["topic"] for demand in handed["demands"]} >= {"session", "local-file", "cron", "identity"}

    checked, error = play("02_containerization_checks.ipynb")
    assert (error, checked.outcome) == ("", "passed")
    joined = [
        f for f in evidence(checked, "findings") if f["check"] in ("size-fits", "startup-budget", "graceful-stop")
    ]
    assert {f["check"] for f in joined} == {"size-fits", "startup-budget", "graceful-stop"}
    assert {f["outcome"] for f in joined} == {"PASS"}


def test_too_few_days_of_monitoring_give_no_size_and_no_pass(play: Play, values: dict[str, Any]) -> None:
    usage = Path(values["assessment"]["usage"])
    usage.write_text("".join(usage.read_text().splitlines(keepends=True)[:900]))
    attempt, error = play("01_assessment.ipynb")
    assert error.startswith("CriterionFailed: size: insufficient data")
    assert attempt.outcome == "failed"
    assert evidence(attempt, "assessment")["cpu_request"] is None


def test_a_missing_source_tree_is_bad_parameters(play: Play, values: dict[str, Any]) -> None:
    values["assessment"]["source"] = "nowhere"
    attempt, error = play("01_assessment.ipynb")
    assert error.startswith("BadParameters: source tree")
    assert "check assessment.source" in error
    assert attempt.outcome != "passed"


def test_manifests_that_block_are_refused_with_their_line(play: Play, values: dict[str, Any]) -> None:
    deployment = Path(values["containerization"]["manifests"]) / "30-deployment.yaml"
    deployment.write_text(
        deployment.read_text().replace("terminationGracePeriodSeconds: 20", "terminationGracePeriodSeconds: 2")
    )
    attempt, error = play("02_containerization_checks.ipynb")
    assert error.startswith("CriterionFailed: blocking checks: 1 of ")
    failed = [f for f in evidence(attempt, "findings") if f["outcome"] == "FAIL" and f["severity"] == "blocking"]
    assert [(f["check"], Path(f["file"]).name, f["line"] > 0) for f in failed] == [
        ("graceful-stop", "30-deployment.yaml", True)
    ]
    assert "terminationGracePeriodSeconds" in failed[0]["mend"]
    told = json.loads((attempt.folder / "evidence" / "findings.sarif").read_text())
    assert "graceful-stop" in {result["ruleId"] for result in told["runs"][0]["results"] if result["kind"] == "fail"}
    overlay = (attempt.folder / "evidence" / "kustomization.yaml").read_text()
    assert "# answers graceful-stop" in overlay and "blocking" not in overlay


@pytest.mark.heavy
def test_a_waiver_lets_a_finding_stand_and_an_expired_one_does_not(
    play: Play, values: dict[str, Any], tmp_path: Path
) -> None:
    deployment = Path(values["containerization"]["manifests"]) / "30-deployment.yaml"
    text = deployment.read_text()
    deployment.write_text(text.replace("terminationGracePeriodSeconds: 20", "terminationGracePeriodSeconds: 2"))
    policy = tmp_path / "policy.yaml"
    waiver = (
        "waivers: [{{check: graceful-stop, object: Deployment/*, owner: anna, reason: it only reads, expires: {}}}]"
    )
    policy.write_text(waiver.format("2999-01-01"))
    values["containerization"]["policy"] = str(policy)
    attempt, error = play("02_containerization_checks.ipynb")
    assert (error, attempt.outcome) == ("", "passed")
    assert [f["waived"] for f in evidence(attempt, "findings") if f["waived"]] == [
        "anna until 2999-01-01: it only reads"
    ]
    policy.write_text(waiver.format("2026-01-01"))
    attempt, error = play("02_containerization_checks.ipynb")
    assert error.startswith("CriterionFailed: blocking checks: 1 of ")
    assert "policy-expired" in {f["check"] for f in evidence(attempt, "findings")}


@pytest.fixture
def of_fleet(values: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """The same people, and twelve applications that a seed made up."""
    made = make_fleet(tmp_path / "fleet", 12, 7)
    for name in ONES_OWN:
        values.pop(name, None)
    values["application"] = {"name": "shop-fleet", "owner": "platform team"}
    values["assessment"] = {
        "scope": "fleet",
        "hosts": str(made.hosts),
        "usage": str(made.usage),
        "profile": str(made.profiles),
        "source": str(made.source),
        "cmdb": {"file": str(made.cmdb), "columns": dict(made.columns)},
        "waves": {"begin": "2027-01-11"},
    }
    values["gates"]["ask"] = []
    return values


def test_a_fleet_is_assessed_by_the_same_notebook_and_leaves_a_report_and_a_plan(
    play: Play, of_fleet: dict[str, Any]
) -> None:
    assessed, error = play("01_assessment.ipynb")
    assert (error, assessed.outcome) == ("", "passed")
    kept = {path.name for path in (assessed.folder / "evidence").iterdir()}
    assert kept >= {"fleet.html", "fleet.csv", "waves.csv", "wave-1.yaml", "plan.json", "findings.json"}
    lines = (assessed.folder / "evidence" / "fleet.csv").read_text().splitlines()
    assert len(lines) == 13 and lines[0].startswith("application,owner,level,mode,state,risk")
    placed = {place["candidate"]["name"] for place in evidence(assessed, "plan")["places"]}
    assert placed == {line.partition(",")[0] for line in lines[1:]}


def test_a_fleet_of_which_only_facts_and_a_table_are_there_is_reported_and_held(
    play: Play, of_fleet: dict[str, Any]
) -> None:
    for name in ("usage", "profile", "source"):
        of_fleet["assessment"].pop(name)
    assessed, error = play("01_assessment.ipynb")
    assert error == "CriterionFailed: fleet: no application can be planned: 12 Insufficient data"
    assert {"fleet.html", "fleet.csv"} <= {path.name for path in (assessed.folder / "evidence").iterdir()}


def test_a_detail_that_no_source_names_is_bad_parameters(play: Play, of_fleet: dict[str, Any]) -> None:
    of_fleet["detail"] = "nobody"
    attempt, error = play("01_assessment.ipynb")
    assert "BadParameters: detail: 'nobody' is no application of this fleet; there is " in str(error)
    assert attempt.outcome != "passed"
