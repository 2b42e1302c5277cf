"""All mends together bring damaged manifests to no blocking finding, and kustomize builds exactly what was judged."""

from __future__ import annotations

import copy
import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.artefacts import Assessed, Policy, Waiver
from runbook_lib.judge.overlay.choose import Chosen, choose
from runbook_lib.judge.overlay.difference import difference, is_built_in
from runbook_lib.judge.overlay.files import problem, written
from runbook_lib.judge.workload.judge import check_manifests
from runbook_lib.judge.workload.mend import merge
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.images import read_dockerfile
from runbook_lib.observe.files.manifests import parse_manifests
from runbook_lib.redact import Redactor

TODAY = date(2026, 11, 20)
SAMPLE = Path(__file__).parents[2] / "sandbox" / "sample"
FILLED = {
    "namespace": "shop",
    "port": "8080",
    "image": "registry.example/shop/order-service:main-4f2a91c-20261112",
    "orders_database": "sqlite:////orders.db",
    "redis_url": "redis://sessions.shop.example:6379/0",
}
ASSESSED = Assessed((8080,), 5.0, 5.0, 0.05, 96.0, 2, "Etc/UTC", True, "python 3.11")
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
Object = dict[str, Any]


def sample() -> list[Object]:
    texts = [
        Template(path.read_text()).safe_substitute(FILLED) for path in sorted((SAMPLE / "manifests").glob("*.yaml"))
    ]
    return [one for text in texts for one in yaml.safe_load_all(text)]


def world_of(objects: list[Object], policy: Policy | None = None) -> World:
    manifests = parse_manifests(yaml.safe_dump_all(objects, sort_keys=False), "all.yaml")
    dockerfile = read_dockerfile(SAMPLE / "Dockerfile")
    return World(manifests.resources, dockerfile, ASSESSED, policy or Policy(), "shop")


def blocking(world: World) -> set[str]:
    return {f.check for f in failed(world) if f.severity == "blocking"}


def failed(world: World) -> list[Finding]:
    return [f for f in check_manifests(world).findings if f.outcome is Outcome.FAIL]


def built(chosen: Chosen, folder: Path) -> World:
    """What the real tool makes of the overlay, with the Secrets that it does not carry."""
    for name, text in written(chosen).items():
        (folder / name).write_text(text)
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    secrets = tuple(r for r in chosen.before.resources if r.kind == "Secret")
    resources = parse_manifests(done.stdout, "built.yaml").resources
    return dataclasses.replace(chosen.before, resources=resources + secrets, made={})


def in_pod(*keys: str) -> Callable[[Object], None]:
    return lambda one: [one["spec"]["template"]["spec"].pop(key) for key in keys] and None


def in_container(*keys: str) -> Callable[[Object], None]:
    return lambda one: [one["spec"]["template"]["spec"]["containers"][0].pop(key) for key in keys] and None


def in_spec(**changes: Any) -> Callable[[Object], None]:
    return lambda one: one["spec"].update(changes)


def in_pod_set(**changes: Any) -> Callable[[Object], None]:
    return lambda one: one["spec"]["template"]["spec"].update(changes)


DAMAGES: dict[str, list[tuple[str, Callable[[Object], None] | None]]] = {
    "probes and the stop": [
        ("Deployment", in_container("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"))
    ],
    "resources": [("Deployment", in_container("resources"))],
    "rights": [("Deployment", in_container("securityContext")), ("Deployment", in_pod("securityContext"))],
    "the node's namespaces": [("Deployment", in_pod_set(hostNetwork=True, hostPID=True))],
    "a rollout that cannot move": [
        ("Deployment", in_spec(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}))
    ],
    "a budget that lets nobody go": [("PodDisruptionBudget", in_spec(maxUnavailable=0))],
    "nothing around it": [
        ("PodDisruptionBudget", None),
        ("NetworkPolicy", None),
        ("HorizontalPodAutoscaler", None),
    ],
}
DAMAGES["all of it at once"] = [one for damages in DAMAGES.values() for one in damages][:-4] + DAMAGES[
    "nothing around it"
]


def damaged(name: str) -> list[Object]:
    objects = sample()
    for kind, change in DAMAGES[name]:
        if change is None:
            objects = [one for one in objects if one["kind"] != kind]
        else:
            change(next(one for one in objects if one["kind"] == kind))
    return objects


@needs_kubectl
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_sample_is_mended_to_no_blocking_finding_by_what_kustomize_builds(name: str, tmp_path: Path) -> None:
    world = world_of(damaged(name))
    assert failed(world)
    chosen = choose(world, TODAY)
    assert chosen.blocking == 0 and problem(chosen) == ""
    result = built(chosen, tmp_path)
    assert blocking(result) == set()
    assert {(f.check, f.object) for f in failed(result)} == {(check, about) for _, check, about in chosen.left}
    assert len(failed(result)) < len(failed(world))
    wanted = {(r.kind, r.name): r.node.plain() for r in chosen.after.resources}
    assert {(r.kind, r.name): r.node.plain() for r in result.resources} == wanted


@needs_kubectl
def test_what_is_hidden_in_the_evidence_is_in_no_file_and_kustomize_builds_it_all_the_same(tmp_path: Path) -> None:
    objects = sample()
    settings_ = next(one for one in objects if one["kind"] == "ConfigMap")
    settings_["data"] |= {"DB_PASSWORD": "Xk29fLq8vZ"}
    (container,) = next(one for one in objects if one["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"]
    container["env"].append({"name": "API_TOKEN", "value": "kJ83hfKd93kfLs02"})
    del container["livenessProbe"]
    redactor = Redactor()
    files = written(choose(world_of(objects), TODAY), redactor.value)
    assert "Xk29fLq8vZ" not in str(files) and "kJ83hfKd93kfLs02" not in str(files)
    for name, text in files.items():
        (tmp_path / name).write_text(redactor.text(text))
    subprocess.run(["kubectl", "kustomize", str(tmp_path)], check=True, capture_output=True)


def test_the_damages_are_about_something() -> None:
    assert blocking(world_of(sample())) == set()
    assert len(blocking(world_of(damaged("all of it at once")))) >= 6


def test_nothing_to_mend_is_no_patch() -> None:
    files = written(choose(world_of([one for one in sample() if one["kind"] == "Namespace"]), TODAY))
    assert sorted(files) == ["given.yaml", "kustomization.yaml"]
    assert "patches" not in files["kustomization.yaml"]


def test_no_secret_is_copied() -> None:
    assert "orders.db" not in "".join(written(choose(world_of(damaged("resources")), TODAY)).values())


def with_secrets(*given: Object) -> World:
    objects = sample()
    (container,) = next(one for one in objects if one["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"]
    container["env"] += [{"name": name, "value": "kJ83hfKd93kfLs02"} for name in ("DB_PASSWORD", "API_TOKEN")]
    return world_of([*objects, *given])


@needs_kubectl
def test_the_secret_that_nobody_made_is_named_with_its_keys_and_stays_open(tmp_path: Path) -> None:
    chosen = choose(with_secrets(), TODAY)
    text = written(chosen)["kustomization.yaml"]
    command = "#   kubectl create secret generic order-service-secrets --namespace shop --from-env-file=FILE\n"
    assert command in text and "with the keys DB_PASSWORD, API_TOKEN\n" in text and "kJ83hfKd93kfLs02" not in text
    seen = [f for f in check_manifests(built(chosen, tmp_path)).findings if "order-service-secrets" in f.message]
    assert {(f.check, f.outcome, f.severity) for f in seen} == {("reference", Outcome.INCONCLUSIVE, "warning")}
    assert any("make sure the cluster has it, with the key DB_PASSWORD" in f.message for f in seen)


@pytest.mark.parametrize(
    ("keys", "named", "asked"),
    [
        (("DB_PASSWORD", "API_TOKEN"), "order-service-secrets", False),
        (("API_TOKEN",), "order-service-secrets-2", True),
    ],
)
def test_a_secret_that_is_there_is_taken_when_it_has_the_key(keys: tuple[str, ...], named: str, asked: bool) -> None:
    metadata = {"name": "order-service-secrets", "namespace": "shop"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict.fromkeys(keys, "x")}
    text = written(choose(with_secrets(secret), TODAY))["kustomization.yaml"]
    assert f"name: {named}\n" in text
    assert (f"kubectl create secret generic {named} --namespace shop" in text) is asked
    assert ("with the key DB_PASSWORD\n" in text) is asked


def test_the_patch_of_one_variable_says_which_secret_comes_first() -> None:
    mends = [f.mend for f in failed(with_secrets()) if f.check == "secret-in-env"]
    assert all("makes Secret/order-service-secrets in namespace shop with the key" in mend for mend in mends)
    assert len(mends) == 2 and "kJ83hfKd93kfLs02" not in "".join(mends)
    assert all(yaml.safe_load(mend)["kind"] == "Deployment" for mend in mends)


def test_what_no_machine_can_mend_is_named_in_the_overlay() -> None:
    objects = damaged("resources")
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/shop/order-service:latest"
    chosen = choose(world_of(objects), TODAY)
    assert chosen.blocking == 1
    assert "#   image-fixed at Deployment/order-service" in written(chosen)["kustomization.yaml"]


def test_two_findings_of_one_check_at_one_object_are_counted_as_two() -> None:
    objects = sample()
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    folders = [{"name": name, "hostPath": {"path": f"/var/{name}"}} for name in ("lib", "log")]
    deployment["spec"]["template"]["spec"].setdefault("volumes", []).extend(folders)
    world = world_of(objects)
    chosen = choose(world, TODAY)
    assert chosen.blocking == sum(f.severity == "blocking" for f in failed(chosen.after)) == 2
    assert written(chosen)["kustomization.yaml"].count("host-path at Deployment/order-service") == 1


@needs_kubectl
@pytest.mark.parametrize("old", ["extensions/v1beta1", "apps/v1beta2"])
def test_a_patch_of_a_version_that_kustomize_has_forgotten_keeps_what_it_does_not_name(
    old: str, tmp_path: Path
) -> None:
    objects = damaged("resources")
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    deployment["apiVersion"] = old
    chosen = choose(world_of(objects), TODAY)
    result = built(chosen, tmp_path)
    wanted = {(r.kind, r.name): r.node.plain() for r in chosen.after.resources}
    assert {(r.kind, r.name): r.node.plain() for r in result.resources} == wanted


def test_what_somebody_answers_for_and_what_is_off_is_not_mended() -> None:
    waiver = Waiver("memory-limit", "anna", "a trial", date(2026, 12, 1), "Deployment/*")
    chosen = choose(world_of(damaged("resources"), Policy(waivers=(waiver,), off=("memory-request",))), TODAY)
    assert chosen.blocking == 0
    assert not {"memory-limit", "memory-request"} & {mend.check for mend in chosen.mends}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda objects: objects.append(objects[0]), "Namespace/shop is given twice"),
        (lambda objects: objects[0]["metadata"].pop("name"), "has no name"),
    ],
)
def test_what_kustomize_would_refuse_is_said_before(change: Callable[[list[Object]], None], said: str) -> None:
    objects = sample()
    change(objects)
    assert said in problem(choose(world_of(objects), TODAY))


DIFFERENCES = [
    ("a value", {"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 3}),
    ("a key that goes", {"a": 1, "b": {"c": 1}}, {"b": {}}, {"a": None, "b": {"c": None}}),
    ("a list without a key", {"args": [1]}, {"args": [1, 2]}, {"args": [1, 2]}),
    (
        "one container",
        {"containers": [{"name": "a", "x": 1}, {"name": "b"}]},
        {"containers": [{"name": "a", "x": 2}, {"name": "b"}, {"name": "c"}]},
        {"containers": [{"name": "a", "x": 2}, {"name": "c"}]},
    ),
    (
        "ports that their number does not tell apart",
        {"ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
        {"ports": [{"port": 53, "protocol": "TCP"}]},
        {"ports": [{"$patch": "replace"}, {"port": 53, "protocol": "TCP"}]},
    ),
    (
        "a name that is none",
        {"containers": [{"name": ["a"]}]},
        {"containers": [{"name": ["a"], "x": 1}]},
        {"containers": [{"$patch": "replace"}, {"name": ["a"], "x": 1}]},
    ),
]


@pytest.mark.parametrize(
    ("before", "after", "least"), [row[1:] for row in DIFFERENCES], ids=[r[0] for r in DIFFERENCES]
)
def test_a_patch_is_the_least_that_makes_the_difference(before: Object, after: Object, least: Object) -> None:
    assert difference(before, after, keyed=True) == least
    if "$patch" not in str(least):
        assert merge(before, least) == after


def test_lists_of_kinds_that_kustomize_does_not_know_are_replaced_whole() -> None:
    before, after = (
        {"containers": [{"name": "a"}, {"name": "b"}]},
        {"containers": [{"name": "a", "x": 1}, {"name": "b"}]},
    )
    assert difference(before, after, keyed=is_built_in("example.com/v1")) == after
    known = ("v1", "apps/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1")
    assert all(is_built_in(one) for one in known) and not is_built_in("gateway.networking.k8s.io/v1")


JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    "",
    "x",
    "${A}",
    [],
    [None],
    {},
    {"": None},
    [[1]],
    [{"name": "a"}, {"name": "a"}],
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a value and the key or position of what it holds."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [found for key in keys for found in places(value[key])]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(JUNK)), min_size=1, max_size=4),
    st.sampled_from(list(DAMAGES)),
)
def test_a_wrong_type_anywhere_ends_no_overlay_in_a_traceback(changes: list[tuple[int, Any]], name: str) -> None:
    objects = damaged(name)
    for number, junk in changes:
        found = places(objects)
        holder, key = found[number % len(found)]
        holder[key] = copy.deepcopy(junk)
    chosen = choose(world_of(objects), TODAY)
    assert isinstance(problem(chosen), str)
    assert all(list(yaml.safe_load_all(text)) for text in written(chosen).values())
    assert chosen.blocking <= len(check_manifests(chosen.before).findings)
