"""Every rule for Dockerfiles: what fails it, what passes it, and the damage that makes exactly it fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.judge import dockerfile
from runbook_lib.judge.dockerfile import RULES, check_dockerfile
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.image_build.process import stop_signal
from runbook_lib.judge.image_build.rule import Looked
from runbook_lib.model import Finding, Outcome

FOLDER = Path(__file__).parent / "samples"
ENTRIES: list[dict[str, Any]] = [
    entry for path in sorted(FOLDER.glob("*.yaml")) for entry in yaml.safe_load(path.read_text())
]


def samples(kind: str) -> list[Any]:
    return list(_samples(kind))


def _samples(kind: str) -> Iterator[Any]:
    for entry in ENTRIES:
        for number, sample in enumerate(entry.get(kind, ())):
            name = sample.get("name", f"{sample.get('from')} {number}")
            yield pytest.param(entry, sample, id=f"{entry['check']}: {name}")


def judged(entry: dict[str, Any], text: str) -> list[Finding]:
    policy = Policy(**{key: tuple(value) for key, value in entry.get("policy", {}).items()})
    image = parse_dockerfile(text, "Dockerfile")
    assert image.findings == ()
    return check_dockerfile(image, policy)


def worst(findings: list[Finding]) -> dict[str, Outcome]:
    """The worst outcome of each check; a check that saw nothing is not there."""
    result: dict[str, Outcome] = {}
    for finding in findings:
        result[finding.check] = max(finding.outcome, result.get(finding.check, Outcome.PASS))
    return result


@pytest.mark.parametrize(("entry", "sample"), samples("fails"))
def test_what_is_wrong_fails_at_its_line(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    found = [
        f
        for f in judged(entry, sample["dockerfile"])
        if f.check == entry["check"] and f.outcome is Outcome.FAIL and sample["expect"] in f.message
    ]
    assert found, [f.message for f in judged(entry, sample["dockerfile"]) if f.check == entry["check"]]
    assert 0 < found[0].line <= len(sample["dockerfile"].splitlines())


@pytest.mark.parametrize(("entry", "sample"), samples("passes"))
def test_what_is_right_is_looked_at_and_passes(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    found = [f for f in judged(entry, sample["dockerfile"]) if f.check == entry["check"]]
    assert found
    assert [f.message for f in found if f.outcome is not Outcome.PASS] == []


@pytest.mark.parametrize(("entry", "sample"), samples("mutations"))
def test_the_damage_a_rule_is_about_makes_exactly_it_fail(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    sound = next(s for s in entry["passes"] if s["name"] == sample["from"])["dockerfile"]
    damaged = sound
    for old, new in sample["change"].items():
        assert old in damaged
        head, _, tail = damaged.rpartition(old) if sample.get("at") == "last" else damaged.partition(old)
        damaged = head + new + tail
    before, after = worst(judged(entry, sound)), worst(judged(entry, damaged))
    changed = {check for check in before | after if before.get(check) != after.get(check)}
    assert after.get(entry["check"]) is Outcome.FAIL
    assert changed - {entry["check"]} <= set(sample.get("also", ()))


HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


def patched(text: str, mend: str) -> str:
    """The text after the patch, as the program patch would write it."""
    lines, shift = text.split("\n"), 0
    for hunk in re.split(r"(?m)^(?=@@ )", mend)[1:]:
        head, *told = hunk.rstrip("\n").split("\n")
        found = HUNK.fullmatch(head)
        assert found
        start, count = int(found[1]), int(found[2] or 1)
        begin = start - 1 + shift if count else start + shift
        old, new = ([line[1:] for line in told if line[0] == sign] for sign in "-+")
        assert lines[begin : begin + count] == old
        lines[begin : begin + count] = new
        shift += len(new) - count
    return "\n".join(lines)


@pytest.mark.parametrize(("entry", "sample"), samples("fails"))
def test_a_mend_that_is_shown_mends(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    for finding in judged(entry, sample["dockerfile"]):
        if finding.check == entry["check"] and finding.mend:
            again = judged(entry, patched(sample["dockerfile"], finding.mend))
            assert (finding.check, finding.message) not in {(f.check, f.message) for f in again}
            assert sum(f.check == finding.check and f.outcome is Outcome.FAIL for f in again) < sum(
                f.check == finding.check and f.outcome is Outcome.FAIL for f in judged(entry, sample["dockerfile"])
            )


# What the mend of a check is: the lines that are new, or nothing where a machine cannot write one that mends.
MENDS = [
    ("image-user", "FROM a:1\nRUN adduser -D -u 1001 -G app app\nUSER app\n", "+USER 1001"),
    ("image-user", "FROM a:1\nRUN useradd -r -g 5 --uid=77 app\nUSER app:app\n", "+USER 77:app"),
    ("image-user", "FROM a:1\nRUN adduser -D other -u 7\nUSER app\n", ""),
    ("image-user", "FROM a:1\nUSER root\nRUN a\n\n", "+USER 10001:10001"),
    ("image-signals", "FROM a:1\nUSER 1\nENTRYPOINT npm start\n", ""),
    ("image-signals", "FROM a:1\nENTRYPOINT java -jar a.jar\n", '+ENTRYPOINT ["java", "-jar", "a.jar"]'),
    ("image-signals", "FROM a:1\nCMD java ${JAVA_OPTS} -jar a.jar\n", "+CMD exec java ${JAVA_OPTS} -jar a.jar"),
    ("image-signals", 'FROM a:1\nCMD ["sh", "-c", "java $X -jar a"]\n', '+CMD ["sh", "-c", "exec java $X -jar a"]'),
    ("image-signals", 'FROM a:1\nCMD nginx -g "daemon off;"\n', '+CMD ["nginx", "-g", "daemon off;"]'),
    ("image-signals", "FROM a:1\nCMD java -Da=b -jar a.jar\n", '+CMD ["java", "-Da=b", "-jar", "a.jar"]'),
    ("image-signals", "FROM a:1\nCMD java -jar a.jar &\n", ""),
    ("image-signals", "FROM a:1\nCMD a 'say \"hi\"'\n", '+CMD ["a", "say \\"hi\\""]'),
    ("image-signals", 'FROM a:1\nENTRYPOINT a -b\nCMD ["-c"]\n', "+ENTRYPOINT exec a -b"),
    ("image-signals", 'FROM a:1\nCMD ["sh", "-c", "a && b"]\n', ""),
    ("image-signals", "FROM a:1\nCMD X=1 java $JAVA_OPTS\n", ""),
    ("image-signals", "FROM a:1\nCMD npm run $WHAT\n", ""),
    ("image-signals", "FROM a:1\nCMD java $X | tee /log\n", ""),
    ("image-add", "FROM a:1\nADD --chown=7:7 a \\\n  # told\n  b /x/\n", "+COPY --chown=7:7 a \\"),
    ("packages-ask", "FROM a:1\nRUN apt-get update \\\n && apt-get install \\\n  a=1\n", "+ && apt-get install -y \\"),
    ("packages-apt", "FROM a:1\nRUN <<E\napt install -y a=1\nE\n", "+apt-get install -y a=1"),
    ("packages-apt", "FROM a:1\nRUN apt install -y a\n", "+RUN apt-get install -y a"),
    ("packages-apt", "FROM a:1\r\nRUN apt install -y a=1\r\n", "+RUN apt-get install -y a=1"),
    ("packages-apt", "FROM a:1\nRUN TOKEN=abcdefgh apt install -y a=1\n", ""),
    ("packages-apt", "FROM a:1\nRUN apt list a\n", ""),
    (
        "packages-apt",
        "FROM a:1\nRUN apt update && apt -q install -y a\n",
        "+RUN apt-get update && apt-get -q install -y a",
    ),
    (
        "packages-apt",
        "FROM a:1\nRUN echo deb /b apt main >/c && apt install -y a\n",
        "+RUN echo deb /b apt main >/c && apt-get install -y a",
    ),
]


@pytest.mark.parametrize(("check", "text", "new"), MENDS)
def test_a_mend_is_what_a_machine_can_write_and_was_tried(check: str, text: str, new: str) -> None:
    (mend,) = (f.mend for f in judged({}, text) if f.check == check and f.outcome is Outcome.FAIL)
    assert [line for line in mend.split("\n") if line.startswith("+")] == ([new] if new else [])


def test_a_mend_that_brings_another_finding_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "FROM a:1\nSTOPSIGNAL KILL\n"
    (sound,) = (f.mend for f in judged({}, text) if f.check == "stop-signal")
    assert sound == "@@ -2 +2 @@\n-STOPSIGNAL KILL\n+STOPSIGNAL SIGTERM"
    worse = replace(next(rule for rule in RULES if rule.id == "stop-signal"), judge=_worse)
    monkeypatch.setattr(dockerfile, "RULES", tuple(worse if rule.id == worse.id else rule for rule in RULES))
    assert [f.mend for f in judged({}, text) if f.check == "stop-signal"] == [""]


def _worse(image: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for looked in stop_signal(image, policy):
        yield replace(looked, mend="STOPSIGNAL SIGTERM\nMAINTAINER ada")


def test_what_stands_twice_in_one_run_is_one_finding() -> None:
    found = judged({}, "FROM a:1\nRUN apt update && apt install -y a\n")
    assert [f.line for f in found if f.check == "packages-apt"] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "FROM mcr.microsoft.com/windows/nanoserver:1\nCMD C:\\a.exe --port %PORT%\n",
        'FROM a:1\nSHELL ["pwsh", "-Command"]\nCMD Start-App -Port 80\n',
        'FROM mcr.microsoft.com/windows/servercore:1\nENTRYPOINT ["a.exe"]\nCMD -b\n',
        'FROM a:1\nCMD ["bash"]\n',
    ],
)
def test_what_another_shell_or_nobody_starts_is_not_known_to_hear_signals(text: str) -> None:
    (finding,) = (f for f in judged({}, text) if f.check == "image-signals")
    assert (finding.outcome, finding.mend) == (Outcome.INCONCLUSIVE, "")


def test_every_rule_has_its_samples() -> None:
    played = {entry["check"]: entry for entry in ENTRIES}
    lacking = [
        rule.id
        for rule in RULES
        if rule.id not in played
        or len(played[rule.id]["passes"]) < 2
        or (
            "never" not in played[rule.id]
            and (len(played[rule.id]["fails"]) < 2 or not played[rule.id].get("mutations"))
        )
    ]
    assert lacking == []
    assert len(played) == len(ENTRIES) == len(RULES)
