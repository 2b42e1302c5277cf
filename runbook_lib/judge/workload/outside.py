"""Services for what stays outside, as the databases on machines do: a name that is one, or addresses that fit."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.world import World

LINK = DOCS + "concepts/services-networking/service/"


def outside_is_reached(world: World) -> Iterator[Seen]:
    slices = _slices(world)
    for service in world.of_kind("Service"):
        spec = service.node.get("spec")
        name = spec.get("externalName")
        if spec.get("type").text() == "ExternalName":
            if name.text():
                yield _name(service, name)
        elif not spec.get("selector").exists:
            found = slices.get((world.space(service), service.name), [])
            if found:
                yield from _addresses(service, found)
            else:
                message = "no selector, and no EndpointSlice among the objects given: make sure the cluster has it"
                yield unknown(service, spec, message, "warning")


def _name(service: Resource, name: Node) -> Seen:
    """DNS answers with an alias: for an address it is a name made of digits, which nobody knows."""
    if _address(name.text()) is None:
        return passed(service, name, f"an alias of {name.text()}")
    message = f"externalName {name.text()} is read as a name, not as an address: it never resolves"
    return failed(service, name, f"{message}; take a Service without selector and an EndpointSlice")


def _addresses(service: Resource, found: list[Resource]) -> Iterator[Seen]:
    """Ports are joined by their names; an address of the node itself is refused."""
    for slice_ in found:
        for node in _all_addresses(slice_):
            address = _address(node.text())
            if address is None and slice_.node.get("addressType").text() != "FQDN":
                yield failed(slice_, node, f"{node.text()[:60]!r} is no address: the API server refuses it")
            elif address is not None and (address.is_loopback or address.is_link_local or address.is_multicast):
                yield failed(slice_, node, f"{address} means each node itself or many: the API server refuses it")
    names = {port.get("name").text() for slice_ in found for port in _all_ports(slice_)}
    for port in service.node.get("spec", "ports").elements():
        name = port.get("name").text()
        if name in names:
            yield passed(service, port, f"leads to {', '.join(one.title for one in found[:2])}")
        else:
            shown = ", ".join(sorted(name or "one without a name" for name in names)) or "no port"
            message = f"port {name or port.get('port').text()} has no port of that name behind it, there is {shown}"
            yield failed(service, port, message)


def _slices(world: World) -> dict[tuple[str, str], list[Resource]]:
    """EndpointSlices by the label that names their Service, Endpoints by the Service's name, which they bear."""
    found: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for resource in world.of_kind("EndpointSlice"):
        name = resource.node.get("metadata", "labels", "kubernetes.io/service-name").text()
        found[world.space(resource), name].append(resource)
    for resource in world.of_kind("Endpoints"):
        found[world.space(resource), resource.name].append(resource)
    return found


def _all_addresses(slice_: Resource) -> Iterator[Node]:
    for endpoint in slice_.node.get("endpoints").elements():
        yield from endpoint.get("addresses").elements()
    for subset in slice_.node.get("subsets").elements():
        yield from (address.get("ip") for address in subset.get("addresses").elements())


def _all_ports(slice_: Resource) -> Iterator[Node]:
    yield from slice_.node.get("ports").elements()
    for subset in slice_.node.get("subsets").elements():
        yield from subset.get("ports").elements()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


CHECKS = (
    Check(
        "external-service",
        "What stays outside can be reached by its name",
        "blocking",
        "The database stays on its machine, and every Pod looks for it by this name.",
        LINK + "#services-without-selectors",
        outside_is_reached,
    ),
)
