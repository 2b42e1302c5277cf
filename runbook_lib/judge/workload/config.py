"""Configuration and secrets: references that exist, secrets in their place, no variable twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch, unknown
from runbook_lib.judge.workload.world import Container, Workload, World

LINK = DOCS + "concepts/configuration/"
SECRET_NAME = re.compile(
    r"(?i)(^|[._-])(passwords?|passwd|pwd|secrets?|tokens?|api[._-]?keys?|private[._-]?keys?|access[._-]?keys?|credentials?)$"
)
HARMLESS_NAME = re.compile(r"(?i)[._-](file|dir|path|name|ref|url|ttl|timeout|seconds|length|enabled)$")
URL_PASSWORD = re.compile(r"(?i)^[a-z][a-z0-9+.:-]*://[^/\s:@]*:[^/\s@$]{2,}@")


def references_exist(world: World) -> Iterator[Seen]:
    """ConfigMaps, Secrets, keys, claims and accounts that Pods name; Secrets are often made elsewhere."""
    for workload in world.workloads():
        for kind, name, key, optional, node in _references(workload):
            if optional or not name or (kind == "ServiceAccount" and name == "default"):
                continue
            found = world.named(kind, name, workload.resource)
            if found is None and kind in ("Secret", "ServiceAccount"):
                yield unknown(
                    workload,
                    node,
                    f"{kind}/{name} is not among the objects given: make sure the cluster has it",
                    "warning",
                )
            elif found is None:
                yield failed(workload, node, f"{kind}/{name} is not among the objects given: the Pod never starts")
            elif key and key not in _keys(found):
                shown = ", ".join(sorted(_keys(found))) or "nothing"
                yield failed(
                    workload, node, f"{found.title} has no key {key}, it has {shown}: CreateContainerConfigError"
                )
            else:
                yield passed(workload, node, f"{found.title}{f' has {key}' if key else ' is there'}")


def no_secret_in_clear(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        clear = 0
        for entry in container.node.get("env").elements():
            name, value = entry.get("name").text(), entry.get("value")
            if is_secret(name, value.text()):
                clear += 1
                yield failed(
                    (workload, container), value, f"env {name} holds a secret in clear text: use valueFrom.secretKeyRef"
                )
        if not clear and container.node.get("env").exists:
            yield passed((workload, container), container.node.get("env"), "no secret in clear text")


def no_secret_in_config_map(world: World) -> Iterator[Seen]:
    for config in world.of_kind("ConfigMap"):
        found = [(key, node) for key, node in config.node.get("data").entries() if _leaks(key, node.text())]
        for key, node in found:
            yield failed(
                config, node, f"key {key} holds a secret: everybody who may read the namespace's ConfigMaps reads it"
            )
        if not found:
            yield passed(config, config.node.get("data"), "no secret in it")


def _leaks(key: str, text: str) -> bool:
    """The key itself, or a line of a properties file in the value."""
    if is_secret(key, text):
        return True
    for line in text.splitlines()[:2000]:
        name, separator, value = line.partition("=")
        if separator and not name.lstrip().startswith("#") and is_secret(name.strip(), value.strip()):
            return True
    return False


def is_secret(name: str, value: str) -> bool:
    """A name that means a secret with a value of its own; ``*_FILE``, ``*_DIR``, ``*_PATH`` and references are none."""
    if not value or value.startswith(("$(", "${", "file:", "env:", "vault:", "secret:")):
        return False
    if URL_PASSWORD.match(value):
        return True
    return bool(SECRET_NAME.search(name)) and not HARMLESS_NAME.search(name)


def no_variable_twice(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        seen: dict[str, Node] = {}
        twice = 0
        for entry in container.node.get("env").elements():
            name = entry.get("name").text()
            if name in seen:
                twice += 1
                yield failed(
                    (workload, container),
                    entry,
                    f"env {name} is given twice (line {seen[name].line}): the later one wins",
                )
            seen[name] = entry
        if seen and not twice:
            yield passed((workload, container), container.node.get("env"), f"{len(seen)} variables, each once")


def immutable_names(world: World) -> Iterator[Seen]:
    """A ConfigMap changed in place reaches no running process that reads it as env."""
    for workload, container in world.containers("Deployment", "StatefulSet"):
        for source in container.node.get("envFrom").elements():
            name = source.get("configMapRef", "name").text()
            config = world.named("ConfigMap", name, workload.resource) if name else None
            if config is None:
                continue
            marks = " ".join(workload.template.get("metadata", "annotations").labels())
            if config.node.get("immutable").is_true() or "checksum" in marks or re.search(r"-[0-9a-z]{8,10}$", name):
                yield passed((workload, container), source, f"a change of {config.title} makes new Pods")
            else:
                mend = patch(config, {"immutable": True})
                message = (
                    f"{config.title} is read once, at the start: a change reaches the Pods only when they are replaced"
                )
                yield failed((workload, container), source, message, mend, "info")


def _references(workload: Workload) -> Iterator[tuple[str, str, str, bool, Node]]:
    """Kind, name, key, optional, node."""
    for container in workload.containers:
        yield from _of_container(container)
    for volume in workload.pod.get("volumes").elements():
        config, secret = volume.get("configMap"), volume.get("secret")
        yield from _of_volume("ConfigMap", config, config.get("name"))
        yield from _of_volume("Secret", secret, secret.get("secretName"))
        for source in volume.get("projected", "sources").elements():
            yield from _of_volume("ConfigMap", source.get("configMap"), source.get("configMap", "name"))
            yield from _of_volume("Secret", source.get("secret"), source.get("secret", "name"))
        claim = volume.get("persistentVolumeClaim", "claimName")
        yield "PersistentVolumeClaim", claim.text(), "", False, claim
    account = workload.pod.get("serviceAccountName")
    yield "ServiceAccount", account.text(), "", False, account


def _of_container(container: Container) -> Iterator[tuple[str, str, str, bool, Node]]:
    for entry in container.node.get("env").elements():
        for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
            source = entry.get("valueFrom", field)
            yield kind, source.get("name").text(), source.get("key").text(), source.get("optional").is_true(), source
    for entry in container.node.get("envFrom").elements():
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            source = entry.get(field)
            yield kind, source.get("name").text(), "", source.get("optional").is_true(), source


def _of_volume(kind: str, source: Node, name: Node) -> Iterator[tuple[str, str, str, bool, Node]]:
    optional = source.get("optional").is_true()
    items = source.get("items").elements()
    if not items:
        yield kind, name.text(), "", optional, name
    for item in items:
        yield kind, name.text(), item.get("key").text(), optional, item


def _keys(resource: Resource) -> set[str]:
    return {key for field in ("data", "stringData", "binaryData") for key, _ in resource.node.get(field).entries()}


CHECKS = (
    Check(
        "reference",
        "Everything a Pod names is there",
        "blocking",
        "The Pod waits for ever in CreateContainerConfigError.",
        LINK,
        references_exist,
    ),
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
        "duplicate-env",
        "No variable is given twice",
        "warning",
        "The value one reads first is not the one that runs.",
        DOCS + "tasks/inject-data-application/define-environment-variable-container/",
        no_variable_twice,
    ),
    Check(
        "config-change",
        "A change of configuration makes new Pods",
        "info",
        "Old and new Pods would run with different settings under one revision.",
        LINK + "configmap/",
        immutable_names,
    ),
)
