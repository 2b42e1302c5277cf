"""What a Pod does not inherit from the machine it replaces: time zone, name resolution, sessions on one address."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.built import brought_along, image_variables
from runbook_lib.judge.workload.check import (
    DOCS,
    Check,
    Seen,
    failed,
    passed,
    patch,
    patch_container,
    patch_pod,
    unknown,
)
from runbook_lib.judge.workload.world import Container, Workload, World

# nginx, HAProxy and Traefik, each with an annotation of its own
STICKY = re.compile(r"/affinity=cookie|/cookie-persistence=.|/affinity=.*cookie|sticky.*=true")
STORE = re.compile(r"(?i)redis|memcache|hazelcast|session\w*(store|url|uri|host|server|addr|endpoint|database|jdbc)")
NO_STORE = re.compile(r"(?i)timeout|ttl|max|password|secret|cookie|enabled|pool")
REFERENCE = "(from a reference)"
UTC = ("", "UTC", "Etc/UTC", "GMT", "Etc/GMT", "Etc/UCT", "Zulu")


def time_zone(world: World) -> Iterator[Seen]:
    """The zone that was assessed (the profile's decision, else that of most VMs), against what the process will see."""
    for workload, container in world.containers("Deployment", "StatefulSet", "CronJob"):
        known = (world.assessed if workload.kind == "CronJob" else world.assessed_of(workload)).time_zone
        if container.kind != "app":
            continue
        value, node = variable(world, workload, container, "TZ")
        if not known and value is None:
            yield unknown(
                (workload, container),
                container.node,
                "TZ is not set, and the time zone was not assessed",
                "warning",
            )
        elif value is None and not world.runs_application(container):
            message = f"TZ is not set, and what its image sets is not known (the Dockerfile is not its): say TZ {known}"
            yield unknown(
                (workload, container), container.node, message, None if workload.kind == "CronJob" else "warning"
            )
        elif value is None and known not in UTC:
            mend = patch_container(workload, container, {"env": [{"name": "TZ", "value": known}]})
            yield failed(
                (workload, container), container.node, f"TZ is not set, so UTC; the assessment says {known}", mend
            )
        elif value == REFERENCE and known:
            message = f"TZ comes from what is not among the objects given; the assessment says {known}"
            yield unknown((workload, container), node, message)
        elif value is not None and known and value != known and not (value in UTC and known in UTC):
            yield failed((workload, container), node, f"TZ is {value}, the assessment says {known}")
        else:
            yield passed(
                (workload, container),
                node,
                f"TZ {value or 'not set, so UTC'}" + (", as assessed" if known else ""),
            )


def name_resolution(world: World) -> Iterator[Seen]:
    """With ndots 5 every outside name is asked for four times in vain first; two answers on one port get lost."""
    for workload in world.workloads("Deployment", "StatefulSet", "DaemonSet"):
        options = {
            o.get("name").text(): o.get("value").text() for o in workload.pod.get("dnsConfig", "options").elements()
        }
        wanted = [name for name in ("ndots", "single-request-reopen") if name not in options]
        if not wanted and options["ndots"].isdecimal() and int(options["ndots"][:4]) <= 2:
            yield passed(workload, workload.pod.get("dnsConfig"), f"ndots {options['ndots']}, single-request-reopen")
            continue
        mend = patch_pod(
            workload, {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {"name": "single-request-reopen"}]}}
        )
        message = f"dnsConfig has ndots {options.get('ndots', 'not set, so 5')}"
        if "single-request-reopen" in wanted:
            message += ", no single-request-reopen"
        yield failed(workload, workload.pod, f"{message}: five-second waits that the VMs never had", mend)


def sticky_sessions(world: World) -> Iterator[Seen]:
    """Sessions in the memory of one process need their user to come back to it."""
    demand = next((d for d in world.assessed.demands if d.topic == "session"), None)
    if demand is None or world.assessed.shared_sessions:
        return
    routes, own = routed(world), {id(workload) for workload, _ in world.applications}
    for service in world.of_kind("Service"):
        workloads = [w for w in world.pods(service) if id(w) in own]
        if not workloads:
            continue
        node = service.node.get("spec", "sessionAffinity")
        stores = [name for w in workloads for c in w.containers for name in session_store(world, w, c)]
        place = demand.places[0] if demand.places else "the source"
        route, keeps = routes.get((world.space(service), service.name), ("", False))
        if stores:
            yield passed(service, node, f"sessions have a shared store ({stores[0]})")
        elif keeps:
            yield passed(service, node, f"{route} keeps a user at one Pod, as sessions in memory need it ({place})")
        elif node.text() == "ClientIP" and route:
            message = (
                f"sessionAffinity ClientIP ({place}), but users come by {route}: most gateways pass the Service by"
            )
            yield unknown(service, node, message, "warning")
        elif node.text() == "ClientIP":
            yield passed(service, node, f"sessionAffinity ClientIP answers the sessions in memory ({place})")
        else:
            mend = patch(service, {"spec": {"sessionAffinity": "ClientIP"}})
            message = (
                f"sessions are kept in one process ({', '.join(demand.places[:2])}) and "
                f"sessionAffinity is {node.text('None')}: users are logged out"
            )
            yield failed(service, node, message, mend)


def routed(world: World) -> dict[tuple[str, str], tuple[str, bool]]:
    """By namespace and name of a Service: the route that leads to it, and whether that keeps users at one Pod."""
    found: dict[tuple[str, str], tuple[str, bool]] = {}
    for route in world.of_kind("HTTPRoute"):
        for rule in route.node.get("spec", "rules").elements():
            for backend in rule.get("backendRefs").elements():
                key = (backend.get("namespace").text(world.space(route)), backend.get("name").text())
                found[key] = (route.title, rule.get("sessionPersistence").exists)
    for ingress in world.of_kind("Ingress"):
        marks = ingress.node.get("metadata", "annotations").labels()
        keeps = any(STICKY.search(f"{key}={value}") for key, value in marks.items())
        paths = [p for r in ingress.node.get("spec", "rules").elements() for p in r.get("http", "paths").elements()]
        for backend in (ingress.node.get("spec", "defaultBackend"), *(path.get("backend") for path in paths)):
            found[world.space(ingress), backend.get("service", "name").text()] = (ingress.title, keeps)
    return found


def session_store(world: World, workload: Workload, container: Container) -> list[str]:
    """The variables that name a shared session store."""
    names = variable_names(world, workload, container)
    return [name for name in names if STORE.search(name) and not NO_STORE.search(name)]


def service_links(world: World) -> Iterator[Seen]:
    """Every Pod gets ORDER_SERVICE_PORT=tcp://… of each Service, over ENV of the image; env and envFrom win over it."""
    links: dict[str, set[str]] = defaultdict(set)
    for service in world.of_kind("Service"):
        if service.node.get("spec", "clusterIP").text() != "None":
            begin = service.name.upper().replace("-", "_")
            links[world.space(service)] |= {f"{begin}_{end}" for end in ("PORT", "SERVICE_PORT", "SERVICE_HOST")}
    image = set(image_variables(world))
    for workload, container in world.applications:
        node = workload.pod.get("enableServiceLinks")
        own = set(variable_names(world, workload, container))
        covered = sorted(links[world.space(workload.resource)] & image - own)
        if node.is_false():
            yield passed(workload, node, "no variables of other Services")
        elif covered:
            mend = patch_pod(workload, {"enableServiceLinks": False})
            yield failed(workload, workload.pod, f"{', '.join(covered)} of the image is set anew by Kubernetes", mend)
        else:
            yield passed(workload, workload.pod, "what the image sets does not clash with variables of Services")


def restart_policy(world: World) -> Iterator[Seen]:
    for workload in world.workloads("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"):
        node = workload.pod.get("restartPolicy")
        allowed = ("OnFailure", "Never") if workload.kind in ("Job", "CronJob") else ("Always",)
        if node.text("Always") in allowed:
            yield passed(workload, node, f"restartPolicy {node.text('Always')}")
        else:
            yield failed(
                workload,
                node,
                f"restartPolicy {node.text('Always')} in a {workload.kind}: the API "
                f"server wants {' or '.join(allowed)}",
            )


def variable(world: World, workload: Workload, container: Container, name: str) -> tuple[str | None, Node]:
    """The value a variable will have: env, then envFrom ConfigMaps, then the image's ENV; None when nothing sets it.

    None, too, where another image than the application's may set it: its ENV is not known.
    """
    entry = container.variables().get(name)
    if entry is not None:
        return _value(world, workload, container, entry), entry
    for source in reversed(container.node.get("envFrom").elements()):
        prefix = source.get("prefix").text()
        config = world.named("ConfigMap", source.get("configMapRef", "name").text(), workload.resource)
        value = config.node.get("data", name.removeprefix(prefix)) if config and name.startswith(prefix) else Node()
        if value.exists:
            return value.text(), value
    image = brought_along(world, container)
    return (image[name], container.node) if name in image else (None, container.node)


def _value(world: World, workload: Workload, container: Container, entry: Node) -> str:
    """The value of an entry of env: its own, with $(NAME) filled in from env, or that of a ConfigMap given."""
    chosen = entry.get("valueFrom", "configMapKeyRef")
    config = world.named("ConfigMap", chosen.get("name").text(), workload.resource) if chosen.exists else None
    if config is not None:
        return config.node.get("data", chosen.get("key").text()).text(REFERENCE)
    if entry.get("valueFrom").exists:
        return REFERENCE
    given = {name: other.get("value") for name, other in container.variables().items() if other is not entry}
    known = {name: value.text() for name, value in given.items() if value.exists}
    text = entry.get("value").text()
    return re.sub(r"(?<!\$)\$\((\w+)\)", lambda found: known.get(found[1], found[0]), text)


def variable_names(world: World, workload: Workload, container: Container) -> list[str]:
    """Every name that env and envFrom bring in, as far as the objects given say."""
    names = list(container.variables())
    for source in container.node.get("envFrom").elements():
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            found = world.named(kind, source.get(field, "name").text(), workload.resource)
            for part in ("data", "stringData"):
                names += [key for key, _ in found.node.get(part).entries()] if found else []
    return names


DNS = DOCS + "concepts/services-networking/dns-pod-service/"

CHECKS = (
    Check(
        "time-zone",
        "The time zone is the one assessed",
        "blocking",
        "Daily cut-offs, reports and schedules would shift by hours.",
        DOCS + "tasks/inject-data-application/define-environment-variable-container/",
        time_zone,
    ),
    Check(
        "dns-config",
        "Names resolve without waits",
        "warning",
        "The VMs' resolver had neither search domains of a cluster nor its races.",
        DNS + "#pod-dns-config",
        name_resolution,
    ),
    Check(
        "session-affinity",
        "Sessions in memory stay with their Pod",
        "blocking",
        "Users are logged out by every request that reaches another Pod.",
        DOCS + "reference/networking/virtual-ips/#session-affinity",
        sticky_sessions,
    ),
    Check(
        "service-links",
        "Variables of Services do not clash",
        "warning",
        "PORT of a Service is an address, not a number.",
        DOCS + "tutorials/services/connect-applications-service/",
        service_links,
    ),
    Check(
        "restart-policy",
        "The restart policy fits the kind",
        "blocking",
        "The API server refuses it.",
        DOCS + "concepts/workloads/pods/pod-lifecycle/#restart-policy",
        restart_policy,
    ),
)
