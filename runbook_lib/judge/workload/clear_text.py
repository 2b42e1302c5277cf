"""Secrets where everybody reads them: in env, ConfigMaps, commands and probes; values that nobody has filled in yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, free_name, passed, patch_container
from runbook_lib.judge.workload.world import Container, Workload, World

LINK = DOCS + "concepts/configuration/"
AUTHORIZED = ("authorization", "proxy-authorization")
SECRET_NAME = re.compile(
    r"(?i)(^|[ ._-])(passwords?|passwd|pwd|secrets?|tokens?|credentials?|(?:api|private|access)[._-]?keys?)$"
)
HARMLESS_NAME = re.compile(r"(?i)[._-](file|dir|path|name|ref|url|ttl|timeout|seconds|length|enabled)$")
URL_PASSWORD = re.compile(r"(?i)^[a-z][a-z0-9+.:-]*://[^/\s:@]*:[^/\s@$]{2,}@")
KNOWN_FORM = re.compile(
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bglpat-[\w-]{20}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
    r"|[?&;](?i:password|passwd|pwd)=[^&;\s$<{]{2,}"
)
ELSEWHERE = re.compile(
    r"\$[A-Za-z_({]|\$\d(?!\w)|`|(?:file|env|vault|secret|ssm|arn):|ENC\(|\{cipher\}|\{\{|%\(|@[\w.]+@$|<[^<>]*>$"
)
# Switches, paths, the beginning of a block, and what a program works out: no values of a secret.
NO_VALUE = re.compile(
    r"(?i)true|false|yes|no|on|off|null|none|nil|~|/[\w.-]+(/[\w.-]+)+|[\[{|>(][-+]?|\{\}|\[\]|[a-z_][\w.]*[\[(].*"
)
SWITCH_NAME = re.compile(r"(?i)(^|[._-])(allow|use|enable|disable|require|need|has|is|skip|with|no|random|empty)[._-]")
PLACEHOLDER = re.compile(
    r"(?i:change[-_ ]?(me|this)!*|replace[-_ ]?(me|this)|placeholder|x{4,}|your[-_][\w-]{1,40})"
    r"|TO-?DO|TBD|FIXME|<[^<>\n]{1,60}>"
)
MORE = re.compile(r"[\n=<]|:\s")
SECRET_KEY = re.compile(r"[-._a-zA-Z0-9]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
PAIR = re.compile(
    r"""^\s*(?:-\s+|export\s+)?["']?([\w./\[\]-]{1,120})["']?\s*(?:=|:(?=\s|$))\s*["']?(.*?)["']?,?\s*$"""
)
XML = re.compile(
    r"""<([\w.-]{1,80})>([^<>]{1,200})</|name="([\w.-]{1,80})"\s+value="([^"]*)"|([\w.-]{1,80})="([^"]*)\""""
)
OPTION = re.compile(r"^(?:--?|/)?(?:D|XX:)?([\w.-]{2,120})[=:](.+)$", re.S)


def is_secret(name: str, value: str) -> bool:
    """A name that means a secret with a value of its own; ``*_FILE``, ``*_DIR``, ``*_PATH`` and references are none."""
    if not value or ELSEWHERE.match(value) or PLACEHOLDER.fullmatch(value):
        return False
    if URL_PASSWORD.match(value) or KNOWN_FORM.search(value):
        return True
    plain = CAMEL.sub("_", name)
    if value in ("0", "1") and SWITCH_NAME.search(plain):
        return False
    return bool(SECRET_NAME.search(plain)) and not HARMLESS_NAME.search(plain) and not NO_VALUE.fullmatch(value)


def no_secret_in_clear(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        clear = 0
        for entry in container.node.get("env").elements():
            name, value = entry.get("name").text(), entry.get("value")
            if is_secret(name, value.text()):
                clear += 1
                message = f"env {name} holds a secret in clear text: use valueFrom.secretKeyRef"
                yield failed((workload, container), value, message, _by_reference(world, workload, container, name))
            elif option := _in_flags(value.text()):
                clear += 1
                message = f"env {name} holds a secret in clear text (option {option}): mount a file with it"
                yield failed((workload, container), value, message)
        if not clear and container.node.get("env").exists:
            yield passed((workload, container), container.node.get("env"), "no secret in clear text")


def _in_flags(text: str) -> str:
    """The first option among flags, as JAVA_TOOL_OPTIONS has them, whose value is a secret."""
    found = (OPTION.match(word) for word in text.split() if word.startswith("-"))
    return next((match[1] for match in found if match and is_secret(match[1], match[2])), "")


def _by_reference(world: World, workload: Workload, container: Container, name: str) -> dict[str, Any] | None:
    """The same variable from a Secret of the workload, which a person has to make; None where none can have the name.

    One that is there is taken when it has the key: a patch cannot write into a Secret what no file may hold.
    """
    twice = sum(entry.get("name").text() == name for entry in container.node.get("env").elements()) != 1
    if twice or not SECRET_KEY.fullmatch(name) or not SECRET_KEY.fullmatch(workload.resource.name):
        return None
    secret = f"{workload.resource.name}-secrets"
    there = world.named("Secret", secret, workload.resource)
    if there is not None and not any(there.node.get(part, name).exists for part in ("data", "stringData")):
        secret = free_name(world, "Secret", workload.resource, "-secrets")
    source = {"secretKeyRef": {"name": secret, "key": name}}
    return patch_container(workload, container, {"env": [{"name": name, "value": None, "valueFrom": source}]})


def no_secret_in_config_map(world: World) -> Iterator[Seen]:
    for config in world.of_kind("ConfigMap"):
        found = 0
        for key, node in config.node.get("data").entries():
            name = next((n for n, value in _settings(key, node.text()) if is_secret(n, value)), "")
            if name:
                found += 1
                where = f"key {key}" + (f" ({name})" if name != key else "")
                message = f"{where} holds a secret, and everybody who may read the namespace's ConfigMaps reads it"
                yield failed(config, node, message)
        if not found:
            yield passed(config, config.node.get("data"), "no secret in it")


def _settings(key: str, text: str) -> Iterator[tuple[str, str]]:
    """The key itself, and what properties, YAML, JSON and XML in its value set."""
    yield key, text
    for line in text.splitlines()[:5000] if MORE.search(text) else ():
        line = line[:4000]
        if line.lstrip().startswith(("#", "!", ";", "//", "<!--")):
            continue
        pair = PAIR.match(line)
        if pair:
            yield pair[1].rpartition("/")[2], pair[2]
        for found in XML.finditer(line) if "<" in line or '="' in line else ():
            parts = [part for part in found.groups() if part is not None]
            yield parts[0], parts[1] if len(parts) > 1 else ""


def no_secret_in_commands(world: World) -> Iterator[Seen]:
    """What stands in a command is in every list of processes, in the manifest, and in the events of a crash."""
    for workload, container in world.containers():
        said = [*_options(container), *_headers(container)]
        found = [(node, name) for node, name, value in said if is_secret(name, value)]
        for node, name in found:
            message = f"{name or 'a word of the command'} holds a secret in clear text: take it from a Secret"
            yield failed((workload, container), node, message)
        if said and not found:
            yield passed((workload, container), container.node, "no secret in its commands")


def _options(container: Container) -> Iterator[tuple[Node, str, str]]:
    """Node, name and value of each option in command and args; a word of its own has the option before it as name."""
    before = ""
    for node in (*container.node.get("command").elements(), *container.node.get("args").elements()):
        for word in node.text()[:20000].split() if " " in node.text() else [node.text()]:
            option = OPTION.match(word) if "://" not in word.split("=")[0] else None
            yield (node, option[1], option[2].strip("\"',;")) if option else (node, before, word)
            before = word.lstrip("-") if word.startswith("-") and not option else ""


def _headers(container: Container) -> Iterator[tuple[Node, str, str]]:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        for header in container.node.get(probe, "httpGet", "httpHeaders").elements():
            name, value = header.get("name").text(), header.get("value").text()
            yield header, "Authorization token" if name.lower() in AUTHORIZED else name, value


def filled_in(world: World) -> Iterator[Seen]:
    """Templates go from hand to hand: a value that says it is to be changed is one that nobody meant."""
    for workload, container in world.containers():
        given = [(e.get("name").text(), e.get("value")) for e in container.node.get("env").elements()]
        wrong = [(name, node) for name, node in given if PLACEHOLDER.fullmatch(node.text().strip())]
        for name, node in wrong:
            yield failed((workload, container), node, f"env {name} is {node.text()[:40]!r}: nobody has filled it in")
        if given and not wrong:
            yield passed((workload, container), container.node.get("env"), "every value is filled in")
    for resource in world.of_kind("ConfigMap", "Secret"):
        fields = ("data", "stringData") if resource.kind == "ConfigMap" else ("stringData",)
        data = [(key, node) for field in fields for key, node in resource.node.get(field).entries()]
        open_ = [(n, node, v) for key, node in data for n, v in _settings(key, node.text()) if _is_open(v)]
        for name, node, value in open_:
            yield failed(resource, node, f"{name} is {value.strip()[:40]!r}: nobody has filled it in")
        if data and not open_:
            yield passed(resource, resource.node, "every value is filled in")


def _is_open(value: str) -> bool:
    return len(value) < 80 and bool(PLACEHOLDER.fullmatch(value.strip()))


CHECKS = (
    Check(
        "secret-in-env",
        "No secret in clear text in env",
        "blocking",
        "Manifests are read by more people than the files on the VMs were.",
        LINK + "secret/",
        no_secret_in_clear,
    ),
    Check(
        "secret-in-configmap",
        "No secret in a ConfigMap",
        "blocking",
        "ConfigMaps are not protected as Secrets are.",
        LINK + "configmap/",
        no_secret_in_config_map,
    ),
    Check(
        "secret-in-command",
        "No secret in a command or probe",
        "blocking",
        "Scripts of the machines passed passwords as options; here they stand in every manifest.",
        LINK + "secret/",
        no_secret_in_commands,
    ),
    Check(
        "placeholder",
        "Every value is filled in",
        "blocking",
        "The Pods start, and fail at the first user.",
        LINK + "configmap/",
        filled_in,
    ),
)
