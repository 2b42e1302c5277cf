"""The embedded cluster goes through the same states as the recorded real one."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes.kubelet import Options
from tests.sandbox.kubernetes.world import (
    DEPLOYMENTS,
    POD_IP,
    SERVER,
    JsonObject,
    World,
    conversation,
    running,
    watched,
    without_repeats,
)


@dataclass(frozen=True)
class Failing:
    """A recorded conversation, and the world that was told the same."""

    rows: list[JsonObject]
    world: World


def local(manifest: JsonObject) -> JsonObject:
    """A recorded Deployment whose server listens on the Pod's own address only, and may be slow to answer."""
    for container in manifest["spec"]["template"]["spec"]["containers"]:
        for probe in ("readinessProbe", "livenessProbe"):
            container.get(probe, {})["timeoutSeconds"] = 60  # on a machine that is loaded, late is not unready
        if container["command"][1] == "-m":
            container["command"] = ["python3", "-c", SERVER]
            container["env"] = [POD_IP]
    return manifest


def created(rows: list[JsonObject], kind: str) -> list[JsonObject]:
    return [row["request"] for row in rows if row["method"] == "POST" and row["path"].endswith(f"/{kind}")]


def names(sets: list[JsonObject]) -> dict[str, str]:
    """ReplicaSets are named for the order in which they came."""
    found = dict.fromkeys(one["metadata"]["name"] for one in sets)
    return {name: f"set {number}" for number, name in enumerate(found, 1)}


def renamed(text: str, known: dict[str, str]) -> str:
    for name, short in known.items():
        text = text.replace(name, short)
    return text


def conditions(deployments: list[JsonObject], kind: str, known: dict[str, str]) -> list[tuple[str, ...]]:
    found = [one for each in deployments for one in each.get("status", {}).get("conditions", ()) if one["type"] == kind]
    return without_repeats([(one["status"], one["reason"], renamed(one["message"], known)) for one in found])


def sizes(sets: list[JsonObject], known: dict[str, str]) -> dict[str, list[int]]:
    return {
        short: without_repeats([one["spec"]["replicas"] for one in sets if one["metadata"]["name"] == name])
        for name, short in known.items()
    }


def scaling(events: list[JsonObject], known: dict[str, str]) -> list[str]:
    found = [one for one in events if one["reason"] == "ScalingReplicaSet" and one["involvedObject"]["name"] == "web"]
    return [renamed(one["message"], known) for one in found]


def pod_states(pods: list[JsonObject]) -> list[Any]:
    """What a watch shows of one Pod, without times, uids and addresses."""
    return without_repeats([_pod_state(one) for one in pods])


def _pod_state(one: JsonObject) -> Any:
    status = one.get("status", {})
    found = [
        (each["type"], each["status"], each.get("reason"), each.get("message")) for each in status.get("conditions", ())
    ]
    going = "deletionTimestamp" in one["metadata"]
    return going, status["phase"], "podIP" in status, found, [_container(each) for each in _containers(status)]


def _containers(status: JsonObject) -> list[JsonObject]:
    return list(status.get("containerStatuses", ()))


def _container(one: JsonObject) -> Any:
    (kind, state), last = next(iter(one["state"].items())), one.get("lastState", {}).get("terminated", {})
    message = re.sub(r"pod=\S+|(Head \S+: ).*", r"\1", state.get("message", ""))
    return (
        kind,
        state.get("reason"),
        message,
        state.get("exitCode"),
        last.get("reason"),
        one["ready"],
        one["started"],
        one["restartCount"],
    )


def states_of(pods: list[JsonObject], app: str) -> list[Any]:
    """The states of the first Pod of an app."""
    mine = [one for one in pods if one["metadata"]["labels"]["app"] == app]
    return pod_states([one for one in mine if one["metadata"]["name"] == mine[0]["metadata"]["name"]])


async def _change(world: World, image: str | None = None) -> None:
    """As recorded: another variable, then another image, which gets no patience, each after the rollout before."""
    d = world.get("deployments", "web")
    container = d["spec"]["template"]["spec"]["containers"][0]
    if image is None:
        container["env"].append({"name": "V", "value": "2"})
    else:
        container["image"] = image
        d["spec"]["progressDeadlineSeconds"] = 3  # 12 were recorded
    world.store.update(DEPLOYMENTS, d)


def _is_complete(world: World) -> bool:
    d = world.get("deployments", "web")
    counts = [d["status"].get(field) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return counts == [3, 3, 3] and d["status"]["observedGeneration"] == d["metadata"]["generation"]


def _has_reason(world: World, reason: str) -> bool:
    return any(one["reason"] == reason for one in world.get("deployments", "web")["status"]["conditions"])


async def _rollout(folder: Path, manifest: JsonObject) -> World:
    manifest["spec"]["progressDeadlineSeconds"] = 600
    async with running(folder) as world:
        world.create("deployments", manifest)
        await world.until("the first rollout", lambda: _is_complete(world))
        await _change(world)
        await world.until("the second rollout", lambda: _is_complete(world))
        await _change(world, "localhost/missing:1")
        await world.until("the deadline", lambda: _has_reason(world, "ProgressDeadlineExceeded"))
        return world


def test_a_rollout_goes_through_the_recorded_states(tmp_path: Path) -> None:
    rows = conversation("rollout")
    world = asyncio.run(_rollout(tmp_path, local(created(rows, "deployments")[0])))
    # up to the undo, which kubectl did
    end = next(row["t"] for row in rows if row["method"] == "PATCH" and row["contentType"].endswith("json-patch+json"))
    recorded = {
        kind: [event["object"] for event in watched(rows, kind) if event["t"] < end and event["type"] != "DELETED"]
        for kind in ("deployments", "replicasets", "pods")
    }
    known, ours = names(recorded["replicasets"]), names(world.history("ReplicaSet"))
    for kind in ("Progressing", "Available"):
        expected = conditions(recorded["deployments"], kind, known)
        assert conditions(world.history("Deployment"), kind, ours) == expected
    assert sizes(world.history("ReplicaSet"), ours) == sizes(recorded["replicasets"], known)
    events = next(row for row in rows if row["method"] == "GET" and row["path"].endswith("/events"))
    first = scaling(events["response"]["items"], known)[: len(scaling(world.history("Event"), ours))]
    assert scaling(world.history("Event"), ours) == first
    assert len(first) == 8
    assert states_of(world.history("Pod"), "web") == states_of(recorded["pods"], "web")


async def _failing(folder: Path, manifests: list[JsonObject]) -> World:
    async with running(folder, Options(back_off=10)) as world:
        for manifest in manifests:
            world.create("deployments", manifest)
        waits = {
            "crash": "CrashLoopBackOff",
            "oom": "CrashLoopBackOff",
            "dies": "CrashLoopBackOff",
            "pull": "ImagePullBackOff",
            "cmref": "CreateContainerConfigError",
        }
        for app, reason in waits.items():
            await world.until(
                f"{app}: {reason}",
                lambda app=app, reason=reason: any(
                    one["state"].get("waiting", {}).get("reason") == reason for one in world.statuses(app)
                ),
            )
        return world


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Failing:
    """The recorded failing Pods, and the same Deployments on the embedded cluster."""
    rows = conversation("failing")
    manifests = [local(one) for one in created(rows, "deployments")]
    return Failing(rows, asyncio.run(_failing(tmp_path_factory.mktemp("failing"), manifests)))


def test_failing_pods_go_through_the_recorded_states(failing: Failing) -> None:
    recorded = [event["object"] for event in watched(failing.rows, "pods") if event["type"] != "DELETED"]
    for app in ("crash", "oom", "unready", "nofit", "pull", "cmref"):
        ours = states_of(failing.world.history("Pod"), app)
        assert ours == states_of(recorded, app)[: len(ours)], app
        assert len(ours) >= 2


def test_a_container_that_the_kubelet_ends_twice_is_then_held_back(failing: Failing) -> None:
    """The real kubelet does not show the end of a container that it ends and starts again in one go."""
    recorded = [event["object"] for event in watched(failing.rows, "pods") if event["type"] != "DELETED"]
    ours, theirs = (
        without_repeats([one for one in states_of(pods, "dies") if "terminated" not in str(one)])
        for pods in (failing.world.history("Pod"), recorded)
    )
    assert ours == theirs[: len(ours)]
    assert "CrashLoopBackOff" in str(ours[-1])


def test_failing_pods_leave_the_recorded_events(failing: Failing) -> None:
    answer = next(row for row in failing.rows if row["method"] == "GET" and row["path"].endswith("/events"))
    for app in ("crash", "oom", "unready", "dies", "nofit", "pull", "cmref"):
        ours = event_kinds(failing.world.history("Event"), app)
        assert ours == event_kinds(answer["response"]["items"], app), app


def event_kinds(events: list[JsonObject], app: str) -> set[tuple[str, ...]]:
    """Who says what about what; a range has no DNS to miss, and its server may listen before the first probe."""
    return {
        (
            one["type"],
            one["reason"],
            one["reportingComponent"],
            one["involvedObject"]["kind"],
            one["involvedObject"].get("fieldPath", ""),
        )
        for one in events
        if re.match(rf"{app}(-|$)", one["involvedObject"]["name"])
        and one["reason"] not in ("MissingClusterDNS", "Unhealthy")
    }
