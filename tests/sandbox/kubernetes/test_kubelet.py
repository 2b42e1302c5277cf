"""The process kubelet: what it makes of a manifest, and what becomes of its processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.kubernetes.kubelet import Options
from sandbox.kubernetes.kubelet.container import Container
from sandbox.kubernetes.kubelet.environment import expanded
from sandbox.kubernetes.kubelet.fields import field_value, resource_value
from sandbox.kubernetes.kubelet.handlers import Failed
from sandbox.kubernetes.kubelet.host import Addresses, go_duration
from sandbox.kubernetes.kubelet.images import ImageMissing, command_line, entrypoint
from sandbox.kubernetes.kubelet.probes import Timing, until_success, watch
from sandbox.kubernetes.kubelet.schedule import refusal, requests
from sandbox.kubernetes.kubelet.status import qos_class
from sandbox.kubernetes.kubelet.volumes import Mount, publish, rewritten
from tests.sandbox.kubernetes.world import POD_IP, SERVER, JsonObject, World, running

ROOT = Path(__file__).resolve().parents[3]
FOREVER = "import time; time.sleep(3600)"


def pod(name: str, code: str, restart: str = "Always", **container: Any) -> JsonObject:
    one = {"name": "c", "image": "localhost/py:1", "command": ["python3", "-c", code], "env": [POD_IP]} | container
    spec = {"restartPolicy": restart, "terminationGracePeriodSeconds": 1, "containers": [one]}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def is_running(world: World, name: str) -> bool:
    return any("running" in one["state"] for one in world.statuses(name))


def only(world: World) -> Container:
    (container,) = world.kubelet.containers()
    return container


def log(world: World, name: str, run: int = 0) -> str:
    metadata = world.get("pods", name)["metadata"]
    file = world.settings.log_file(metadata["namespace"], name, metadata["uid"], "c", run)
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/etc/app/x.ini", "/range/settings/x.ini"),
        ("/etc/app", "/range/settings"),
        ("open('/etc/app/x.ini')", "open('/range/settings/x.ini')"),
        ("--config=/etc/app/x:/etc/app/y", "--config=/range/settings/x:/range/settings/y"),
        ("sqlite:////data/orders.db", "sqlite:////range/data/orders.db"),
        ("/etc/app2/x", "/etc/app2/x"),
        ("/usr/etc/app/x", "/usr/etc/app/x"),
        ("http://data/x", "http://data/x"),
        ("/etc/app/inner/x", "/range/inner/x"),
    ],
)
def test_paths_of_mounts_lead_to_their_folders(text: str, expected: str) -> None:
    mounted = [
        Mount("/etc/app", Path("/range/settings")),
        Mount("/etc/app/inner", Path("/range/inner")),
        Mount("/data", Path("/range/data")),
    ]
    assert rewritten(text, mounted) == expected


def test_a_published_volume_changes_all_at_once_and_drops_what_is_gone(tmp_path: Path) -> None:
    publish(tmp_path, {"a": b"1", "b": b"2", "sub/c": b"3"})
    first = (tmp_path / "..data").resolve()
    publish(tmp_path, {"a": b"1", "b": b"2", "sub/c": b"3"})
    assert (tmp_path / "..data").resolve() == first
    publish(tmp_path, {"a": b"changed"})
    assert (tmp_path / "a").read_bytes() == b"changed"
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("..")) == ["a"]
    assert not first.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)b", "1b"), ("$$(A)", "$(A)"), ("$(NO)", "$(NO)"), ("$A", "$A"), ("a$$b", "a$b"), ("$(A)$(B)", "12")],
)
def test_references_to_variables_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expanded(text, {"A": "1", "B": "2"}) == expected


def test_the_downward_api_tells_fields_and_resources() -> None:
    about = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"b": "2", "a": "1"}},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}}}]},
        "status": {"podIP": "127.0.0.9"},
    }
    assert field_value(about, "metadata.labels") == 'a="1"\nb="2"'
    assert field_value(about, "status.podIP") == "127.0.0.9"
    container = about["spec"]["containers"][0]  # type: ignore[index]
    assert resource_value(about, {"resource": "limits.cpu"}, container) == "2"
    assert resource_value(about, {"resource": "requests.cpu", "divisor": "1m"}, container) == "1500"
    assert resource_value(about, {"resource": "limits.memory", "containerName": "c"}) == str(64 * 2**20)
    with pytest.raises(ValueError, match="unsupported fieldPath"):
        field_value(about, "spec.containers")


def test_images_stand_for_command_lines(tmp_path: Path) -> None:
    images = tmp_path / "images.json"
    images.write_text(json.dumps({"registry.example/shop:1": ["python3", "-m", "shop"]}))
    assert command_line(entrypoint(images, "registry.example/shop:1"), [], ["-v"]) == [
        sys.executable,
        "-m",
        "shop",
        "-v",
    ]
    assert command_line(["a"], ["b"], ["c"]) == ["b", "c"]
    with pytest.raises(ImageMissing, match=r'failed to resolve reference "registry\.example/shop:2"'):
        entrypoint(images, "registry.example/shop:2")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "500ms"), (1, "1s"), (10, "10s"), (80, "1m20s"), (300, "5m0s"), (2.5, "2.5s")]
)
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_addresses_given_back_are_used_again_last() -> None:
    addresses = Addresses("127.20.16.0/29")
    first = [addresses.take() for _ in range(3)]
    assert first == ["127.20.16.1", "127.20.16.2", "127.20.16.3"]
    addresses.give_back("127.20.16.1")
    assert [addresses.take() for _ in range(4)] == ["127.20.16.4", "127.20.16.5", "127.20.16.6", "127.20.16.1"]
    with pytest.raises(LookupError, match="every address"):
        addresses.take()


def node(**more: Any) -> JsonObject:
    spec = more.pop("spec", {})
    size = {"cpu": "4", "memory": "1Gi", "pods": "3"}
    return {"metadata": {"name": "n", "labels": {"disk": "ssd"}}, "spec": spec, "status": {"allocatable": size}}


def asking(**more: Any) -> JsonObject:
    return {"spec": {"containers": [{"resources": {"requests": more.pop("requests", {})}}]} | more}


@pytest.mark.parametrize(
    ("wanting", "others", "reason"),
    [
        ({"requests": {"cpu": "1"}}, [], None),
        ({"requests": {"cpu": "99"}}, [], "1 Insufficient cpu. … not helpful"),
        ({"requests": {"cpu": "3"}}, [{"requests": {"cpu": "2"}}], "1 Insufficient cpu. … No preemption victims"),
        ({"requests": {"cpu": "9", "memory": "9Gi"}}, [], "1 Insufficient cpu, 1 Insufficient memory. … not helpful"),
        ({}, [{}, {}, {}], "1 Too many pods. … No preemption victims"),
        ({"nodeSelector": {"disk": "hdd"}}, [], "1 node(s) didn't match Pod's node affinity/selector. … not helpful"),
    ],
)
def test_the_scheduler_says_why_a_pod_does_not_fit(
    wanting: JsonObject, others: list[JsonObject], reason: str | None
) -> None:
    found = refusal(asking(**wanting), node(), [asking(**other) for other in others])
    if reason is None:
        assert found is None
        return
    why, _, end = reason.partition(" … ")
    assert found is not None
    assert found.startswith(f"0/1 nodes are available: {why} no new claims to deallocate, preemption: 0/1")
    assert end in found


def test_a_pod_asks_for_its_containers_or_its_largest_init_container() -> None:
    spec = {
        "initContainers": [
            {"resources": {"requests": {"cpu": "3"}}},
            {"restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}},
        ],
        "containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Mi"}, "requests": {"cpu": "250m"}}}],
    }
    assert requests(spec) == {"cpu": Decimal(3), "memory": Decimal(2**20)}


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}, "Burstable"),
    ],
)
def test_the_quality_of_service_follows_from_requests_and_limits(resources: JsonObject, quality: str) -> None:
    assert qos_class({"containers": [{"resources": resources}]}) == quality


def answers(*given: bool) -> Any:
    """A probe that answers so, and then waits for ever."""
    left = list(given)

    async def ask(_: float) -> None:
        if not left:
            await asyncio.Event().wait()
        if not left.pop(0):
            raise Failed("no")

    return ask


@pytest.mark.parametrize(
    ("given", "successes", "failures", "told"),
    [
        ((True, False, True), 1, 2, [True, True]),
        ((True, False, False, True), 1, 2, [True, False, True]),
        ((False, True, True), 2, 1, [False, True]),
        ((True, False, False, False), 1, 3, [True, False]),
    ],
)
def test_a_probe_counts_answers_in_a_row(
    given: tuple[bool, ...], successes: int, failures: int, told: list[bool]
) -> None:
    async def run() -> list[bool]:
        heard: list[bool] = []
        timing = Timing(period=0, successes=successes, failures=failures)
        watching = asyncio.create_task(watch(timing, answers(*given), heard.append, lambda _: None))
        for _ in range(50):
            await asyncio.sleep(0)
        watching.cancel()
        return heard

    assert asyncio.run(run()) == told


@pytest.mark.parametrize(("given", "started"), [((False, False, True), True), ((False, False, False), False)])
def test_a_startup_probe_gives_up_after_its_failures(given: tuple[bool, ...], started: bool) -> None:
    timing = Timing(period=0, failures=3)
    assert asyncio.run(until_success(timing, answers(*given), lambda _: None)) is started


def test_a_crash_loop_waits_longer_each_time_and_keeps_every_log(tmp_path: Path) -> None:
    async def run() -> World:
        async with running(tmp_path, Options(back_off=0.1)) as world:
            world.create("pods", pod("crash", "import os; print('going', flush=True); os._exit(4)"))
            await world.until(
                "three restarts", lambda: any(one["restartCount"] >= 3 for one in world.statuses("crash"))
            )
            assert log(world, "crash", 0) == log(world, "crash", 1) == "going\n"
            return world

    world = asyncio.run(run())
    states = [one["status"]["containerStatuses"][0] for one in world.history("Pod") if one["status"].get("podIP")]
    waits = [one["state"]["waiting"]["message"].split()[1] for one in states if "waiting" in one["state"]]
    assert waits[:2] == ["100ms", "200ms"]
    assert {one["lastState"]["terminated"]["exitCode"] for one in states if one["lastState"]} == {4}


def test_a_container_that_ran_long_enough_begins_with_the_shortest_pause_again(tmp_path: Path) -> None:
    """At a back-off of 0.05 s crashes are forgiven after 3 s."""
    code = """
import os, pathlib, time
runs = pathlib.Path("/work/runs")
number = len(runs.read_text()) if runs.exists() else 0
runs.write_text("x" * (number + 1))
time.sleep(4 if number == 3 else 0)
raise SystemExit(1)
"""

    async def run() -> World:
        async with running(tmp_path, Options(back_off=0.05)) as world:
            body = pod("again", code, volumeMounts=[{"name": "work", "mountPath": "/work"}])
            body["spec"]["volumes"] = [{"name": "work", "emptyDir": {}}]
            world.create("pods", body)
            await world.until("it crashes on", lambda: any(one["restartCount"] >= 6 for one in world.statuses("again")))
            return world

    world = asyncio.run(run())
    states = [one["status"]["containerStatuses"][0] for one in world.history("Pod") if one["status"].get("podIP")]
    waits = [one["state"]["waiting"]["message"].split()[1] for one in states if "waiting" in one["state"]]
    assert waits[:4] == ["50ms", "100ms", "50ms", "100ms"]


def test_memory_over_the_limit_is_an_oom_kill_of_the_whole_container(tmp_path: Path) -> None:
    """Also when it is a child of the container's first process that grows."""
    child = "x = bytearray(150 << 20); import time; time.sleep(3600)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    async def run() -> JsonObject:
        async with running(tmp_path) as world:
            world.create("pods", pod("oom", parent, "Never", resources={"limits": {"memory": "100Mi"}}))
            await world.until("it ends", lambda: world.get("pods", "oom")["status"].get("phase") == "Failed")
            assert only(world).kills == 1
            return world.statuses("oom")[0]

    state = asyncio.run(run())["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (137, "OOMKilled")


def test_the_throttle_fault_stops_processes_for_its_share_and_counts(tmp_path: Path) -> None:
    async def run() -> tuple[int, float, float]:
        async with running(tmp_path) as world:
            world.create("pods", pod("busy", "while True: pass"))
            await world.until("it runs", lambda: is_running(world, "busy"))
            container = only(world)
            world.settings.faults_file.write_text(json.dumps({"kubernetes": {"throttle": 0.6}}))
            await world.until("it is throttled", lambda: container.throttling.throttled_periods >= 5)
            world.settings.faults_file.write_text(json.dumps({"kubernetes": {}}))
            counted = -1
            while counted != container.throttling.throttled_periods:
                counted = container.throttling.throttled_periods
                await asyncio.sleep(1)
            assert container.process is not None
            assert psutil.Process(container.process.pid).status() != psutil.STATUS_STOPPED
            return counted, container.throttling.throttled_seconds, container.throttling.periods

    counted, seconds, periods = asyncio.run(run())
    assert seconds == pytest.approx(counted * 0.06)
    assert periods == counted


def test_a_deleted_pod_has_its_grace_and_then_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> tuple[World, Path, int]:
        async with running(tmp_path) as world:
            world.create("pods", pod("stays", FOREVER))
            await world.until("it runs", lambda: is_running(world, "stays"))
            runner = next(iter(world.kubelet.runners.values()))
            process = only(world).process
            assert process is not None
            world.store.delete(_pods(), "golden", "stays")
            await world.until("it is gone", lambda: not world.pods("stays"))
            return world, runner.folder, process.pid

    world, folder, process = asyncio.run(run())
    last = world.history("Pod")[-1]
    # like the first process of any container it does not die of a SIGTERM that it does not handle
    assert last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert last["status"]["phase"] == "Failed"
    assert not folder.exists()
    assert not psutil.pid_exists(process)


def test_a_pod_that_is_taken_away_by_force_is_ended_too(tmp_path: Path) -> None:
    async def run() -> int:
        async with running(tmp_path) as world:
            world.create("pods", pod("gone", FOREVER))
            await world.until("it runs", lambda: is_running(world, "gone"))
            process = only(world).process
            assert process is not None
            world.store.delete(_pods(), "golden", "gone", grace=0)
            assert world.pods("gone") == []
            await world.until("its process has ended", lambda: not process.running)
            return process.pid

    assert not psutil.pid_exists(asyncio.run(run()))


def test_a_pod_that_did_not_fit_is_bound_when_another_leaves(tmp_path: Path) -> None:
    async def run() -> None:
        half = {"requests": {"cpu": "1"}}
        async with running(tmp_path, Options(cpu="1500m")) as world:
            world.create("pods", pod("first", FOREVER, resources=half))
            await world.until("the first runs", lambda: is_running(world, "first"))
            world.create("pods", pod("second", FOREVER, resources=half))
            await world.until("the second is refused", lambda: world.get("pods", "second")["status"].get("conditions"))
            assert "Insufficient cpu" in world.get("pods", "second")["status"]["conditions"][0]["message"]
            world.store.delete(_pods(), "golden", "first")
            await world.until("the second runs", lambda: is_running(world, "second"))

    asyncio.run(run())


def test_readiness_gates_hold_a_pod_back_until_their_condition_is_true(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as world:
            gated = pod("gated", FOREVER)
            gated["spec"]["readinessGates"] = [{"conditionType": "example.org/in-service"}]
            world.create("pods", gated)
            await world.until("it runs", lambda: is_running(world, "gated"))
            assert _ready(world)["reason"] == "ReadinessGatesNotReady"
            current = world.get("pods", "gated")
            current["status"]["conditions"].append({"type": "example.org/in-service", "status": "True"})
            world.store.update(_pods(), current, "status")
            await world.until("it is ready", lambda: _ready(world)["status"] == "True")
            kept = [one["type"] for one in world.get("pods", "gated")["status"]["conditions"]]
            assert "example.org/in-service" in kept

    asyncio.run(run())


def _ready(world: World) -> JsonObject:
    return next(one for one in world.get("pods", "gated")["status"]["conditions"] if one["type"] == "Ready")


def _pods() -> Any:
    from sandbox.kubernetes.resources import resource

    return resource("pods", "")


def test_last_words_are_told_with_the_end(tmp_path: Path) -> None:
    words = "open('/dev/termination-log', 'w').write('no more orders'); raise SystemExit(2)"

    async def run() -> JsonObject:
        async with running(tmp_path) as world:
            world.create("pods", pod("words", words, "Never"))
            await world.until("it ends", lambda: world.get("pods", "words")["status"].get("phase") == "Failed")
            return world.statuses("words")[0]

    assert asyncio.run(run())["state"]["terminated"]["message"] == "no more orders"


def test_a_program_that_is_not_there_cannot_start(tmp_path: Path) -> None:
    async def run() -> JsonObject:
        async with running(tmp_path) as world:
            world.create("pods", pod("none", "", "Never", command=["/no/such/program"]))
            await world.until("it ends", lambda: world.get("pods", "none")["status"].get("phase") == "Failed")
            return world.statuses("none")[0]

    state = asyncio.run(run())["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (128, "StartError")
    assert "/no/such/program" in state["message"]


def test_a_container_need_not_wait_a_period_to_be_ready(tmp_path: Path) -> None:
    """A readiness probe with a long period is asked at once and soon again."""

    async def run() -> None:
        async with running(tmp_path) as world:
            probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 600}
            world.create("pods", pod("soon", SERVER, readinessProbe=probe))
            await world.until("it is ready", lambda: [one for one in world.statuses("soon") if one["ready"]])

    asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_on_when_the_cluster_ends(tmp_path: Path, number: signal.Signals, until: Any) -> None:
    """Neither after a request to end nor after a kill."""
    if number == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux ends children with a parent that is killed")
    code = f"""
import asyncio, pathlib, sys
from tests.sandbox.kubernetes.test_kubelet import FOREVER, is_running, only, pod
from tests.sandbox.kubernetes.world import running

async def main():
    async with running(pathlib.Path({str(tmp_path)!r})) as world:
        world.create("pods", pod("left", FOREVER))
        await world.until("it runs", lambda: is_running(world, "left"))
        print(only(world).process.pid, flush=True)
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler({int(signal.SIGTERM)}, ended.set)
        await ended.wait()

asyncio.run(main())
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert started.stdout is not None
    child = int(started.stdout.readline())
    assert psutil.pid_exists(child)
    started.send_signal(number)
    started.wait(timeout=60)
    until(lambda: not psutil.pid_exists(child))
