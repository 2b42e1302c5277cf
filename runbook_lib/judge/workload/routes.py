"""What leads users in: routes and Ingresses, their backends, what serves them, and TLS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.gateways import routes_have_parents
from runbook_lib.judge.workload.kinds import GATEWAY, GONE, ROUTES
from runbook_lib.judge.workload.world import World

LINK = DOCS + "concepts/services-networking/gateway/"
INGRESS = DOCS + "concepts/services-networking/ingress/"
CERTIFICATE = {"tls.crt", "tls.key"}
ANSWERS = ("RequestRedirect", "ExtensionRef")  # filters of a rule after which nothing behind it is asked


def routes_lead_somewhere(world: World) -> Iterator[Seen]:
    for route in world.of_kind(*ROUTES):
        rules = route.node.get("spec", "rules").elements()
        if not rules:
            yield failed(route, route.node.get("spec"), "no rules: it leads nowhere")
        for rule in rules:
            backends = rule.get("backendRefs").elements()
            for backend in backends:
                if backend.get("kind").text("Service") == "Service" and not backend.get("group").text():
                    yield _behind_route(world, route, backend)
            if not backends and not any(f.get("type").text() in ANSWERS for f in rule.get("filters").elements()):
                yield failed(route, rule, "a rule without backendRefs: users get an error")
    for ingress in world.of_kind("Ingress"):
        yield from _behind_ingress(world, ingress)


def _behind_ingress(world: World, ingress: Resource) -> Iterator[Seen]:
    default, rules = ingress.node.get("spec", "defaultBackend"), ingress.node.get("spec", "rules").elements()
    if not rules and not default.exists:
        yield failed(ingress, ingress.node, "neither rules nor defaultBackend: the API server refuses it")
    gone = (ingress.api_version, "Ingress") in GONE  # another check's, and its backends are written otherwise
    paths = [path.get("backend") for rule in rules for path in rule.get("http", "paths").elements()]
    for backend in [*paths, *([default] if default.exists else [])]:
        port, name = backend.get("service", "port"), backend.get("service", "name")
        if not gone and not backend.get("resource").exists:
            number = port.get("number")
            service = world.named("Service", name.text(), ingress)
            yield _backend(ingress, service, name, number if number.exists else port.get("name"))


def _behind_route(world: World, route: Resource, backend: Node) -> Seen:
    """A backend in another namespace needs a ReferenceGrant there; without one the gateway answers 500."""
    name, space = backend.get("name"), backend.get("namespace")
    if space.text(world.space(route)) == world.space(route):
        return _backend(route, world.named("Service", name.text(), route), name, backend.get("port"))
    there = dataclasses.replace(route, namespace=space.text())
    service = world.named("Service", name.text(), there)
    if service is None:
        message = f"Service {name.text()} of namespace {space.text()} is not among the objects given, nor is its grant"
        return unknown(route, name, message, "warning")
    if not any(_granted(world, grant, route, service) for grant in world.of_kind("ReferenceGrant")):
        message = f"no ReferenceGrant in {space.text()} lets {route.kind}s of {world.space(route)} use {service.title}"
        return failed(route, space, f"{message}: users get 500")
    return _backend(route, service, name, backend.get("port"))


def _granted(world: World, grant: Resource, route: Resource, service: Resource) -> bool:
    if world.space(grant) != world.space(service):
        return False
    to = [
        one
        for one in grant.node.get("spec", "to").elements()
        if one.get("kind").text() == "Service" and not one.get("group").text()
    ]
    from_ = [
        one
        for one in grant.node.get("spec", "from").elements()
        if (one.get("group").text(), one.get("kind").text()) == (GATEWAY, route.kind)
        and one.get("namespace").text() == world.space(route)
    ]
    named = any(one.get("name").text(service.name) == service.name for one in to)
    return named and bool(from_)


def _backend(route: Resource, service: Resource | None, name: Node, port: Node) -> Seen:
    harm = f"users get {503 if route.kind == 'Ingress' else 500}"
    if service is None:
        return failed(route, name, f"Service {name.text('(no name)')} is not among the objects given: {harm}")
    if not port.text():
        return failed(route, name, f"no port for {service.title}: the API server refuses it")
    spec = service.node.get("spec")
    ports = spec.get("ports").elements()
    if any(port.text() in (p.get("port").text(), p.get("name").text()) for p in ports):
        return passed(route, name, f"leads to {service.title}, port {port.text()}")
    if spec.get("type").text() == "ExternalName" and not ports:
        message = f"{service.title} is an alias of {spec.get('externalName').text()}: make sure that it answers"
        return unknown(route, name, f"{message} at port {port.text()}", "warning")
    shown = ", ".join(p.get("port").text() for p in ports) or "none"
    return failed(route, port, f"{service.title} has no port {port.text()}, it has {shown}: {harm}")


def routes_are_served(world: World) -> Iterator[Seen]:
    """A route without a parent, or an Ingress without a class, is applied without complaint and serves nobody."""
    yield from routes_have_parents(world)
    default = any(
        one.node.get("metadata", "annotations", "ingressclass.kubernetes.io/is-default-class").text() == "true"
        for one in world.of_kind("IngressClass")
    )
    for ingress in world.of_kind("Ingress"):
        name = ingress.node.get("spec", "ingressClassName")
        old = ingress.node.get("metadata", "annotations", "kubernetes.io/ingress.class")
        if name.text() or old.text():
            yield passed(ingress, name if name.exists else old, f"class {name.text() or old.text()}")
        elif default:
            yield passed(ingress, ingress.node.get("spec"), "the cluster's default class takes it")
        else:
            message = "no ingressClassName: without a default class no controller takes it"
            yield failed(ingress, ingress.node.get("spec"), message)


def tls_is_there(world: World) -> Iterator[Seen]:
    """Each host has a certificate, and the Secret that is named for it holds one."""
    for ingress in world.of_kind("Ingress"):
        spec = ingress.node.get("spec")
        covered: dict[str, Node] = {}
        for entry in spec.get("tls").elements():
            yield from _certificate(world, ingress, entry)
            # without hosts it is for all that the certificate names
            covered |= {host.text(): entry for host in entry.get("hosts").elements()} or {"": entry}
        for rule in spec.get("rules").elements():
            host = rule.get("host").text()
            found = next((covered[one] for one in (host, f"*.{host.partition('.')[2]}", "") if one in covered), None)
            if host and found is None:
                message = f"no TLS for {host}: right only when something in front of the Ingress ends it"
                yield failed(ingress, rule, message, severity="info")
            elif host and found is not None:
                yield passed(ingress, found, f"TLS for {host}")


def _certificate(world: World, ingress: Resource, entry: Node) -> Iterator[Seen]:
    name = entry.get("secretName")
    secret = world.named("Secret", name.text(), ingress) if name.text() else None
    if secret is None and name.text():
        yield unknown(
            ingress, name, f"Secret/{name.text()} is not among the objects given: make sure the cluster has it"
        )
    elif secret is not None and not _holds_certificate(secret):
        yield failed(ingress, name, f"{secret.title} has no tls.crt and tls.key: users see a foreign certificate")


def _holds_certificate(secret: Resource) -> bool:
    """By its keys, whatever its type; that one of the type has them is another check's."""
    keys = {key for field in ("data", "stringData") for key, _ in secret.node.get(field).entries()}
    return secret.node.get("type").text() == "kubernetes.io/tls" or keys >= CERTIFICATE


def no_snippets(world: World) -> Iterator[Seen]:
    """What the machines' nginx had in its own file; as an annotation it is in the file of all who share the controller.

    ingress-nginx refuses it unless somebody allows it for everybody (allow-snippet-annotations, off since 1.9).
    """
    for ingress in world.of_kind("Ingress"):
        annotations = ingress.node.get("metadata", "annotations")
        found = [(key, node) for key, node in annotations.entries() if key.endswith(("-snippet", "-snippets"))]
        for key, node in found:
            name = key.rpartition("/")[2]
            yield failed(ingress, node, f"{name}: the controller refuses it, or lets anybody's into its configuration")
        if not found:
            yield passed(ingress, annotations, "no configuration of the controller in it")


CHECKS = (
    Check(
        "route-backend",
        "Routes lead to a Service and port",
        "blocking",
        "Users get 503 as soon as the weight is above zero.",
        LINK,
        routes_lead_somewhere,
    ),
    Check(
        "route-parent",
        "Something serves each route",
        "warning",
        "It is applied without complaint, and users never arrive.",
        INGRESS + "#ingress-class",
        routes_are_served,
    ),
    Check(
        "ingress-tls",
        "Users come by TLS",
        "warning",
        "The web server on the machines ended TLS; something has to do it now.",
        INGRESS + "#tls",
        tls_is_there,
    ),
    Check(
        "ingress-snippet",
        "Routes bring no configuration of the controller",
        "warning",
        "Rewrites and headers of the machines' web server were its own; here a line reaches every application's users.",
        INGRESS + "#ingress-controllers",
        no_snippets,
    ),
)
