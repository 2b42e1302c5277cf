"""What a Secret holds: values that can be decoded, without the line break that echo leaves, and its type's keys."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed
from runbook_lib.judge.workload.world import World

LINK = DOCS + "concepts/configuration/secret/"
KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
FILE = re.compile(
    r"(?i)\.(pem|crt|cer|key|conf|cfg|ini|properties|ya?ml|json|xml|txt|sh|toml|env)$|^(ssh-|tls\.|\.docker)"
)


def holds_what_it_says(world: World) -> Iterator[Seen]:
    for secret in world.of_kind("Secret"):
        found = list(_wrong(secret))
        for node, message in found:
            yield failed(secret, node, message)
        if not found:
            yield passed(secret, secret.node, "its values can be read, and nothing is missing")


def _wrong(secret: Resource) -> Iterator[tuple[Node, str]]:
    held = {key for part in ("data", "stringData") for key, _ in secret.node.get(part).entries()}
    lacking = [key for key in KEYS.get(secret.node.get("type").text(), ()) if key not in held]
    if lacking:
        message = f"a Secret of type {secret.node.get('type').text()} needs {', '.join(lacking)}"
        yield secret.node.get("type"), f"{message}: the API server refuses it"
    for key, node in secret.node.get("data").entries():
        if node.exists and decoded(node.text()) is None:
            yield node, f"{key} is not base64: the API server refuses it, stringData takes plain text"


def decoded(text: str) -> bytes | None:
    """The bytes as the API server reads them, which overlooks line breaks; None when it refuses the text."""
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def no_line_break(world: World) -> Iterator[Seen]:
    """``echo secret | base64`` encodes the line break, too: the password is another one than everybody thinks."""
    for secret in world.of_kind("Secret"):
        values = [(key, node, decoded(node.text()) or b"") for key, node in secret.node.get("data").entries()]
        plain = secret.node.get("stringData").entries()
        values += [(key, node, node.text().encode(errors="replace")) for key, node in plain]
        short = [(key, node, value) for key, node, value in values if value and not FILE.search(key)]
        wrong = [(key, node) for key, node, value in short if value.endswith(b"\n") and value.count(b"\n") == 1]
        for key, node in wrong:
            yield failed(secret, node, f"{key} ends with a line break, which is a part of the password then")
        if short and not wrong:
            yield passed(secret, secret.node, "no value ends with a line break")


CHECKS = (
    Check(
        "secret-form",
        "Secrets can be read and are complete",
        "blocking",
        "The API server refuses them, and every Pod waits.",
        LINK + "#secret-types",
        holds_what_it_says,
    ),
    Check(
        "secret-line-break",
        "No secret ends with a line break",
        "blocking",
        "The login fails, and what is shown looks right.",
        DOCS + "tasks/configmap-secret/managing-secret-using-config-file/",
        no_line_break,
    ),
)
