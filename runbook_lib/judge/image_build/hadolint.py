"""What hadolint remarked, beside our own rules: a question that both ask is answered once, by ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.model import Finding, Outcome

WIKI = "https://github.com/hadolint/hadolint/wiki/"
SHELLCHECK = "https://www.shellcheck.net/wiki/"
WEIGHTS: dict[str, Literal["warning", "info"]] = {"error": "warning", "warning": "warning"}

# hadolint's codes, and the rule of ours that asks the same.
ANSWERED = {
    "DL3000": "image-workdir",
    "DL3001": "image-process",
    "DL3002": "image-user",
    "DL3004": "packages-sudo",
    "DL3005": "packages-upgrade",
    "DL3006": "base-fixed",
    "DL3007": "base-fixed",
    "DL3008": "packages-fixed",
    "DL3009": "packages-left",
    "DL3011": "image-port",
    "DL3012": "image-once",
    "DL3013": "packages-fixed",
    "DL3014": "packages-ask",
    "DL3016": "packages-fixed",
    "DL3017": "packages-upgrade",
    "DL3018": "packages-fixed",
    "DL3019": "packages-left",
    "DL3020": "image-add",
    "DL3021": "copy-target",
    "DL3022": "copy-from",
    "DL3023": "copy-from",
    "DL3024": "stage-names",
    "DL3025": "image-signals",
    "DL3026": "base-registry",
    "DL3027": "packages-apt",
    "DL3028": "packages-fixed",
    "DL3029": "base-platform",
    "DL3030": "packages-ask",
    "DL3031": "packages-upgrade",
    "DL3032": "packages-left",
    "DL3033": "packages-fixed",
    "DL3034": "packages-ask",
    "DL3035": "packages-upgrade",
    "DL3036": "packages-left",
    "DL3037": "packages-fixed",
    "DL3038": "packages-ask",
    "DL3039": "packages-upgrade",
    "DL3040": "packages-left",
    "DL3041": "packages-fixed",
    "DL3042": "packages-left",
    "DL3043": "dockerfile-readable",
    "DL3044": "env-order",
    "DL3045": "image-workdir",
    "DL3046": "image-accounts",
    "DL3057": "image-health",
    "DL3061": "dockerfile-readable",
    "DL3062": "packages-fixed",
    "DL3063": "stage-names",
    "DL3064": "image-secret",
    "DL3066": "image-user",
    "DL4000": "image-maintainer",
    "DL4003": "image-once",
    "DL4004": "image-once",
    "DL4006": "image-pipe",
}


@dataclass(frozen=True)
class Remark:
    """One remark; ``level`` is error, warning, info or style."""

    code: str
    line: int
    level: str
    message: str


@dataclass(frozen=True)
class Remarks:
    """All of one Dockerfile; ``problem`` says why there are none, or not all."""

    remarks: tuple[Remark, ...]
    problem: str = ""


def check_remarks(remarks: Remarks, dockerfile: Dockerfile, policy: Policy | None = None) -> list[Finding]:
    """What hadolint alone asks, as findings that never block by themselves; a broken linter is an open note."""
    allowed = policy or Policy()
    alone = [remark for remark in remarks.remarks if remark.code not in ANSWERED]
    found = [_finding(remark, dockerfile, allowed) for remark in alone if remark.code not in allowed.off]
    note = ("hadolint", "hadolint looked at it", "info", "Dockerfile", dockerfile.file)
    if remarks.problem:
        found.append(_note(Outcome.INCONCLUSIVE, remarks.problem, *note))
    else:
        message = (
            f"{len(remarks.remarks)} remarks, {len(remarks.remarks) - len(alone)} of them about what own rules judge"
        )
        found.append(_note(Outcome.PASS, message, *note))
    return [finding for finding in found if finding.check not in allowed.off]


def _note(outcome: Outcome, message: str, check: str, title: str, weight: str, about: str, file: str) -> Finding:
    severity = cast(Literal["info"], weight)
    return Finding(check, title, outcome, severity, about, message, "A second pair of eyes.", file, 1)


def _finding(remark: Remark, dockerfile: Dockerfile, policy: Policy) -> Finding:
    """DL1000 is a line that it does not understand, which may be newer than it is: open, not failed."""
    unread = remark.code == "DL1000"
    wiki = SHELLCHECK if remark.code.startswith("SC") else WIKI
    severity = policy.severities.get(remark.code) or WEIGHTS.get(remark.level, "info")
    return Finding(
        check=remark.code,
        title="What hadolint remarks",
        outcome=Outcome.INCONCLUSIVE if unread else Outcome.FAIL,
        severity=cast(Literal["blocking", "warning", "info"], severity),
        object="Dockerfile",
        message=f"hadolint: {remark.message}"[:300],
        reason=f"A second pair of eyes. {wiki}{remark.code}",
        file=dockerfile.file,
        line=remark.line,
    )
