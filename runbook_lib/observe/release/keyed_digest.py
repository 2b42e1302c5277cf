"""Digests of values that a record may not hold: keyed, so that a weak password cannot be found by trying words.

The key is a Secret of the same namespace, made by the first act that keeps a copy. Whoever may read it may read the
Secrets beside it, too; whoever has the record only can do nothing with the digests but see which are equal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from runbook_lib.model import digest
from runbook_lib.observe.cluster import Cluster, Object

KEY_NAME = "runbook-digest-key"
KEY_FIELD = "key"
LENGTH = 32  # bytes


class DigestKey:
    """A key and what is done with it; no dataclass, so that no record can take it for a value."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = hashlib.sha256(b"runbook digest key:" + key).hexdigest()[:8]

    def of(self, value: bytes) -> str:
        """``hmac:ID/HEX``: equal for equal values under one key, and it names which key that is."""
        return f"hmac:{self.id}/{hmac.new(self._key, value, hashlib.sha256).hexdigest()}"

    def of_encoded(self, encoded: str | None) -> str:
        """The same for a value in base64, whichever way that was written."""
        return self.of(decoded(encoded))

    def made(self, digests: Mapping[str, str]) -> bool:
        """True when these digests can be held against values: this key's, or those of records older than the key."""
        return all(one.startswith((f"hmac:{self.id}/", "sha256:")) for one in digests.values())

    def like(self, digests: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
        """The digests of values in base64, each made in the way of the recorded one of its name."""
        plain = {name for name, one in digests.items() if one.startswith("sha256:")}
        return {
            name: f"sha256:{digest(decoded(value))}" if name in plain else self.of_encoded(value)
            for name, value in values.items()
        }


def decoded(encoded: str | None) -> bytes:
    """The bytes behind base64; what is none (the server refuses it) as it stands."""
    try:
        return base64.b64decode(encoded or "")
    except ValueError:
        return str(encoded).encode()


def new_key() -> DigestKey:
    """A key that nobody keeps: its digests can be compared with each other only."""
    return DigestKey(secrets.token_bytes(LENGTH))


def read_key(cluster: Cluster) -> DigestKey | None:
    """The key of this namespace, None when there is none yet."""
    return key_in(cluster.get("v1", "Secret", KEY_NAME))


def key_in(secret: Object | None) -> DigestKey | None:
    """The key that a Secret holds; None for one that holds none."""
    found = decoded(((secret or {}).get("data") or {}).get(KEY_FIELD))
    return DigestKey(found) if len(found) >= LENGTH else None
