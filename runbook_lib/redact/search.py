"""Where in a file of values somebody wrote a secret down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from runbook_lib.redact.redactor import Redactor

_WEBHOOKS = re.compile(r"gates\.webhook|application\.contacts\.\d+\.reach")
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_~=+-]{16,}\Z")


def secret_places(values: dict[str, Any]) -> list[str]:
    """The keys whose values look like secrets (``prometheus.token``); their values are not repeated."""
    return list(_places(values, Redactor().value(values), ""))


def _places(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for (key, inner), (told, hidden) in zip(before.items(), after.items(), strict=True):
            yield from _places(inner, hidden, f"{path}.{told}".strip("."))
            if key != told:
                yield f"{path}.{told}".strip(".")
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for index, (inner, hidden) in enumerate(zip(before, after, strict=True)):
            yield from _places(inner, hidden, f"{path}.{index}")
    elif before != after or (isinstance(before, str) and _WEBHOOKS.fullmatch(path) and _is_secret_address(before)):
        yield path


def _is_secret_address(value: str) -> bool:
    """True for a URL that lets in whoever knows it: something like a token in its path, or anything in its query."""
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    pieces = [*url.path.split("/"), *(word for _, word in parse_qsl(url.query))]
    return url.scheme in ("http", "https") and (bool(url.username) or any(_TOKEN.match(piece) for piece in pieces))
