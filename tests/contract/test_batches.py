"""A release that goes in batches, whose failed Pods are handled, and that is taken back: on any cluster."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from workloads import READY, SERVER, Objects, container, deployment

from runbook_lib.act import rollout as acts
from runbook_lib.act.abort import abort, left
from runbook_lib.act.level import Wanted
from runbook_lib.act.put_back import put_back
from runbook_lib.errors import ChangeFailed, Held
from runbook_lib.judge.rollout import complete
from runbook_lib.model import Outcome
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.rollout import BATCHES, Progress, progress, replica_sets, template_digest
from runbook_lib.observe.workload.rollout import deployment as live_deployment
from runbook_lib.observe.workload.snapshots import essence
from runbook_lib.parameters import check, project_root
from runbook_lib.record import Run, journal
from runbook_lib.rollback.drill import walk
from runbook_lib.rollback.plan import Plan
from runbook_lib.rollback.restore import restore
from runbook_lib.rollout.carry_out import carry_out, prepare
from runbook_lib.rollout.take_back import take_back

NEVER = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1}


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


@pytest.fixture
def here(cluster: Any) -> Cluster:
    return Cluster(cluster.client, cluster.namespace)


class Release:
    """One release of the Deployment ``web`` as a notebook would carry it out."""

    def __init__(self, here: Cluster, objects: Objects, folder: Path) -> None:
        self.here, self.objects, self.folder = here, objects, folder
        self.states: list[Progress] = []
        self.sizes: list[tuple[int, int]] = []

    def run(self, timeout: str = "90s", **wanted: Any) -> Run:
        values = yaml.safe_load((project_root() / "parameters/demo.yaml").read_text(encoding="utf-8"))
        place = {"namespace": self.here.namespace, "deployment": "web"}
        values["kubernetes"] |= {**place, "rollout_timeout": timeout, "rollout": wanted}
        folder = self.folder / f"attempt-{len(list(self.folder.glob('attempt-*'))) + 1}"
        folder.mkdir()
        return Run(check(values, "the test"), folder, ("pilot_deploy", None, None))

    def carry_out(self, timeout: str = "90s", **wanted: Any) -> Progress:
        return carry_out(self.run(timeout, **wanted), self.here, self.see)

    def see(self, state: Progress, why: Any) -> None:
        self.states.append(state)
        old = state.total - state.updated
        if (state.updated, old) not in self.sizes[-1:]:
            self.sizes.append((state.updated, old))

    def start(self, one: dict[str, Any], replicas: int, **more: Any) -> None:
        self.objects.create("deployments", deployment("web", one, replicas, **more))
        self.objects.wait_for_available("web")

    def change(self, **fields: Any) -> None:
        body = {"containers": [{"name": "c", **fields}]}
        self.objects.patch("deployments", "web", {"spec": {"template": {"spec": body}}})

    @property
    def live(self) -> dict[str, Any]:
        return live_deployment(self.here, "web")


@pytest.fixture
def release(here: Cluster, objects: Objects, tmp_path: Path) -> Release:
    return Release(here, objects, tmp_path)


def env(value: str) -> list[dict[str, Any]]:
    return [{"name": "V", "value": value}]


# batches


@pytest.mark.heavy
def test_a_release_in_batches_grows_first_and_shrinks_after(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 4, minReadySeconds=1)
    wanted: dict[str, Any] = {"batches": [1, "50%"], "pause": "1s"}
    run = release.run(**wanted)
    prepare(run, release.here)
    release.change(env=env("2"))
    done = carry_out(run, release.here, release.see)
    assert done.complete
    assert all(state.ready >= 4 for state in release.states), "never fewer than the wanted Pods serve"
    stops = [event.data["pods"] for event in journal.read(run.attempt) if event.kind == "batch"]
    assert stops == [1, 2, 4]
    assert {(1, 4), (2, 3), (4, 2), (4, 0)} <= set(release.sizes)
    spec = release.live["spec"]
    assert (spec["minReadySeconds"], spec.get("paused", False)) == (1, False)
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert BATCHES not in release.live["metadata"]["annotations"]


OWN = {"minReadySeconds": 1, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}


def bounds(live: dict[str, Any]) -> tuple[int, Any]:
    return live["spec"].get("minReadySeconds", 0), live["spec"]["strategy"]["rollingUpdate"]["maxSurge"]


@pytest.mark.heavy
def test_a_release_in_batches_keeps_the_strategy_that_it_brings(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2, minReadySeconds=2)
    wanted: dict[str, Any] = {"batches": [1], "pause": "0s"}
    prepare(release.run(**wanted), release.here)
    release.change(env=env("2"))
    release.objects.patch("deployments", "web", {"spec": OWN}, "merge-patch")
    acts.grow(release.here, "web", 1)  # the runner dies, and the release is applied again, corrected
    release.objects.patch("deployments", "web", {"spec": OWN | {"minReadySeconds": 0}}, "merge-patch")
    assert release.carry_out(**wanted).complete
    assert bounds(release.live) == (0, 1)


def test_an_abort_and_a_rollback_of_batches_bring_the_strategy_of_before(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2, minReadySeconds=1)
    before = replica_sets(release.here, release.live)[0]
    for taken_back in (
        lambda: abort(release.here, "web", "Ada"),
        lambda: put_back(release.here, "web", before, "revision 1"),
    ):
        prepare(release.run(batches=[1], pause="0s"), release.here)
        release.change(readinessProbe=NEVER)
        release.objects.patch("deployments", "web", {"spec": OWN | {"minReadySeconds": 9}}, "merge-patch")
        acts.grow(release.here, "web", 1)
        assert taken_back().done
        assert bounds(release.live) == (1, "25%")


@pytest.mark.heavy
def test_a_batch_that_is_not_good_stops_there_and_the_rest_still_serves(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 3)
    run = release.run(timeout="6s", batches=[1], pause="0s")
    prepare(run, release.here)
    release.change(readinessProbe=NEVER)
    with pytest.raises(ChangeFailed, match=r"it runs but is not ready.*only those Pods .* that exist.*rollout abort"):
        carry_out(run, release.here, release.see)
    now = progress(release.live)
    assert (now.updated, now.paused, now.ready) == (1, True, 3)
    verdict = take_back(run, release.here, "the test", release.see)
    assert verdict.outcome is Outcome.PASS
    assert left(release.here, "web") == []
    assert not progress(release.live).paused
    assert release.live["spec"].get("minReadySeconds", 0) == 0
    release.objects.wait_for_available("web")


def test_batches_that_were_broken_off_go_on_where_they_stand(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    wanted: dict[str, Any] = {"batches": [1], "pause": "0s"}
    prepare(release.run(**wanted), release.here)
    release.change(env=env("2"))
    acts.grow(release.here, "web", 1)  # and here the runner dies
    assert not acts.grow(release.here, "web", 1).done
    assert not prepare(release.run(**wanted), release.here).done  # type: ignore[union-attr]
    assert release.carry_out(**wanted).complete


@pytest.mark.heavy
def test_a_release_that_a_person_paused_makes_no_further_batch(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    wanted: dict[str, Any] = {"batches": [1], "pause": "0s"}
    prepare(release.run(**wanted), release.here)
    release.change(env=env("2"))
    assert acts.pause(release.here, "web", "Ada").done
    assert not acts.pause(release.here, "web", "Ada").done
    with pytest.raises(Held, match=r"was paused by Ada at 20.*runbook rollout resume"):
        release.carry_out(**wanted)
    resumed = acts.resume(release.here, "web")
    assert "batch by batch" in resumed.note
    assert release.carry_out(**wanted).complete


@pytest.mark.heavy
def test_a_pause_while_it_is_watched_is_no_failure_and_takes_nothing_back(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    release.change(readinessProbe=NEVER)
    given: dict[str, Any] = {"failed_pods": "fail", "patience": "5s", "abort_on_failure": True}
    run = release.run(timeout="8s", **given)

    def see(state: Progress, why: Any) -> None:
        if state.updated and not state.paused:
            acts.pause(release.here, "web", "Ada")

    with pytest.raises(Held, match=r"was paused by Ada at 20.*runbook rollout resume"):
        carry_out(run, release.here, see)
    assert (release.live["spec"]["paused"], progress(release.live).revision) == (True, 2)


@pytest.mark.heavy
def test_a_paused_rollout_goes_on_when_it_is_resumed(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    acts.pause(release.here, "web", "Ada")
    release.change(env=env("2"))
    assert acts.resume(release.here, "web").done
    assert not acts.resume(release.here, "web").done
    assert release.carry_out().complete


def test_a_rollback_is_not_held_up_by_a_pause_of_ours(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    good = template_digest(release.live)
    (before,) = replica_sets(release.here, release.live)
    prepare(release.run(batches=[1], pause="0s"), release.here)
    release.change(readinessProbe=NEVER)
    acts.grow(release.here, "web", 1)
    acts.pause(release.here, "web", "Ada")
    assert put_back(release.here, "web", before, "revision 1").done
    spec = release.live["spec"]
    assert (template_digest(release.live), spec.get("paused", False), spec.get("minReadySeconds", 0)) == (
        good,
        False,
        0,
    )
    assert not put_back(release.here, "web", before, "revision 1").done


# failed Pods


@pytest.mark.heavy
def test_a_failed_pod_fails_the_release_where_the_parameters_say_so(cluster: Any, release: Release) -> None:
    release.objects.create("deployments", deployment("web", container(cluster.image, readinessProbe=NEVER)))
    with pytest.raises(ChangeFailed, match=r"1 Pod in trouble for more than 1 s"):
        release.carry_out(failed_pods="fail", patience="1s")


@pytest.mark.heavy
def test_a_failed_pod_is_made_anew_until_it_is_ready(cluster: Any, release: Release, objects: Objects) -> None:
    """What kept it is over, but it would never see that: another Pod does."""
    unlucky(cluster, objects, 1)
    run = release.run(patience="2s")

    def see(state: Progress, why: Any) -> None:
        if state.updated and objects.status("web").get("state", {}).get("running"):
            objects.patch("configmaps", "luck", {"data": {"GOOD": "yes"}}, "merge-patch")

    assert carry_out(run, release.here, see).complete
    acted = [event.data["what"] for event in journal.read(run.attempt) if event.kind == "intent"]
    assert acted
    assert all(what.startswith("re-create Pod/web-") for what in acted)


@pytest.mark.heavy
def test_a_few_failed_pods_are_left_for_later_where_the_parameters_say_so(
    cluster: Any, release: Release, objects: Objects
) -> None:
    unlucky(cluster, objects, 1)
    objects.wait_for("a Pod that is not lucky", lambda: objects.status("web").get("state", {}).get("running"))
    objects.patch("configmaps", "luck", {"data": {"GOOD": "yes"}}, "merge-patch")
    objects.patch("deployments", "web", {"spec": {"replicas": 3}}, "merge-patch")
    done = release.carry_out(failed_pods="ignore", ignore_below=0.5, patience="1s")
    assert (done.complete, done.ignored, done.available) == (False, 1, 2)
    verdict = complete(done)
    assert (verdict.outcome, verdict.numbers["ignored"]) == (Outcome.PASS, 1.0)
    # the way back and the drill come after it, and that Pod is still there
    run = release.run(timeout="20s", failed_pods="ignore", ignore_below=0.5, patience="1s")
    clients: Any = SimpleNamespace(kubernetes=cluster.client, parameters=run.parameters)
    (one,) = replica_sets(release.here, release.live)
    source = f"ReplicaSet/{one['metadata']['name']}"
    plan = Plan(Wanted("workload"), "web", 1, essence(one), 1, essence(one), source, (), ())
    assert [verdict.outcome for verdict in restore(run, clients, plan)] == [Outcome.PASS] * 2
    walked = walk(run, clients, Wanted("workload"))
    assert (walked.before == walked.after != walked.changed, walked.ignored) == (True, 0)


def unlucky(cluster: Any, objects: Objects, replicas: int) -> None:
    """A Deployment whose Pods are ready or not by what a ConfigMap said when they began."""
    objects.create("configmaps", {"metadata": {"name": "luck"}, "data": {"GOOD": "no"}})
    code = f"import os, time\nif os.environ['GOOD'] == 'no':\n    time.sleep(999)\n{SERVER}"
    one = container(cluster.image, code, readinessProbe=READY, envFrom=[{"configMapRef": {"name": "luck"}}])
    objects.create("deployments", deployment("web", one, replicas))


# abort


@pytest.mark.heavy
def test_an_aborted_release_leaves_no_pod_that_may_become_ready(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 3)
    before = template_digest(release.live)
    release.change(readinessProbe=NEVER)
    release.objects.wait_for("a new Pod", lambda: progress(release.live).updated > 0)
    run = release.run()
    verdict = take_back(run, release.here, "Ada", release.see)
    assert verdict.outcome is Outcome.PASS
    assert template_digest(release.live) == before
    assert left(release.here, "web") == []
    kinds = [event.kind for event in journal.read(run.attempt)]
    assert kinds.index("intent") < kinds.index("result")
    again = abort(release.here, "web", "Ada")
    assert (again.done, again.note) == (False, "its template was taken back already")
    assert take_back(release.run(), release.here, "Ada", release.see).outcome is Outcome.PASS
    assert template_digest(release.live) == before, "a second abort does not go forward again"


@pytest.mark.heavy
def test_an_abort_goes_to_the_revision_that_serves_and_not_to_another_that_never_did(
    cluster: Any, release: Release
) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    good = template_digest(release.live)
    for bad in ("1", "2"):
        release.change(readinessProbe=NEVER, env=env(bad))
        release.objects.wait_for(
            "a new Pod", lambda: progress(release.live).updated > 0 and progress(release.live).observed
        )
    assert take_back(release.run(), release.here, "Ada", release.see).outcome is Outcome.PASS
    assert template_digest(release.live) == good


def test_an_abort_that_was_killed_after_its_write_is_carried_on_and_not_turned_round(
    cluster: Any, release: Release
) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    good = template_digest(release.live)
    release.change(readinessProbe=NEVER)
    release.objects.wait_for("a new Pod", lambda: progress(release.live).updated > 0)
    assert abort(release.here, "web", "Ada").done  # the process dies here
    assert not abort(release.here, "web", "Ada").done
    assert take_back(release.run(), release.here, "Ada", release.see).outcome is Outcome.PASS
    assert template_digest(release.live) == good


@pytest.mark.heavy
def test_the_first_release_is_aborted_to_no_pods_and_the_next_gets_them_back(cluster: Any, release: Release) -> None:
    release.objects.create("deployments", deployment("web", container(cluster.image, readinessProbe=NEVER), 2))
    release.objects.wait_for("Pods", lambda: len(release.objects.pods("web")) == 2)
    assert take_back(release.run(), release.here, "Ada", release.see).outcome is Outcome.PASS
    assert release.objects.pods("web") == []
    assert not abort(release.here, "web", "Ada").done
    release.change(readinessProbe=READY)
    assert release.carry_out().wanted == 2


@pytest.mark.heavy
def test_a_watch_whose_release_is_aborted_by_somebody_says_who(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    release.change(readinessProbe=NEVER)

    def see(state: Progress, why: Any) -> None:
        if state.updated:
            abort(release.here, "web", "Ada")

    with pytest.raises(ChangeFailed, match=r"\(revision 2 of Deployment/web\) was aborted by Ada at 20"):
        carry_out(release.run(), release.here, see)


def test_a_release_that_stands_whole_is_not_aborted(cluster: Any, release: Release) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 1)
    before = release.live["metadata"]["resourceVersion"]
    change = abort(release.here, "web", "Ada")
    assert not change.done
    assert "stands whole" in change.note
    assert release.live["metadata"]["resourceVersion"] == before


@pytest.mark.heavy
def test_a_rollout_that_fails_is_taken_back_by_itself_where_the_parameters_say_so(
    cluster: Any, release: Release
) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    good = template_digest(release.live)
    release.change(readinessProbe=NEVER)
    with pytest.raises(ChangeFailed, match=r"It was aborted: no Pod of another template exists any more"):
        release.carry_out(timeout="8s", abort_on_failure=True)
    assert template_digest(release.live) == good


def test_an_interrupted_kernel_says_what_may_still_become_ready(
    cluster: Any, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release.start(container(cluster.image, readinessProbe=READY), 2)
    release.change(readinessProbe=NEVER)

    def interrupted(state: Progress, why: Any) -> None:
        if state.updated:
            raise KeyboardInterrupt

    run = release.run()
    with pytest.raises(KeyboardInterrupt):
        carry_out(run, release.here, interrupted)
    said = capsys.readouterr().out
    assert "its 1 new Pod may still become ready and take traffic, and 1 more will be made" in said
    assert "runbook rollout abort" in said
    assert [event.data for event in journal.read(run.attempt) if event.kind == "interrupted"]
