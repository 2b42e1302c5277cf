"""A release on a cluster: applied, watched, undone, its configuration restored. The same on any cluster."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from runbook_lib.act import configuration, workload
from runbook_lib.act.digest_key import digest_key
from runbook_lib.act.put_back import put_back
from runbook_lib.act.release import apply
from runbook_lib.act.rewrite import rewrite
from runbook_lib.errors import BadParameters, ChangeFailed, CriterionFailed
from runbook_lib.model import canonical, digest
from runbook_lib.observe import preflight
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.release import bundle
from runbook_lib.observe.release.difference import compare
from runbook_lib.observe.release.keyed_digest import KEY_NAME, read_key
from runbook_lib.observe.workload.explain import troubles
from runbook_lib.observe.workload.pods import endpoints, pods
from runbook_lib.observe.workload.rollout import deployment, progress, replica_sets, revision_number, template_digest
from runbook_lib.observe.workload.wait import wait

PASSWORD = "correct horse battery staple"
SERVE = "import http.server as h; h.ThreadingHTTPServer(('', 8080), h.SimpleHTTPRequestHandler).serve_forever()"
SERVE_HERE = SERVE.replace("''", "__import__('os').environ['BIND_ADDRESS']")
IN_TIME = timedelta(seconds=60)


@pytest.fixture
def here(cluster: Any) -> Cluster:
    """The test's namespace as the library sees it."""
    return Cluster(cluster.client, cluster.namespace)


def release(folder: Path, image: str, **deployment_spec: Any) -> Path:
    """A small web service with a ConfigMap and a Secret, as manifests."""
    labels = {"app": "web"}
    address = {"name": "BIND_ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container = {
        "name": "web",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", SERVE_HERE],
        "ports": [{"containerPort": 8080}],
        "env": [address],
        "envFrom": [{"configMapRef": {"name": "web"}}, {"secretRef": {"name": "web"}}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **deployment_spec}
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"MODE": "fast"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": {"PASSWORD": PASSWORD}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]
    folder.mkdir(exist_ok=True)
    (folder / "web.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return folder


def applied(here: Cluster, folder: Path) -> None:
    apply(here, bundle.read(folder, here.namespace))
    wait(here, "web", IN_TIME)


def patch(here: Cluster, api_version: str, kind: str, body: dict[str, Any], manager: str = "somebody") -> None:
    here.resource(api_version, kind).patch(
        body=body,
        name="web",
        namespace=here.namespace,
        content_type="application/merge-patch+json",
        field_manager=manager,
    )


def scale_to_one(here: Cluster) -> None:
    rewrite(here, "web", lambda current: current["spec"].update(replicas=1))


def test_the_cluster_says_who_it_is_and_what_may_be_done(here: Cluster) -> None:
    found = preflight.version(here)
    assert found.version.startswith("v1.")
    assert found.uid
    assert all(answer.allowed for answer in preflight.permissions(here, preflight.of_rollout("web")))


def test_a_release_arrives_whole_and_is_not_applied_twice(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    manifests = bundle.read(release(tmp_path, cluster.image), here.namespace)
    assert {d.action for d in compare(here, manifests)} == {"create"}
    first = apply(here, manifests)
    assert first.done
    seen: list[int] = []
    done = wait(here, "web", IN_TIME, lambda state, why: seen.append(state.ready))
    assert done.complete
    assert seen == sorted(seen), "Pods become ready one after the other, none is lost"
    found = pods(here, "web")
    assert [pod.ready for pod in found] == [True, True]
    assert endpoints(here, "web") == {pod.address: True for pod in found}
    again = apply(here, manifests)
    assert not again.done
    assert progress(deployment(here, "web")).revision == 1


def test_a_change_names_the_field_and_both_values(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    changed = bundle.read(release(tmp_path, cluster.image, replicas=3), here.namespace)
    (difference,) = [d for d in compare(here, changed) if d.action != "same"]
    assert (difference.object, difference.fields[0].path) == ("Deployment/web", ".spec.replicas")
    assert (difference.fields[0].before, difference.fields[0].after) == (2, 3)
    change = apply(here, changed)
    assert change.before["Deployment/web"] == {".spec.replicas": 2}
    assert change.after["Deployment/web"] == {".spec.replicas": 3}


def test_a_manifest_the_server_refuses_leaves_nothing_behind(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    folder = release(tmp_path, cluster.image)
    (folder / "bad.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999999}]}\n", encoding="utf-8"
    )
    with pytest.raises(BadParameters, match=r"bad\.yaml:1.*Service/bad.*nothing was applied"):
        apply(here, bundle.read(folder, here.namespace))
    assert here.get("apps/v1", "Deployment", "web") is None
    assert here.get("v1", "ConfigMap", "web") is None


def test_a_kind_the_cluster_does_not_know_is_refused(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    folder = release(tmp_path, cluster.image)
    (folder / "odd.yaml").write_text("apiVersion: odd.example/v1\nkind: Odd\nmetadata: {name: odd}\n", encoding="utf-8")
    with pytest.raises(BadParameters, match="knows no Odd"):
        apply(here, bundle.read(folder, here.namespace))
    assert here.get("apps/v1", "Deployment", "web") is None


def test_a_field_of_another_manager_is_not_taken(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    patch(here, "apps/v1", "Deployment", {"spec": {"replicas": 1}}, manager="autoscaler")
    with pytest.raises(CriterionFailed, match=r"autoscaler.*nothing was applied"):
        apply(here, bundle.read(tmp_path, here.namespace))
    assert deployment(here, "web")["spec"]["replicas"] == 1


def test_what_we_wrote_without_an_apply_does_not_stand_in_the_way_of_the_next_release(
    here: Cluster, cluster: Any, tmp_path: Path
) -> None:
    applied(here, release(tmp_path, cluster.image))
    scale_to_one(here)
    wait(here, "web", IN_TIME)
    assert apply(here, bundle.read(tmp_path, here.namespace)).done
    assert deployment(here, "web")["spec"]["replicas"] == 2


def test_the_template_of_an_earlier_revision_is_put_back_once(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    before, first = template_digest(deployment(here, "web")), revision(here, 1)
    assert workload.annotate(here, "web", {"runbook/drill": "one"}).done
    wait(here, "web", IN_TIME)
    assert not workload.annotate(here, "web", {"runbook/drill": "one"}).done
    assert put_back(here, "web", first, "revision 1").done
    wait(here, "web", IN_TIME)
    live = deployment(here, "web")
    assert (template_digest(live), progress(live).revision) == (before, 3)
    assert not put_back(here, "web", first, "revision 1").done


def revision(here: Cluster, number: int) -> Object:
    """The ReplicaSet of that revision."""
    sets = replica_sets(here, deployment(here, "web"))
    return next(one for one in sets if revision_number(one) == number)


def test_a_mark_that_a_broken_off_drill_left_is_taken_away(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    before = template_digest(deployment(here, "web"))
    assert not workload.annotate(here, "web", {"runbook/drill": None}).done
    workload.annotate(here, "web", {"runbook/drill": "one"})
    assert workload.annotate(here, "web", {"runbook/drill": None}).done
    assert template_digest(deployment(here, "web")) == before


def test_a_writer_in_between_is_read_again_and_not_run_over(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    resource, refused = here.resource("apps/v1", "Deployment"), []
    replace = resource.replace

    def late(*args: Any, **options: Any) -> Any:
        if not refused:
            patch(here, "apps/v1", "Deployment", {"metadata": {"labels": {"by": "somebody"}}})
        try:
            return replace(*args, **options)
        except ApiException as error:
            refused.append(error.status)
            raise

    here.resource = lambda *_: _With(resource, late)  # type: ignore[method-assign]
    scale_to_one(here)
    del here.resource  # type: ignore[method-assign]
    live = deployment(here, "web")
    assert refused == [409]
    assert (live["spec"]["replicas"], live["metadata"]["labels"]["by"]) == (1, "somebody")


class _With:
    """A resource whose replace is another one."""

    def __init__(self, resource: Any, replace: Any) -> None:
        self._resource = resource
        self.replace = replace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resource, name)


def test_a_stuck_rollout_says_why_and_names_the_way_back(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image, progressDeadlineSeconds=3))
    containers = [{"name": "web", "image": "localhost/absent:1"}]
    here.resource("apps/v1", "Deployment").patch(
        body={"spec": {"template": {"spec": {"containers": containers}}}}, name="web", namespace=here.namespace
    )
    with pytest.raises(ChangeFailed, match=r"web-.*absent.*06_rollback") as failed:
        wait(here, "web", timedelta(seconds=30))
    assert "has timed out progressing" in str(failed.value)
    assert any("absent" in str(trouble) for trouble in troubles(here, "web"))
    put_back(here, "web", revision(here, 1), "revision 1")
    assert wait(here, "web", IN_TIME).complete, "the failed verdict of before does not end the wait"


def test_configuration_is_kept_and_restored_and_no_value_is_in_the_record(
    here: Cluster, cluster: Any, tmp_path: Path
) -> None:
    applied(here, release(tmp_path, cluster.image))
    names = configuration.concerned([deployment(here, "web")], [])
    assert names == [("ConfigMap", "web"), ("Secret", "web")]
    kept = configuration.snapshot(here, names)
    assert kept.done
    assert not configuration.snapshot(here, names).done
    patch(here, "v1", "ConfigMap", {"data": {"MODE": "slow", "MORE": "1"}})
    here.resource("v1", "Secret").delete(name="web", namespace=here.namespace)
    restored = configuration.restore(here, kept.after)
    assert restored.done
    assert here.get("v1", "ConfigMap", "web")["data"] == {"MODE": "fast"}  # type: ignore[index]
    assert set(here.get("v1", "Secret", "web")["data"]) == {"PASSWORD"}  # type: ignore[index]
    assert not configuration.restore(here, kept.after).done
    differences = compare(here, bundle.read(tmp_path, here.namespace))
    written = canonical([kept, restored, differences]).decode()
    assert PASSWORD not in written
    assert "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==" not in written


def test_digests_are_keyed_by_what_stays_in_the_cluster(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    kept = configuration.snapshot(here, [("Secret", "web")]).after[0]
    held = read_key(here)
    assert held is not None
    assert kept.keys == {"PASSWORD": held.of(PASSWORD.encode())}
    assert digest_key(here).id == held.id, "made once"
    assert base64.b64decode(here.get("v1", "Secret", KEY_NAME)["data"]["key"]).hex() not in repr(kept)  # type: ignore[index]


def test_a_copy_that_an_older_record_names_by_plain_digests_is_restored_from(
    here: Cluster, cluster: Any, tmp_path: Path
) -> None:
    applied(here, release(tmp_path, cluster.image))
    kept = configuration.snapshot(here, [("Secret", "web")]).after[0]
    older = replace(kept, keys={"PASSWORD": f"sha256:{digest(PASSWORD.encode())}"})
    patch(here, "v1", "Secret", {"stringData": {"PASSWORD": "another"}})
    assert configuration.restore(here, [older]).done
    with pytest.raises(CriterionFailed, match="was altered"):
        configuration.restore(here, [replace(kept, keys={"PASSWORD": f"sha256:{'0' * 64}"})])


def test_with_the_key_gone_the_way_back_is_open_all_the_same(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    kept = configuration.snapshot(here, [("Secret", "web")]).after
    here.resource("v1", "Secret").delete(name=KEY_NAME, namespace=here.namespace)
    patch(here, "v1", "Secret", {"stringData": {"PASSWORD": "another"}})
    assert configuration.restore(here, kept).done
    assert base64.b64decode(here.get("v1", "Secret", "web")["data"]["PASSWORD"]).decode() == PASSWORD  # type: ignore[index]


def test_a_copy_that_was_removed_is_not_restored_from(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    applied(here, release(tmp_path, cluster.image))
    kept = configuration.snapshot(here, [("ConfigMap", "web")]).after
    here.resource("v1", "Secret").delete(name=kept[0].copy, namespace=here.namespace)
    with pytest.raises(CriterionFailed, match="is gone"):
        configuration.restore(here, kept)
