"""Sign bytes and check signatures, with ``ssh-keygen -Y``: agents and hardware keys work as they do for git."""

from __future__ import annotations

import base64
import binascii
import subprocess
import tempfile
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.errors import CannotSign, NotTrusted
from runbook_lib.trust.keys import Key, fingerprint
from runbook_lib.trust.openssh import program
from runbook_lib.trust.signers import Signers, namespace

PATIENCE = 60.0  # seconds; a hardware key waits for a touch
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


@dataclass(frozen=True)
class Proof:
    """Whose signature it is."""

    name: str
    fingerprint: str


def sign(content: bytes, key: Key, role: str) -> str:
    """The armoured signature in that role's namespace; CannotSign says why there is none."""
    if key.path is not None:
        return _sign(content, key, key.path, role)
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as public:  # ssh-keygen asks the agent by public key
        public.write(key.public + "\n")
        public.flush()
        return _sign(content, key, Path(public.name), role)


def verify(content: bytes, signature: Path, signers: Signers, role: str, at: datetime) -> Proof:
    """Who signed the content in that role; NotTrusted when nobody who may have done so at that time."""
    public = public_key(signature)
    name = signers.name_of(public, role, at)
    if name is None:
        owner = signers.owner_of(public)
        whose = f"the key of {owner}, which" if owner else f"a key ({fingerprint(public)}) that"
        moment = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        raise NotTrusted(f"{signature} was made with {whose} may not sign as {role} at {moment} by {signers.path}")
    command = [program("ssh-keygen"), "-Y", "verify", "-f", str(signers.path), "-I", name, "-n", namespace(role)]
    command += ["-s", str(signature), "-O", f"verify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"]
    # times in the file mean UTC on every machine
    done = subprocess.run(command, input=content, capture_output=True, timeout=PATIENCE, env={"TZ": "UTC"})
    if done.returncode != 0:
        raise NotTrusted(f"{signature} is no signature of {name} as {role} over what it lies beside")
    return Proof(name, fingerprint(public))


def _sign(content: bytes, key: Key, path: Path, role: str) -> str:
    command = [program("ssh-keygen"), "-Y", "sign", "-q", "-n", namespace(role), "-f", str(path)]
    try:
        # a session of its own: no passphrase is asked for on a terminal that nobody looks at
        done = subprocess.run(command, input=content, capture_output=True, timeout=PATIENCE, start_new_session=True)
    except subprocess.TimeoutExpired:
        raise CannotSign(f"the key {key.fingerprint} did not sign within {PATIENCE:g} s; touch it, try again") from None
    if done.returncode != 0:
        said = (done.stderr.decode(errors="replace").strip() or "it does not say why").splitlines()[-1]
        where = key.path or key.source
        raise CannotSign(f"the key {key.fingerprint} ({where}) does not sign: {said}; unlock it with ssh-add")
    return done.stdout.decode()


def public_key(signature: Path) -> str:
    """The key inside a signature (its format: PROTOCOL.sshsig of OpenSSH), as type and base64."""
    try:
        blob = _unarmoured(signature.read_text(encoding="ascii"))
        if blob[:6] != b"SSHSIG":
            raise ValueError("no signature")
        key = _string(blob, 10)
        return f"{_string(key, 0).decode('ascii')} {base64.b64encode(key).decode()}"
    except FileNotFoundError:
        raise NotTrusted(f"{signature} is missing: what it lies beside is not signed") from None
    except (OSError, ValueError, binascii.Error) as error:
        raise NotTrusted(f"{signature} is no SSH signature ({error})") from None


def _unarmoured(text: str) -> bytes:
    """The bytes inside the armour, which may be written in one way only: a signature has no loose ends to play with."""
    first, *lines, last = text.splitlines() if text.count("\n") > 2 else ["", "", ""]
    if (first, last, text[-1:]) != (BEGIN, END, "\n"):
        raise ValueError("no armour")
    blob, width = base64.b64decode("".join(lines), validate=True), len(lines[0])
    if lines != textwrap.wrap(base64.b64encode(blob).decode(), width):
        raise ValueError("its base64 was changed")
    return blob


def _string(data: bytes, at: int) -> bytes:
    length = int.from_bytes(data[at : at + 4])
    value = data[at + 4 : at + 4 + length]
    if len(value) != length or not length:
        raise ValueError("cut off")
    return value
