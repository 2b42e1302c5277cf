"""The images of a release: their names, the credentials that Pods would show, whether nodes or registries have them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import requests

from runbook_lib.errors import CriterionFailed
from runbook_lib.judge.preflight.seen import Image, Unknown
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.listing import listed
from runbook_lib.observe.preflight.registry import HUB, Answer, Credentials, Name, ask, parse
from runbook_lib.observe.room import is_ready

KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")
_SECRET_KEYS = (".dockerconfigjson", ".dockercfg")
Known = dict[str, Credentials]


def images(
    cluster: Cluster, http: requests.Session, objects: Sequence[Object], nodes: Sequence[Object] | Unknown
) -> tuple[Image, ...]:
    """Each image once for each workload; a registry that does not answer is asked once."""
    accounts = _accounts(cluster, objects)
    silent: dict[str, Answer] = {}
    found: dict[tuple[str, str], Image] = {}
    for item in objects:
        spec = pod_spec(item)
        if spec is None:
            continue
        known, missing = _credentials(cluster, objects, _secrets_of(spec, accounts))
        for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
            image = _seen(container, item, nodes, missing)
            if not image.problem and image.policy != "Never" and (image.reference, image.workload) not in found:
                image = _asked(http, image, known, silent)
            found.setdefault((image.reference, image.workload), image)
    return tuple(found.values())


def pod_spec(item: Object) -> Object | None:
    """The Pod spec inside a workload, None for what runs no Pods."""
    if item["kind"] not in KINDS:
        return None
    spec: Any = item.get("spec") or {}
    if item["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return spec if item["kind"] == "Pod" else (spec.get("template") or {}).get("spec") or {}


def _seen(container: Object, item: Object, nodes: Sequence[Object] | Unknown, missing: tuple[str, ...]) -> Image:
    reference = str(container.get("image") or "")
    name = parse(reference)
    latest = name is not None and name.version == "latest"
    policy = container.get("imagePullPolicy") or ("Always" if latest else "IfNotPresent")
    problem = "" if name else "no container runtime takes this for a name"
    image = Image(reference, f"{item['kind']}/{item['metadata']['name']}", policy, problem, missing)
    if name is None or isinstance(nodes, Unknown):
        return image
    ready = [node for node in nodes if is_ready(node)]
    return replace(image, nodes=len(ready), on_nodes=sum(name in _names_on(node) for node in ready))


def _names_on(node: Object) -> set[Name]:
    """What a node says that it has; kubelets tell of 50 images, the largest ones."""
    told = [text for one in (node.get("status") or {}).get("images") or [] for text in one.get("names") or []]
    return {name for text in told if (name := parse(text))}


def _asked(http: requests.Session, image: Image, known: Known, silent: dict[str, Answer]) -> Image:
    name = parse(image.reference)
    if name is None:
        return image
    answer = silent.get(name.host) or ask(http, name, credentials_for(name, known))
    if answer[0] == "unknown":
        silent[name.host] = answer
    hosts = ", ".join(sorted(known))
    told = answer[1] + (f"; the imagePullSecrets know {hosts}" if answer[0] == "not allowed" and hosts else "")
    return replace(image, answer=answer[0], said=told)


def credentials_for(name: Name, known: Mapping[str, Credentials]) -> Credentials | None:
    """As the kubelet chooses them: for the host, the longest path first; Docker Hub has several names."""
    own = [f"{name.host}/{name.path}", name.host]
    own += ["index.docker.io", "registry-1.docker.io"] if name.host == HUB else []
    for key in sorted(known, key=len, reverse=True):
        if any(one == key or one.startswith(f"{key}/") for one in own) or _wildcard(key, name.host):
            return known[key]
    return None


def _wildcard(key: str, host: str) -> bool:
    """``*.example.com`` stands for one label."""
    return key.startswith("*.") and host.partition(".")[2] == key[2:]


def _accounts(cluster: Cluster, objects: Sequence[Object]) -> dict[str, Object]:
    live = listed(cluster, "v1", "ServiceAccount")
    found = {} if isinstance(live, Unknown) else {one["metadata"]["name"]: one for one in live}
    return found | {one["metadata"]["name"]: one for one in objects if one["kind"] == "ServiceAccount"}


def _secrets_of(spec: Object, accounts: Mapping[str, Object]) -> tuple[str, ...]:
    """The Pod's own imagePullSecrets; those of its ServiceAccount where it names none."""
    account = accounts.get(spec.get("serviceAccountName") or "default") or {}
    named = spec.get("imagePullSecrets") or account.get("imagePullSecrets") or []
    return tuple(one["name"] for one in named if one.get("name"))


def _credentials(cluster: Cluster, objects: Sequence[Object], names: Sequence[str]) -> tuple[Known, tuple[str, ...]]:
    """What these Secrets hold, by host, and which of them are not there; nothing of it is written down."""
    known: Known = {}
    missing = []
    given = {one["metadata"]["name"]: one for one in objects if one["kind"] == "Secret"}
    for name in names:
        try:
            secret = given.get(name) or cluster.get("v1", "Secret", name)
        except CriterionFailed:
            continue
        if secret is None:
            missing.append(name)
        else:
            known |= dict(_entries(secret))
    return known, tuple(missing)


def _entries(secret: Object) -> Iterator[tuple[str, Credentials]]:
    """Host and credentials of each entry of a pull secret; what cannot be read is left out."""
    texts = dict(secret.get("stringData") or {})
    try:
        texts |= {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
        content: Object = next((json.loads(texts[key]) for key in _SECRET_KEYS if key in texts), {})
        entries = dict(content.get("auths") or content)
        for host, entry in entries.items():
            user, _, password = base64.b64decode(entry.get("auth") or "").decode().partition(":")
            key = host.removeprefix("https://").removeprefix("http://").removesuffix("/v1/").removesuffix("/v2/")
            yield key.rstrip("/"), (entry.get("username") or user, entry.get("password") or password)
    except (ValueError, AttributeError, TypeError):
        return
