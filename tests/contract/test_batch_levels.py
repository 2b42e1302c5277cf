"""A batch goes back beyond the traffic, member by member, on any cluster."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from runbook_lib.act import snapshot
from runbook_lib.act.level import Wanted
from runbook_lib.act.release import apply
from runbook_lib.batch.file import load_batch
from runbook_lib.batch.roll_back import roll_back
from runbook_lib.errors import PartlyBack
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.release import bundle
from runbook_lib.observe.workload.rollout import deployment
from runbook_lib.observe.workload.snapshots import essence
from runbook_lib.observe.workload.wait import wait
from runbook_lib.runner.progress import Screen
from tests.batch.shop import make_shop
from tests.contract.test_release import IN_TIME, release


def deploy(here: Cluster, folder: Path, image: str, **spec: Any) -> None:
    """What the pilot deploy does: keep, apply, wait, keep again."""
    manifests = bundle.read(release(folder, image, **spec), here.namespace)
    snapshot.keep(here, "web", [one.object for one in manifests], folder.name)
    apply(here, manifests)
    wait(here, "web", IN_TIME)
    snapshot.keep(here, "web", [one.object for one in manifests], folder.name, "after")


def test_the_workload_of_a_member_goes_back_and_one_that_is_gone_is_named(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path / "project", {"web": ["stock"], "stock": []})
    monkeypatch.chdir(shop.folder)
    for name in shop.names:
        shop.set(
            name,
            kubernetes__kubeconfig=str(cluster.kubeconfig),
            kubernetes__namespace=cluster.namespace,
            kubernetes__deployment=name,
        )
    here = Cluster(cluster.client, cluster.namespace)
    deploy(here, tmp_path / "one", cluster.image)
    first = essence(deployment(here, "web"))
    template = deployment(here, "web")["spec"]["template"]
    template["metadata"].setdefault("annotations", {})["example/version"] = "2"
    deploy(here, tmp_path / "two", cluster.image, template=template)
    assert essence(deployment(here, "web")) != first

    silent = Screen(Console(file=StringIO()), Console(file=StringIO()))
    ended = roll_back(load_batch(shop.file), silent, "the release is bad", Wanted("workload"))
    assert set(shop.weights().values()) == {0}
    assert {name: stand.state for name, stand in ended.stands.items()} == {"web": "back", "stock": "failed"}
    assert essence(deployment(here, "web")) == first
    assert ended.exit_code == PartlyBack.exit_code
    assert "no earlier revision is left to go back to" in ended.stands["stock"].said
