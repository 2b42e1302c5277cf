"""Graceful stop: the time a Pod has to finish, against what preStop and the application need."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_container, patch_pod, unknown
from runbook_lib.judge.workload.world import LONG_RUNNING, Container, Workload, World

LINK = DOCS + "concepts/workloads/pods/pod-lifecycle/#pod-termination"
SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)([smhd])?\b")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
SHELLS = ("sh", "bash", "ash", "dash")
DEFAULT_GRACE = 30
NO_PROGRAM = re.compile(r"(done|fi|esac|\}|exit|return|wait|true|:)(\s|$)")
"""Words of the shell that a script may end with: no exec helps in front of them."""


def pause_before_stop(world: World) -> Iterator[Seen]:
    """Endpoints are taken out while the container is already being stopped: preStop has to bridge that."""
    for workload, container in world.containers(*LONG_RUNNING):
        if container.kind != "app" or not world.services(workload):
            continue
        hook = container.node.get("lifecycle", "preStop")
        acts = any(hook.get(way).exists for way in ("exec", "httpGet", "sleep"))
        if acts and pause(container) != 0:
            yield passed((workload, container), hook, f"preStop is there{_shown(pause(container))}")
        else:
            others = {name: None for name, _ in hook.entries()}  # a hook acts in one way only
            change = {"lifecycle": {"preStop": {**others, "sleep": {"seconds": world.policy.pause_before_stop}}}}
            begin = "preStop waits 0 s" if acts else "no preStop"
            message = f"{begin}: requests still arrive for some seconds after SIGTERM and are refused"
            yield failed(
                (workload, container),
                hook if hook.exists else container.node,
                message,
                patch_container(workload, container, change),
            )


def enough_grace(world: World) -> Iterator[Seen]:
    """preStop + the application's drain < terminationGracePeriodSeconds; SIGKILL cuts what is left."""
    for workload, container in world.containers(*LONG_RUNNING):
        if container.kind != "app":
            continue
        grace_node = workload.pod.get("terminationGracePeriodSeconds")
        grace = grace_node.integer(DEFAULT_GRACE)
        seconds, drain = pause(container), world.assessed_of(workload).drain_seconds
        where = grace_node if grace_node.exists else container.node
        if grace is None:
            continue
        if seconds is None:
            message = f"how long preStop takes cannot be read; the grace period is {grace} s"
            yield unknown((workload, container), where, message, severity="warning")
        elif seconds >= grace:
            message = f"preStop takes {seconds:g} s of a grace period of {grace} s: nothing is left for the application"
            yield failed((workload, container), where, message, _longer(workload, seconds + (drain or 10)))
        elif drain is None:
            message = (
                f"preStop {seconds:g} s leaves {grace - seconds:g} s of {grace} s, but how "
                "long the application drains is not known"
            )
            yield unknown((workload, container), where, message, severity="warning")
        elif seconds + drain < grace:
            message = f"preStop {seconds:g} s + drain {drain:g} s < grace period {grace} s"
            yield passed((workload, container), where, message)
        else:
            message = (
                f"preStop {seconds:g} s + drain {drain:g} s = {seconds + drain:g} s, but the grace period is {grace} s"
            )
            yield failed((workload, container), where, message, _longer(workload, seconds + drain))
    yield from _sidecars(world)


def _sidecars(world: World) -> Iterator[Seen]:
    """Their preStop begins with the application's, beside it; only their SIGTERM waits for the application's end."""
    for workload, container in world.containers(*LONG_RUNNING):
        hook = container.node.get("lifecycle", "preStop")
        grace = workload.pod.get("terminationGracePeriodSeconds").integer(DEFAULT_GRACE)
        if container.kind != "sidecar" or not hook.exists or grace is None:
            continue
        seconds = pause(container)
        if seconds is None:
            message = f"how long the sidecar's preStop takes cannot be read; the grace period is {grace} s"
            yield unknown((workload, container), hook, message, severity="warning")
        elif seconds >= grace:
            message = f"preStop takes {seconds:g} s of a grace period of {grace} s: nothing is left for the sidecar"
            yield failed((workload, container), hook, message, _longer(workload, seconds))
        else:
            message = f"preStop {seconds:g} s < grace period {grace} s, beside the application's stop"
            yield passed((workload, container), hook, message)


def pause(container: Container) -> float | None:
    """Seconds that preStop takes: 0 without one, None when it cannot be read from the manifest."""
    hook = container.node.get("lifecycle", "preStop")
    if not hook.exists:
        return 0.0
    native = hook.get("sleep", "seconds").integer()
    if native is not None:
        return float(native)
    command = " ".join(word.text() for word in hook.get("exec", "command").elements())
    found = SLEEP.findall(command)
    if not found:
        return None
    return sum(float(number) * SECONDS[unit] for number, unit in found)


def _longer(workload: Workload, needed: float) -> dict[str, object]:
    return patch_pod(workload, {"terminationGracePeriodSeconds": int(needed) + 10})


def _shown(seconds: float | None) -> str:
    return "" if seconds is None else f", {seconds:g} s"


def shell_shields_signals(world: World) -> Iterator[Seen]:
    """``command: [sh, -c, server]`` makes the shell process 1, and a shell does not pass SIGTERM on."""
    for workload, container in world.containers(*LONG_RUNNING):
        if not container.runs_on:
            continue
        script = _script([word.text() for word in _words(container)])
        if script is None:
            continue
        last = re.split(r"&&|;|\n", script)[-1].strip()
        piped = re.search(r"(?<!\|)\|(?!\|)", last)  # each side of a pipe has a shell's child for itself
        if (last.startswith("exec ") and not piped) or "trap " in script:
            yield passed((workload, container), container.node.get("command"), "the shell hands over with exec")
        else:
            way = f"{last[:60]!r} needs exec in front"
            if NO_PROGRAM.match(last):
                way = "pass it on with trap, or end with exec and the program"
            message = f"the shell stays process 1 and keeps SIGTERM to itself: {way}"
            yield failed((workload, container), container.node.get("command"), message)


def _script(words: list[str]) -> str | None:
    """What a shell is given to do by -c, which other options may stand before or beside."""
    if not words or words[0].rpartition("/")[2] not in SHELLS:
        return None
    for position, word in enumerate(words[1:-1], 1):
        if re.fullmatch(r"-[a-z]*c", word):
            return words[position + 1].strip()
        if not word.startswith(("-", "+")):
            break
    return None


def _words(container: Container) -> tuple[Node, ...]:
    return container.node.get("command").elements() + container.node.get("args").elements()


CHECKS = (
    Check(
        "prestop",
        "A pause before SIGTERM lets the endpoints follow",
        "warning",
        "Every rollout and every rollback loses requests without it; on the VM the load balancer was told first.",
        LINK,
        pause_before_stop,
    ),
    Check(
        "graceful-stop",
        "The grace period covers preStop and the drain",
        "blocking",
        "What is not finished when it ends is killed: requests and orders are cut in the middle.",
        LINK,
        enough_grace,
    ),
    Check(
        "signal-reaches",
        "SIGTERM reaches the application",
        "blocking",
        "The application never hears that it should stop, and is killed after the whole grace period.",
        LINK,
        shell_shields_signals,
    ),
)
