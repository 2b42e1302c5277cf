"""The source: planted truth is found, what looks alike is not, and no tree stops the assessment."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from runbook_lib.errors import BadParameters
from runbook_lib.judge.portability import demands, portability_findings
from runbook_lib.model import Outcome
from runbook_lib.observe.files.rules import read_rules
from runbook_lib.observe.files.source import scan_source, scan_text
from runbook_lib.parameters import project_root

RULES = read_rules()
BY_ID = {rule.id: rule for rule in RULES}
SAMPLE = project_root() / "sandbox" / "sample" / "source"
TRUTH = yaml.safe_load((project_root() / "tests" / "sandbox" / "sample_truth.yaml").read_text())

# rule, a line that binds the application to its machine, one that looks alike and does not
SAMPLES: list[tuple[str, str, str]] = [
    ("java-own-host-name", "String h = InetAddress.getLocalHost().getHostName();", "// InetAddress.getLocalHost()"),
    ("java-fixed-address", 'String u = "http://10.1.2.3/x";', 'String v = "version 110.1.2.3.4 of it";'),
    ("java-local-file", 'new FileWriter("/data/a.csv");', 'String s = "new FileWriter(x)";'),
    ("java-memory-session", 'import javax.servlet.http.HttpSession; class A { void f() { s.setAttribute("a", b); } }', 'class A { void f() { model.setAttribute("a", b); } }'),
    ("java-local-schedule", 'class A { @Scheduled(cron = "0 0 1 * * *") void f() {} }', "class A { /* @Scheduled */ void f() {} }"),
    ("java-native-library", 'System.loadLibrary("x");', "loader.loadLibrary();"),
    ("java-starts-process", 'new ProcessBuilder("convert");', 'String s = "ProcessBuilder";'),
    ("java-remote-objects", "LocateRegistry.createRegistry(1099);", "registry.createRegistry(1);"),
    ("java-log-file", 'new FileHandler("/var/log/a.log");', "new ConsoleHandler();"),
    ("java-localhost", 'String u = "http://localhost:8500/v1";', 'String u = "localhost.example";'),
    ("java-embedded-cache", "Hazelcast.newHazelcastInstance(c);", "// Hazelcast"),
    ("java-mail", "import javax.mail.Transport; class A { void f() { Transport.send(m); } }", "class A { void f() { Transport.send(m); } }"),
    ("java-fixed-port", "new ServerSocket(8080);", "new Socket(8080);"),
    ("java-default-time-zone", "ZoneId z = ZoneId.systemDefault();", 'ZoneId z = ZoneId.of("UTC");'),
    ("java-service-registry", "import com.alibaba.dubbo.config.ServiceConfig;", "import com.example.config.ServiceConfig;"),
    ("python-own-host-name", "name = socket.gethostname()", "# socket.gethostname()"),
    ("python-fixed-address", 'LEDGER = "192.168.3.4"', 'VERSION = "1.192.168.3.4"'),
    ("python-local-file", 'f = open("/data/a.csv", "w")', 'f = open("/etc/hosts", "r")'),
    ("python-local-file", 'Path("/data/a").write_text("x")', 'Path("/data/a").read_text()'),
    ("python-memory-session", "SESSIONS: dict[str, str] = {}", "sessions = RedisSessions(url)"),
    ("python-local-schedule", "s = BackgroundScheduler()", "s = Scheduler_of_nothing"),
    ("python-native-library", 'l = ctypes.CDLL("x.so")', "import ctypes"),
    ("python-starts-process", 'subprocess.run(["convert"])', 'text = "subprocess.run"'),
    ("python-log-file", 'h = logging.FileHandler("/var/log/a.log")', "h = logging.StreamHandler()"),
    ("python-log-file", 'logging.basicConfig(filename="a.log")', "logging.basicConfig(level=1)"),
    ("python-localhost", 'URL = "http://localhost:8500/"', 'URL = "http://consul:8500/"'),
    ("python-cpu-count", "n = os.cpu_count()", 'n = int(os.environ["WORKERS"])'),
    ("python-mail", 'smtplib.SMTP("mail")', "import smtplib"),
    ("python-fixed-port", 's.bind(("0.0.0.0", 8080))', "s.bind(address)"),
    ("python-default-time-zone", "d = datetime.now()", "d = datetime.now(UTC)"),
    ("config-fixed-address", "db.host=10.20.30.40", "version=4.10.20.30.40"),
    ("config-localhost", "agent.url=http://localhost:8126/", "server.name=localhost"),
    ("config-secret", "db.password=hunter2", "db.password=${DB_PASSWORD}"),
    ("config-secret", 'api_key = "abcd1234"', 'api_key = os.environ["API_KEY"]'),
    ("config-secret", "password: hunter2", "password_file: /run/secrets/x"),
    ("config-log-file", "<file>/var/log/a.log</file>", "logging.level=INFO"),
    ("config-local-path", "export.dir=/data/export", "# export.dir=/data/export"),
    ("config-session-store", "spring.session.store-type=none", "spring.session.store-type=redis"),
    ("config-service-registry", "registry=zookeeper://10.1.1.1:2181", "registry=none"),
    ("crontab-job", "*/5 * * * * /opt/a.sh", "# */5 * * * * /opt/a.sh"),
    ("script-crontab", "crontab -l | grep x", "echo crontabs"),
    ("script-own-address", "ME=$(hostname -s)", "echo host"),
    ("script-log-file", "java -jar a.jar > /var/log/a.log", "java -jar a.jar"),
    ("script-local-file", "psql > /data/out.csv", "psql > /dev/null"),
    ("script-background", "nohup java -jar a.jar &", "exec java -jar a.jar"),
    ("script-kill", "kill -9 $PID", "kill $PID"),
    ("machine-limits", "ulimit -n 65535", "ulimit -a"),
    ("machine-sysctl", "sysctl -w net.core.somaxconn=1024", "sysctl -a"),
    ("unit-as-root", "User=root", "User=shop"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bound", "free"), SAMPLES, ids=[f"{row[0]}-{n}" for n, row in enumerate(SAMPLES)])
def test_a_rule_finds_what_it_is_about_and_not_what_looks_alike(rule: str, bound: str, free: str) -> None:
    assert [item.rule.id for item in scan_text(bound, "sample", [BY_ID[rule]])] == [rule]
    assert scan_text(free, "sample", [BY_ID[rule]]) == []


def test_every_rule_has_a_sample() -> None:
    assert {row[0] for row in SAMPLES} == set(BY_ID)


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
    assert [e.rule.topic for e in scan_source(tmp_path, RULES).evidence] == ["session"]
    (tmp_path / "pom.xml").write_text("<artifactId>spring-session-data-redis</artifactId>")
    assert scan_source(tmp_path, RULES).evidence == ()


def test_loops_binaries_other_encodings_and_huge_files_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "binary.py").write_bytes(b"\0\1\2" * 100)
    (tmp_path / "gbk.py").write_bytes("# 注释\nh = socket.gethostname()\n".encode("gbk"))
    (tmp_path / "huge.properties").write_bytes(b"a=b\n" * 600_000)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.py").write_text("socket.gethostname()")
    scan = scan_source(tmp_path, RULES)
    assert [(e.file, e.line) for e in scan.evidence] == [("gbk.py", 2)]
    assert [f.object for f in scan.findings] == ["huge.properties"]


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_tree_that_is_missing_or_empty_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadParameters, match="source tree"):
        scan_source(tmp_path / name, RULES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b\n", "must be a list"),
        ("- id: x\n", "lacks"),
        ("- [", "is not YAML"),
        ("- {id: x, title: t, topic: t, severity: grave, language: java, files: [], match: {}, reason: r, change: c, control: c}", "grave"),
        ("- {id: x, title: t, topic: t, severity: info, language: text, files: [], match: '(', reason: r, change: c, control: c}", "regular expression"),
        ("- {id: x, title: t, topic: t, severity: info, language: java, files: [], match: {patern: a}, reason: r, change: c, control: c}", "patern"),
    ],
)  # fmt: skip
def test_a_rule_of_the_users_own_that_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(BadParameters, match=message):
        read_rules([tmp_path])
