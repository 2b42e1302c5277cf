"""Trees as they are found: whatever lies in them is named with its place, and the rest is still assessed."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.model import Outcome
from runbook_lib.observe.source.rules import read_rules
from runbook_lib.observe.source.scan import Scan, scan_source

RULES = read_rules()
BOUND = "h = socket.gethostname()\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one place that binds it, to be seen whatever else lies there."""
    (tmp_path / "z.py").write_text(BOUND)
    return tmp_path


def places(scan: Scan) -> list[tuple[str, int]]:
    return [(item.file, item.line) for item in scan.evidence]


def messages(scan: Scan) -> list[str]:
    return [finding.message for finding in scan.findings]


def test_loops_and_dangling_links_are_counted_and_one_that_leads_out_is_named(
    tree: Path, tmp_path_factory: Any
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (tree / "loop").symlink_to(tree)
    (tree / "nowhere").symlink_to(tree / "not-there")
    (tree / "again.py").symlink_to(tree / "z.py")
    (tree / "conf").symlink_to(outside)
    scan = scan_source(tree, RULES)
    assert places(scan) == [("z.py", 1)]
    assert scan.left_out == {"symbolic links": 4}
    assert messages(scan) == [
        "conf: links that lead out of the source tree, which were not followed",
        "loop: links that lead in a circle, which were not followed",
    ]


def test_two_gibibytes_of_binaries_are_neither_read_nor_a_hindrance(tree: Path) -> None:
    for name in ("heap.hprof", "shop.jar", "dump", "huge.properties"):
        with (tree / name).open("wb") as file:
            file.truncate(2 * 2**30)  # a hole: nothing is written, and reading it would take minutes
    (tree / "logo.conf").write_bytes(b"\x89PNG\n\x1a\n\0\0\0" + bytes(range(256)) * 100)
    scan = scan_source(tree, RULES)
    assert places(scan) == [("z.py", 1)]
    assert messages(scan) == [
        "huge.properties is larger than 2 MiB (2048.0 MiB) and was not read",
        "logo.conf:3 holds a NUL byte: it is no text, and was not read",
    ]


def test_what_is_read_of_one_tree_is_bounded_and_the_rest_is_named(tree: Path) -> None:
    for number in range(5):
        (tree / f"{number}.py").write_text(BOUND + "#" * 1000)
    scan = scan_source(tree, RULES, most=3 * 1025)
    assert places(scan) == [("0.py", 1), ("1.py", 1), ("2.py", 1)]
    assert messages(scan)[0].startswith("3 files (0.0 MiB) from 3.py on were not read: 0 MiB of one tree are")
    assert scan.findings[0].outcome is Outcome.INCONCLUSIVE


def test_a_line_of_five_megabytes_is_named_and_a_long_one_is_looked_at(tree: Path) -> None:
    (tree / "a.js").write_text("const a = '" + "x" * 5_000_000 + "';")
    (tree / "b.js").write_text("const h = os.hostname();\nconst a = '" + "x" * 1_500_000 + "';")
    (tree / "c.properties").write_text("a=" + "b" * 15_000 + "\nredis.host=127.0.0.1\n")
    scan = scan_source(tree, RULES)
    assert places(scan) == [("c.properties", 2), ("z.py", 1)]
    assert messages(scan) == [
        "a.js is larger than 2 MiB (4.8 MiB) and was not read",
        "b.js:2 is one line of 1500 KB: generated, or data; not read",
    ]


def test_other_encodings_are_read_and_told_once_for_all_files(tree: Path) -> None:
    (tree / "gbk.py").write_bytes(("a = 1\n# 注释：主机名\n" + BOUND).encode("gbk"))
    (tree / "more.py").write_bytes("# 注释\n".encode("gbk"))
    (tree / "utf16.py").write_text("# 主机\n" + BOUND, encoding="utf-16")
    (tree / "mark.py").write_text("# 主机\n" + BOUND, encoding="utf-8-sig")
    (tree / "strange.py").write_bytes(b"# caf\xff\xfe\xff\n" + BOUND.encode())
    scan = scan_source(tree, RULES)
    assert places(scan) == [("gbk.py", 3), ("mark.py", 2), ("strange.py", 2), ("utf16.py", 2), ("z.py", 1)]
    assert messages(scan) == [
        "2 files are not UTF-8, the first is gbk.py:2; read as GB18030",
        "1 file is not UTF-8, the first is strange.py:1; neither GB18030, so words other than ASCII may be wrong",
    ]


def test_what_may_not_be_read_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "closed").mkdir()
    (tree / "secret.py").write_text(BOUND)
    opened, listed = Path.open, os.scandir

    def refused(path: Any, *rest: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", lambda p, *rest: (refused if p.name == "secret.py" else opened)(p, *rest))
    monkeypatch.setattr(os, "scandir", lambda p: (refused if str(p).endswith("closed") else listed)(p))
    scan = scan_source(tree, RULES)
    assert places(scan) == [("z.py", 1)]
    assert messages(scan) == [
        "closed cannot be listed: Permission denied",
        "secret.py cannot be read: Permission denied",
    ]


def test_names_that_no_report_can_show_are_written_out(tree: Path) -> None:
    (tree / "line\nbreak.py").write_text(BOUND)
    (tree / os.fsdecode(b"gbk-\xd6\xd0.py")).write_text(BOUND)
    (tree / "中文.py").write_text(BOUND)
    scan = scan_source(tree, RULES)
    assert set(places(scan)) == {("gbk-\\xd6\\xd0.py", 1), ("line\\nbreak.py", 1), ("z.py", 1), ("中文.py", 1)}
    assert all(item.file.encode() for item in scan.evidence)


def test_a_pipe_is_not_waited_for(tree: Path) -> None:
    os.mkfifo(tree / "pipe.py")
    scan = scan_source(tree, RULES)
    assert scan.left_out == {"pipes, sockets and devices": 1}


def test_code_that_no_person_would_write_is_parsed_all_the_same(tree: Path) -> None:
    (tree / "Deep.java").write_text(
        'class A { String h = "localhost:1"; int x = ' + "(\n" * 30_000 + "1" + ")\n" * 30_000 + "; }"
    )
    (tree / "Half.java").write_text('class A { void f() { String u = "http://10.1.2.3/"; new FileWriter("/data/a");')
    assert places(scan_source(tree, RULES)) == [("Deep.java", 1), ("Half.java", 1), ("Half.java", 1), ("z.py", 1)]


def test_lines_are_counted_as_editors_count_them(tree: Path) -> None:
    (tree / "a.properties").write_text("a=1\x0c\x0b\u2028\x85\r\nredis.host=127.0.0.1\r\n", newline="")
    assert places(scan_source(tree, RULES))[0] == ("a.properties", 2)


def test_an_expression_that_runs_over_lines_costs_no_more_than_its_lines(tree: Path) -> None:
    (tree / "big.yml").write_text("a:\n" + "  - name of something: [its, values]\n" * 50_000 + "dir: /data/x\n")
    began = time.process_time()
    assert places(scan_source(tree, RULES))[0] == ("big.yml", 50_002)
    assert time.process_time() - began < 20  # it was minutes


def test_a_process_that_dies_costs_time_and_no_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(250):
        (tmp_path / f"{number:04}.py").write_text(BOUND)

    def broken(*_: object) -> object:
        raise BrokenProcessPool("a process was ended from outside")

    monkeypatch.setattr(ProcessPoolExecutor, "map", broken)
    assert len(scan_source(tmp_path, RULES, processes=2).evidence) == 250


def test_several_processes_see_what_one_sees_in_the_same_order(tmp_path: Path) -> None:
    for number in range(450):
        text = BOUND if number % 7 == 0 else "# nothing\n"
        (tmp_path / f"{number:04}.py").write_bytes(text.encode() + ("# 注释" if number == 300 else "").encode("gbk"))
    (tmp_path / "0001.py").write_bytes(b"a\0")
    one, two = scan_source(tmp_path, RULES, processes=1), scan_source(tmp_path, RULES, processes=2)
    assert one == two
    assert len(one.evidence) == 65
    assert [finding.object for finding in one.findings] == ["0001.py", "0300.py"]
