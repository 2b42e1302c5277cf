"""The source: planted truth is found, what looks alike is not, and no tree stops the assessment."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from runbook_lib.errors import BadParameters
from runbook_lib.judge.portability import demands, portability_findings
from runbook_lib.model import Outcome
from runbook_lib.observe.source.match import scan_text
from runbook_lib.observe.source.rules import read_rules
from runbook_lib.observe.source.scan import scan_source
from runbook_lib.parameters import project_root

RULES = read_rules()
BY_ID = {rule.id: rule for rule in RULES}
SAMPLE = project_root() / "sandbox" / "sample" / "source"
TRUTH = yaml.safe_load((project_root() / "tests" / "sandbox" / "sample_truth.yaml").read_text())


def test_the_planted_truth_is_found_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    found = {(item.file, item.line, item.rule.topic) for item in scan_source(SAMPLE, RULES).evidence}
    planted = {(item["file"], item["line"], item["kind"]) for item in TRUTH["host_bound"]}
    innocent = {(item["file"], item["line"], item["kind"]) for item in TRUTH["innocent"]}
    hits = len(found & planted)
    with capsys.disabled():
        print(f"\nsample source: precision {hits / len(found):.2f}, recall {hits / len(planted):.2f} of {len(planted)}")
    assert found - planted == set()
    assert planted - found == set()
    assert found & innocent == set()


def test_the_value_of_a_credential_is_neither_kept_nor_shown() -> None:
    found = scan_text("db.password=hunter2\ndb.url=jdbc:x://10.1.2.3/a?password=hunter2\n", "a.properties", RULES)
    assert found
    assert not any("hunter2" in item.text + item.captured for item in found)


def test_a_suppression_needs_a_reason_and_leaves_a_trace() -> None:
    line = "h = socket.gethostname()"
    bare, with_reason = (
        f"{line}  # runbook: ignore python-own-host-name\n",
        f"# runbook: ignore python-own-host-name only logged\n{line}\n",
    )
    rule = [BY_ID["python-own-host-name"]]
    assert scan_text(bare, "a.py", rule)[0].suppressed == ""
    suppressed = scan_text(with_reason, "a.py", rule)
    assert [(f.outcome, "only logged" in f.message) for f in portability_findings(suppressed)] == [(Outcome.PASS, True)]
    assert demands(suppressed) == ()


def test_spring_session_in_the_build_answers_sessions_in_memory(tmp_path: Path) -> None:
    code = 'import javax.servlet.http.HttpSession;\nclass A { void f() { s.setAttribute("a", b); } }\n'
    (tmp_path / "A.java").write_text(code)
    assert "session" in {e.rule.topic for e in scan_source(tmp_path, RULES).evidence}
    (tmp_path / "pom.xml").write_text("<artifactId>spring-session-data-redis</artifactId>")
    assert "session" not in {e.rule.topic for e in scan_source(tmp_path, RULES).evidence}


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_tree_that_is_missing_or_empty_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadParameters, match="source tree"):
        scan_source(tmp_path / name, RULES)


def test_a_topic_asks_for_the_control_of_its_gravest_place() -> None:
    scheduled = scan_text("class A { @Scheduled(fixedDelay = 1) void f() {} }", "A.java", RULES)
    in_crontab = scan_text("0 2 * * * /opt/close.sh\n", "crontab", RULES)
    (asked,) = demands([*scheduled, *in_crontab])
    assert (asked.topic, asked.severity, len(asked.places)) == ("cron", "blocking", 2)
    assert asked.control == BY_ID["crontab-job"].control != BY_ID["java-local-schedule"].control
