"""Java in a container: flags from image, variables and command, against the limits and what the version understands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.judge.quantity import number_of
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.jvm import SCRIPTS, Java, javas, with_flag
from runbook_lib.judge.workload.pod import variable
from runbook_lib.judge.workload.resources import defaults, memory_limit_of, resource
from runbook_lib.judge.workload.world import Container, Workload, World

MIB = 2**20
LIMITS = DOCS + "concepts/configuration/manage-resources-containers/"
CGROUPS = DOCS + "concepts/architecture/cgroups/#requirements"


def heap_fits(world: World) -> Iterator[Seen]:
    share, ranges = world.policy.heap_share, defaults(world)
    for workload, container, java in javas(world):
        filled = ranges.get(world.space(workload.resource), {}).get(("limits", "memory"))
        node = memory_limit_of(workload, container, filled)
        limit, subject = number_of(node), (workload, container)
        fixed, shares = java.size("-Xmx"), re.findall(r"-XX:MaxRAMPercentage=(\d+(?:\.\d+)?)", java.flags)
        mend = _heap(world, workload, container, java, limit)
        if limit is None:
            yield unknown(subject, node, "no memory limit, so no share for the heap can be worked out")
        elif shares and not java.knows_percentage:
            yield failed(
                subject, java.where, f"Java {java.text} does not know MaxRAMPercentage and does not start", mend
            )
        elif fixed is None and java.sees_limits is False:
            why = "with UseContainerSupport switched off" if java.blind else "on nodes of today (cgroup v2)"
            message = f"Java {java.text} does not see the limit {node.text()} {why}"
            yield failed(subject, java.where, f"{message}: it takes its share of the node's memory as heap", mend)
        elif fixed is None and java.sees_limits is None:
            message = f"whether Java {java.text} sees the limit {node.text()} is not known: 8u372, 11.0.16 and 15 do"
            yield unknown(subject, java.where, message, "warning")
        elif fixed is None and not shares:
            yield failed(subject, java.where, f"no heap is named: a quarter of {node.text()} is used", mend, "info")
        else:
            heap = fixed if fixed is not None else limit * float(shares[-1]) / 100
            told = (
                f"-Xmx {heap / MIB:.0f} MiB"
                if fixed is not None
                else f"MaxRAMPercentage={shares[-1]} = {heap / MIB:.0f} MiB"
            )
            message = f"heap {told} is {heap / limit if limit else 0:.0%} of the limit {node.text()}"
            if heap > share * limit:
                message += f", at most {100 * share:g} % leaves room for the rest"
                yield failed(subject, java.where, message, mend)
            else:
                yield passed(subject, java.where, message)


def _heap(
    world: World, workload: Workload, container: Container, java: Java, limit: float | None
) -> dict[str, object] | None:
    """A share where the JVM sees its limit, else a number, which every version understands."""
    if not limit or re.search(r"-Xmx|RAMPercentage", java.outside):
        return None
    share = world.policy.heap_share
    flag = f"-XX:MaxRAMPercentage={100 * share:.1f}" if java.sees_limits else f"-Xmx{int(limit * share / MIB)}m"
    return with_flag(world, workload, container, flag, r"-Xmx\S+|-XX:(Max|Min)RAMPercentage=\S+")


def flags_are_read(world: World) -> Iterator[Seen]:
    for workload, container, java in javas(world):
        first, most = java.size("-Xms"), java.size("-Xmx")
        values = {name: variable(world, workload, container, name) for name in java.unread}
        lost = [name for name, (value, _) in values.items() if set((value or "").split()) - set(java.flags.split())]
        if lost:
            name = lost[0]
            value, node = values[name]
            older = f"Java {java.text} does not know it" if name not in SCRIPTS else "java is started without a script"
            mend = with_flag(world, workload, container, value or "") if node.get("value").exists else None
            yield failed((workload, container), node, f"{name} is read by nobody: {older}", mend)
        elif java.late:
            message = f"{java.late[0]} stands behind the jar: the application gets it, and the JVM does not"
            node = container.node.get("command" if container.node.get("command").exists else "args")
            yield failed((workload, container), node if node.exists else java.where, message)
        elif first is not None and most is not None and first > most:
            message = f"-Xms {first / MIB:.0f} MiB > -Xmx {most / MIB:.0f} MiB: the JVM does not start"
            yield failed((workload, container), java.where, message, severity="blocking")
        elif "-X" in java.flags:
            yield passed((workload, container), java.where, "the JVM reads its flags")


def rest_fits(world: World) -> Iterator[Seen]:
    """What flags allow besides the heap; what no flag names is left out, because it is rarely used up."""
    ranges = defaults(world)
    for workload, container, java in javas(world):
        filled = ranges.get(world.space(workload.resource), {}).get(("limits", "memory"))
        limit, heap = number_of(memory_limit_of(workload, container, filled)), java.size("-Xmx")
        named = {
            "metaspace": "-XX:MaxMetaspaceSize=",
            "direct": "-XX:MaxDirectMemorySize=",
            "code cache": "-XX:ReservedCodeCacheSize=",
        }
        parts = {title: java.size(flag) for title, flag in named.items()}
        given = {title: size for title, size in parts.items() if size is not None}
        if limit is None or heap is None or not given:
            continue
        total = heap + sum(given.values())
        sums = " + ".join([f"heap {heap / MIB:.0f}", *(f"{title} {size / MIB:.0f}" for title, size in given.items())])
        message = f"{sums} = {total / MIB:.0f} MiB, the limit is {limit / MIB:.0f} MiB"
        if total > limit:
            yield failed((workload, container), java.where, message)
        else:
            yield passed((workload, container), java.where, message)


def processors(world: World) -> Iterator[Seen]:
    """Collector and pools follow the number of processors: the limit's, rounded up, else the node's."""
    for workload, container, java in javas(world):
        node, asked = resource(container, "limits", "cpu"), number_of(resource(container, "requests", "cpu"))
        cores, subject = number_of(node), (workload, container)
        told = re.findall(r"-XX:ActiveProcessorCount=(\d+)", java.flags)
        wanted = max(2, -int(-(cores or asked or 2) // 1))
        mend = with_flag(
            world, workload, container, f"-XX:ActiveProcessorCount={wanted}", r"-XX:ActiveProcessorCount=\S+"
        )
        if told:
            yield passed(subject, java.where, f"ActiveProcessorCount {told[-1]}")
        elif java.sees_limits is False or cores is None:
            why = "does not see its limit" if cores is not None else "has no CPU limit"
            message = f"Java {java.text} {why}: threads for collector and pools follow the node's processors"
            yield failed(
                subject, node if cores is not None else java.where, message, mend if java.knows_percentage else None
            )
        elif cores <= 1 and not re.search(r"-XX:\+Use(Serial|G1|Parallel|Z|Shenandoah|ConcMarkSweep)GC", java.flags):
            message = f"CPU limit {node.text()} is one processor: the serial collector and one thread in common pools"
            yield failed(subject, node, message, mend)
        else:
            yield passed(subject, node, f"CPU limit {node.text()}")


CHECKS = (
    Check(
        "java-heap",
        "The Java heap fits the memory limit",
        "blocking",
        "The kernel kills the process (OOMKilled) although Java sees no error.",
        LIMITS,
        heap_fits,
    ),
    Check(
        "java-flags",
        "The JVM reads the flags it is given",
        "warning",
        "On the VM a start script read them; without it they are words.",
        DOCS + "tasks/inject-data-application/define-environment-variable-container/",
        flags_are_read,
    ),
    Check(
        "java-rest",
        "Heap and what flags allow besides fit the limit",
        "warning",
        "A machine swapped; a container is killed.",
        LIMITS,
        rest_fits,
    ),
    Check(
        "java-processors",
        "Java counts the processors it may use",
        "info",
        "A VM's processors were its own; a node has ten times as many.",
        CGROUPS,
        processors,
    ),
)
