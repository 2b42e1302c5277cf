"""The allowed_signers file: who may sign in which role, and when; what cannot be told is refused with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.trust.signers import Signers, read_signers

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPX1deys"
OTHER = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY="
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def signers(tmp_path: Path, text: str) -> Signers:
    path = tmp_path / "allowed_signers"
    path.write_text(text)
    return read_signers(path)


@pytest.mark.parametrize(
    ("line", "operator", "approver"),
    [
        (f'anna namespaces="runbook-operator" {KEY}', ("anna",), ()),
        (f'anna namespaces="runbook-operator,runbook-approver" {KEY} her laptop', ("anna",), ("anna",)),
        (f'anna namespaces="runbook-*" {KEY}', ("anna",), ("anna",)),
        (f'anna@example.org,anna namespaces="runbook-approver" {KEY}', (), ("anna@example.org",)),
        (f'"anna" namespaces="runbook-approver" {KEY}', (), ("anna",)),
        (f"anna {KEY}", (), ()),  # whoever holds no role may do nothing
        (f'anna namespaces="git" {KEY}', (), ()),
        (f'anna namespaces="runbook-operator",valid-after="20261120" {KEY}', ("anna",), ()),
        (f'anna namespaces="runbook-operator",valid-after="202611201200Z" {KEY}', ("anna",), ()),
        (f'anna namespaces="runbook-operator",valid-after="20261120120001" {KEY}', (), ()),
        (f'anna valid-before="20261120120001",namespaces="runbook-operator" {KEY}', ("anna",), ()),
        (f'anna valid-before="202611201200",namespaces="runbook-operator" {KEY}', (), ()),
        ("# anna may do nothing yet", (), ()),
        ("", (), ()),
    ],
)
def test_a_role_is_a_namespace_for_as_long_as_the_key_is_valid(
    tmp_path: Path, line: str, operator: tuple[str, ...], approver: tuple[str, ...]
) -> None:
    found = signers(tmp_path, line + "\n")
    assert (found.names("operator", NOON), found.names("approver", NOON)) == (operator, approver)
    assert found.name_of(KEY, "operator", NOON) == (operator[0] if operator else None)


def test_a_person_may_have_several_keys(tmp_path: Path) -> None:
    found = signers(tmp_path, f'anna namespaces="runbook-a" {KEY}\nanna namespaces="runbook-a" {OTHER}\n')
    assert found.names("a", NOON) == ("anna",)
    assert found.name_of(OTHER, "a", NOON) == "anna"
    assert found.owner_of("ssh-rsa AAAA") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("anna", "line 1: write NAME namespaces="),
        (f'\n\nanna namespaces="runbook-operator {KEY}', "line 3: write NAME"),
        (f'*@example.org namespaces="runbook-operator" {KEY}', "line 1: '.@example.org' is a pattern"),
        (f'anna cert-authority,namespaces="runbook-operator" {KEY}', "'cert-authority' is not supported"),
        (f'anna namespaces="runbook-operator",valid-before="tomorrow" {KEY}', "'tomorrow' is no time"),
        (f'anna namespaces="runbook-operator",valid-before="20261332" {KEY}', "'20261332' is no time"),
        (
            f'anna namespaces="runbook-operator" {KEY}\nben namespaces="runbook-approver" {KEY}',
            "line 2: one key is 'anna' and 'ben'; give each person a key of their own",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadParameters, match=says):
        signers(tmp_path, text)


def test_a_file_that_is_not_there_says_what_belongs_into_it(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"there is no file .*; it names who may sign"):
        read_signers(tmp_path / "nowhere")


def test_a_file_of_other_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadParameters, match="cannot be read"):
        read_signers(tmp_path / "bytes")


@given(st.text(alphabet='an ,="-*#\n\trunbook-operatorssh-ed25519AAAA+/ valid-before20', max_size=120))
def test_any_text_gives_signers_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_text(text)
    try:
        found = read_signers(path)
    except BadParameters as error:
        assert str(path) in str(error)
    else:
        assert len({entry.public for entry in found.entries}) <= len(found.entries)
