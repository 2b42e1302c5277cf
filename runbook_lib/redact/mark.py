"""What stands where a secret stood, so that a reader sees that something was there."""

from __future__ import annotations

import re

MARK = r"«redacted: [^«»\n]{1,200}»"
_WHOLE = re.compile(MARK)
_REFERENCE = re.compile(r"(?:env:[A-Za-z_]\w*|file:\S+|secret:[^/#\s]+/[^/#\s]+#\S+)\Z")
_DIGEST = re.compile(r"(?:(?:sha\d{1,3}|md5|hmac)[:-])[0-9A-Za-z+/=]{16,128}\Z", re.I)


def mark(what: str) -> str:
    """``«redacted: password»``."""
    return f"«redacted: {' '.join(what.translate(_NO_BRACKETS).split())[:200] or 'secret'}»"


def is_mark(text: str) -> bool:
    """True for what `mark` gives."""
    return _WHOLE.fullmatch(text) is not None


def is_harmless(value: str) -> bool:
    """True for what may stand after ``password:`` in a record: a mark, a reference to a secret, its digest."""
    return not value.strip() or is_mark(value) or bool(_REFERENCE.match(value) or _DIGEST.match(value))


_NO_BRACKETS = str.maketrans({"«": "<", "»": ">"})
