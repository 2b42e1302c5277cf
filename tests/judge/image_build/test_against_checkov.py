"""Where checkov and a rule of ours differ about a Dockerfile, the reason is written down; what it asks is asked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import checkov
from runbook_lib.judge.dockerfile import RULES, check_dockerfile
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.model import Outcome

SAMPLES = Path(__file__).parent / "samples"
OURS = {
    "CKV_DOCKER_1": "image-process",
    "CKV_DOCKER_3": "image-user",
    "CKV_DOCKER_4": "image-add",
    "CKV_DOCKER_5": "packages-list",
    "CKV_DOCKER_6": "image-maintainer",
    "CKV_DOCKER_7": "base-fixed",
    "CKV_DOCKER_8": "image-user",
    "CKV_DOCKER_9": "packages-apt",
    "CKV_DOCKER_10": "image-workdir",
    "CKV_DOCKER_11": "stage-names",
    "CKV2_DOCKER_1": "packages-sudo",
    **{f"CKV2_DOCKER_{number}": "packages-verified" for number in range(2, 17)},
}
NOT_ASKED = {
    "CKV_DOCKER_2": "a HEALTHCHECK is for Docker alone: Kubernetes asks its probes and never looks at it",
    "CKV2_DOCKER_17": "a password that is set in an account of the image: the account has no login",
}
# Who fails it, and why ours is right; one entry explains all samples of a pair.
REASONS = {
    ("CKV_DOCKER_10", "they"): "a relative WORKDIR below an absolute one is well defined",
    (
        "CKV_DOCKER_4",
        "they",
    ): "ADD is what unpacks an archive and fetches with a checksum; without one image-fetch fails",
    ("CKV_DOCKER_5", "they"): "yum update is an upgrade, and no list: packages-upgrade fails where it takes all",
    (
        "CKV_DOCKER_3",
        "we",
    ): "root that is named, a name that runAsNonRoot refuses, a user of a stage that is left behind",
    ("CKV_DOCKER_3", "they"): "a base whose name says that it is not root is open, until a USER with a number says so",
    ("CKV_DOCKER_5", "we"): "the list alone in a layer is as old as the cache, whatever the next RUN does",
    ("CKV_DOCKER_7", "we"): "a registry's port is no tag, and images that are copied from may move, too",
    ("CKV_DOCKER_8", "we"): "as CKV_DOCKER_3; and variables are filled in",
    ("CKV_DOCKER_9", "we"): "an apt behind another command of the same RUN",
    ("CKV_DOCKER_11", "we"): "BuildKit compares names of stages without regard to case, and has reserved words",
}
pytestmark = pytest.mark.heavy


def texts() -> dict[str, str]:
    """Every sample's Dockerfile, by a name of its own."""
    found: dict[str, str] = {}
    for path in sorted(SAMPLES.glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text()):
            for sample in [*entry.get("fails", ()), *entry["passes"]]:
                found[f"{len(found):03}"] = sample["dockerfile"]
    return found


def theirs(program: Path, folder: Path) -> dict[str, dict[str, bool]]:
    """Of each folder's Dockerfile whether it passed, by checkov's names."""
    options = ["-o", "json", "--compact", "--soft-fail", "--skip-download"]
    command = [str(program), "-d", str(folder), "--framework", "dockerfile", *options]
    done = subprocess.run(command, env=checkov.environment(), capture_output=True, timeout=checkov.PATIENCE, check=True)
    results: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["results"]
    found: dict[str, dict[str, bool]] = {}
    for part, passed in (("passed_checks", True), ("failed_checks", False)):
        for one in results[part]:
            own = found.setdefault(Path(one["file_path"]).parent.name, {})
            own[one["check_id"]] = passed and own.get(one["check_id"], True)
    return found


def test_every_disagreement_about_a_dockerfile_is_explained(tmp_path: Path) -> None:
    program = checkov.installed()
    if program is None:
        pytest.skip("checkov cannot be installed")
    for name, text in texts().items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
    said = theirs(program, tmp_path)
    assert len(said) == len(texts())
    pairs = {pair for name, text in texts().items() for pair in differences(said[name], text)}
    assert pairs == set(REASONS)
    assert {code for own in said.values() for code in own} <= set(OURS) | set(NOT_ASKED)


def differences(said: dict[str, bool], text: str) -> set[tuple[str, str]]:
    """What checkov says, or is silent about, against our rule of the same question."""
    failed = {f.check for f in check_dockerfile(parse_dockerfile(text, "Dockerfile")) if f.outcome is Outcome.FAIL}
    they = {code for code, passed in said.items() if not passed and code in OURS and OURS[code] not in failed}
    we = {code for code, passed in said.items() if passed and code in OURS and OURS[code] in failed}
    # one rule of ours asks what several of theirs do: that one of them is silent is no difference
    told = {OURS[code] for code, passed in said.items() if not passed and code in OURS}
    verified = {code for code in we if OURS[code] == "packages-verified" and "packages-verified" in told}
    return {(code, "they") for code in they} | {(code, "we") for code in we - verified}


def test_every_check_of_theirs_is_asked_by_a_rule_that_is_there() -> None:
    assert set(OURS.values()) <= {rule.id for rule in RULES}
    assert {f"CKV_DOCKER_{number}" for number in range(1, 12)} <= set(OURS) | set(NOT_ASKED)
