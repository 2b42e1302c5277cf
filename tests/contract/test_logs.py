"""What containers wrote can be read: of this run, of the one before, its tail, while it goes on."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException


def pod(cluster: Any, code: str) -> str:
    """A Pod that runs Python code; its name."""
    container = {
        "name": "c",
        "image": cluster.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-u", "-c", code],
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    cluster.core.create_namespaced_pod(cluster.namespace, {"metadata": {"name": "p"}, "spec": spec})
    return "p"


def state(cluster: Any) -> Any:
    statuses = cluster.core.read_namespaced_pod_status("p", cluster.namespace).status.container_statuses
    return statuses[0] if statuses else None


def test_the_tail_of_a_log_is_its_last_lines(cluster: Any) -> None:
    name = pod(cluster, "import time; [print(f'line {n}') for n in range(5)]; time.sleep(600)")
    read = cluster.core.read_namespaced_pod_log
    cluster.wait("the container runs", lambda: (found := state(cluster)) and found.state.running)
    cluster.wait("five lines", lambda: "line 4" in read(name, cluster.namespace))
    assert read(name, cluster.namespace).splitlines() == [f"line {n}" for n in range(5)]
    assert read(name, cluster.namespace, tail_lines=2).splitlines() == ["line 3", "line 4"]


def test_a_log_is_followed_to_its_end(cluster: Any) -> None:
    name = pod(cluster, "import time; [(print(n), time.sleep(0.3)) for n in range(4)]; time.sleep(0.3)")
    cluster.wait("the container runs", lambda: (found := state(cluster)) and found.state.running)
    answer = cluster.core.read_namespaced_pod_log(name, cluster.namespace, follow=True, _preload_content=False)
    assert answer.data.decode().split() == ["0", "1", "2", "3"]


def test_the_log_of_the_run_before_is_kept(cluster: Any) -> None:
    code = "import time; print('started'); time.sleep(0.5); raise SystemExit(1)"
    name = pod(cluster, code)
    cluster.wait("a restart", lambda: (found := state(cluster)) and found.restart_count >= 1)
    assert cluster.core.read_namespaced_pod_log(name, cluster.namespace, previous=True).strip() == "started"


def test_there_is_no_run_before_the_first(cluster: Any) -> None:
    name = pod(cluster, "import time; time.sleep(600)")
    cluster.wait("the container runs", lambda: (found := state(cluster)) and found.state.running)
    with pytest.raises(ApiException) as refused:
        cluster.core.read_namespaced_pod_log(name, cluster.namespace, previous=True)
    assert refused.value.status == 400
    assert "not found" in refused.value.body


def test_a_container_that_the_pod_has_not_is_a_bad_request(cluster: Any) -> None:
    name = pod(cluster, "import time; time.sleep(600)")
    cluster.wait("the container runs", lambda: (found := state(cluster)) and found.state.running)
    with pytest.raises(ApiException) as refused:
        cluster.core.read_namespaced_pod_log(name, cluster.namespace, container="other")
    assert refused.value.status == 400
