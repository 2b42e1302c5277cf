"""How manifests answer what the source asks for, topic by topic.

Each says in words what answers the demand, nothing where nothing does, and None where no manifest can show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from runbook_lib.artefacts import Demanded
from runbook_lib.judge.kernel_settings import namespace_of
from runbook_lib.judge.workload.built import started
from runbook_lib.judge.workload.identity import not_root
from runbook_lib.judge.workload.jvm import javas
from runbook_lib.judge.workload.pod import session_store, variable, variable_names
from runbook_lib.judge.workload.schedule import wrong_schedule
from runbook_lib.judge.workload.security import effective
from runbook_lib.judge.workload.volumes import fixed, volume_at
from runbook_lib.judge.workload.world import Container, Workload, World

TELLS_WHERE = re.compile(r"(?i)log.*(stdout|console|stream|format|target|output|dest)|LOG_TO$")
CONSOLE = re.compile(r"(?i)\b(console|stdout|stderr)\b|/dev/(std(out|err)|fd/[12])|^-$")


def _volume_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    """Of what is mounted to be read only nobody knows whether the source reads there, or writes."""
    paths = [path for path in demand.captured if path.startswith("/")]
    answers = {path: _kept(world, workload, container, path) for path in paths}
    volumes = {path: volume_at(workload, container, path) for path in paths if not world.decision(path)}
    if all(answers.values()) and any(v and fixed(container, v, path) for path, v in volumes.items()):
        return None
    return "; ".join(f"{path} {answer}" for path, answer in answers.items()) if paths and all(answers.values()) else ""


def _kept(world: World, workload: Workload, container: Container, path: str) -> str:
    volume = volume_at(workload, container, path)
    if volume is not None:
        return f"lies in a volume ({volume.get('name').text() or volume.get('metadata', 'name').text()})"
    sent = world.decision(path)
    return f"goes to the {sent} by decision" if sent else ""


def _cron_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    """Every schedule that was found as one has its CronJob; where none could be read any CronJob will do."""
    jobs = world.workloads("CronJob")
    asked = {_five_columns(text) for text in demand.captured} - {""}
    there = {" ".join(job.spec.get("schedule").text().replace("?", "*").split()) for job in jobs}
    return ", ".join(job.title for job in jobs) if asked <= there else ""


def _five_columns(text: str) -> str:
    """A schedule as Kubernetes writes it: no seconds, Sunday is 0, and ? is *; empty for anything else."""
    columns = text.replace("?", "*").split()[-5:]
    if len(text.split()) not in (5, 6):
        return ""
    schedule = " ".join([*columns[:4], "0" if columns[4] == "7" else columns[4]])
    return "" if wrong_schedule(schedule) else schedule


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


def _log_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    names = [n for n in variable_names(world, workload, container) if TELLS_WHERE.search(n)]
    values = {name: variable(world, workload, container, name)[0] or "" for name in names}
    console = [name for name, value in values.items() if CONSOLE.search(value) or _switched_on(name, value)]
    if console:
        return f"{', '.join(console)} sends it to the console"
    linked = [
        run.line
        for run in world.instructions("RUN")
        if re.search(r"ln .*/dev/std(out|err)", run.value + run.body)
        and (not demand.captured or any(path in run.value + run.body for path in demand.captured))
    ]
    if linked:
        return f"the image links it to the console (Dockerfile line {linked[0]})"
    return _volume_answers(world, workload, container, demand)


def _switched_on(name: str, value: str) -> bool:
    return bool(re.search(r"(?i)stdout|console", name)) and value.lower() not in ("", "false", "0", "no", "off")


def _secret_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    env = [n for n, entry in container.variables().items() if entry.get("valueFrom", "secretKeyRef").exists]
    sources = [
        s.get("secretRef", "name").text() for s in container.node.get("envFrom").elements() if s.get("secretRef").exists
    ]
    files = [v.get("name").text() for v in workload.volumes if v.get("secret").exists]
    return f"Secrets by {', '.join([*env, *sources, *files][:3])}" if env or sources or files else ""


def _address_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    external = [s.title for s in world.of_kind("Service") if s.node.get("spec", "type").text() == "ExternalName"]
    beside = _beside(workload, container, demand)
    if beside:
        return f"{beside} beside it listens there"
    settings = [
        n
        for n in variable_names(world, workload, container)
        if re.search(r"(?i)(url|host|address|endpoint|database|dsn|broker|server)", n)
        and not _the_same(variable(world, workload, container, n)[0] or "", demand)
    ]
    if external:
        return f"names by {', '.join(external)}"
    return f"addresses by {', '.join(settings[:3])}" if settings else ""


def _beside(workload: Workload, container: Container, demand: Demanded) -> str:
    """The container of the same Pod that listens where the source calls its own machine."""
    asked = {port for text in demand.captured for port in re.findall(r":(\d{2,5})\b", text)}
    found = (
        other.name
        for other in workload.containers
        if demand.topic == "localhost" and other is not container and other.runs_on
        for port in other.node.get("ports").elements()
        if port.get("containerPort").text() in asked
    )
    return next(found, "")


def _the_same(value: str, demand: Demanded) -> bool:
    """Whether a setting still names the address that it should take the place of."""
    own = demand.topic == "localhost" and re.search(r"(?i)\blocalhost\b|\b127\.\d", value)
    hosts = {host for text in demand.captured for host in re.findall(r"\d{1,3}(?:\.\d{1,3}){3}", text)}
    return bool(own) or any(re.search(rf"(?<![\d.]){re.escape(host)}(?![\d.])", value) for host in hosts)


def _limits_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    raised = re.search(r"(ulimit -\S*n\S* \S+|prlimit \S+)", " ".join(started(world, container)))
    return f"the command raises it ({raised.group(1)})" if raised else None


def _native_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    arch = workload.pod.get("nodeSelector", "kubernetes.io/arch")
    return f"nodes are {arch.text()}" if arch.exists else None


def _root_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    return "it is told not to run as root" if not_root(workload, container) else ""


def _port_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    asked = {text for text in demand.captured if text.isdigit()}
    declared = {port.get("containerPort").text() for port in container.node.get("ports").elements()}
    return None if not asked else f"containerPort {', '.join(sorted(asked))}" if asked <= declared else ""


def _mail_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    names = [n for n in variable_names(world, workload, container) if re.search(r"(?i)(smtp|mail)", n)]
    return f"the relay is named by {', '.join(names[:2])}" if names else None


def _cache_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    limit = container.node.get("resources", "limits", "memory")
    return f"the memory limit {limit.text()} bounds it" if limit.exists else ""


def _rpc_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    values = [entry.get("value").text() for entry in container.variables().values()]
    told = any("java.rmi.server.hostname" in text for text in (*values, *started(world, container)))
    return "java.rmi.server.hostname is announced" if told else None


def _sdk_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    told = next((java for one, _, java in javas(world) if one is workload), None)
    return f"Java {told.text} of the image knows a container's limits" if told and told.sees_limits else None


def _signal_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    """A shell as first process keeps SIGTERM to itself, unless it hands over."""
    if container.node.get("command").elements():
        words = started(world, container)
        shell = words[0].rpartition("/")[2] in ("sh", "bash", "ash", "dash") and "exec " not in " ".join(words)
        return "" if shell else "the command is the first process"
    starts = world.instructions("ENTRYPOINT") or world.instructions("CMD")
    return "the image's entry point is in exec form" if starts and starts[-1].words else ""


def _count_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    names = variable_names(world, workload, container)
    found = [n for n in names if re.search(r"(?i)(workers?|threads?|concurrency|cpus?)$", n)]
    return f"{', '.join(found[:2])} says how many" if found else ""


def _registry_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    return "preStop leaves time to deregister" if container.node.get("lifecycle", "preStop").exists else ""


def _sysctl_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str | None:
    """Those that were found; where none could be read any will do. What is the node's alone no Pod can show."""
    names = [item.get("name").text() for item in workload.pod.get("securityContext", "sysctls").elements()]
    lacking = set(demand.captured) - set(names)
    if lacking:
        return "" if any(namespace_of(name) for name in lacking) else None
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


ANSWERS: dict[str, Callable[[World, Workload, Container, Demanded], str | None]] = {
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
    "limits": _limits_answers,
    "native": _native_answers,
    "root": _root_answers,
    "port": _port_answers,
    "mail": _mail_answers,
    "cache": _cache_answers,
    "rpc": _rpc_answers,
    "old-sdk": _sdk_answers,
}
