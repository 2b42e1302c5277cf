"""Secrets of every kind for one test, and a search that finds them in any coat. No literal here looks like a secret."""

from __future__ import annotations

import base64
import html
import json
import re
import secrets
from pathlib import Path
from urllib.parse import quote, quote_plus

from runbook_lib.parameters import Parameters

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}")


def plant() -> dict[str, str]:
    """A fresh value of each kind; those of ``REFERENCED`` are known to the run, the others only look like secrets."""
    word, path = (lambda: secrets.token_hex(12)), secrets.token_urlsafe(24)
    body = base64.encodebytes(secrets.token_bytes(600)).decode()
    key = "\n".join(["-----BEGIN " + "PRIVATE KEY-----", body + "-----END " + "PRIVATE KEY-----"])
    return {
        "token": word(),
        "odd": f"p@ss/{word()}:'wörd\"<&>\\",
        "dsn password": f"{word()}%2F",
        "webhook": path,
        "login": word(),
        "login key": base64.b64encode(key.encode()).decode(),
        "cluster": word(),
        "password": word(),
        "bearer": word(),
        "basic": f"{word()}",
        "url": word(),
        "private key": body.splitlines()[3],
        "object": word(),
        "json": word(),
        "hook": f"T{word().upper()[:9]}/B{word().upper()[:9]}/{word()}",
        "jwt": f"eyJ{word()}.{word()}.{secrets.token_urlsafe(32)}",
        "access key": "AKIA" + base64.b32encode(secrets.token_bytes(10)).decode()[:16],
    }


def write(project: Path, values: dict[str, str]) -> dict[str, str]:
    """Put what a run may know where its parameters refer to, and all of it beside the notebooks; the environment."""
    (project / "hook").write_text(f"https://chat.invalid/in/{values['webhook']}?v=1\n")
    login = {"token": values["login"], "client-key-data": values["login key"]}
    cluster = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    parts = {"clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": login}]}
    config = {"apiVersion": "v1", "kind": "Config", "contexts": [context], "current-context": "c", **parts}
    (project / "kubeconfig").write_text(json.dumps(config))
    (project / "values.json").write_text(json.dumps(values))
    dsn = f"postgresql://shop:{quote(values['dsn password'], safe='')}@127.0.0.1:1/shop"
    return {"PLANTED_TOKEN": values["token"], "PLANTED_DSN": dsn, "PLANTED_ODD": values["odd"]}


def refer(parameters: Parameters) -> dict[str, object]:
    """The parameters with references to what was planted."""
    values = parameters.model_dump(mode="json")
    values["prometheus"]["token"] = "env:PLANTED_TOKEN"
    values["business"]["database"] = "env:PLANTED_DSN"
    values["gates"]["webhook"] = "file:hook"
    values["application"]["contacts"] = [{"name": "night watch", "reach": "env:PLANTED_ODD"}]
    values["kubernetes"]["kubeconfig"] = "kubeconfig"
    return values


def leaks(content: bytes, values: dict[str, str]) -> set[str]:
    """The kinds whose value stands in the bytes: as it is, quoted, escaped, in hex, or inside anything in base64."""
    opened = content + b"".join(_opened(content)) if len(content) < 20_000_000 else content
    return {kind for kind, value in values.items() if any(coat in opened for coat in _coats(value))}


def _coats(value: str) -> set[bytes]:
    inside = json.dumps(value)[1:-1]
    coats = {value, quote(value), quote(value, safe=""), quote_plus(value), html.escape(value), inside}
    coats |= {json.dumps(inside)[1:-1], html.escape(inside), repr(value)[1:-1], value.encode().hex()}
    return {coat.encode() for coat in coats}


def _opened(content: bytes) -> list[bytes]:
    """Whatever the bytes hold in base64, from each of the four places at which its groups may begin; twice."""
    found: list[bytes] = []
    for run in _BASE64.findall(content.translate(None, b"\n\\ ")) + _BASE64.findall(content):
        for start in range(4):
            piece = run[start:].translate(bytes.maketrans(b"-_", b"+/"))
            piece = piece[: len(piece) - (len(piece) % 4 == 1)]
            found.append(base64.b64decode(piece + b"=" * (-len(piece) % 4)))
    return found
