"""A cluster for the contract tests: the embedded one, or the one that RUNBOOK_TEST_KUBECONFIG names.

The tests are the same for both. On a real cluster nothing is pulled: RUNBOOK_TEST_IMAGE names an image that its nodes
have and that holds python3.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from kubernetes import client, config

from sandbox import plan
from sandbox.claim import claim
from tests.kubeconfig import write_kubeconfig

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED_IMAGE = "localhost/py:1"
Found = TypeVar("Found")


@dataclass(frozen=True)
class Server:
    """A cluster as it is for all tests: `image` holds python3 and is on its nodes already."""

    kubeconfig: Path
    image: str
    is_embedded: bool


@dataclass(frozen=True)
class Cluster:
    """A namespace of its own for one test."""

    client: client.ApiClient
    namespace: str
    kubeconfig: Path
    image: str
    is_embedded: bool

    @property
    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.client)

    @property
    def apps(self) -> client.AppsV1Api:
        return client.AppsV1Api(self.client)

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", accept: str = "*/*"
    ) -> tuple[int, Any]:
        """A request with nothing in between: the status code and the decoded body."""
        headers = {"Content-Type": content_type, "Accept": accept, "User-Agent": "contract"}
        url = self.client.configuration.host + path.replace("NAMESPACE", self.namespace)
        self.client.update_params_for_auth(headers, [], ["BearerToken"], None, None, None)
        raw = body if isinstance(body, str) or body is None else json.dumps(body)
        pool = self.client.rest_client.pool_manager
        answer = pool.request(method, url, body=raw, headers=headers, timeout=60)
        text = answer.data.decode()
        return answer.status, json.loads(text) if text.startswith(("{", "[")) else text

    def wait(self, what: str, found: Callable[[], Found | None], seconds: float = 30) -> Found:
        """Asks again and again until something is there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = found()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"{what}: not so within {seconds} s")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The cluster that is named by the environment, or an embedded one in a process of its own."""
    named = os.environ.get("RUNBOOK_TEST_KUBECONFIG")
    if named:
        image = os.environ.get("RUNBOOK_TEST_IMAGE")
        if not image:
            pytest.fail("RUNBOOK_TEST_KUBECONFIG is set: name an image with python3 in RUNBOOK_TEST_IMAGE, too")
        yield Server(Path(named), image, is_embedded=False)
        return
    root = tmp_path_factory.mktemp("cluster")
    with claim(f"contract-{os.getpid()}", root) as chosen:
        plan.save(chosen)
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.kubernetes", "--plan", str(chosen.file)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=(root / "cluster.log").open("w"),
            text=True,
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, f"the embedded cluster did not start: {(root / 'cluster.log').read_text()}"
            yield Server(write_kubeconfig(root / "kubeconfig", url), EMBEDDED_IMAGE, is_embedded=True)
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture
def cluster(server: Server) -> Iterator[Cluster]:
    """A namespace in the cluster, deleted after the test with all that is in it."""
    api = config.new_client_from_config(str(server.kubeconfig))
    name = f"contract-{secrets.token_hex(4)}"
    core = client.CoreV1Api(api)
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    made = Cluster(api, name, server.kubeconfig, server.image, server.is_embedded)
    made.wait("the default ServiceAccount", lambda: core.list_namespaced_service_account(name).items)
    yield made
    core.delete_namespace(name)
    api.close()


@pytest.fixture
def kubectl(cluster: Cluster) -> Callable[..., str]:
    """Runs kubectl in the namespace of the test and returns what it printed; skips visibly where there is none."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH: its part of the contract was not tested")

    def run(*arguments: str, stdin: str | None = None, fails: bool = False) -> str:
        words = [program, "--kubeconfig", str(cluster.kubeconfig), "--namespace", cluster.namespace, *arguments]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=90)
        assert (done.returncode != 0) is fails, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run
