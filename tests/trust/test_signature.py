"""Signatures are made and checked with real keys; who signed what, in which role, when, cannot be mistaken."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from keys import make_key, make_keys, signer_line

from runbook_lib.errors import CannotSign, NotTrusted, Unreachable
from runbook_lib.trust import openssh
from runbook_lib.trust.keys import VARIABLE, Key, keys_at_hand
from runbook_lib.trust.openssh import program
from runbook_lib.trust.signature import Proof, sign, verify
from runbook_lib.trust.signers import Signers, read_signers

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONTENT = b'{"outcome": "passed"}\n'


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("people")).parent


@pytest.fixture
def signers(people: Path) -> Signers:
    return read_signers(people / "allowed_signers")


def key(path: Path) -> Key:
    (found,) = keys_at_hand([path], {})
    return found


def signed(folder: Path, key: Key, role: str, content: bytes = CONTENT) -> Path:
    path = folder / "record.json.sig"
    path.write_text(sign(content, key, role))
    return path


def test_a_signature_names_who_made_it(tmp_path: Path, people: Path, signers: Signers) -> None:
    olga = key(people / "olga")
    assert verify(CONTENT, signed(tmp_path, olga, "operator"), signers, "operator", AT) == Proof(
        "olga", olga.fingerprint
    )


def test_a_fingerprint_is_what_ssh_keygen_prints(people: Path) -> None:
    said = subprocess.run(
        [program("ssh-keygen"), "-l", "-f", people / "olga.pub"], capture_output=True, text=True
    ).stdout
    assert key(people / "olga").fingerprint in said.split()


@pytest.mark.parametrize(
    ("content", "signs_as", "checked_as", "says"),
    [
        (CONTENT + b" ", "operator", "operator", "is no signature of olga as operator"),
        (b"", "operator", "operator", "is no signature of olga"),
        (CONTENT, "approver", "operator", "is no signature of olga as operator"),  # signed for something else
        (CONTENT, "approver", "approver", "the key of olga, which may not sign as approver"),
        (CONTENT, "operator", "sealer", "the key of olga, which may not sign as sealer"),
    ],
)
def test_other_bytes_and_other_roles_are_refused(
    tmp_path: Path, people: Path, signers: Signers, content: bytes, signs_as: str, checked_as: str, says: str
) -> None:
    path = signed(tmp_path, key(people / "olga"), signs_as)
    with pytest.raises(NotTrusted, match=says):
        verify(content, path, signers, checked_as, AT)


def test_a_key_that_nobody_named_is_refused(tmp_path: Path, signers: Signers) -> None:
    mallory = key(make_key(tmp_path, "mallory"))
    with pytest.raises(NotTrusted, match=r"a key \(SHA256:.*\) that may not sign as operator"):
        verify(CONTENT, signed(tmp_path, mallory, "operator"), signers, "operator", AT)


@pytest.mark.parametrize(
    ("day", "good"), [(datetime(2026, 11, 19, tzinfo=UTC), True), (datetime(2026, 11, 20, tzinfo=UTC), False)]
)
def test_a_key_is_good_until_it_expires_on_any_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, day: datetime, good: bool
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")  # 14 hours ahead of UTC
    eve = make_key(tmp_path, "eve")
    (tmp_path / "allowed").write_text(signer_line(eve, "eve", "runbook-operator", 'valid-before="20261120"'))
    path, allowed = signed(tmp_path, key(eve), "operator"), read_signers(tmp_path / "allowed")
    if good:
        assert verify(CONTENT, path, allowed, "operator", day).name == "eve"
    else:
        with pytest.raises(NotTrusted, match="the key of eve, which may not sign as operator at 2026-11-20"):
            verify(CONTENT, path, allowed, "operator", day)


@pytest.mark.parametrize(
    "armour",
    [
        "",
        "nonsense",
        "-----BEGIN SSH SIGNATURE-----\n!!\n-----END SSH SIGNATURE-----",
        "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----",
        "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAf////8=\n-----END SSH SIGNATURE-----",
        "ä",
    ],
)
def test_what_is_no_signature_is_named(tmp_path: Path, signers: Signers, armour: str) -> None:
    path = tmp_path / "record.json.sig"
    path.write_text(armour)
    with pytest.raises(NotTrusted, match=r"record\.json\.sig is no SSH signature"):
        verify(CONTENT, path, signers, "operator", AT)


def test_a_missing_signature_is_named(tmp_path: Path, signers: Signers) -> None:
    with pytest.raises(NotTrusted, match=r"record\.json\.sig is missing"):
        verify(CONTENT, tmp_path / "record.json.sig", signers, "operator", AT)


def test_every_byte_of_a_signature_counts(tmp_path: Path, people: Path, signers: Signers) -> None:
    path = signed(tmp_path, key(people / "olga"), "operator")
    good = path.read_bytes()
    last = good.index(b"\n-----END")
    for at in (*range(0, len(good), 29), last - 3, last - 2, last - 1, last, len(good) - 1):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(NotTrusted):
            verify(CONTENT, path, signers, "operator", AT)
    for changed in (good + b"\n", good.replace(b"\n", b"\r\n"), good[:-1], b"\n" + good):
        path.write_bytes(changed)
        with pytest.raises(NotTrusted):
            verify(CONTENT, path, signers, "operator", AT)


def test_a_locked_key_says_how_to_unlock_it(tmp_path: Path) -> None:
    path = tmp_path / "locked"
    subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "a secret", "-f", path], check=True)
    with pytest.raises(CannotSign, match=r"does not sign: .*; unlock it with ssh-add"):
        sign(CONTENT, key(path), "operator")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    socket = str(tmp_path / "agent")
    said = subprocess.run([program("ssh-agent"), "-s", "-a", socket], capture_output=True, text=True, check=True).stdout
    yield socket
    os.kill(int(said.partition("SSH_AGENT_PID=")[2].partition(";")[0]), signal.SIGTERM)


def test_a_key_that_only_the_agent_has_signs(
    tmp_path: Path, agent: str, signers: Signers, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    subprocess.run([program("ssh-add"), "-q", people / "anna"], check=True, capture_output=True)
    (held,) = keys_at_hand([], {"SSH_AUTH_SOCK": agent, "HOME": str(tmp_path)})
    assert (held.path, held.source) == (None, "the ssh agent")
    assert verify(CONTENT, signed(tmp_path, held, "approver"), signers, "approver", AT).name == "anna"


def test_keys_are_found_where_they_are_named_each_once(tmp_path: Path, people: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_bytes((people / "ben").read_bytes())  # no .pub beside it
    (tmp_path / ".ssh" / "id_ed25519").chmod(0o600)
    environment = {"HOME": str(tmp_path), VARIABLE: f"{people / 'anna'}{os.pathsep}{people / 'olga'}"}
    found = keys_at_hand([people / "olga.pub", people / "nobody"], environment)
    assert [k.source for k in found] == ["gates.keys", VARIABLE, "~/.ssh"]
    assert [k.public for k in found] == [key(people / name).public for name in ("olga", "anna", "ben")]


def test_a_machine_without_ssh_keygen_says_what_to_install(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    olga = key(people / "olga")
    monkeypatch.setattr(openssh.shutil, "which", lambda *_, **__: None)
    with pytest.raises(Unreachable, match="install openssh-client"):
        sign(CONTENT, olga, "operator")
