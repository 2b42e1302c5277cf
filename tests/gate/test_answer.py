"""An answer counts when somebody who may answer signed it for this very question; everything else is told."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from keys import make_key, signer_line

from runbook_lib.errors import BadParameters, CannotSign, GatePending, RunbookError, Unwritable
from runbook_lib.gate import Gate, answer, answer_gate, gates_folder, read_gate
from runbook_lib.gate.create import as_json
from runbook_lib.model import digest, now
from runbook_lib.parameters import Parameters
from runbook_lib.record.attempt import Run
from runbook_lib.trust.keys import Key
from runbook_lib.trust.signature import sign
from tests.gate.conftest import Hands, ask, begin, pending, say, with_gates


@pytest.mark.parametrize(
    ("name", "reason", "says"),
    [
        ("mallory", "go", "no key at hand signs as mallory as approver"),
        ("", "go", "no key at hand signs as"),
        ("Anna", "go", "no key at hand signs as Anna"),
        ("selma", "go", "no key at hand signs as selma as approver"),
        ("anna", "", "needs a reason"),
        ("anna", " \n", "needs a reason"),
    ],
)
def test_the_wrong_person_and_no_reason_are_refused(run: Run, folder: Path, name: str, reason: str, says: str) -> None:
    gate_id = pending(run)
    with pytest.raises((BadParameters, CannotSign), match=says):
        answer_gate(folder, gate_id, "approved", reason, name)
    assert pending(run) == gate_id
    assert not list(folder.glob("*.answer-*"))


def test_a_gate_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(BadParameters, match="there is no gate nothing in"):
        answer_gate(folder, "nothing", "approved", "go", "anna")


def test_without_a_name_whoever_has_a_key_here_and_did_not_ask_answers(run: Run, hands: Hands, folder: Path) -> None:
    gate_id = pending(run)
    hands("olga", "selma", "ben", "anna")
    assert answer_gate(folder, gate_id, "approved", "go").answers[0].by == "ben"


def test_no_key_at_hand_is_one_sentence(run: Run, hands: Hands, folder: Path) -> None:
    gate_id = pending(run)
    hands("olga")
    with pytest.raises(CannotSign, match=r"found here: none; .* allows oscar, anna, ben, chloe\); load that key"):
        answer_gate(folder, gate_id, "approved", "go")


def test_an_answer_says_what_it_is_for_and_who_signed_it(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved", "anna held")
    first, second = (folder / f"{gate_id}.answer-{number}.json" for number in (1, 2))
    body, asked = json.loads(second.read_bytes()), json.loads((folder / f"{gate_id}.json").read_bytes())
    bound = ("application", "phase", "stage", "run", "role", "evidence_digest", "parameters_digest")
    assert {key: body[key] for key in bound} == {key: asked[key] for key in bound}
    assert body["gate_digest"] == digest((folder / f"{gate_id}.json").read_bytes())
    assert (body["gate"], body["answer"], body["by"], body["number"]) == (gate_id, "held", "anna", 2)
    assert body["previous"] == digest(first.read_bytes())


Edit = Callable[[Path, dict[str, Any]], None]


def _edited(path: Path, **changes: Any) -> None:
    path.chmod(0o644)
    path.write_bytes(as_json({**json.loads(path.read_bytes()), **changes}))


def _signed(path: Path, key: Path, **changes: Any) -> None:
    """The answer changed and signed again, with that key."""
    _edited(path, **changes)
    public = key.with_name(f"{key.name}.pub").read_text().rsplit(" ", 1)[0]
    beside = path.with_name(f"{path.name}.sig")
    beside.chmod(0o644)
    beside.write_text(sign(path.read_bytes(), Key(public, key, "test"), "approver"))


FAULTS: list[tuple[Callable[[Path, Path], None], str]] = [
    (lambda answer, keys: _edited(answer, reason="better"), "is no signature of anna"),
    (lambda answer, keys: _edited(answer, by="ben"), "is no signature of anna"),
    (lambda answer, keys: _edited(answer, answer="launch"), "is no signature of anna"),
    (lambda answer, keys: _edited(answer, at="1999-01-01T00:00:00.000Z"), "is no signature of anna"),
    (lambda answer, keys: answer.with_name(f"{answer.name}.sig").unlink(), "is missing: what it lies beside"),
    (lambda answer, keys: _signed(answer, keys / "mallory"), "a key .* may not sign as approver"),
    (lambda answer, keys: _signed(answer, keys / "selma"), "the key of selma, which may not sign as approver"),
    (lambda answer, keys: _signed(answer, keys / "olga"), "the key of olga, which may not sign as approver"),
    (lambda answer, keys: _signed(answer, keys / "ben"), "it says 'anna' and is signed by ben"),
    (lambda answer, keys: _signed(answer, keys / "anna", run="run-2"), "signed it for another run"),
    (lambda answer, keys: _signed(answer, keys / "anna", stage=5), "signed it for another stage"),
    (lambda answer, keys: _signed(answer, keys / "anna", gate_digest="0"), "for another question"),
    (lambda answer, keys: _signed(answer, keys / "anna", parameters_digest="0"), "for another parameters digest"),
    (lambda answer, keys: _signed(answer, keys / "anna", evidence_digest="0"), "for another evidence digest"),
    (lambda answer, keys: _signed(answer, keys / "anna", number=2), "was taken away, changed or moved"),
    (lambda answer, keys: _signed(answer, keys / "anna", previous="0"), "was taken away, changed or moved"),
    (lambda answer, keys: _signed(answer, keys / "anna", answer="launch"), "'launch' is no answer"),
    (lambda answer, keys: _signed(answer, keys / "anna", at="2030-01-01T00:00:00Z"), "when the gate was not open"),
    (lambda answer, keys: _signed(answer, keys / "anna", at="soon"), "is no answer any more"),
]


@pytest.mark.parametrize(("spoil", "says"), FAULTS, ids=[says for _, says in FAULTS])
def test_an_answer_that_cannot_be_trusted_is_told_and_does_not_count(
    run: Run, folder: Path, signers: Path, spoil: Callable[[Path, Path], None], says: str
) -> None:
    if not (signers.parent / "mallory").exists():
        make_key(signers.parent, "mallory")
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    spoil(folder / f"{gate_id}.answer-1.json", signers.parent)
    with pytest.raises(GatePending, match=f"answer 1 does not count: .*{says}"):
        ask(run)
    assert read_gate(folder, gate_id).state == "pending"


def test_who_answers_after_a_forged_answer_has_seen_it_and_counts(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved", "ben approved")
    _edited(folder / f"{gate_id}.answer-2.json", answer="rejected")
    say(folder, gate_id, "chloe approved")
    assert ask(run).by == "chloe"  # anna spoke before it: nobody knows what was said to her then


def test_nobody_approves_what_they_asked_even_past_the_tool(
    parameters: Parameters, folder: Path, hands: Hands, signers: Path
) -> None:
    hands("oscar", "anna")
    run = begin(parameters)
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    _signed(folder / f"{gate_id}.answer-1.json", signers.parent / "oscar", by="oscar")
    with pytest.raises(GatePending, match="oscar asked this question and may not answer it"):
        ask(run)


def test_an_approval_copied_to_another_gate_does_not_count(run: Run, folder: Path) -> None:
    first = pending(run)
    say(folder, first, "anna approved")
    other = begin(run.parameters)
    second = pending(other)
    for path in folder.glob(f"{first}.answer-*"):
        shutil.copy(path, folder / path.name.replace(first, second))
    with pytest.raises(GatePending, match="anna signed it for another question"):
        ask(other)


def test_answers_that_change_places_or_vanish_are_noticed(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved", "anna withdrawn")
    one, two, spare = (folder / f"{gate_id}.{name}" for name in ("answer-1.json", "answer-2.json", "spare"))
    for end in ("", ".sig"):
        for source, target in ((one, spare), (two, one), (spare, two)):
            Path(f"{source}{end}").rename(f"{target}{end}")
    assert [bool(a.problem) for a in read_gate(folder, gate_id).answers] == [True, True]
    assert read_gate(folder, gate_id).state == "pending"


def test_a_hold_cannot_be_taken_away_by_deleting_it(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "ben held", "anna approved")
    (folder / f"{gate_id}.answer-1.json").unlink()
    with pytest.raises(GatePending, match="answer 2 does not count: an answer before it was taken away"):
        ask(run)


def test_a_changed_question_stops_its_run(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    _edited(folder / f"{gate_id}.json", on_yes="100 % of the users go")
    assert "for another question" in read_gate(folder, gate_id).problems[0]
    with pytest.raises(BadParameters, match="is not what was filed"):
        ask(run)


def test_a_question_that_asks_for_fewer_people_stops_its_run(parameters: Parameters, folder: Path) -> None:
    run = begin(with_gates(parameters, people={"gray_stage": 2}))
    gate_id = pending(run)
    _edited(folder / f"{gate_id}.json", people=1)
    journal = run.attempt / "journal.jsonl"
    journal.write_text("".join(line for line in journal.open() if "gate_opened" not in line))
    with pytest.raises(BadParameters, match="is not what was filed"):
        ask(run)


def test_a_question_that_is_no_json_any_more_is_one_sentence(run: Run, folder: Path) -> None:
    path = folder / f"{pending(run)}.json"
    path.chmod(0o644)
    path.write_text("{")
    with pytest.raises(BadParameters, match="is not what was filed"):
        ask(run)


def test_what_is_filed_after_the_use_is_told_and_asked_about_anew(run: Run, folder: Path, signers: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    ask(run)
    first, late = (folder / f"{gate_id}.answer-{number}.json" for number in (1, 2))
    for end in ("", ".sig"):
        shutil.copy(f"{first}{end}", f"{late}{end}")
    _signed(late, signers.parent / "ben", by="ben", answer="held", number=2, previous=digest(first.read_bytes()))
    assert read_gate(folder, gate_id).problems == (
        "answer 2 does not count: it was filed after the gate had been used",
    )
    with pytest.raises(GatePending, match=f"asked anew: {gate_id} cannot be trusted: answer 2 does not count"):
        ask(run)  # or a false note of a use could hide a hold, or a no


def test_a_use_whose_answers_are_gone_is_asked_anew(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    ask(run)
    for path in folder.glob(f"{gate_id}.answer-1.json*"):
        path.unlink()
    with pytest.raises(GatePending, match=r"used.json names 1 answers that are not there any more"):
        ask(run)


def test_an_approver_counts_only_while_the_file_says_so(
    parameters: Parameters, signers: Path, hands: Hands, tmp_path: Path
) -> None:
    key, moment = signers.parent / "anna", now()
    own = tmp_path / "allowed_signers"
    times = f'valid-before="{moment - timedelta(days=1):%Y%m%d%H%M%S}Z"'
    others = [line for line in signers.read_text().splitlines() if not line.startswith("anna")]
    own.write_text("\n".join([*others, signer_line(key, "anna", "runbook-approver", times)]) + "\n")
    run = begin(with_gates(parameters, allowed_signers=str(own)))
    folder = gates_folder(Path(parameters.records), parameters.application.name)
    gate_id = pending(run)
    with pytest.raises(CannotSign, match="anna as approver"):
        say(folder, gate_id, "anna approved")
    own.write_text("\n".join([*others, signer_line(key, "anna", "runbook-approver")]) + "\n")
    say(folder, gate_id, "anna approved")
    own.write_text("\n".join([*others, signer_line(key, "anna", "runbook-approver", times)]) + "\n")
    with pytest.raises(GatePending, match=r"answer 1 does not count: .*the key of anna, which may not sign"):
        ask(run)


def test_who_dies_between_signature_and_answer_leaves_nothing_that_counts(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate_id = pending(run)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(answer, "verify", die)  # it is called between the two
        say(folder, gate_id, "anna approved")
    assert [path.name for path in folder.glob("*.answer-*")] == [f"{gate_id}.answer-1.json.sig"]
    (folder / f".{gate_id}.answer-1.json.4711.part").write_text("torn")
    assert pending(run) == gate_id
    say(folder, gate_id, "anna approved")
    assert ask(run).by == "anna"
    assert not list(folder.glob(".*"))


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate_id = pending(run)
    before = sorted(folder.iterdir())

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken, pytest.raises(Unwritable, match="No space left on device"):
        broken.setattr(os, "fsync", full)
        say(folder, gate_id, "anna approved")
    assert sorted(folder.iterdir()) == before
    say(folder, gate_id, "anna approved")
    assert ask(run).by == "anna"


def test_an_answer_that_came_first_is_signed_for_by_the_second(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate_id, plainly, meanwhile = pending(run), sign, ["ben held"]

    def slow(*what: Any) -> str:
        if meanwhile:
            say(folder, gate_id, meanwhile.pop())
        return plainly(*what)

    monkeypatch.setattr(answer, "sign", slow)
    say(folder, gate_id, "anna approved")
    filed = read_gate(folder, gate_id)
    assert [(a.number, a.by, a.problem) for a in filed.answers] == [(1, "ben", ""), (2, "anna", "")]
    assert filed.state == "held"


def _flipped(path: Path, place: float, bit: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    return bytes(content)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=some.floats(0, 0.999), bit=some.integers(0, 7), which=some.sampled_from(["", ".sig"]))
def test_no_single_bit_of_an_approval_can_be_changed(
    run: Run, folder: Path, place: float, bit: int, which: str
) -> None:
    if not list(folder.glob("*.answer-*")):
        say(folder, pending(run), "anna approved")
    path = next(folder.glob(f"*.answer-1.json{which}"))
    before = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(_flipped(path, place, bit))
    try:
        assert _judged(folder, path.name.partition(".")[0]) != "approved" or _still_signed(path, before)
    finally:
        path.write_bytes(before)


def _judged(folder: Path, gate_id: str) -> str:
    try:
        found: Gate = read_gate(folder, gate_id)
    except RunbookError:
        return "refused"
    return found.state


def _still_signed(path: Path, before: bytes) -> bool:
    """White space around and in the armour of a signature means nothing; the answer itself may not differ at all."""
    return path.suffix == ".sig" and b"".join(path.read_bytes().split()) == b"".join(before.split())
