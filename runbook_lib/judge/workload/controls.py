"""What the source asks of the manifests: each place that binds the application, against the control that answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from runbook_lib.artefacts import Demanded
from runbook_lib.judge.workload.check import DOCS, Check, Seen, Severity, failed, passed, unknown
from runbook_lib.judge.workload.pod import session_store, variable, variable_names
from runbook_lib.judge.workload.security import effective
from runbook_lib.judge.workload.volumes import volume_at
from runbook_lib.judge.workload.world import Container, Workload, World


def controls(world: World) -> Iterator[Seen]:
    """Each place in the source that binds the application to its machine, against the control that answers it."""
    for demand in world.assessed.demands:
        answer = ANSWERS.get(demand.topic)
        for workload, container in world.applications():
            more = f" and {len(demand.places) - 1} more" if len(demand.places) > 1 else ""
            place = f"{demand.places[0]}{more}" if demand.places else "the source"
            if answer is None:
                message = (
                    f"{demand.topic} ({place}): no manifest shows whether it is answered; it takes {demand.control}"
                )
                yield unknown((workload, container), container.node, message, severity="info")
                continue
            found = answer(world, workload, container, demand)
            severity: Severity = "blocking" if demand.topic in AT_ONCE else "warning"
            if found:
                yield passed((workload, container), container.node, f"{demand.topic} ({place}): {found}")
            else:
                message = f"{demand.topic} ({place}) is not answered; what answers it: {demand.control}"
                yield failed((workload, container), container.node, message, severity=severity)


def _volume_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    paths = [path for path in demand.captured if path.startswith("/")]
    answers = {path: _kept(world, workload, container, path) for path in paths}
    return "; ".join(f"{path} {answer}" for path, answer in answers.items()) if paths and all(answers.values()) else ""


def _kept(world: World, workload: Workload, container: Container, path: str) -> str:
    volume = volume_at(workload, container, path)
    if volume is not None:
        return f"lies in a volume ({volume.get('name').text() or volume.get('metadata', 'name').text()})"
    sent = world.decision(path)
    return f"goes to the {sent} by decision" if sent else ""


def _cron_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    jobs = world.of_kind("CronJob")
    return ", ".join(job.title for job in jobs)


def _identity_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    if workload.kind == "StatefulSet":
        return "a StatefulSet keeps the name"
    fields = ("metadata.name", "status.podIP")
    found = [
        name
        for name, entry in container.variables().items()
        if entry.get("valueFrom", "fieldRef", "fieldPath").text() in fields
    ]
    return f"env {', '.join(found)} from the downward API" if found else ""


def _session_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    if world.assessed.shared_sessions:
        return "the profile names a shared session store"
    store = session_store(world, workload, container)
    if store:
        return f"a session store in {', '.join(store[:2])}"
    sticky = [s.title for s in world.services(workload) if s.node.get("spec", "sessionAffinity").text() == "ClientIP"]
    return f"sessionAffinity on {', '.join(sticky)}" if sticky else ""


def _log_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    names = variable_names(world, workload, container)
    console = [name for name in names if re.search(r"(?i)log.*(stdout|console|stream|format|target)|LOG_TO", name)]
    if console:
        return f"{', '.join(console)} sends it to the console"
    return _volume_answers(world, workload, container, demand)


def _secret_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    env = [n for n, entry in container.variables().items() if entry.get("valueFrom", "secretKeyRef").exists]
    sources = [
        s.get("secretRef", "name").text() for s in container.node.get("envFrom").elements() if s.get("secretRef").exists
    ]
    files = [v.get("name").text() for v in workload.pod.get("volumes").elements() if v.get("secret").exists]
    return f"Secrets by {', '.join([*env, *sources, *files][:3])}" if env or sources or files else ""


def _address_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    external = [s.title for s in world.of_kind("Service") if s.node.get("spec", "type").text() == "ExternalName"]
    settings = [
        n
        for n in variable_names(world, workload, container)
        if re.search(r"(?i)(url|host|address|endpoint|database|dsn|broker|server)", n)
    ]
    if external:
        return f"names by {', '.join(external)}"
    return f"addresses by {', '.join(settings[:3])}" if settings else ""


def _signal_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    if container.node.get("command").exists:
        return "the command is the first process" if container.node.get("command").elements() else ""
    starts = world.instructions("ENTRYPOINT") or world.instructions("CMD")
    return "the image's entry point is in exec form" if starts and starts[-1].words else ""


def _count_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    names = variable_names(world, workload, container)
    found = [n for n in names if re.search(r"(?i)(workers?|threads?|concurrency|cpus?)$", n)]
    return f"{', '.join(found[:2])} says how many" if found else ""


def _registry_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    return "preStop leaves time to deregister" if container.node.get("lifecycle", "preStop").exists else ""


def _sysctl_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    names = [item.get("name").text() for item in workload.pod.get("securityContext", "sysctls").elements()]
    return f"sysctls {', '.join(names)}" if names else ""


def _scratch_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    folders = [path for path in demand.captured if path.startswith("/")] or ["/tmp"]
    found = [path for path in folders if volume_at(workload, container, path) is not None]
    if found:
        return f"a volume at {', '.join(found)}"
    closed = effective(workload, container, "readOnlyRootFilesystem").is_true()
    return "" if closed else "the root file system may be written to"


def _multicast_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    headless = [s.title for s in world.services(workload) if s.node.get("spec", "clusterIP").text() == "None"]
    return f"neighbours are found by {', '.join(headless)}" if headless else ""


def _zone_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    value, _ = variable(world, workload, container, "TZ")
    return f"TZ {value}" if value else ""


# Users feel these from the first percent on; the others are due before the old side goes.
AT_ONCE = ("session", "local-file")
ANSWERS: dict[str, Callable[[World, Workload, Container, Demanded], str]] = {
    "local-file": _volume_answers,
    "cron": _cron_answers,
    "identity": _identity_answers,
    "session": _session_answers,
    "log-file": _log_answers,
    "secret": _secret_answers,
    "fixed-address": _address_answers,
    "localhost": _address_answers,
    "time-zone": _zone_answers,
    "signal": _signal_answers,
    "cpu-count": _count_answers,
    "registry": _registry_answers,
    "sysctl": _sysctl_answers,
    "scratch": _scratch_answers,
    "multicast": _multicast_answers,
}


CHECKS = (
    Check(
        "source-control",
        "The manifests answer what the source asks",
        "warning",
        "What the source takes from its machine has to come from somewhere.",
        DOCS + "concepts/workloads/",
        controls,
    ),
)
