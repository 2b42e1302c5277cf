"""A load balancer that commands ask and set: what is printed, how it fails, how long it may take, what it started."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runbook_lib.act.traffic import command
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, RunbookError, Unreachable
from runbook_lib.model import Change
from runbook_lib.parameters import load
from runbook_lib.sections.traffic import Command

DEMO = load(Path(__file__).parents[3] / "parameters" / "demo.yaml")
Until = Callable[[Callable[[], bool]], None]


@dataclass(frozen=True)
class Balancer:
    """A load balancer whose weight is the content of a file; what its commands do can be replaced."""

    folder: Path
    read_code: str | None = None
    write_code: str | None = None
    timeout: str = "5s"

    @property
    def knob(self) -> Command:
        file, head = self.folder / "weight", f"import os, sys, time; os.chdir({str(self.folder)!r}); "
        read = [sys.executable, "-c", head + self.read_code] if self.read_code else ["cat", str(file)]
        write = ["sh", "-c", f"printf %s $1 > {file}", "sh"]
        if self.write_code:
            write = [sys.executable, "-c", head + self.write_code]
        known = {"kind": "command", "read": read, "write": [*write, "{weight}"], "timeout": self.timeout}
        return Command.model_validate(known)

    @property
    def clients(self) -> Clients:
        return Clients(DEMO, {})

    def holds(self, weight: object) -> Balancer:
        (self.folder / "weight").write_text(str(weight))
        return self

    def stands(self) -> str:
        return (self.folder / "weight").read_text()

    def read(self) -> int:
        return command.read(self.knob, self.clients).weight

    def shift(self, weight: int, expected: int | None = None) -> Change:
        return command.shift(self.knob, self.clients, weight, expected)

    def with_(self, **changes: Any) -> Balancer:
        return Balancer(**({"folder": self.folder} | changes))


@pytest.fixture
def balancer(tmp_path: Path) -> Balancer:
    return Balancer(tmp_path).holds(10)


def test_the_weight_is_read_set_and_read_back(balancer: Balancer) -> None:
    change = balancer.shift(30)
    assert (change.before, change.after, change.done, balancer.stands()) == (10, 30, True, "30")
    held = command.read(balancer.knob, balancer.clients).held
    balancer.shift(0)
    assert command.restore(balancer.knob, balancer.clients, held).done
    assert (held, balancer.stands()) == (30, "30")


def test_what_is_already_right_is_not_set(balancer: Balancer) -> None:
    change = balancer.with_(write_code="sys.exit(1)").shift(10)
    assert (change.done, change.before, change.after) == (False, 10, 10)


def test_a_weight_that_somebody_else_moved_is_not_overwritten_except_on_the_way_back(balancer: Balancer) -> None:
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 5 % to 10 % since it was read"):
        balancer.shift(30, expected=5)
    assert balancer.stands() == "10"
    assert balancer.shift(0, expected=5).done


@pytest.mark.parametrize("printed", ["0", "7", "100", "33\n", " 33 \n"])
def test_a_whole_percent_is_read(balancer: Balancer, printed: str) -> None:
    assert balancer.holds(printed).read() == int(printed)


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "ten",
        "10 %",
        "10%",
        "10.5",
        "-1",
        "101",
        "1e1",
        "007",
        "10\n20",
        "weight: 10",
        "٣",
        "1_0",
        "+5",
        "\0",
        "💥" * 99,
    ],
)
def test_anything_else_is_refused_with_what_was_said(balancer: Balancer, printed: str) -> None:
    with pytest.raises(BadParameters, match=r"traffic\.knob\.read printed '.*'; its only line must be") as refused:
        balancer.holds(printed).read()
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit('the pool is locked')", "ended with exit code 1: the pool is locked"),
        ("print('no such pool'); sys.exit(3)", "ended with exit code 3: no such pool"),
        ("os.kill(os.getpid(), 9)", "ended with SIGKILL"),
        ("time.sleep(60)", r"did not end within 0\.4 s and was killed"),
        ("os.close(1); os.close(2); time.sleep(60)", r"did not end within 0\.4 s and was killed"),
        ("[print('x' * 1000) for _ in iter(int, 1)]", r"did not end within 0\.4 s and was killed"),
    ],
)
def test_a_command_that_fails_says_how(balancer: Balancer, code: str, said: str) -> None:
    with pytest.raises(Unreachable, match=said):
        balancer.with_(read_code=code, timeout="400ms").read()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit('the pool is locked')", "exit code 1: the pool is locked"),
        ("time.sleep(60)", r"within 0\.4 s and was"),
    ],
)
def test_a_change_that_fails_says_where_the_users_are(balancer: Balancer, code: str, said: str) -> None:
    with pytest.raises(ChangeFailed, match=f"{said}.*10 % of the users are on the new side as before"):
        balancer.with_(write_code=code, timeout="400ms").shift(30)


def test_what_it_said_is_bounded_and_repeats_no_secret(balancer: Balancer) -> None:
    loud = "sys.exit('x' * 100_000 + ' token=ghp_' + 'a1B2' * 9)"
    with pytest.raises(Unreachable) as refused:
        balancer.with_(read_code=loud).read()
    assert "a1B2a1B2" not in str(refused.value)
    assert len(str(refused.value)) < 500
    assert "import os" not in str(refused.value)


def test_with_its_time_over_everything_it_started_is_ended(balancer: Balancer, until: Until) -> None:
    starts = ["sh", "-c", f"sleep 60 & echo $! > {balancer.folder}/child; wait", "{weight}"]
    knob = balancer.with_(timeout="1s").knob.model_copy(update={"write": starts})
    with pytest.raises(ChangeFailed, match="was killed"):
        command.shift(knob, balancer.clients, 30)
    child = int((balancer.folder / "child").read_text())

    def ended() -> bool:
        try:
            return "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
        except (FileNotFoundError, ProcessLookupError):
            return True

    until(ended)


def test_a_child_that_is_left_behind_on_purpose_is_not_waited_for(balancer: Balancer) -> None:
    leaves = "import subprocess; subprocess.Popen(['sleep', '9']); open('weight', 'w').write(sys.argv[1])"
    change = balancer.with_(write_code=leaves, timeout="6s").shift(30)
    assert (change.done, change.note) == (True, "")


def test_a_change_that_shows_late_is_waited_for(balancer: Balancer) -> None:
    late = "os.fork() or (os.setsid(), time.sleep(0.4), open('weight', 'w').write(sys.argv[1]))"
    assert balancer.with_(write_code=late).shift(30).done


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (
            "pass",
            "30 % was written; 10 % of the users are on the new side as before, and the change may still come late",
        ),
        ("open('weight', 'w').write('77')", "it says 77 % now: somebody else moves the users"),
        ("open('weight', 'w').write('?')", r"it is not known where the users are \(traffic\.knob\.read printed '\?'"),
        ("open('weight', 'w').write('30'); sys.exit('not saved')", "not saved, though it says 30 % now; look at it"),
    ],
)
def test_a_change_that_does_not_show_says_what_stands(balancer: Balancer, write: str, said: str) -> None:
    with pytest.raises(ChangeFailed, match=said):
        balancer.with_(write_code=write, timeout="400ms").shift(30)


def test_a_way_back_that_shows_is_done_whatever_the_command_says(balancer: Balancer) -> None:
    change = balancer.with_(write_code="open('weight', 'w').write('0'); sys.exit('not saved')").shift(0)
    assert change.done
    assert "not saved" in change.note


def test_a_way_back_is_written_even_where_it_cannot_be_read_what_stands(balancer: Balancer) -> None:
    change = balancer.holds("?").shift(0)
    assert (change.before, change.after, change.done, balancer.stands()) == (None, 0, True, "0")
    with pytest.raises(BadParameters):
        balancer.holds("?").shift(30)
    assert balancer.stands() == "?"
    with pytest.raises(ChangeFailed, match="0 % was written; it is not known where the users are"):
        balancer.with_(read_code="sys.exit(1)", timeout="400ms").shift(0)
    assert balancer.stands() == "0"


@pytest.mark.parametrize("held", [None, "30", 3.5, True, -1, 101, {"weight": 5}])
def test_nonsense_is_not_restored(balancer: Balancer, held: Any) -> None:
    with pytest.raises(BadParameters, match="not a weight that stood once"):
        command.restore(balancer.knob, balancer.clients, held)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"read": ["no-such-program"]}, Unreachable, r"no-such-program is not there; .*traffic\.knob\.read"),
        ({"write": ["./no-such", "{weight}"]}, Unreachable, r"no-such is not there; .*traffic\.knob\.write"),
        ({"read": [sys.executable, "-c", "print('x')"]}, BadParameters, "printed 'x'"),
    ],
)
def test_what_is_in_the_way_is_said_beforehand(
    balancer: Balancer, changes: dict[str, Any], error: type[RunbookError], said: str
) -> None:
    with pytest.raises(error, match=said):
        command.preflight(balancer.knob.model_copy(update=changes), balancer.clients)
    command.preflight(balancer.knob, balancer.clients)


def test_a_program_that_cannot_be_run_is_named(balancer: Balancer) -> None:
    folder = balancer.knob.model_copy(update={"read": [str(balancer.folder)]})
    with pytest.raises(Unreachable, match=r"cannot be run \(Permission denied\)"):
        command.read(folder, balancer.clients)


def test_a_command_that_sets_nothing_in_particular_is_refused() -> None:
    with pytest.raises(ValidationError, match="would always set the same"):
        Command.model_validate({"kind": "command", "read": ["a"], "write": ["b", "{wieght}"]})
