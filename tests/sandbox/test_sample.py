"""What the runbooks look at: the manifests fit together, the list of planted places is true, the hosts drift."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from sandbox.gateway.configuration import NAMESPACE, SERVICE
from sandbox.order_service import settings as order_settings
from sandbox.order_service.run import OOM_MEBIBYTES
from sandbox.plan import Plan, project_root
from sandbox.rendering import placeholders
from sandbox.sample import make_usage

SAMPLE = project_root() / "sandbox" / "sample"
TRUTH = yaml.safe_load((Path(__file__).parent / "sample_truth.yaml").read_text())
HOSTS = {path.stem: json.loads(path.read_text()) for path in sorted((SAMPLE / "hosts").glob("vm-*.json"))}


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    """The manifests as the range renders them, by kind."""
    plan = Plan("test", Path("/range"))
    texts = [path.read_text() for path in sorted((SAMPLE / "manifests").glob("*.yaml"))]
    rendered = [yaml.safe_load(Template(text).substitute(placeholders(plan))) for text in texts]
    found = {one["kind"]: one for one in rendered}
    assert len(found) == len(rendered)
    return found


@pytest.fixture(scope="module")
def pod(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    found: dict[str, Any] = only
    return found


# --- manifests


def test_everything_lives_in_one_namespace_that_is_made_first(objects: dict[str, dict[str, Any]]) -> None:
    assert next(iter(objects)) == "Namespace"
    assert objects["Namespace"]["metadata"]["name"] == NAMESPACE
    assert {one["metadata"]["namespace"] for kind, one in objects.items() if kind != "Namespace"} == {NAMESPACE}
    assert objects["Service"]["metadata"]["name"] == SERVICE


def test_every_selector_finds_the_pods(objects: dict[str, dict[str, Any]], pod: dict[str, Any]) -> None:
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    terms = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    selectors = [
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in pod["topologySpreadConstraints"]),
        *(one["podAffinityTerm"]["labelSelector"]["matchLabels"] for one in terms),
    ]
    assert all(selector.items() <= labels for selector in selectors)


def test_every_name_that_is_referred_to_is_there(
    objects: dict[str, dict[str, Any]], pod: dict[str, Any], container: dict[str, Any]
) -> None:
    def name(kind: str) -> str:
        return str(objects[kind]["metadata"]["name"])

    ports = {port["name"] for port in container["ports"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == name("Deployment")
    assert objects["HTTPRoute"]["spec"]["rules"][0]["backendRefs"][0]["name"] == name("Service")
    assert container["envFrom"] == [{"configMapRef": {"name": name("ConfigMap")}}]
    assert pod["volumes"][0]["secret"]["secretName"] == name("Secret")
    assert pod["serviceAccountName"] == name("ServiceAccount")
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert {port["targetPort"] for port in objects["Service"]["spec"]["ports"]} == ports
    assert {container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "liveness", "readiness")} == ports


def test_the_service_finds_all_its_settings_in_the_manifest(
    objects: dict[str, dict[str, Any]], container: dict[str, Any], tmp_path: Path
) -> None:
    for key, value in objects["Secret"]["stringData"].items():
        (tmp_path / key).write_text(value)
    environment = dict(objects["ConfigMap"]["data"])
    for entry in container["env"]:
        value = entry.get("value", entry.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", ""))
        environment[entry["name"]] = value.replace("/etc/order-service/connections", str(tmp_path))
    read = order_settings.read(environment)
    plan = Plan("test", Path("/range"))
    assert (read.side, read.instance, read.bind_address) == ("kubernetes", "metadata.name", "status.podIP")
    assert read.orders_database == plan.orders_database
    assert (read.redis.host, read.redis.port) == (plan.redis.host, plan.redis.port)
    assert str(read.port) == str(container["ports"][0]["containerPort"])


def test_what_opens_the_stores_is_in_no_config_map_and_in_no_variable(
    objects: dict[str, dict[str, Any]], container: dict[str, Any]
) -> None:
    secret = set(objects["Secret"]["stringData"].values())
    assert not secret & set(objects["ConfigMap"]["data"].values())
    assert not any("secretKeyRef" in entry.get("valueFrom", {}) for entry in container["env"])


def test_a_stop_has_time_to_drain(
    objects: dict[str, dict[str, Any]], pod: dict[str, Any], container: dict[str, Any]
) -> None:
    settings = objects["ConfigMap"]["data"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert before + float(settings["STOP_SECONDS"]) < pod["terminationGracePeriodSeconds"]
    # Readiness must have gone before the preStop sleep is over, or new requests still come.
    assert float(settings["DRAIN_SECONDS"]) <= float(settings["STOP_SECONDS"])


def test_a_change_or_a_drain_leaves_all_the_pods_that_are_needed(objects: dict[str, dict[str, Any]]) -> None:
    deployment, autoscaler = objects["Deployment"]["spec"], objects["HorizontalPodAutoscaler"]["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": "100%", "maxUnavailable": 0}
    assert deployment["replicas"] == autoscaler["minReplicas"] == 3
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] < autoscaler["minReplicas"]


def test_the_oom_fault_is_larger_than_the_memory_limit(container: dict[str, Any]) -> None:
    limit = container["resources"]["limits"]["memory"]
    assert container["resources"]["requests"]["memory"] == limit
    assert int(limit.removesuffix("Mi")) < OOM_MEBIBYTES


def test_the_pod_has_no_right_that_it_does_not_need(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_prometheus_finds_the_pods(objects: dict[str, dict[str, Any]], container: dict[str, Any]) -> None:
    annotations = objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true"
    assert annotations["prometheus.io/port"] == str(container["ports"][0]["containerPort"])


# --- image


def test_the_image_holds_what_it_copies_and_runs_as_nobody_special() -> None:
    lines = (SAMPLE / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert copied
    assert all((project_root() / source).exists() for sources in copied for source in sources)
    stages = [line for line in lines if line.startswith("FROM ")]
    assert len(stages) == 2
    assert all(re.search(r":\d[\w.-]+( |$)", stage) for stage in stages)
    last = lines[lines.index(stages[-1]) :]
    assert any(re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", line) for line in last)
    assert any(line.startswith('ENTRYPOINT ["') for line in last)


def test_the_image_has_every_module_that_the_service_imports() -> None:
    """Only the files that the Dockerfile copies, and prometheus_client: nothing else of the project comes along."""
    allowed = {"sandbox.order_service", "runbook_lib.errors", "prometheus_client"}
    found = set()
    for path in (project_root() / "sandbox" / "order_service").glob("*.py"):
        for name in re.findall(r"^(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE):
            if name.split(".")[0] in ("sandbox", "runbook_lib", "prometheus_client"):
                found.add(".".join(name.split(".")[:2]))
    assert found <= allowed


# --- source


def _places() -> Iterator[tuple[str, int, str]]:
    for one in (*TRUTH["host_bound"], *TRUTH["innocent"]):
        yield one["file"], one["line"], one["text"]


@pytest.mark.parametrize(("file", "line", "text"), list(_places()))
def test_every_place_on_the_list_is_where_it_says(file: str, line: int, text: str) -> None:
    assert text in (SAMPLE / "source" / file).read_text().splitlines()[line - 1]


def test_every_kind_that_the_mission_names_is_planted() -> None:
    kinds = {one["kind"] for one in TRUTH["host_bound"]}
    assert kinds >= {"identity", "fixed-address", "local-file", "session", "cron", "log-file"}


def test_no_address_of_a_machine_stands_in_the_source_off_the_list() -> None:
    listed = {(one["file"], one["line"]) for one in TRUTH["host_bound"] if one["kind"] == "fixed-address"}
    root = SAMPLE / "source"
    found = {
        (path.relative_to(root).as_posix(), number)
        for path in root.rglob("*")
        if path.is_file()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\b10\.20\.30\.\d+", line)
    }
    assert found == listed


# --- hosts


def _fact(path: str) -> list[Any]:
    found = []
    for facts in HOSTS.values():
        value: Any = facts
        for key in path.split("/"):
            value = value[key]
        found.append(value)
    return found


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("ansible_distribution_version", ["7.9", "7.9", "7.6"]),
        ("ansible_local/java/version", ["1.8.0_291", "1.8.0_291", "1.8.0_181"]),
        ("ansible_local/limits/nofile", [65535, 65535, 1024]),
        ("ansible_local/sysctl/net.core.somaxconn", ["4096", "4096", "128"]),
        ("ansible_date_time/tz", ["CST", "CST", "UTC"]),
        ("ansible_processor_vcpus", [2, 2, 2]),
    ],
)
def test_the_third_machine_is_the_odd_one(path: str, values: list[Any]) -> None:
    assert list(HOSTS) == ["vm-1", "vm-2", "vm-3"]
    assert _fact(path) == values


def test_only_the_first_machine_exports_the_orders_and_keeps_the_folder_to_itself() -> None:
    assert [len(jobs) for jobs in _fact("ansible_local/cron")] == [2, 1, 1]
    kinds = [{mount["mount"]: mount["fstype"] for mount in mounts}["/data"] for mounts in _fact("ansible_mounts")]
    assert kinds == ["xfs", "nfs4", "nfs4"]


# --- use


def test_the_table_of_use_is_what_its_maker_makes() -> None:
    assert (SAMPLE / "hosts" / "usage.csv").read_text() == "\n".join(make_usage.rows()) + "\n"


def test_the_use_is_enough_to_name_a_size_that_the_manifest_asks_for(container: dict[str, Any]) -> None:
    """At least 14 days, P95 of the CPU and the peak of the memory with 15 % on top."""
    rows = list(csv.DictReader((SAMPLE / "hosts" / "usage.csv").open()))
    resources = container["resources"]
    for host in HOSTS:
        mine = [row for row in rows if row["host"] == host]
        times = [datetime.fromisoformat(row["timestamp"]) for row in mine]
        assert max(times) - min(times) >= timedelta(days=14)
        cores = sorted(float(row["cpu_cores"]) for row in mine)
        assert cores[int(0.95 * len(cores))] <= Fraction(resources["requests"]["cpu"].removesuffix("m")) / 1000
        peak = max(int(row["memory_bytes"]) for row in mine) * 1.15 / 2**20
        assert peak <= int(resources["limits"]["memory"].removesuffix("Mi"))
    assert (SAMPLE / "hosts" / "usage.csv").stat().st_size < 150_000


def test_the_profile_names_owner_state_and_everything_the_source_talks_to() -> None:
    profile = yaml.safe_load((SAMPLE / "profile.yaml").read_text())
    assert profile["owner"]
    assert profile["state"]["sessions"]["shared"] is True
    named = {one["address"].split(":")[0] for one in profile["dependencies"]}
    texts = [path.read_text() for path in (SAMPLE / "source").rglob("*") if path.is_file()]
    assert named == {found for text in texts for found in re.findall(r"10\.20\.30\.\d+", text)}
