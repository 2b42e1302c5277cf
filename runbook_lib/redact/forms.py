"""Every way in which a known secret may show: as it is, quoted for a URL, JSON, Python or HTML, in base64 or hex."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from runbook_lib.redact import patterns

ANYWHERE = 8
"""A form of so many characters is hidden wherever it stands."""
WORD = 4
"""A shorter one only as a word of its own; one still shorter only where it stands alone."""
_LONG_WORD = re.compile(r"[A-Za-z0-9+/=_-]{20,}")


def forms(value: str) -> set[str]:
    """All forms of a secret and of the secrets inside it; those that are too short to be told from words, too."""
    return {form for part in _parts(value) for form in _written(part) if form}


def _parts(value: str) -> set[str]:
    """The value, and what in it is secret by itself: the password of a URL, the path of a webhook, a key's lines."""
    parts = {value, value.strip()} | patterns.found(value)
    try:
        url = urlsplit(value.strip())
        if url.scheme in ("http", "https"):
            parts |= {f"{url.path}?{url.query}" if url.query else url.path}
            parts |= {piece for piece in url.path.split("/") if len(piece) >= 16}
            parts |= {piece for _, piece in parse_qsl(url.query) if len(piece) >= ANYWHERE}
        if url.scheme and url.password:
            parts |= {url.password, unquote(url.password)}
    except ValueError:
        pass  # no URL
    if "\n" in value:
        parts |= set(_LONG_WORD.findall(value))
    return {part for part in parts if len(part) >= WORD or part == value}


def _written(value: str) -> Iterator[str]:
    yield value
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    for inside in (json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value)):
        yield inside[1:-1]
        yield json.dumps(inside[1:-1])[1:-1]
    escaped = html.escape(value)
    yield escaped
    yield html.escape(value, quote=False)
    yield escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    raw = value.encode(errors="surrogateescape")
    yield from _in_base64(raw)
    if len(raw) >= WORD:
        yield raw.hex()
        yield raw.hex().upper()


def _in_base64(raw: bytes) -> Iterator[str]:
    """The whole in base64, and the part of it that is the same whatever stands before and behind."""
    if len(raw) < WORD:
        return
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw)
        yield from (whole.decode(), encode(whole).decode())
        for before in range(3):
            known = encode(bytes(before) + raw).decode()[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
            if len(known) >= ANYWHERE:
                yield known
