"""A rollback beyond the traffic: workload, configuration, each seen in the cluster. The same on any cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from throwaway import demo, make_project

from runbook_lib.act import configuration, put_back, snapshot, workload
from runbook_lib.act.level import Level, wanted
from runbook_lib.act.release import apply
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, CriterionFailed, Unreachable
from runbook_lib.model import Outcome, Verdict, canonical
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.release import bundle
from runbook_lib.observe.workload.rollout import deployment, progress, replica_sets
from runbook_lib.observe.workload.snapshots import essence, snapshot_sets
from runbook_lib.observe.workload.wait import wait
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.rollback.drill import walk
from runbook_lib.rollback.plan import plan
from runbook_lib.rollback.restore import decide, restore
from tests.contract.test_release import IN_TIME, PASSWORD, release

STEP = ("rollback", None, "rollback")


@pytest.fixture
def here(cluster: Any) -> Cluster:
    """The test's namespace as the library sees it."""
    return Cluster(cluster.client, cluster.namespace)


@pytest.fixture
def p(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    loaded = demo(tmp_path / "project")
    given = {"kubeconfig": str(cluster.kubeconfig), "namespace": cluster.namespace, "deployment": "web"}
    return loaded.model_copy(update={"kubernetes": loaded.kubernetes.model_copy(update=given)})


def attempt(p: Parameters) -> Run:
    return Run(p, open_attempt(p, STEP, None, "command"), STEP)


@pytest.fixture
def deploy(here: Cluster, cluster: Any, tmp_path: Path) -> Callable[..., None]:
    """What 03 does: keep, apply, wait, keep again."""

    def release_it(run: str, after: bool = True, values: dict[str, str] | None = None, **spec: Any) -> None:
        folder = release(tmp_path / run, cluster.image, **{"revisionHistoryLimit": 0, **spec})
        if values is not None:
            text = (folder / "web.yaml").read_text()
            assert "MODE: fast" in text
            data = "\n".join(f"  {key}: {value}" for key, value in values.items())
            (folder / "web.yaml").write_text(text.replace("  MODE: fast", data))
        manifests = bundle.read(folder, here.namespace)
        snapshot.keep(here, "web", [m.object for m in manifests], run)
        apply(here, manifests)
        wait(here, "web", IN_TIME)
        if after:
            snapshot.keep(here, "web", [m.object for m in manifests], run, "after")

    return release_it


def mark(here: Cluster, value: str) -> None:
    """Another Pod template, as a release or a person makes one."""
    workload.annotate(here, "web", {"example/version": value})
    wait(here, "web", IN_TIME)


def back(p: Parameters, level: Level, to_revision: int | None = None) -> tuple[Run, tuple[Verdict, ...]]:
    run = attempt(p)
    clients = run.connect()
    return run, restore(run, clients, decide(run, clients, wanted(level, to_revision)))


def values(here: Cluster) -> dict[str, str]:
    found = here.get("v1", "ConfigMap", "web")
    return dict((found or {}).get("data") or {})


def test_with_the_history_pruned_workload_and_configuration_go_back_together(
    here: Cluster, deploy: Callable[..., None], p: Parameters
) -> None:
    deploy("one")
    first = essence(deployment(here, "web"))
    deploy("two", values={"MODE": "slow"}, template=_template(here, "2"))
    assert [essence(one) for one in replica_sets(here, deployment(here, "web"))] != [first]
    run, verdicts = back(p, "configuration", 1)
    assert {v.outcome for v in verdicts} == {Outcome.PASS}, verdicts
    assert essence(deployment(here, "web")) == first
    assert values(here) == {"MODE": "fast"}
    made = json.loads((run.attempt / "evidence" / "rollback-plan.json").read_text())
    assert made["source"].startswith("ConfigMap/web.runbook-set-") and made["to_revision"] == 1
    told = "".join(path.read_text() for path in run.attempt.rglob("*") if path.is_file())
    assert PASSWORD not in told and base64.b64encode(PASSWORD.encode()).decode() not in told


def test_the_state_before_the_last_release_is_gone_back_to_once_and_not_twice(
    here: Cluster, deploy: Callable[..., None], p: Parameters
) -> None:
    deploy("one")
    first = essence(deployment(here, "web"))
    deploy("two", values={"MODE": "slow"}, template=_template(here, "2"))
    assert essence(deployment(here, "web")) != first
    assert [s.moment for s in snapshot_sets(here, "web")] == ["after", "before", "after"]
    back(p, "configuration")
    revision = progress(deployment(here, "web")).revision
    run, _ = back(p, "configuration")
    assert (essence(deployment(here, "web")), values(here)) == (first, {"MODE": "fast"})
    assert progress(deployment(here, "web")).revision == revision
    changes = [e.data["change"] for e in journal.read(run.attempt) if e.kind == "result"]
    assert [one["done"] for one in changes] == [False, False, False]


def test_after_a_drill_a_rollback_still_goes_to_the_state_before_the_last_release(
    here: Cluster, deploy: Callable[..., None], p: Parameters
) -> None:
    deploy("one")
    first = essence(deployment(here, "web"))
    deploy("two", template=_template(here, "2"))
    drilled = attempt(p)
    walked = walk(drilled, drilled.connect(), wanted("workload"))
    assert walked.before == walked.after != walked.changed
    drilled.close()
    back(p, "workload")
    assert essence(deployment(here, "web")) == first


def _template(here: Cluster, version: str) -> dict[str, Any]:
    template = dict(deployment(here, "web")["spec"]["template"])
    metadata = {k: v for k, v in template["metadata"].items() if k != "creationTimestamp"}
    return {**template, "metadata": {**metadata, "annotations": {"example/version": version}}}


@pytest.mark.heavy
def test_a_configuration_alone_goes_back_and_the_pods_that_read_it_are_started_anew(
    here: Cluster, deploy: Callable[..., None], p: Parameters
) -> None:
    deploy("one")
    before = {pod["metadata"]["uid"] for pod in here.all("v1", "Pod")}
    deploy("two", values={"MODE": "slow", "MORE": "more"})
    _, verdicts = back(p, "configuration")
    assert values(here) == {"MODE": "fast"}
    assert {v.name: v.outcome for v in verdicts}["configuration in the Pods"] is Outcome.PASS
    living = [pod["metadata"] for pod in here.all("v1", "Pod") if "deletionTimestamp" not in pod["metadata"]]
    assert before.isdisjoint(one["uid"] for one in living)


def test_what_was_deleted_is_made_anew_the_deployment_too(
    here: Cluster, deploy: Callable[..., None], p: Parameters
) -> None:
    deploy("one")
    first = essence(deployment(here, "web"))
    for api, kind in (("v1", "ConfigMap"), ("v1", "Secret"), ("apps/v1", "Deployment")):
        here.resource(api, kind).delete(name="web", namespace=here.namespace)
    _, verdicts = back(p, "configuration", 1)
    assert {v.outcome for v in verdicts} == {Outcome.PASS}, verdicts
    assert (essence(deployment(here, "web")), values(here)) == (first, {"MODE": "fast"})


def test_an_immutable_configmap_with_bytes_is_made_anew_as_it_was(here: Cluster) -> None:
    raw = base64.b64encode(b"\xff\xfe plain").decode()
    text = base64.b64encode(b"only letters").decode()
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "labels": {"team": "orders"}},
        "data": {"MODE": "fast"},
        "binaryData": {"raw": raw, "text": text},
        "immutable": True,
    }
    maps = here.resource("v1", "ConfigMap")
    maps.create(body=body, namespace=here.namespace)
    kept = configuration.snapshot(here, [("ConfigMap", "web")]).after
    maps.delete(name="web", namespace=here.namespace)
    maps.create(body={**body, "data": {"MODE": "slow"}, "binaryData": {}}, namespace=here.namespace)
    assert configuration.restore(here, kept).done
    found = here.get("v1", "ConfigMap", "web") or {}
    assert {key: found.get(key) for key in ("data", "binaryData", "immutable")} == {
        key: body[key] for key in ("data", "binaryData", "immutable")
    }
    assert found["metadata"]["labels"] == {"team": "orders"}
    assert not configuration.restore(here, kept).done


@pytest.mark.parametrize(
    "spoil",
    ["set altered", *(pytest.param(one, marks=pytest.mark.heavy) for one in ("set gone", "copy gone", "copy altered"))],
)
def test_a_snapshot_that_is_gone_or_altered_is_refused_before_anything_is_written(
    here: Cluster, deploy: Callable[..., None], p: Parameters, spoil: str
) -> None:
    deploy("one")
    deploy("two", values={"MODE": "slow"}, after=False)
    (chosen,) = [s for s in snapshot_sets(here, "web") if s.moment == "before"]
    what, how = spoil.split()
    kind, name = ("ConfigMap", chosen.name) if what == "set" else ("Secret", chosen.configuration[0].copy)
    found = here.get("v1", kind, name) or {}
    here.resource("v1", kind).delete(name=name, namespace=here.namespace)
    if how == "altered":
        key = next(iter(found["data"]))
        value = found["data"][key].replace("web", "wob") if kind == "ConfigMap" else "c2xvdw=="
        kept = ("name", "labels", "annotations")
        metadata = {one: found["metadata"][one] for one in kept if one in found["metadata"]}
        body = {**found, "metadata": metadata, "data": {**found["data"], key: value}}
        here.resource("v1", kind).create(body=body, namespace=here.namespace)
    before = canonical([deployment(here, "web")["spec"], values(here)])
    if spoil == "set gone":  # the next older one is of another moment; by its name it is not there
        with pytest.raises(BadParameters, match="nothing is left of revision 7"):
            plan(connect(p), wanted("configuration", 7))
    else:
        with pytest.raises(CriterionFailed, match=how):
            plan(connect(p), wanted("configuration"))
    assert canonical([deployment(here, "web")["spec"], values(here)]) == before


@pytest.mark.heavy
def test_a_process_that_dies_between_two_acts_is_gone_on_from_where_it_was(
    here: Cluster, deploy: Callable[..., None], p: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy("one")
    first = essence(deployment(here, "web"))
    deploy("two", values={"MODE": "slow"}, template=_template(here, "2"))
    for act in ("restore", "put_back"):
        module: Any = configuration if act == "restore" else put_back
        done = getattr(module, act)

        def dies(*arguments: Any, done: Any = done) -> None:
            done(*arguments)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(module, act, dies)
            back(p, "configuration")
    _, verdicts = back(p, "configuration")
    assert {v.outcome for v in verdicts} == {Outcome.PASS}, verdicts
    assert (essence(deployment(here, "web")), values(here)) == (first, {"MODE": "fast"})


@pytest.mark.heavy
def test_a_cluster_that_goes_away_in_the_middle_is_said_and_later_gone_on_with(
    here: Cluster, deploy: Callable[..., None], p: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy("one")
    deploy("two", values={"MODE": "slow"})

    def gone(*_: Any) -> None:
        raise Unreachable("the cluster at https://… does not answer for Deployment/web")

    with monkeypatch.context() as patched, pytest.raises(Unreachable, match="does not answer"):
        patched.setattr(put_back, "put_back", gone)
        back(p, "configuration")
    assert values(here) == {"MODE": "fast"}
    _, verdicts = back(p, "configuration")
    assert {v.outcome for v in verdicts} == {Outcome.PASS}, verdicts


def test_somebody_who_writes_a_configmap_at_the_same_time_is_read_again(
    here: Cluster, deploy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy("one")
    kept = configuration.snapshot(here, [("ConfigMap", "web")]).after
    maps = here.resource("v1", "ConfigMap")

    def patch(value: str) -> None:
        maps.patch(
            body={"data": {"MODE": value}},
            name="web",
            namespace=here.namespace,
            content_type="application/merge-patch+json",
        )

    patch("slow")
    once, write = [], configuration._write

    def late(*arguments: Any) -> Any:
        if not once:
            once.append(patch("slower"))
        return write(*arguments)

    monkeypatch.setattr(configuration, "_write", late)
    assert configuration.restore(here, kept).done
    assert values(here) == {"MODE": "fast"}


@pytest.mark.heavy
def test_a_paused_rollout_goes_on_with_the_earlier_template(
    here: Cluster, deploy: Callable[..., None], p: Parameters
) -> None:
    deploy("one", revisionHistoryLimit=2)
    first = essence(deployment(here, "web"))
    deploy("two", template=_template(here, "2"))
    resource = here.resource("apps/v1", "Deployment")
    resource.patch(
        body={"spec": {"paused": True}},
        name="web",
        namespace=here.namespace,
        content_type="application/merge-patch+json",
    )
    back(p, "workload")
    live = deployment(here, "web")
    assert (essence(live), bool(live["spec"].get("paused"))) == (first, False)


@pytest.mark.heavy
def test_a_dry_run_says_what_it_would_do_and_changes_nothing(
    here: Cluster, deploy: Callable[..., None], p: Parameters
) -> None:
    deploy("one")
    deploy("two", values={"MODE": "slow"}, template=_template(here, "2"))
    before = canonical([deployment(here, "web")["spec"], values(here)])
    run, verdicts = back(p.model_copy(update={"dry_run": True}), "configuration")
    assert canonical([deployment(here, "web")["spec"], values(here)]) == before
    assert [v.outcome for v in verdicts] == [Outcome.INCONCLUSIVE]
    assert [e.kind for e in journal.read(run.attempt) if e.kind in ("would", "intent")] == ["would", "would"]


def test_without_a_script_level_data_is_refused(here: Cluster, deploy: Callable[..., None], p: Parameters) -> None:
    deploy("one", revisionHistoryLimit=2)
    mark(here, "2")
    with pytest.raises(BadParameters, match=r"kubernetes\.rollback\.data names no script"):
        plan(connect(p), wanted("data", 1))


@pytest.mark.heavy
def test_where_nothing_was_kept_the_newest_other_replica_set_is_gone_back_to_and_not_forward_again(
    here: Cluster, cluster: Any, tmp_path: Path, p: Parameters
) -> None:
    manifests = bundle.read(release(tmp_path / "one", cluster.image), here.namespace)
    apply(here, manifests)
    wait(here, "web", IN_TIME)
    first = essence(deployment(here, "web"))
    mark(here, "2")
    with pytest.raises(CriterionFailed, match="no snapshot set belongs to revision 1"):
        plan(connect(p), wanted("configuration"))
    back(p, "workload")
    assert essence(deployment(here, "web")) == first
    back(p, "workload")
    assert essence(deployment(here, "web")) == first
