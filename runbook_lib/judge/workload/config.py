"""Configuration and secrets: references that exist, secrets in their place, no variable twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch, unknown
from runbook_lib.judge.workload.world import Container, Workload, World

LINK = DOCS + "concepts/configuration/"
VARIABLE = re.compile(r"(?<!\$)\$\(([A-Za-z_][\w.-]*)\)")
# What the cluster makes in every namespace.
EVERYWHERE = (("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"))
LARGEST, BY_KUBECTL = 2**20, 2**18


def references_exist(world: World) -> Iterator[Seen]:
    """ConfigMaps, Secrets, keys, claims and accounts that Pods name; Secrets are often made elsewhere."""
    for workload in world.workloads():
        for kind, name, key, optional, node in _references(workload):
            if optional or not name or (kind, name) in EVERYWHERE:
                continue
            found = world.named(kind, name, workload.resource)
            if found is None and node.path.endswith("subPath"):
                continue  # its volume says so
            if found is None and kind in ("Secret", "ServiceAccount"):
                yield unknown(
                    workload,
                    node,
                    f"{kind}/{name} is not among the objects given: make sure the cluster has it"
                    + (f", with the key {key}" if key else ""),
                    "warning",
                )
            elif found is None:
                yield failed(workload, node, f"{kind}/{name} is not among the objects given: the Pod never starts")
            elif key and key not in _keys(found):
                shown = ", ".join(sorted(_keys(found))) or "nothing"
                harm = "an empty folder lies there" if node.path.endswith("subPath") else "CreateContainerConfigError"
                yield failed(workload, node, f"{found.title} has no key {key} (it has {shown}): {harm}")
            else:
                yield passed(workload, node, f"{found.title}{f' has {key}' if key else ' is there'}")


def no_variable_twice(world: World) -> Iterator[Seen]:
    """In env the later one wins, of several envFrom the last; env over envFrom is how a value is overridden."""
    for workload, container in world.containers():
        seen: dict[str, Node] = {}
        twice = 0
        for name, node in [*_entries(container), *_brought_in(world, workload, container)]:
            if name in seen:
                twice += 1
                message = f"env {name} is given twice (line {seen[name].line}): the later one wins"
                yield failed((workload, container), node, message)
            seen[name] = node
        if seen and not twice:
            yield passed((workload, container), container.node, f"{len(seen)} variables, each once")


def _entries(container: Container) -> Iterator[tuple[str, Node]]:
    return ((entry.get("name").text(), entry) for entry in container.node.get("env").elements())


def _brought_in(world: World, workload: Workload, container: Container) -> Iterator[tuple[str, Node]]:
    """What envFrom brings in and env does not override."""
    own = set(container.variables())
    for source in container.node.get("envFrom").elements():
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            found = world.named(kind, source.get(field, "name").text(), workload.resource)
            names = {source.get("prefix").text() + key for key in _keys(found)} if found else set()
            yield from ((name, source) for name in sorted(names - own))


def immutable_names(world: World) -> Iterator[Seen]:
    """A ConfigMap changed in place reaches no running process that read it as env or mounts one file of it."""
    for workload, container in world.containers("Deployment", "StatefulSet"):
        for name, node, how in _read_once(workload, container):
            config = world.named("ConfigMap", name, workload.resource) if name else None
            if config is None:
                continue
            marks = " ".join(workload.template.get("metadata", "annotations").labels())
            if config.node.get("immutable").is_true() or "checksum" in marks or re.search(r"-[0-9a-z]{8,10}$", name):
                yield passed((workload, container), node, f"a change of {config.title} makes new Pods")
            else:
                mend = patch(config, {"immutable": True})
                message = f"{config.title} is read once, {how}: a change reaches the Pods only when they are replaced"
                yield failed((workload, container), node, message, mend, "info")


def _read_once(workload: Workload, container: Container) -> Iterator[tuple[str, Node, str]]:
    """Name, node and how, of each ConfigMap whose later changes the container does not see."""
    for source in container.node.get("envFrom").elements():
        yield source.get("configMapRef", "name").text(), source, "at the start"
    for entry in container.node.get("env").elements():
        yield entry.get("valueFrom", "configMapKeyRef", "name").text(), entry, "at the start"
    volumes = {volume.get("name").text(): volume for volume in workload.volumes}
    for mount in container.node.get("volumeMounts").elements():
        volume = volumes.get(mount.get("name").text())
        if volume and (mount.get("subPath").exists or mount.get("subPathExpr").exists):
            yield volume.get("configMap", "name").text(), mount, "because subPath mounts a copy"


def variables_are_defined(world: World) -> Iterator[Seen]:
    """$(NAME) knows what stands above it in env, and in command and args all of env; never what the image sets."""
    for workload, container in world.containers():
        brought = dict(_brought_in(world, workload, container))
        complete = not _sources_elsewhere(world, workload, container)
        above = set(brought)
        for entry in container.node.get("env").elements():
            for name in VARIABLE.findall(entry.get("value").text()):
                yield _defined(workload, container, entry, name, above, complete)
            above.add(entry.get("name").text())
        for word in (*container.node.get("command").elements(), *container.node.get("args").elements()):
            for name in VARIABLE.findall(word.text()):
                if name.isupper():  # in lower case it is a command that the shell puts in
                    yield _defined(workload, container, word, name, above, complete)


def _defined(workload: Workload, container: Container, node: Node, name: str, above: set[str], complete: bool) -> Seen:
    links = not workload.pod.get("enableServiceLinks").is_false()
    if name in above:
        return passed((workload, container), node, f"$({name}) is filled in")
    below = container.variables().get(name)
    if below is not None:
        message = f"$({name}) is defined only further down (line {below.line}): the process gets these very letters"
        return failed((workload, container), node, message)
    if not complete or (links and re.search(r"_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)", name)):
        return unknown((workload, container), node, f"where $({name}) comes from is not among the objects given")
    message = f"$({name}) is defined nowhere: the process gets these very letters"
    return failed((workload, container), node, message)


def _sources_elsewhere(world: World, workload: Workload, container: Container) -> bool:
    refs = [
        (kind, source.get(field, "name").text())
        for source in container.node.get("envFrom").elements()
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef"))
        if source.get(field).exists
    ]
    return any(world.named(kind, name, workload.resource) is None for kind, name in refs)


def small_enough(world: World) -> Iterator[Seen]:
    for resource in world.of_kind("ConfigMap", "Secret"):
        encoded = {"binaryData"} if resource.kind == "ConfigMap" else {"data"}
        size = sum(
            len(node.text().encode(errors="replace")) * (3 if field in encoded else 4) // 4
            for field in ("data", "stringData", "binaryData")
            for _, node in resource.node.get(field).entries()
        )
        if size > LARGEST:
            yield failed(resource, resource.node, f"{size // 1024} KiB: the API server takes 1024 KiB at most")
        elif size > BY_KUBECTL:
            message = f"{size // 1024} KiB: kubectl apply keeps a copy in an annotation, which ends at 256 KiB"
            yield failed(resource, resource.node, f"{message}; use --server-side", severity="warning")
        else:
            yield passed(resource, resource.node, f"{size} bytes")


def _references(workload: Workload) -> Iterator[tuple[str, str, str, bool, Node]]:
    """Kind, name, key, optional, node."""
    for container in workload.containers:
        yield from _of_container(container)
        yield from _of_sub_paths(workload, container)
    for volume in workload.volumes:
        config, secret = volume.get("configMap"), volume.get("secret")
        yield from _of_volume("ConfigMap", config, config.get("name"))
        yield from _of_volume("Secret", secret, secret.get("secretName"))
        for source in volume.get("projected", "sources").elements():
            yield from _of_volume("ConfigMap", source.get("configMap"), source.get("configMap", "name"))
            yield from _of_volume("Secret", source.get("secret"), source.get("secret", "name"))
        claim = volume.get("persistentVolumeClaim", "claimName")
        yield "PersistentVolumeClaim", claim.text(), "", False, claim
    account = workload.account
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


def _of_sub_paths(workload: Workload, container: Container) -> Iterator[tuple[str, str, str, bool, Node]]:
    """A subPath of a whole ConfigMap or Secret is a key; without it an empty folder lies where the file should."""
    volumes = {volume.get("name").text(): volume for volume in workload.volumes}
    for mount in container.node.get("volumeMounts").elements():
        part, volume = mount.get("subPath"), volumes.get(mount.get("name").text())
        for kind, field, name in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
            source = volume.get(field) if volume else Node()
            if part.text() and source.exists and not source.get("items").elements():
                yield kind, source.get(name).text(), part.text(), source.get("optional").is_true(), part


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
    Check(
        "env-reference",
        "Every $(NAME) has a value",
        "blocking",
        "The process gets the letters instead of the value, and mostly starts with them.",
        DOCS + "tasks/inject-data-application/define-interdependent-environment-variables/",
        variables_are_defined,
    ),
    Check(
        "config-size",
        "Settings fit into their objects",
        "blocking",
        "Key stores and templates of the machines are often larger than an object may be.",
        LINK + "configmap/#motivation",
        small_enough,
    ),
)
