"""Applying a release while things go wrong: what stands is named, and the next run goes on. The same on any cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.act.release import apply
from runbook_lib.errors import BadParameters, ChangeFailed, CriterionFailed, Unreachable
from runbook_lib.model import canonical
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.release import bundle, server_side_apply
from runbook_lib.observe.release.bundle import Manifest
from runbook_lib.observe.release.difference import compare
from runbook_lib.sections.release import FieldRule
from tests.contract.faulty import Fault, Middle, middle, storing

SCALED = FieldRule(object="Deployment/*", field=".spec.replicas", decision="leave", reason="an autoscaler sets it")


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_side_apply, "PAUSES", (0.01, 0.02))


@pytest.fixture
def way(cluster: Any) -> Iterator[Middle]:
    """A way to the cluster on which answers can be lost."""
    with middle(cluster.client) as made:
        yield made


@pytest.fixture
def here(cluster: Any, way: Middle) -> Cluster:
    """The test's namespace, reached by that way."""
    return Cluster(way.api, cluster.namespace)


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(image: str, **spec: Any) -> dict[str, Any]:
    """One that starts no Pod: what is tested is the object."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def written(folder: Path, *objects: dict[str, Any], namespace: str) -> tuple[Manifest, ...]:
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return bundle.read(folder / "all.yaml", namespace)


@pytest.fixture
def three(here: Cluster, tmp_path: Path) -> tuple[Manifest, ...]:
    """Three ConfigMaps, a, b and c."""
    return written(tmp_path, *(config(name, mode="fast") for name in "abc"), namespace=here.namespace)


def data(here: Cluster, name: str) -> dict[str, str] | None:
    found = here.get("v1", "ConfigMap", name)
    return found["data"] if found else None


# the API server


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_fails_for_a_moment_is_asked_again(
    here: Cluster, way: Middle, three: tuple[Manifest, ...], status: int
) -> None:
    way.faults.append(Fault(storing("/b?"), times=2, status=status))
    assert apply(here, three).done
    assert way.stored() == ["a", "b", "b", "b", "c"]


def test_a_server_that_is_restarted_between_two_objects_is_waited_for(
    here: Cluster, way: Middle, three: tuple[Manifest, ...]
) -> None:
    way.faults.append(Fault(storing("/b?"), times=2, dead=True))
    assert apply(here, three).done
    assert [data(here, name) for name in "abc"] == [{"mode": "fast"}] * 3


def test_a_server_that_stays_away_leaves_a_sentence_and_the_next_run_goes_on(
    here: Cluster, way: Middle, three: tuple[Manifest, ...]
) -> None:
    fault = Fault(storing("/b?"), times=99, status=503)
    way.faults.append(fault)
    with pytest.raises(ChangeFailed, match=r"ConfigMap/b .*applied so far: ConfigMap/a; run 03_pilot_deploy again"):
        apply(here, three)
    assert (data(here, "a"), data(here, "b"), data(here, "c")) == ({"mode": "fast"}, None, None)
    fault.times = 0
    way.seen.clear()
    assert apply(here, three).done
    assert way.stored() == ["b", "c"], "what was applied is not applied again"
    assert not apply(here, three).done


def test_a_busy_server_is_obeyed(here: Cluster, way: Middle, three: tuple[Manifest, ...]) -> None:
    way.faults.append(Fault(storing("/b?"), times=1, status=429, headers={"Retry-After": "0"}))
    assert apply(here, three).done
    assert way.stored() == ["a", "b", "b", "c"]


def test_a_busy_server_is_not_waited_for_without_end(here: Cluster, way: Middle, three: tuple[Manifest, ...]) -> None:
    way.faults.append(Fault(storing("/b?"), times=99, status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(ChangeFailed, match=r"ConfigMap/b .*429.*applied so far: ConfigMap/a"):
        apply(here, three)
    assert way.stored() == ["a", "b"], "it was not asked again before its time"


def test_before_anything_is_written_a_server_that_is_away_changes_nothing(
    here: Cluster, way: Middle, three: tuple[Manifest, ...]
) -> None:
    way.faults.append(Fault(lambda line: "dryRun" in line, times=99, status=503))
    with pytest.raises(Unreachable, match="cannot answer for ConfigMap/a: 503"):
        apply(here, three)
    assert way.stored() == []


def test_an_answer_that_is_lost_after_it_was_stored_is_no_failure(
    here: Cluster, way: Middle, three: tuple[Manifest, ...]
) -> None:
    way.faults.append(Fault(storing("/b?"), lost=True))
    assert apply(here, three).done
    changed = [Manifest(m.file, {**m.object, "data": {"mode": "slow"}}) for m in three]
    way.faults.append(Fault(storing("/b?"), lost=True))
    assert apply(here, changed).done, "over an object that is there, too: it is our own write that was met"
    assert data(here, "b") == {"mode": "slow"}


def test_one_that_was_killed_in_the_middle_goes_on(here: Cluster, way: Middle, three: tuple[Manifest, ...]) -> None:
    killed = KeyboardInterrupt()

    def kill(cluster: Cluster, manifest: Manifest, *_: Any) -> Any:
        if manifest.name == "ConfigMap/c":
            raise killed
        return send(cluster, manifest, *_)

    send = server_side_apply.send
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("runbook_lib.act.release.send", kill)
        with pytest.raises(KeyboardInterrupt):
            apply(here, three)
    way.seen.clear()
    assert apply(here, three, (), compare(here, three)).done
    assert way.stored() == ["c"]


# somebody else


def test_a_status_that_changes_meanwhile_is_nothing_to_us(
    here: Cluster, cluster: Any, way: Middle, tmp_path: Path
) -> None:
    apply(here, written(tmp_path, deployment(cluster.image), namespace=here.namespace))
    status = {"status": {"observedGeneration": 1, "replicas": 0, "conditions": []}}
    path = "/apis/apps/v1/namespaces/NAMESPACE/deployments/web/status"
    touch = lambda: cluster.request("PATCH", path, status, "application/merge-patch+json")  # noqa: E731
    way.faults.append(Fault(storing("/web?"), before=touch))
    changed = written(tmp_path, deployment(cluster.image, minReadySeconds=3), namespace=here.namespace)
    assert apply(here, changed).done


def test_two_that_apply_at_once_do_not_run_over_each_other(
    here: Cluster, cluster: Any, way: Middle, three: tuple[Manifest, ...]
) -> None:
    apply(here, three)
    mine, theirs = (
        [Manifest(m.file, {**m.object, "data": {"mode": mode}}) for m in three] for mode in ("mine", "theirs")
    )
    other = Cluster(cluster.client, cluster.namespace)
    way.faults.append(Fault(storing("/b?"), before=lambda: apply(other, theirs)))
    with pytest.raises(
        ChangeFailed, match=r"ConfigMap/b .*somebody else changed it meanwhile.*applied so far: ConfigMap/a"
    ):
        apply(here, mine)
    assert [data(here, name) for name in "abc"] == [{"mode": "theirs"}] * 3


def test_what_changed_since_it_was_shown_is_shown_again_before_it_is_applied(
    here: Cluster, three: tuple[Manifest, ...]
) -> None:
    apply(here, three)
    changed = [Manifest(m.file, {**m.object, "data": {"mode": "slow"}}) for m in three]
    shown = compare(here, changed)
    here.resource("v1", "ConfigMap").delete(name="b", namespace=here.namespace)
    with pytest.raises(
        CriterionFailed, match=r"ConfigMap/b changed since the difference was shown.*nothing was applied"
    ):
        apply(here, changed, (), shown)
    assert data(here, "a") == {"mode": "fast"}


def scale(here: Cluster, manager: str, replicas: int = 2) -> None:
    here.resource("apps/v1", "Deployment").patch(
        body={"spec": {"replicas": replicas}}, name="web", namespace=here.namespace, field_manager=manager,
        content_type="application/merge-patch+json",
    )  # fmt: skip


def test_a_field_of_somebody_else_is_shown_and_left_or_taken_with_a_reason(
    here: Cluster, cluster: Any, tmp_path: Path
) -> None:
    manifests = written(tmp_path, deployment(cluster.image), namespace=here.namespace)
    apply(here, manifests)
    scale(here, "autoscaler")
    (found,) = compare(here, manifests)
    assert found.conflicts == (".spec.replicas (autoscaler)",)
    assert [(f.path, f.before, f.after) for f in found.fields] == [(".spec.replicas", 2, 0)]
    with pytest.raises(CriterionFailed, match=r"autoscaler.*nothing was applied.*kubernetes\.fields"):
        apply(here, manifests)
    (left,) = compare(here, manifests, [SCALED])
    assert (left.action, left.left) == ("same", (".spec.replicas: an autoscaler sets it",))
    assert not apply(here, manifests, [SCALED]).done
    take = SCALED.model_copy(update={"decision": "take", "reason": "the autoscaler is gone"})
    change = apply(here, manifests, [take], compare(here, manifests, [take]))
    assert "taken over: Deployment/web .spec.replicas (autoscaler): the autoscaler is gone" in change.note
    assert here.get("apps/v1", "Deployment", "web")["spec"]["replicas"] == 0  # type: ignore[index]
    assert not apply(here, manifests).done, "from now on it is ours"


def test_one_decision_does_not_take_another_field(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    manifests = written(tmp_path, deployment(cluster.image, minReadySeconds=1), namespace=here.namespace)
    apply(here, manifests)
    scale(here, "autoscaler")
    take = FieldRule(object="Deployment/web", field=".spec.minReadySeconds", decision="take", reason="as a test")
    with pytest.raises(CriterionFailed, match="autoscaler"):
        apply(here, manifests, [take])


# what cannot be changed


def test_an_immutable_field_is_refused_before_anything_is_applied(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": cluster.image}]}}}
    objects = {
        "Deployment": deployment(cluster.image),
        "Job": {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web"}, "spec": {**job, "suspend": True}},
        "Service": {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        },
    }  # fmt: skip
    apply(here, written(tmp_path, *objects.values(), namespace=here.namespace))
    changed = json.loads(json.dumps(objects))
    changed["Deployment"]["spec"]["selector"]["matchLabels"]["tier"] = "web"
    changed["Deployment"]["spec"]["template"]["metadata"]["labels"]["tier"] = "web"
    changed["Job"]["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/other:1"
    address = here.get("v1", "Service", "web")["spec"]["clusterIP"]  # type: ignore[index]
    changed["Service"]["spec"]["clusterIP"] = address[:-1] + str((int(address[-1]) + 1) % 10)
    for kind, advice in (
        ("Deployment", "--cascade=orphan"),
        ("Job", "delete job web"),
        ("Service", "leave the cluster"),
    ):
        manifests = written(tmp_path, config("first", a="1"), changed[kind], namespace=here.namespace)
        with pytest.raises(BadParameters, match=rf"refuses {kind}/web.*{advice}.*nothing was applied") as refusal:
            apply(here, manifests)
        assert "\n" not in str(refusal.value)
        assert data(here, "first") is None


def test_an_object_that_is_being_deleted_is_not_applied_to(
    here: Cluster, way: Middle, three: tuple[Manifest, ...]
) -> None:
    apply(here, three)
    body = {"metadata": {"finalizers": ["runbook.test/hold"]}}
    maps = here.resource("v1", "ConfigMap")
    maps.patch(body=body, name="b", namespace=here.namespace, content_type="application/merge-patch+json")
    maps.delete(name="b", namespace=here.namespace)
    with pytest.raises(CriterionFailed, match=r"ConfigMap/b is being deleted.*runbook\.test/hold.*nothing was applied"):
        apply(here, three)
    body = {"metadata": {"finalizers": None}}
    maps.patch(body=body, name="b", namespace=here.namespace, content_type="application/merge-patch+json")


def test_a_namespace_that_is_being_deleted_takes_nothing_new(cluster: Any, tmp_path: Path) -> None:
    going = Cluster(cluster.client, f"{cluster.namespace}-going")
    cluster.core.create_namespace({"metadata": {"name": going.namespace}})
    held = config("held") | {"metadata": {"name": "held", "finalizers": ["runbook.test/hold"]}}
    going.resource("v1", "ConfigMap").create(body=held, namespace=going.namespace)
    cluster.core.delete_namespace(going.namespace)
    manifests = written(tmp_path, config("a"), namespace=going.namespace)
    with pytest.raises(CriterionFailed, match=r"because it is being terminated.*nothing was applied") as refusal:
        apply(going, manifests)
    assert "Role" not in str(refusal.value), "it is no missing permission"
    going.resource("v1", "ConfigMap").patch(
        body={"metadata": {"finalizers": None}}, name="held", namespace=going.namespace,
        content_type="application/merge-patch+json",
    )  # fmt: skip


# what stands on another object of the same release


def test_a_namespace_comes_with_what_lives_in_it(cluster: Any, tmp_path: Path) -> None:
    name = f"{cluster.namespace}-new"
    new = Cluster(cluster.client, name)
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    manifests = written(tmp_path, config("a", mode="fast"), own, namespace=name)
    differences = compare(new, manifests)
    assert [(d.object, d.note != "") for d in differences] == [(f"Namespace/{name}", False), ("ConfigMap/a", True)]
    assert apply(new, manifests, (), differences).done
    assert data(new, "a") == {"mode": "fast"}
    cluster.core.delete_namespace(name)


def test_a_release_that_is_refused_once_its_namespace_stands_names_the_namespace(cluster: Any, tmp_path: Path) -> None:
    name = f"{cluster.namespace}-new"
    new = Cluster(cluster.client, name)
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad"}, "spec": {"ports": [{"port": 99999999}]}}
    with pytest.raises(BadParameters, match=rf"refuses Service/bad.*applied so far: Namespace/{name}"):
        apply(new, written(tmp_path, own, bad, namespace=name))
    cluster.core.delete_namespace(name)


def test_a_kind_is_established_before_its_objects_are_tried(here: Cluster, tmp_path: Path) -> None:
    group = f"{here.namespace}.runbook.test"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group, "names": names, "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }  # fmt: skip
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"size": 3}}
    manifests = written(tmp_path, widget, config("a"), definition, namespace=here.namespace)
    assert [m.object["kind"] for m in manifests] == ["CustomResourceDefinition", "ConfigMap", "Widget"]
    try:
        shown = compare(here, manifests)
        assert shown[2].note == f"not tried: its kind comes with CustomResourceDefinition/widgets.{group}"
        assert apply(here, manifests, (), shown).done
        assert here.get(f"{group}/v1", "Widget", "one")["spec"] == {"size": 3}  # type: ignore[index]
        assert not apply(here, manifests).done
        here.resource(f"{group}/v1", "Widget").delete(name="one", namespace=here.namespace)
    finally:
        here.resource("apiextensions.k8s.io/v1", "CustomResourceDefinition").delete(name=f"widgets.{group}")


def test_a_kind_that_nobody_knows_names_the_versions_that_are_known(here: Cluster, tmp_path: Path) -> None:
    old = {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "web"}}
    manifests = written(tmp_path, config("a"), old, namespace=here.namespace)
    with pytest.raises(
        BadParameters, match=r"knows no Ingress in extensions/v1beta1: .*networking\.k8s\.io/v1.*nothing"
    ):
        apply(here, manifests)
    assert data(here, "a") is None


def test_no_refusal_and_no_record_repeats_a_value_of_a_secret(here: Cluster, tmp_path: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": {"p": "hunter2"}}
    change = apply(here, written(tmp_path, secret, namespace=here.namespace))
    secret["stringData"] = {"p": "hunter3"}
    manifests = written(tmp_path, secret, namespace=here.namespace)
    differences = compare(here, manifests)
    assert differences[0].fields[0].path == ".data.p"
    changed = apply(here, manifests, (), differences)
    said = canonical([change, differences, changed]).decode()
    assert not [word for word in ("hunter", "aHVudGVyM") if word in said]
    secret["data"], secret["type"] = {"bad key!": "aHVudGVyMg=="}, "kubernetes.io/other"
    with pytest.raises(BadParameters, match="refuses Secret/web") as refusal:
        apply(here, written(tmp_path, secret, namespace=here.namespace))
    assert not [word for word in ("hunter", "aHVudGVyM") if word in str(refusal.value)]
