"""The whole range, with everything real in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from runbook_lib.errors import Busy
from sandbox import control, processes, state
from sandbox.control import Wish, range_for
from sandbox.plan import Plan, project_root

pytestmark = pytest.mark.range

Until = Callable[[Callable[[], bool]], None]

# Where the kinds of the sample are written to.
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/shop/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/shop/configmaps",
    "Secret": "/api/v1/namespaces/shop/secrets",
    "Service": "/api/v1/namespaces/shop/services",
    "Deployment": "/apis/apps/v1/namespaces/shop/deployments",
}


def sandbox(plan: Plan, *words: str) -> subprocess.CompletedProcess[str]:
    where = ["--name", plan.name, "--root", str(plan.folder.parent.parent)]
    argv = [sys.executable, "-m", "sandbox", *words, *where]
    return subprocess.run(argv, cwd=project_root(), capture_output=True, text=True, check=False)


def samples(plan: Plan, query: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{plan.prometheus.url}/api/v1/query", params={"query": query}, timeout=60)
    return list(answer.json()["data"]["result"])


def test_every_part_of_it_answers(practice_range: Plan) -> None:
    done = sandbox(practice_range, "status", "--json")
    parts = {row["name"]: row for row in json.loads(done.stdout)["parts"]}
    assert {name: row["health"] for name, row in parts.items() if row["health"]} == {}
    assert {"redis", "kubernetes", "vm-1", "vm-2", "vm-3", "haproxy", "gateway", "nginx", "prometheus"} <= set(parts)
    assert done.returncode == 0


def test_users_are_answered_by_all_three_machines(practice_range: Plan) -> None:
    answers = [requests.get(f"{practice_range.front.url}/orders", timeout=60) for _ in range(9)]
    assert {(answer.status_code, answer.headers["X-Side"]) for answer in answers} == {(200, "legacy")}
    assert {answer.headers["X-Instance"] for answer in answers} == {"vm-1", "vm-2", "vm-3"}


def test_prometheus_scrapes_machines_and_kubernetes(practice_range: Plan, until: Until) -> None:
    wanted = {("order-service", "legacy"), ("node", "legacy"), ("kubelet", None), ("kube-state-metrics", None)}

    def scraped() -> bool:
        found = samples(practice_range, "up == 1")
        return wanted <= {(one["metric"]["job"], one["metric"].get("side")) for one in found}

    until(scraped)


def test_pods_of_the_sample_answer_behind_the_gateway_and_are_scraped(practice_range: Plan, until: Until) -> None:
    for file in sorted(practice_range.manifests.glob("*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text()):
            if path := PATHS.get(manifest["kind"]):
                answer = requests.patch(
                    f"{practice_range.kubernetes_api.url}{path}/{manifest['metadata']['name']}",
                    params={"fieldManager": "test"},
                    headers={"Content-Type": "application/apply-patch+yaml"},
                    data=yaml.safe_dump(manifest),
                    timeout=5,
                )
                assert answer.status_code in (200, 201), answer.text

    def answered_by() -> set[str]:
        answers = [requests.get(f"{practice_range.gateway.url}/orders", timeout=60) for _ in range(9)]
        return {answer.headers.get("X-Instance", "") for answer in answers if answer.status_code == 200}

    until(lambda: len(answered_by()) == 3)
    until(lambda: len(samples(practice_range, 'up{job="order-service",side="kubernetes"} == 1')) == 3)
    until(lambda: len(samples(practice_range, 'kube_pod_status_ready{namespace="shop",condition="true"} == 1')) == 3)


def test_nginx_is_tested_and_reloaded_by_its_wrapper_unless_the_fault_is_on(practice_range: Plan, until: Until) -> None:
    nginx = practice_range.binaries / "nginx"

    def accepted(*words: str) -> bool:
        return subprocess.run([nginx, *words], capture_output=True, check=False).returncode == 0

    assert accepted("-t")
    assert accepted("-s", "reload")
    sandbox(practice_range, "fault", "reload_refused=true")
    until(lambda: not accepted("-t"))
    assert not accepted("-s", "reload")
    sandbox(practice_range, "fault", "off")
    until(lambda: accepted("-t"))


def test_a_machine_that_is_retired_stays_down_and_comes_back_when_wanted(practice_range: Plan) -> None:
    address = practice_range.legacy["vm-3"]
    subprocess.run([practice_range.binaries / "retire", "vm-3"], check=True, capture_output=True)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{address.url}/healthz", timeout=60)
    assert sandbox(practice_range, "status").returncode == 0, "stopped on purpose is as it should be"
    sandbox(practice_range, "start", "vm-3")
    assert requests.get(f"{address.url}/healthz", timeout=60).status_code == 200


def test_up_again_under_the_same_name_is_refused(practice_range: Plan) -> None:
    with pytest.raises(Busy, match=f"The range '{practice_range.name}' is up already"):
        control.up(Wish(practice_range.name, practice_range.folder.parent.parent))


def test_a_second_range_runs_beside_it_and_ends_alone(practice_range: Plan, tmp_path: Path) -> None:
    with range_for(Wish("second", tmp_path, owner=os.getpid())) as second:
        assert second.octet != practice_range.octet
        for plan in (practice_range, second):
            assert requests.get(f"{plan.front.url}/orders", timeout=60).status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{second.front.url}/orders", timeout=60)
    assert requests.get(f"{practice_range.front.url}/orders", timeout=60).status_code == 200


def test_interrupted_while_it_comes_up_it_leaves_nothing(tmp_path: Path, until: Until) -> None:
    argv = [sys.executable, "-m", "sandbox", "up", "--name", "brief", "--root", str(tmp_path)]
    command = subprocess.Popen(argv, cwd=project_root(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = tmp_path / ".range" / "brief"
    try:
        until(lambda: state.running(folder) is not None)
        begun = state.read(folder)
        assert begun is not None
        command.send_signal(signal.SIGINT)
        assert command.wait() != 0
        left = [part.process for part in begun.parts.values() if part.process and processes.alive(part.process)]
        assert (left, processes.alive(begun.supervisor)) == ([], False)
    finally:
        control.down(folder)


def test_a_range_ends_with_the_process_that_owns_it(tmp_path: Path, until: Until) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    plan = control.up(Wish("owned", tmp_path, owner=owner.pid))
    owner.kill()
    owner.wait()
    until(lambda: state.running(plan.folder) is None)
    assert not control.down(plan.folder)
