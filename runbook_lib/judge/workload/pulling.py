"""How images get onto the nodes: what opens the registry, and whether all that belongs together is one version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.image import parse_reference
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World

LINK = DOCS + "concepts/containers/images/"
KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


def pull_secrets(world: World) -> Iterator[Seen]:
    """A Secret of another type is passed over by the kubelet without a word, and the pull is anonymous."""
    for workload in world.workloads():
        for node in _named(world, workload):
            name = node.get("name").text()
            secret = world.named("Secret", name, workload.resource)
            if secret is None:
                message = f"Secret/{name} is not among the objects given: make sure the cluster has it"
                yield unknown(workload, node, message, "warning")
                continue
            type_ = secret.node.get("type").text("Opaque")
            held = {key for part in ("data", "stringData") for key, _ in secret.node.get(part).entries()}
            if type_ not in KEYS:
                yield failed(workload, node, f"{secret.title} is of type {type_}: the kubelet reads no login from it")
            elif KEYS[type_] not in held:
                yield failed(workload, node, f"{secret.title} has no key {KEYS[type_]}: it holds no login")
            else:
                yield passed(workload, node, f"{secret.title} opens the registry")


def _named(world: World, workload: Workload) -> Iterator[Node]:
    """The Pod's own, and only when it has none those of its account, as admission fills them in."""
    own = workload.pod.get("imagePullSecrets").elements()
    account = world.named("ServiceAccount", workload.account.text("default"), workload.resource)
    yield from own or (account.node.get("imagePullSecrets").elements() if account else ())


def same_version(world: World) -> Iterator[Seen]:
    """Jobs and init containers that are made of the service's image are released with it."""
    served: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for workload, container in world.containers(*LONG_RUNNING):
        text = container.node.get("image").text()
        if container.kind == "app" and text:
            served[world.space(workload.resource), _name(text)].setdefault(_version(text), workload.title)
    for workload, container in world.containers():
        node = container.node.get("image")
        versions = served.get((world.space(workload.resource), _name(node.text())))
        if not versions or (container.kind != "init" and workload.kind in LONG_RUNNING):
            continue
        if _version(node.text()) in versions:
            yield passed((workload, container), node, f"the version that {versions[_version(node.text())]} runs")
        else:
            shown = ", ".join(f"{title} {version}" for version, title in versions.items())
            message = f"runs {_version(node.text())} of the image of {shown}: two versions work on the same data"
            yield failed((workload, container), node, message)


def _name(text: str) -> str:
    reference = parse_reference(text)
    return f"{reference.registry}/{reference.repository}"


def _version(text: str) -> str:
    reference = parse_reference(text)
    return reference.digest or reference.tag or "latest"


CHECKS = (
    Check(
        "pull-secret",
        "The registry can be opened",
        "blocking",
        "The Pod stays in ImagePullBackOff; a machine kept its login for ever.",
        DOCS + "tasks/configure-pod-container/pull-image-private-registry/",
        pull_secrets,
    ),
    Check(
        "image-together",
        "Jobs run the version of their service",
        "warning",
        "On the machine service and jobs were one directory, and always one version.",
        LINK + "#image-names",
        same_version,
    ),
)
