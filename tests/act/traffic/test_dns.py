"""Traffic by DNS against a real BIND: the share, no failed look-up, the TTL, and whoever else changes the record."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import pytest
import yaml
from scipy.stats import binomtest

from runbook_lib.act.traffic import knob
from runbook_lib.act.traffic.dns import records
from runbook_lib.act.traffic.dns import update as knob_dns
from runbook_lib.act.traffic.dns.records import Note
from runbook_lib.act.traffic.dns.server import Server, quoted
from runbook_lib.cli.ttl import ttl
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, Held, RunbookError, Unreachable
from runbook_lib.model import Change, canonical
from runbook_lib.parameters import load
from runbook_lib.sections.traffic import Dns
from sandbox.tools import BIND, obtain
from tests.act.traffic.name_server import KEY, OTHER, NameServer, Users, free_port, running

REPOSITORY = Path(__file__).parents[3]
DEMO = load(REPOSITORY / "parameters" / "demo.yaml")
OLD, NEW = ["10.1.0.1", "10.1.0.2", "10.1.0.3"], ["10.2.0.1", "10.2.0.2", "10.2.0.3"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    try:
        named = obtain([BIND], REPOSITORY)["named"]
    except Unreachable as error:
        pytest.skip(f"no BIND here: {error}")
    with running(named, tmp_path_factory.mktemp("named")) as server:
        yield server


@dataclass(frozen=True)
class Record:
    """A record that this test alone uses, its knob, and what the runbooks do with it."""

    server: NameServer
    knob: Dns
    environment: dict[str, str] = field(default_factory=lambda: {"TSIG": KEY})

    @property
    def clients(self) -> Clients:
        return Clients(DEMO, self.environment)

    def with_(self, **changes: Any) -> Record:
        known = self.knob.model_dump(mode="json")
        return replace(self, knob=Dns.model_validate(known | changes))

    def holds(self) -> tuple[int, set[str]]:
        return self.server.holds(self.knob.name, self.knob.record)

    def weight(self) -> int:
        return knob_dns.read(self.knob, self.clients).weight

    def shift(self, weight: int, expected: int | None = None) -> Change:
        return knob_dns.shift(self.knob, self.clients, weight, expected)

    def write(self, ttl: int, *records: str) -> None:
        self.server.write(f"{self.knob.name}.example.test.", self.knob.record, ttl, *records)

    def note(self, note: Note) -> None:
        text = quoted(records.write_note(note))
        self.server.write(f"_runbook.{self.knob.name}.example.test.", "TXT", 60, text)

    def lowered(self) -> Record:
        """The TTL was lowered long ago."""
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        self.note(Note(0, long_ago, long_ago))
        return self


@pytest.fixture
def record(server: NameServer, request: pytest.FixtureRequest) -> Record:
    """shop, with three old addresses and a TTL that was lowered."""
    name = f"shop-{abs(hash(request.node.name))}"
    known = {
        "kind": "dns", "server": server.where, "zone": "example.test", "name": name, "key": "env:TSIG",
        "legacy": OLD, "kubernetes": NEW, "ttl": "60s", "timeout": "3s",
    }  # fmt: skip
    one = Record(server, Dns.model_validate(known))
    one.write(60, *OLD)
    return one.lowered()


def service(record: Record) -> Record:
    old, new = [f"8080 old-{n}.example.test" for n in (1, 2, 3)], ["8443 new-1.example.test", "8443 new-2.example.test"]
    one = record.with_(record="SRV", legacy=old, kubernetes=new)
    one.write(60, *(f"7 1 {target}." for target in old))
    return one


def fits(chosen: int, total: int, percent: float) -> bool:
    """The observed share is the asked one within the sampling error: a true one fails once in a million times."""
    return bool(binomtest(chosen, total, percent / 100).pvalue > 1e-6)


def went_over(users: Users) -> int:
    return sum(count for target, count in users.chosen.items() if target.startswith(("10.2.", "new-")))


@pytest.mark.parametrize("weight", [33, 75, 0, 100])
def test_addresses_send_the_asked_share_of_the_users(record: Record, weight: int) -> None:
    record.shift(weight)
    users = Users(record.server, record.knob.name).look(300)
    assert not users.failed
    exact = float(records.share(record.knob, record.holds()[1]))
    assert records.whole(records.share(record.knob, record.holds()[1])) == weight == record.weight()
    assert fits(went_over(users), 300, exact) if 0 < weight < 100 else went_over(users) == 3 * weight


@pytest.mark.parametrize("weight", [10, 100])
def test_services_send_exactly_the_asked_share_whatever_the_number_of_targets(record: Record, weight: int) -> None:
    services = service(record)
    assert services.shift(weight).done
    users = Users(record.server, record.knob.name, "SRV").look(300)
    assert not users.failed
    assert fits(went_over(users), 300, weight) if weight < 100 else went_over(users) == 300
    assert services.weight() == weight
    assert all(text.startswith("7 ") for text in services.holds()[1])


def test_no_look_up_fails_while_the_record_is_changed_again_and_again(record: Record) -> None:
    with Users(record.server, record.knob.name).looking() as users:
        for weight in (25, 50, 100, 0) * 5:
            record.shift(weight)
    assert not users.failed
    assert sum(users.chosen.values()) > 20
    assert set(users.chosen) == {*OLD, *NEW}


@pytest.mark.heavy
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["A", "SRV"])
def test_under_load_the_split_is_the_asked_one_at_every_weight(record: Record, kind: str) -> None:
    target = service(record) if kind == "SRV" else record
    for weight in (1, 10, 30, 50, 100, 0) if kind == "SRV" else (25, 33, 50, 75, 100, 0):
        target.shift(weight)
        with Users(record.server, record.knob.name, kind).looking() as other:
            users = Users(record.server, record.knob.name, kind).look(1500)
            for _ in range(10):  # nothing that is written again fails a look-up either
                knob_dns.restore(target.knob, target.clients, knob_dns.read(target.knob, target.clients).held)
        assert not [*users.failed, *other.failed]
        exact = float(records.share(target.knob, target.holds()[1]))
        assert fits(went_over(users), 1500, exact) if 0 < weight < 100 else went_over(users) == 15 * weight


def test_a_cname_is_moved_as_a_whole(record: Record) -> None:
    record.write(60)
    alias = record.with_(record="CNAME", legacy=["old.example.test"], kubernetes=["new.example.test"])
    alias.write(60, "old.example.test.")
    assert alias.shift(100).done
    assert alias.holds() == (60, {"new.example.test."})
    with pytest.raises(BadParameters, match="10 % cannot be made, attainable are 0 and 100 %"):
        alias.shift(10)
    with pytest.raises(BadParameters, match="is a CNAME; name where it leads to"):
        record.weight()


def test_what_is_already_right_is_not_written(record: Record) -> None:
    record.shift(50)
    stood = record.server.holds(f"_runbook.{record.knob.name}", "TXT")
    change = record.shift(50)
    assert (change.done, change.before, change.after) == (False, 50, 50)
    assert record.server.holds(f"_runbook.{record.knob.name}", "TXT") == stood


def test_a_share_that_cannot_be_made_is_refused_and_nothing_is_written(record: Record) -> None:
    with pytest.raises(BadParameters, match=r"5 % cannot be made.*attainable are 0, 25, 33, 40, 50, 60, 67, 75, 100 %"):
        record.shift(5)
    assert record.holds() == (60, set(OLD))


def test_within_the_tolerance_the_nearest_share_is_made_and_stands_for_what_was_asked(record: Record) -> None:
    change = record.with_(tolerance=5).shift(30)
    assert (change.after, record.with_(tolerance=5).weight()) == (30, 30)
    assert change.note.startswith(
        "33.3 % is the nearest that the addresses make; users may follow the old record until"
    )
    assert record.weight() == 33


def test_a_weight_that_somebody_else_moved_is_not_overwritten(record: Record) -> None:
    record.shift(25)
    record.write(60, OLD[0], NEW[0])
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 25 % to 50 % since it was read"):
        record.shift(75, expected=25)
    assert record.weight() == 50
    assert record.shift(0, expected=25).done


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None], int], None]:
    """Let something happen between reading and writing, so many times."""
    really = Server.replace

    def arrange(happens: Callable[[], None], times: int = 1) -> None:
        left = [None] * times

        def replaced(self: Server, *arguments: Any) -> None:
            if left:
                left.pop()
                happens()
            really(self, *arguments)

        monkeypatch.setattr(Server, "replace", replaced)

    return arrange


@pytest.mark.parametrize("what", ["record", "note"])
def test_what_somebody_else_writes_between_reading_and_writing_is_never_overwritten(
    record: Record, between: Callable[..., None], what: str
) -> None:
    def meddle() -> None:
        if what == "record":
            record.write(60, *OLD[:2])
        else:  # another runbook lowers or raises the TTL, which changes the note only in what is compared
            record.note(Note(0, datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)))

    between(meddle)
    with pytest.raises(ChangeFailed, match=r"somebody else changed shop-.* since it was read; nothing was changed"):
        record.shift(50)
    assert record.holds()[1] == (set(OLD[:2]) if what == "record" else set(OLD))


def test_a_way_back_is_tried_again_when_somebody_else_changes_the_record_at_the_same_moment(
    record: Record, between: Callable[..., None]
) -> None:
    record.shift(50)
    mixes = iter([[OLD[0], NEW[0], NEW[1]], [OLD[1], NEW[2]]])
    between(lambda: record.write(60, *next(mixes)), 2)
    assert record.shift(0).done
    assert record.holds()[1] == set(OLD)


def test_a_way_back_that_never_gets_through_says_so(record: Record, between: Callable[..., None]) -> None:
    record.shift(50)
    turn = iter(range(99))
    between(lambda: record.write(60, OLD[next(turn) % 3], NEW[0]), 99)
    with pytest.raises(ChangeFailed, match="nothing was changed, look at it and try again"):
        record.shift(0)


def test_restoring_puts_back_records_and_ttl_as_they_were_held(record: Record) -> None:
    record.write(60, OLD[1], NEW[2], NEW[0])
    held = knob_dns.read(record.knob, record.clients).held
    assert canonical(held)
    record.shift(0)
    record.write(7, *OLD)
    change = knob_dns.restore(record.knob, record.clients, held)
    assert (change.done, change.before, change.after) == (True, 0, 67)
    assert record.holds() == (60, {OLD[1], NEW[2], NEW[0]})
    assert not knob_dns.restore(record.knob, record.clients, held).done


def test_restoring_brings_back_the_weight_that_was_asked_for(record: Record) -> None:
    rough = record.with_(tolerance=5)
    rough.shift(30)
    held = knob_dns.read(rough.knob, rough.clients).held
    rough.shift(0)
    knob_dns.restore(rough.knob, rough.clients, held)
    assert rough.weight() == 30


def test_services_are_restored_with_their_weights_and_priorities(record: Record) -> None:
    services = service(record)
    odd = {"3 91 8080 old-1.example.test.", "3 0 8080 old-2.example.test.", "3 9 8443 new-1.example.test."}
    services.write(33, *odd)
    held = knob_dns.read(services.knob, services.clients).held
    services.shift(0)
    knob_dns.restore(services.knob, services.clients, held)
    assert services.holds() == (33, odd)


@pytest.mark.parametrize("held", [None, [], {"records": []}, {"records": ["10.9.9.9"], "ttl": 5, "weight": 0},
                                  {"records": OLD, "ttl": "5", "weight": 0}, {"records": [5], "ttl": 5, "weight": 0},
                                  {"records": OLD, "ttl": 5, "weight": 101}])  # fmt: skip
def test_nonsense_is_not_restored(record: Record, held: Any) -> None:
    with pytest.raises(BadParameters):
        knob_dns.restore(record.knob, record.clients, held)
    assert record.holds() == (60, set(OLD))


def test_users_are_not_moved_before_the_ttl_is_lowered(record: Record) -> None:
    record.write(3600, *OLD)
    with pytest.raises(BadParameters, match=r"has the TTL 3600 s: set it to 60 s with `runbook ttl PARAMETERS`"):
        record.shift(50)
    assert record.holds() == (3600, set(OLD))


def test_users_are_not_moved_while_resolvers_may_hold_the_longer_ttl(record: Record) -> None:
    record.write(3600, *OLD)
    change = knob_dns.set_ttl(record.knob, record.clients, 60)
    assert (change.before, change.after, change.done) == (3600, 60, True)
    assert record.holds() == (60, set(OLD))
    with pytest.raises(Held, match=r"longer, older TTL until 2.* UTC; the users are moved after that"):
        record.shift(50)
    assert record.weight() == 0
    hours = (datetime.now(UTC) + timedelta(hours=1)).strftime("until %Y-%m-%d %H:")
    assert hours in change.note


def test_users_are_moved_when_the_longer_ttl_has_run_out(record: Record) -> None:
    short = record.with_(ttl="1s", timeout="1s")
    short.write(4, *OLD)
    knob_dns.set_ttl(short.knob, short.clients, 1)
    with pytest.raises(Held):
        short.shift(50)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and short.weight() == 0:
        try:
            short.shift(50)
        except Held:
            time.sleep(0.2)
    assert short.holds() == (1, {*OLD, *NEW})


def test_one_step_after_another_does_not_wait_for_the_short_ttl(record: Record) -> None:
    for weight in (25, 50, 75, 100):
        assert record.shift(weight).done


@pytest.mark.parametrize("text", [None, '"somebody else\'s"', '"runbook" "asked=0" "held=soon" "keep=later"'])
def test_where_nobody_noted_when_the_ttl_was_lowered_users_wait_as_long_as_it_usually_is(
    record: Record, text: str | None
) -> None:
    beside = f"_runbook.{record.knob.name}.example.test."
    record.server.write(beside, "TXT", 60, *([text] if text else []))
    with pytest.raises(BadParameters, match="does not say when its TTL was lowered"):
        record.shift(50)
    assert knob_dns.set_ttl(record.knob, record.clients, 60).done
    with pytest.raises(Held):
        record.shift(50)


@pytest.mark.parametrize(("ttl", "noted", "seconds"), [(3600, True, 3600), (60, True, 60), (60, False, 3600)])
def test_a_way_back_never_waits_and_says_how_long_users_may_follow_the_old_record(
    record: Record, ttl: int, noted: bool, seconds: int
) -> None:
    if not noted:
        record.server.write(f"_runbook.{record.knob.name}.example.test.", "TXT", 60)
    record.write(ttl, *OLD, *NEW)
    before = datetime.now(UTC)
    change = record.shift(0)
    assert record.holds()[1] == set(OLD)
    until = datetime.fromisoformat(
        change.note.removeprefix("users may follow the old record until ").replace(" UTC", "Z")
    )
    assert timedelta(seconds=seconds) < until - before < timedelta(seconds=seconds + 60)
    assert record.shift(0).note == change.note


def test_a_smaller_share_never_waits(record: Record) -> None:
    record.write(3600, *OLD, *NEW)
    assert record.shift(25).done


def test_the_usual_ttl_is_put_back_with_the_share_as_it_is(record: Record) -> None:
    record.shift(100)
    assert knob_dns.set_ttl(record.knob, record.clients, 3600).done
    assert not knob_dns.set_ttl(record.knob, record.clients, 3600).done
    assert record.holds() == (3600, set(NEW))


def test_nothing_is_taken_away_for_ten_times_the_ttl_after_the_last_change(record: Record) -> None:
    before = datetime.now(UTC)
    record.shift(100)
    knob_dns.set_ttl(record.knob, record.clients, 3600)
    until = knob_dns.keep_until(record.knob, record.clients)
    assert timedelta(seconds=600) < until - before < timedelta(seconds=660)


def test_the_knob_tells_what_uses_it_until_when_nothing_is_taken_away(record: Record) -> None:
    record.shift(100)
    traffic = DEMO.traffic.model_copy(update={"knob": record.knob})
    by_dns = Clients(DEMO.model_copy(update={"traffic": traffic}), record.environment)
    assert knob.keep_until(by_dns) == knob_dns.keep_until(record.knob, record.clients)
    assert knob.keep_until(Clients(DEMO, {})) is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, r"the TTL of shop-\d+ was 3600 s, is 60 s; users may follow the old record until 2"),
        ({"dry_run": True}, r"dry run: the TTL of shop-\d+ would be 60 s, nothing was changed"),
    ],
)
def test_the_command_lowers_the_ttl_and_says_when_the_old_one_has_run_out(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    more: dict[str, Any], said: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("TSIG", KEY)
    record.write(3600, *OLD)
    parameters = yaml.safe_load((REPOSITORY / "parameters" / "demo.yaml").read_text())
    parameters["traffic"]["knob"] = record.knob.model_dump(mode="json")
    (tmp_path / "dns.yaml").write_text(yaml.safe_dump(parameters | more))
    ttl(tmp_path / "dns.yaml")
    assert re.match(said, capsys.readouterr().out)
    assert record.holds() == (3600 if more else 60, set(OLD))
    if not more:
        ttl(tmp_path / "dns.yaml", usual=True)
        assert "was 60 s, is 3600 s" in capsys.readouterr().out


def test_other_knobs_have_no_ttl() -> None:
    with pytest.raises(BadParameters, match="a knob of the kind nginx-split has no TTL"):
        ttl(REPOSITORY / "parameters" / "demo.yaml")


def test_nothing_is_taken_away_where_nobody_noted_the_last_change(record: Record) -> None:
    record.server.write(f"_runbook.{record.knob.name}.example.test.", "TXT", 60)
    with pytest.raises(Held, match=r"does not say when shop-.* was changed last"):
        knob_dns.keep_until(record.knob, record.clients)


@pytest.mark.parametrize(
    ("changes", "key", "error", "said"),
    [
        ({"key": None}, KEY, BadParameters, r"REFUSED, we may not: grant the key the record and its _runbook TXT"),
        ({}, OTHER, BadParameters, r"REFUSED, we may not"),
        ({}, "hmac-sha256:nobody:cnVuYm9vaw==", BadParameters, r"does not know the TSIG key nobody\. \(BADKEY\)"),
        (
            {},
            "hmac-sha256:runbook:cnVuYm9vaw==",
            BadParameters,
            r"signature of the TSIG key runbook\. wrong \(BADSIG\)",
        ),
        ({}, "hmac-sha512:runbook:cnVuYm9vaw==", BadParameters, r"BADKEY"),
        ({}, "runbook:cnVuYm9vaw==", BadParameters, r"behind env:TSIG is not algorithm:name:base64"),
        ({}, "hmac-sha256:runbook:not base64", BadParameters, r"behind env:TSIG is not algorithm:name:base64"),
        ({"zone": "example.org"}, KEY, Unreachable, r"REFUSED, it does not answer us"),
        ({"zone": "broken.test"}, KEY, Unreachable, r"SERVFAIL, it has lost the zone"),
        ({"name": "nobody"}, KEY, BadParameters, r"example\.test\. has no A nobody\.example\.test\.; create it"),
        ({"name": "a..b"}, KEY, BadParameters, r"'a\.\.b' is no name"),
        ({"server": "no-such-host.invalid"}, KEY, Unreachable, r"there is no address for no-such-host\.invalid"),
        ({"server": "127.0.0.1:port"}, KEY, BadParameters, r"has no port from 1 to 65535"),
        ({"server": f"127.0.0.1:{free_port()}"}, KEY, Unreachable, r"refuses connections"),
    ],
)
def test_whatever_is_in_the_way_is_one_sentence_before_anything_is_moved(
    record: Record, changes: dict[str, Any], key: str, error: type[RunbookError], said: str
) -> None:
    one = replace(record.with_(**changes), environment={"TSIG": key})
    with pytest.raises(error, match=said) as refused:
        knob_dns.preflight(one.knob, one.clients)
    assert key.rpartition(":")[2] not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_looked_at_beforehand_changes_nothing(record: Record) -> None:
    stood = record.holds(), record.server.holds("@", "SOA"), record.server.holds(f"_runbook.{record.knob.name}", "TXT")
    knob_dns.preflight(record.knob, record.clients)
    assert stood == (
        record.holds(),
        record.server.holds("@", "SOA"),
        record.server.holds(f"_runbook.{record.knob.name}", "TXT"),
    )


def test_an_update_that_is_refused_says_where_the_users_are(record: Record) -> None:
    locked = record.with_(zone="locked.test", name="shop", legacy=["10.1.0.1"])
    with pytest.raises(ChangeFailed, match=r"SERVFAIL.*shop\.locked\.test\. is as it was, 0 % of the users") as refused:
        knob_dns.set_ttl(locked.knob, locked.clients, 5)
    assert refused.value.exit_code == 30


def test_a_clock_that_is_off_is_named(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    really = time.time
    monkeypatch.setattr(dns.message.time, "time", lambda: really() - 3600)
    with pytest.raises(RunbookError, match=r"clock"):
        record.weight()


def test_a_server_that_does_not_answer_is_unreachable(record: Record) -> None:
    hurried = record.with_(timeout="300ms")
    with record.server.silent(), pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"):
        hurried.weight()


@pytest.mark.parametrize("answers_again", [True, False])
def test_an_update_without_an_answer_is_read_back(
    record: Record, between: Callable[..., None], answers_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried, asked, silence = record.with_(timeout="500ms"), Server.ask, ExitStack()

    def ask_later(self: Server, *arguments: Any) -> Any:
        if answers_again:
            silence.close()
            time.sleep(0.3)  # what waited in the server's queue is carried out
        return asked(self, *arguments)

    def fall_silent() -> None:
        silence.enter_context(record.server.silent())
        monkeypatch.setattr(Server, "ask", ask_later)

    between(fall_silent)
    with silence:
        if answers_again:
            assert hurried.shift(50).done
            return
        with pytest.raises(ChangeFailed, match=r"not known whether shop-.* was changed .*; look with: dig @127"):
            hurried.shift(50)


@pytest.mark.parametrize("what", ["unsigned", "cached", "garbage", "hang up"])
def test_an_answer_that_proves_nothing_is_not_believed(record: Record, what: str) -> None:
    with liar(what) as port, pytest.raises(RunbookError) as refused:
        one = record.with_(server=f"127.0.0.1:{port}", key="env:TSIG" if what == "unsigned" else None)
        one.weight()
    said = {"unsigned": "requires a TSIG", "cached": "answers from a cache", "garbage": "not to be believed",
            "hang up": "it hung up"}  # fmt: skip
    assert said[what] in str(refused.value)


@contextmanager
def liar(what: str) -> Iterator[int]:
    """A server that gives one answer of that kind to each connection."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                query = dns.message.from_wire(connection.recv(4096)[2:], keyring=False)
                answer = dns.message.Message(query.id)
                answer.question, answer.flags = query.question, dns.flags.QR
                answer.flags |= dns.flags.AA if what == "unsigned" else dns.flags.RA
                wire = b"\0" * 20 if what == "garbage" else answer.to_wire()
                if what != "hang up":
                    connection.sendall(len(wire).to_bytes(2, "big") + wire)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
