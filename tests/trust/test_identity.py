"""Who can sign here: the keys at hand, held against the file; the environment's USER is nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from keys import make_keys

from runbook_lib.errors import CannotSign
from runbook_lib.parameters import Parameters, load
from runbook_lib.trust.identity import at_hand, me

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USER", "anna")
    for name in ("SSH_AUTH_SOCK", "RUNBOOK_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    signers = make_keys(tmp_path / "people")
    p = load(REPOSITORY / "parameters" / "demo.yaml")
    keys = [str(signers.parent / name) for name in ("olga", "anna", "ben")]
    gates = p.gates.model_copy(update={"allowed_signers": str(signers), "keys": keys})
    return p.model_copy(update={"gates": gates})


def without_keys(parameters: Parameters) -> Parameters:
    return parameters.model_copy(update={"gates": parameters.gates.model_copy(update={"keys": []})})


def test_those_whose_keys_are_here_are_at_hand(parameters: Parameters) -> None:
    assert [one.name for one in at_hand(parameters, "approver")] == ["anna", "ben"]
    assert me(parameters, "operator").name == "olga"


def test_a_person_is_chosen_by_name_or_by_not_being_another(parameters: Parameters) -> None:
    assert me(parameters, "approver", "ben").name == "ben"
    assert me(parameters, "approver", other_than=["anna"]).name == "ben"


def test_a_name_in_the_environment_is_no_identity(parameters: Parameters) -> None:
    with pytest.raises(CannotSign):
        me(without_keys(parameters), "approver")


@pytest.mark.parametrize(
    ("role", "name", "other_than", "says"),
    [
        ("sealer", None, (), "no key at hand signs as sealer .found here: none; .* allows selma.; load that key with"),
        ("approver", "chloe", (), "signs as chloe as approver .found here: anna, ben; .* allows anna, ben, chloe"),
        ("approver", None, ("anna", "ben"), "allows chloe"),
        ("infrastructure", None, (), "allows nobody"),
    ],
)
def test_who_could_and_what_to_do_is_said(
    parameters: Parameters, role: str, name: str | None, other_than: tuple[str, ...], says: str
) -> None:
    with pytest.raises(CannotSign, match=says):
        me(parameters, role, name, other_than)


def test_the_environment_may_name_a_key(parameters: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    people = Path(parameters.gates.allowed_signers).parent
    monkeypatch.setenv("RUNBOOK_SIGNING_KEY", str(people / "selma"))
    assert me(without_keys(parameters), "sealer").name == "selma"
