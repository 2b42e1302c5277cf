"""Liveness, readiness and startup probes: are they there, do they reach a port, do they leave time to start."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_container, unknown
from runbook_lib.judge.workload.world import LONG_RUNNING, Container, Workload, World

LINK = DOCS + "tasks/configure-pod-container/configure-liveness-readiness-startup-probes/"
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")


def readiness(world: World) -> Iterator[Seen]:
    """Also of a Pod on its own that a Service sends users to; of another nobody waits for it to be ready."""
    for workload, container in world.containers(*LONG_RUNNING, "Pod"):
        if container.kind == "app" and (workload.kind != "Pod" or world.services(workload)):
            yield _there(
                workload, container, "readinessProbe", "traffic is sent before the service can answer", "/ready"
            )


def liveness(world: World) -> Iterator[Seen]:
    for workload, container in world.containers(*LONG_RUNNING):
        if container.kind == "app":
            yield _there(workload, container, "livenessProbe", "a process that hangs is never restarted", "/healthz")


def reachable_port(world: World) -> Iterator[Seen]:
    """A name must be a port of the container itself; a number is asked of the Pod, where any container may listen.

    A number need not be declared; one that none declares where others are is often a slip. No probe speaks UDP.
    """
    for workload, container in world.containers():
        names = {port.get("name").text() for port in _by_tcp(container)}
        numbers = {port.get("containerPort").text() for c in workload.containers if c.runs_on for port in _by_tcp(c)}
        for name in PROBES:
            for handler in ("httpGet", "tcpSocket", "grpc"):
                port = container.node.get(name, handler, "port")
                wanted = port.text()
                if not wanted:
                    continue
                if isinstance(port.value, str) and (wanted.isdigit() or handler == "grpc"):
                    yield _quoted(workload, container, port, name, handler)
                elif wanted in names | numbers:
                    yield passed((workload, container), port, f"{name} asks port {wanted}")
                elif not wanted.isdigit():
                    message = f"{name} asks port {wanted!r}, but no port has that name"
                    yield failed((workload, container), port, message)
                elif numbers:
                    shown = ", ".join(sorted(numbers))
                    message = f"{name} asks port {wanted}, the Pod declares {shown}"
                    yield failed((workload, container), port, message, severity="warning")


def _quoted(workload: Workload, container: Container, port: Node, name: str, handler: str) -> Seen:
    message = f"{name} asks port {port.text()!r}, which is text where a number belongs: it is refused"
    number = int(port.text()[:6]) if port.text().isdecimal() else None
    mend = patch_container(workload, container, {name: {handler: {"port": number}}}) if number else None
    return failed((workload, container), port, message, mend)


def _by_tcp(container: Container) -> list[Node]:
    return [p for p in container.node.get("ports").elements() if p.get("protocol").text("TCP") == "TCP"]


def startup_budget(world: World) -> Iterator[Seen]:
    """What the probes allow for starting, against the longest start measured on the virtual machines."""
    for workload, container in world.containers(*LONG_RUNNING):
        there = [probe for probe in ("startupProbe", "livenessProbe") if container.node.get(probe).exists]
        if container.kind != "app" or not there:
            continue
        name = there[0]  # until it succeeds the kubelet does not ask the other
        probe = container.node.get(name)
        budget, sum_ = allowed(probe)
        measured = world.assessed_of(workload).start_seconds
        if measured is None:
            message = f"{name} allows {budget:g} s ({sum_}), but the start-up time was not measured"
            message += f": {world.how_to_measure(workload)}"
            yield unknown((workload, container), probe, message, severity="warning")
        elif budget >= 1.5 * measured:
            yield passed(
                (workload, container), probe, f"{name} allows {budget:g} s ({sum_}) for a start of {measured:g} s"
            )
        else:
            message = (
                f"{name} allows {budget:g} s ({sum_}), but the longest start took "
                f"{measured:g} s, x 1.5 = {1.5 * measured:g} s"
            )
            yield failed((workload, container), probe, message, _startup(workload, container, measured))


def allowed(probe: Node) -> tuple[float, str]:
    """Seconds until the kubelet gives up: initial delay + failures x period, with Kubernetes' defaults."""
    delay = probe.get("initialDelaySeconds").integer(0) or 0
    failures = probe.get("failureThreshold").integer(3) or 3
    period = probe.get("periodSeconds").integer(10) or 10
    return delay + failures * period, f"{delay} + {failures} x {period}"


def identical(world: World) -> Iterator[Seen]:
    """The same question is fine when liveness gives up later: only then is a slow Pod taken out before it is killed."""
    for workload, container in world.containers(*LONG_RUNNING):
        live, ready = container.node.get("livenessProbe"), container.node.get("readinessProbe")
        handlers = [_asked(container, probe) for probe in (live, ready)]
        if container.kind != "app" or not live.exists or not ready.exists or handlers[0] != handlers[1]:
            continue
        live_time, ready_time = allowed(live)[0], allowed(ready)[0]
        if live_time > ready_time:
            yield passed(
                (workload, container),
                live,
                f"liveness gives up after {live_time:g} s, readiness after {ready_time:g} s",
            )
        else:
            message = (
                f"liveness asks the same as readiness and gives up after {live_time:g} s, "
                f"not later than readiness ({ready_time:g} s): an overloaded Pod is killed, not relieved"
            )
            yield failed((workload, container), live, message)


def _asked(container: Container, probe: Node) -> dict[str, object]:
    """What a probe asks, with Kubernetes' defaults and each port as a number: however it is written, it is the same."""
    ports = {port.get("name").text(): port.get("containerPort").text() for port in _by_tcp(container)}
    asked: dict[str, object] = {key: probe.get(key).plain() for key in HANDLERS if probe.get(key).exists}
    for key in ("httpGet", "tcpSocket", "grpc"):
        handler = asked.get(key)
        if isinstance(handler, dict):
            port = probe.get(key, "port").text()
            defaults = {"path": "/", "scheme": "HTTP"} if key == "httpGet" else {}
            asked[key] = {**defaults, **handler, "port": ports.get(port, port)}
    return asked


def timing(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        for name in PROBES:
            probe = container.node.get(name)
            if not probe.exists:
                continue
            timeout, period = probe.get("timeoutSeconds").integer(1) or 1, probe.get("periodSeconds").integer(10) or 10
            successes = probe.get("successThreshold")
            wrong = _refused(name, probe)
            if wrong is not None:
                yield failed((workload, container), wrong[0], f"{name}.{wrong[1]}: the API server refuses it")
            elif name != "readinessProbe" and successes.integer(1) != 1:
                yield failed(
                    (workload, container), successes, f"{name}.successThreshold must be 1: the API server refuses it"
                )
            elif sum(probe.get(handler).exists for handler in HANDLERS) != 1:
                yield failed(
                    (workload, container),
                    probe,
                    f"{name} must ask in exactly one way (httpGet, tcpSocket, grpc or exec)",
                )
            elif timeout > period:
                message = f"{name} waits {timeout} s for an answer but asks every {period} s"
                yield failed((workload, container), probe, message, severity="warning")
            else:
                yield passed((workload, container), probe, f"{name}: every {period} s, {timeout} s to answer")


def _refused(name: str, probe: Node) -> tuple[Node, str] | None:
    """Which field of a probe cannot be as it is."""
    grace, words = probe.get("terminationGracePeriodSeconds"), probe.get("exec", "command")
    if name == "readinessProbe" and grace.exists:
        return grace, "terminationGracePeriodSeconds: a readiness probe ends nothing"
    if probe.get("exec").exists and not words.elements():
        return words, "exec has no command"
    for key, value in probe.entries():
        if (value.integer(0) or 0) < 0:
            return value, f"{key} is below zero"
    return None


def _there(workload: Workload, container: Container, name: str, harm: str, path: str) -> Seen:
    probe = container.node.get(name)
    if probe.exists:
        return passed((workload, container), probe, f"{name} is there")
    ports = container.node.get("ports").elements()
    port = ports[0].get("containerPort").integer() if ports else None
    mend = patch_container(workload, container, {name: {"httpGet": {"path": path, "port": port}}}) if port else None
    return failed((workload, container), container.node, f"no {name}: {harm}", mend)


def _startup(workload: Workload, container: Container, measured: float) -> dict[str, object] | None:
    live = container.node.get("livenessProbe")
    handler = {key: live.get(key).plain() for key in HANDLERS if live.get(key).exists}
    failures = max(3, -int(-2 * measured // 5))
    return patch_container(
        workload, container, {"startupProbe": {**handler, "periodSeconds": 5, "failureThreshold": failures}}
    )


CHECKS = (
    Check(
        "readiness-probe",
        "A readiness probe says when traffic may come",
        "blocking",
        "Gray traffic reaches every Pod that is called ready; on a VM a person waited for the service.",
        LINK,
        readiness,
    ),
    Check(
        "liveness-probe",
        "A liveness probe restarts what hangs",
        "warning",
        "On a VM somebody restarted it; here only a probe does.",
        LINK,
        liveness,
    ),
    Check(
        "probe-port",
        "Probes ask a port that is there",
        "blocking",
        "A probe that asks the wrong port never succeeds, and the rollout never ends.",
        LINK,
        reachable_port,
    ),
    Check(
        "startup-budget",
        "The probes leave enough time to start",
        "blocking",
        "A Pod that is killed while it starts starts again, for ever; the first stage shows a crash loop.",
        LINK,
        startup_budget,
    ),
    Check(
        "probes-identical",
        "Liveness gives up later than readiness",
        "warning",
        "Under load all Pods would be restarted at once.",
        LINK,
        identical,
    ),
    Check(
        "probe-form",
        "Probes have a valid form",
        "blocking",
        "The API server refuses it, or the probes overlap.",
        LINK,
        timing,
    ),
)
