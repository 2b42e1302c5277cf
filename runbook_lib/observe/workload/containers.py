"""Why a container does not run or is not ready: its state, its probes, its exit, its last words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from runbook_lib.observe.cluster import Object
from runbook_lib.observe.workload.trouble import Kind, Trouble

Words = Callable[[str, bool], list[str]]
"""The last log lines of a container by name, of the run before the present one if True."""

_IMAGE = {"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"}
_COMMAND = {"RunContainerError", "CreateContainerError", "StartError", "ContainerCannotRun"}
_EXITS = {
    126: " (it cannot be executed)",
    127: " (no such command)",
    137: " (SIGKILL)",
    139: " (it broke memory rules)",
    143: " (SIGTERM)",
}


def container_trouble(pod: Object, events: Sequence[Object], words: Words) -> Trouble | None:
    """The first container that keeps its Pod from being ready, init containers first; None when none says why."""
    status, spec = pod.get("status") or {}, pod["spec"]
    early = {one["name"]: one for one in spec.get("initContainers") or []}
    for kept in status.get("initContainerStatuses") or []:
        if found := _of_one(pod, early.get(kept["name"], {}), kept, events, words, init=True):
            return found
    late = {one["name"]: one for one in spec["containers"]}
    for kept in status.get("containerStatuses") or []:
        if found := _of_one(pod, late.get(kept["name"], {}), kept, events, words, init=False):
            return found
    return None


def _of_one(
    pod: Object, spec: Object, status: Object, events: Sequence[Object], words: Words, init: bool
) -> Trouble | None:
    where = f"Pod/{pod['metadata']['name']}, {'init container' if init else 'container'} {status['name']}"
    state, began = status.get("state") or {}, str((pod.get("status") or {}).get("startTime") or "")
    waiting = state.get("waiting") or {}
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _IMAGE or "Image" in reason:
        return _image(where, pod, spec, reason, message, events, began)
    if reason == "CreateContainerConfigError":
        return _configuration(where, message, began)
    if reason in _COMMAND:
        what = f"its command cannot be started: {message or reason}"
        return Trouble("command", where, what, "correct command, args or image, and apply again", began, lasting=True)
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    over = reason == "CrashLoopBackOff" or bool(state.get("terminated")) or status.get("restartCount", 0) > 0
    done = init and (state.get("terminated") or {}).get("exitCode") == 0
    if ended and over and not done and not status.get("ready"):
        return _ended(where, spec, status, ended, events, words, init)
    if state.get("running") and not status.get("ready") and not init:
        return _unready(where, spec, status, events)
    return None


def _image(
    where: str, pod: Object, spec: Object, reason: str, message: str, events: Sequence[Object], since: str
) -> Trouble:
    image = spec.get("image", "?")
    if reason == "InvalidImageName":
        what = f"{image!r} is no valid image name"
        return Trouble("image", where, what, "correct it in the manifests and apply again", since, lasting=True)
    if reason == "ErrImageNeverPull":
        what = (
            f"image {image} is not on node {pod['spec'].get('nodeName')} and imagePullPolicy Never forbids to pull it"
        )
        return Trouble("image", where, what, "bring it there, or correct name, tag or policy", since)
    pulled = [str(e.get("message")) for e in events if str(e.get("message", "")).startswith("Failed to pull image")]
    cause = message.partition("ErrImagePull: ")[2] or (pulled[-1].partition(": ")[2] if pulled else message)
    what = f"image {image} cannot be pulled ({reason}: {cause})"
    return Trouble("image", where, what, "correct its name or tag, or give the Pod a pull secret", since)


def _configuration(where: str, message: str, since: str) -> Trouble:
    missing = re.search(r'(configmap|secret) "([^"]+)" not found', message)
    key = re.search(r"couldn't find key (\S+) in (\S+) (?:\S+/)?(\S+)", message)
    following = "correct what is said and apply again"
    if missing:
        following = f"create the {missing[1]} {missing[2]}, or correct its name; the container goes on by itself then"
    elif key:
        following = f"put the key {key[1]} into {key[2]} {key[3]}; the container goes on by itself then"
    elif "runAsNonRoot" in message:
        following = "give the image a user that is not root, or correct runAsUser"
    return Trouble("configuration", where, f"its configuration is missing: {message}", following, since, lasting=True)


def _ended(
    where: str, spec: Object, status: Object, ended: Object, events: Sequence[Object], words: Words, init: bool
) -> Trouble:
    since, restarts = str(ended.get("finishedAt") or ""), status.get("restartCount", 0)
    again = f", restarted {restarts} time{'s' if restarts != 1 else ''}" if restarts else ""
    if ended.get("reason") == "OOMKilled":
        limit = ((spec.get("resources") or {}).get("limits") or {}).get("memory")
        allowed = f"its limit is {limit}" if limit else "it has no limit: the node ran out of memory"
        what = f"killed for want of memory (OOMKilled){again}: {allowed}"
        return Trouble("memory", where, what, "raise resources.limits.memory, or lower what the program uses", since)
    if probe := _killed_by(status["name"], events):
        what = f"ended by its {probe} probe{again}: {_asked(spec, probe)} said {_answer(status['name'], probe, events)}"
        following = (
            "mend what it asks for; a start that takes long needs a startupProbe, or more of its failureThreshold"
        )
        return Trouble("probe", where, what, following, since)
    running = bool((status.get("state") or {}).get("running"))
    lines = words(status["name"], running)[-1 if init else -3 :]
    spoke = str(ended.get("message") or "").strip() or " / ".join(lines)
    code = ended.get("exitCode")
    last = f"; its last words: {spoke!r}" if spoke else "; it wrote no log"
    kind: Kind = "init" if init else "crash"
    what = f"ended with exit code {code}{_EXITS.get(code or 0, '')}{again}{last}"
    return Trouble(kind, where, what, "mend the program or what it needs to start", since)


def _killed_by(container: str, events: Sequence[Object]) -> str:
    """The probe that the kubelet ended a container for: ``liveness``, ``startup`` or nothing."""
    said = [str(e.get("message", "")) for e in events if e.get("reason") == "Killing" and _about(e, container)]
    found = re.search(r"failed (liveness|startup) probe", said[-1]) if said else None
    return found[1] if found else ""


def _unready(where: str, spec: Object, status: Object, events: Sequence[Object]) -> Trouble | None:
    """A container that runs and whose startup or readiness probe fails; None while no probe has said anything."""
    probe = "readiness" if status.get("started") or "startupProbe" not in spec else "startup"
    said = _answer(status["name"], probe, events)
    if not said:
        return None
    since = str(status["state"]["running"].get("startedAt") or "")
    if probe == "startup":  # the kubelet ends it when its time is over: until then nothing has failed
        given = spec["startupProbe"]
        seconds = given.get("periodSeconds", 10) * given.get("failureThreshold", 3)
        what = f"it is starting: {_asked(spec, probe)} said {said}"
        return Trouble("probe", where, what, f"wait: it has {seconds} s to start", since, starting=True)
    what = f"it runs but is not ready: {_asked(spec, probe)} said {said}"
    return Trouble("probe", where, what, "mend what the readiness probe asks for, or correct the probe", since)


def _answer(container: str, probe: str, events: Sequence[Object]) -> str:
    head = f"{probe.title()} probe "
    said = [str(e["message"]) for e in events if e.get("reason") == "Unhealthy" and _about(e, container)]
    found = [one.partition(": ")[2] or one for one in said if one.startswith(head)]
    return " ".join(found[-1].split()) if found else ""


def _about(event: Object, container: str) -> bool:
    path = str((event.get("involvedObject") or {}).get("fieldPath") or "")
    return path in ("", f"spec.containers{{{container}}}", f"spec.initContainers{{{container}}}")


def _asked(spec: Object, probe: str) -> str:
    """What a probe asks, and how often: ``GET /ready on port 8080, every 10 s, 3 times``."""
    given = spec.get(f"{probe}Probe") or {}
    asked = "its probe"
    if http := given.get("httpGet"):
        asked = f"GET {http.get('path') or '/'} on port {http.get('port')}"
    elif tcp := given.get("tcpSocket"):
        asked = f"a connection to port {tcp.get('port')}"
    elif command := (given.get("exec") or {}).get("command"):
        asked = f"`{' '.join(command)[:80]}`"
    elif grpc := given.get("grpc"):
        asked = f"gRPC health on port {grpc.get('port')}"
    every, wait, times = (
        given.get(k, d) for k, d in (("periodSeconds", 10), ("timeoutSeconds", 1), ("failureThreshold", 3))
    )
    return f"{asked} (every {every} s, answer within {wait} s, {times} failures count)"
