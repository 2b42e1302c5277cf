"""Names under which secrets are kept: ``DB_PASSWORD``, ``apiKey``, ``client-key-data``."""

from __future__ import annotations

import re
from functools import lru_cache

NAME = (
    r"pass(?:word|wd|phrase|code)|pwd|secret(?:[_.-]?(?:access[_.-]?)?key)?|token"
    r"|(?:api|access|private|account|signing|encryption|shared|master|subscription|license)[_.-]?key"
    r"|client[_.-]?key[_.-]?data|credentials?|connection[_.-]?string|[_.-]auth"
)
_NAMED = re.compile(
    rf"(?:.*[^a-z])?(?:{NAME}|auth|authorization)|.*(?:password|passwd|passphrase|token|secret|apikey)", re.I | re.S
)
_FIELD = re.compile(r".*\[name=([^\]]{1,256})\]\.value", re.S)
_KINDS = (("pass", "password"), ("pwd", "password"), ("token", "token"), ("secret", "secret"), ("key", "key"))


@lru_cache(maxsize=4096)
def names_it(name: str) -> bool:
    """True for the name of something secret; what merely speaks of one, such as ``secretName``, is none."""
    if len(name) > 512:
        return False
    field = _FIELD.fullmatch(name)  # .spec.containers[name=web].env[name=DB_PASSWORD].value
    return _NAMED.fullmatch(field[1] if field else name.rstrip("'\" ]:")) is not None


def kind_of(name: str) -> str:
    """The name in one word: password, token, secret, key or credentials."""
    return next((kind for part, kind in _KINDS if part in name.lower()), "credentials")
