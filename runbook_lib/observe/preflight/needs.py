"""What the runbooks of one application do in a cluster, verb by verb: deploy, drill, stages, guard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runbook_lib.errors import CriterionFailed
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.parameters import Parameters
from runbook_lib.sections import Kubernetes
from runbook_lib.sections.traffic import HttpRoute, IngressCanary, VirtualService

GATEWAYS = "gateway.networking.k8s.io"


class Need(NamedTuple):
    """Verbs on one resource, and what for; without a namespace it is the application's own, unless ``namespaced``."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str
    name: str = ""
    namespaced: bool = True
    namespace: str = ""
    optional: bool = False


def needs(p: Parameters, cluster: Cluster, objects: Iterable[Object]) -> list[Need]:
    """Everything that 03, 04, 06 and the guard will ask of the cluster for this release."""
    release = list(objects)
    shared = [*of_rollout(p.kubernetes.deployment), *of_verification(p.kubernetes, release), *of_traffic(p)]
    return [*of_release(cluster, release), *shared, *of_references(p), *LOOKS]


def of_rollout(deployment: str) -> list[Need]:
    """Watching a rollout, explaining a stuck one, the drill, the way back, and the copies of the configuration."""
    apps, events = "apps", "rollout: why a Pod does not start"
    return [
        Need(apps, "deployments", ("get", "watch"), "rollout and stages: how it stands", deployment),
        Need(apps, "deployments", ("update",), "drill and rollback", deployment),
        Need(apps, "replicasets", ("list",), "rollback: which revisions are there"),
        Need("", "pods", ("list",), "rollout and stages: readiness, restarts, OOM kills"),
        Need("", "pods", ("delete",), "rollout: a failed Pod is made anew (kubernetes.rollout.failed_pods)"),
        Need("", "pods/log", ("get",), "rollout: the last words of a container", optional=True),
        Need("", "events", ("list",), events),
        Need("discovery.k8s.io", "endpointslices", ("list",), "rollout: which Pods users would reach"),
        Need("", "configmaps", ("get", "list", "create"), "snapshot: what stands is kept in the cluster"),
        Need("", "configmaps", ("update",), "rollback: restored"),
        Need("", "configmaps", ("delete",), "rollback: an immutable one is made anew"),
        Need(apps, "deployments", ("create",), "rollback: a Deployment that is gone"),
        Need("", "secrets", ("get", "create"), "snapshot: copied before a change"),
        Need("", "secrets", ("update",), "rollback: restored"),
        Need("", "secrets", ("delete",), "rollback: an immutable one is made anew"),
    ]


def of_verification(k: Kubernetes, objects: Iterable[Object] = ()) -> list[Need]:
    """The Service, and the way through the API server where Pods or Service are asked by it (`kubernetes.reach`)."""
    methods = {case.method for case in k.smoke} | ({"GET", "POST"} if k.session_login else {"GET"})
    verbs = tuple(sorted({_VERBS[method] for method in methods}))
    through, why = k.reach != "direct", "verification: asked through the API server (kubernetes.reach)"
    found = [
        Need("", "services", ("get",), "verification: where the Service listens", k.service),
        Need("autoscaling", "horizontalpodautoscalers", ("list",), "load test: what it may scale to", optional=True),
    ]
    if through:
        found.append(Need("", "services/proxy", verbs, why, _proxied(k.service, objects)))
        found.append(Need("", "pods/proxy", verbs, why, optional=k.reach == "auto"))
    return found


def _proxied(service: str, objects: Iterable[Object]) -> str:
    """How a Role names a Service that is asked through the API server: with its port, ``web:http``; "" if unknown."""
    for item in objects:
        if (item["kind"], item["metadata"]["name"]) == ("Service", service):
            port: Object = next(iter((item.get("spec") or {}).get("ports") or []), {})
            return f"{service}:{port.get('name') or port.get('port')}" if port else ""
    return ""


_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def of_release(cluster: Cluster, objects: Iterable[Object]) -> list[Need]:
    """Server-side apply of each object; nobody names what he creates, so ``create`` is asked for the whole kind.

    What lies in no namespace is mostly there already and not ours to create: that is asked for only where it is not.
    """
    found: dict[Need, None] = {}
    for item in objects:
        if not cluster.knows(item["apiVersion"], item["kind"]):
            continue  # it comes with the release, or the comparison refuses it
        kind = cluster.resource(item["apiVersion"], item["kind"])
        namespaced, group, why = bool(kind.namespaced), kind.group or "", "deploy: apply and compare"
        found[Need(group, kind.name, ("get", "patch"), why, item["metadata"]["name"], namespaced)] = None
        if namespaced or not is_there(cluster, item):
            found[Need(group, kind.name, ("create",), why, "", namespaced)] = None
        for gateway in gateways_of(item, cluster.namespace):
            why = "preflight: the Gateway of a route"
            found[Need(GATEWAYS, "gateways", ("get",), why, gateway[1], True, gateway[0], True)] = None
            found[Need(GATEWAYS, "gatewayclasses", ("list",), why, "", False, "", True)] = None
    return sorted(found)


def is_there(cluster: Cluster, item: Object) -> bool:
    """Whether the object exists; where we may not look it is taken to, and asked for again once we may."""
    try:
        return cluster.get(item["apiVersion"], item["kind"], item["metadata"]["name"]) is not None
    except CriterionFailed:
        return True


def gateways_of(item: Object, namespace: str) -> list[tuple[str, str]]:
    """Namespace and name of each Gateway that a route hangs on."""
    parents = (item.get("spec") or {}).get("parentRefs") or [] if item["kind"].endswith("Route") else []
    return [
        (ref.get("namespace") or namespace, ref["name"]) for ref in parents if ref.get("kind", "Gateway") == "Gateway"
    ]


def of_references(p: Parameters) -> list[Need]:
    """The Secrets of the cluster that the parameters refer to: ``secret:namespace/name#key``."""
    found = sorted({text for text in _texts(p.model_dump()) if text.startswith("secret:")})
    names = [text.removeprefix("secret:").partition("#")[0].partition("/") for text in found]
    why = "parameters: a value by reference"
    return [Need("", "secrets", ("get",), why, name, namespace=place) for place, _, name in names if place and name]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def of_traffic(p: Parameters) -> list[Need]:
    """The knob, where it is an object of this cluster, and the guard's Lease."""
    lease, why = f"runbook-{p.application.name}", "guard: which one acts"
    found = [
        Need("coordination.k8s.io", "leases", ("get", "update"), why, lease),
        Need("coordination.k8s.io", "leases", ("create",), why),
    ]
    return [*found, *_of_knob(p)]


def _of_knob(p: Parameters) -> Iterator[Need]:
    knob, why = p.traffic.knob, "stages and rollback: move the users"
    known = {
        HttpRoute: ("gateway.networking.k8s.io", "httproutes"),
        IngressCanary: ("networking.k8s.io", "ingresses"),
        VirtualService: ("networking.istio.io", "virtualservices"),
    }
    if not isinstance(knob, HttpRoute | IngressCanary | VirtualService):
        return
    group, resource = known[type(knob)]
    # with git the platform writes the object, and we only look whether it did
    verbs = ("get",) if knob.git else ("get", "update")
    yield Need(group, resource, verbs, why, knob.name, namespace=knob.namespace)
    if isinstance(knob, IngressCanary):
        yield Need(group, resource, ("list",), "stages: the Ingress beside the canary", namespace=knob.namespace)


LOOKS = (
    Need("", "resourcequotas", ("list",), "preflight: room in the quota", optional=True),
    Need("", "limitranges", ("list",), "preflight: limits of a container", optional=True),
    Need("", "serviceaccounts", ("list",), "preflight: its imagePullSecrets", optional=True),
    Need("", "persistentvolumeclaims", ("list",), "preflight: volumes that are there", optional=True),
    Need("", "namespaces", ("get",), "which cluster this is", "kube-system", namespaced=False, optional=True),
    Need("", "nodes", ("list",), "preflight: room, images, time", namespaced=False, optional=True),
    Need("", "pods", ("list",), "preflight: what the nodes have left", namespaced=False, optional=True),
    Need("storage.k8s.io", "storageclasses", ("list",), "preflight: volumes", namespaced=False, optional=True),
    Need("networking.k8s.io", "ingressclasses", ("list",), "preflight: routes", namespaced=False, optional=True),
    Need("coordination.k8s.io", "leases", ("list",), "preflight: time of the nodes", "", True, "kube-node-lease", True),
)
"""What the preflight itself looks at; without it that line of it says that it is not known."""
