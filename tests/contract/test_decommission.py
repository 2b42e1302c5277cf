"""What the cluster says of backups, and what in it still names an old machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.judge.backups import backed_up
from runbook_lib.observe.old_side.backups import look_at_backups
from runbook_lib.observe.old_side.pointers import in_cluster
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import CommandBackup, VeleroBackup
from tests.contract.conftest import Cluster

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def completed(age: timedelta = timedelta(hours=5), **status: Any) -> dict[str, Any]:
    times = {"startTimestamp": stamp(NOW - age), "completionTimestamp": stamp(NOW - age)}
    return {"phase": "Completed", **times, "expiration": stamp(NOW + 60 * DAY), **status}


def create(cluster: Cluster, kind: str, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
    labels = {"velero.io/schedule-name": "shop-daily"} if kind == "Backup" else {}
    metadata = {"name": name, "labels": labels}
    body = {"apiVersion": "velero.io/v1", "kind": kind, "metadata": metadata, "spec": spec, "status": status}
    path = f"/apis/velero.io/v1/namespaces/NAMESPACE/{kind.lower()}s"
    code, said = cluster.request("POST", path, body)
    if code == 404:
        pytest.skip("this cluster has no CRDs of Velero: its part of the contract was not tested")
    assert code == 201, said


def judged(cluster: Cluster, **given: Any) -> tuple[str, str]:
    wanted = {"name": "volumes", "kind": "velero", "namespace": cluster.namespace, "namespaces": ["shop"], **given}
    (looked,) = look_at_backups([VeleroBackup.model_validate(wanted)], cluster.client, Path.cwd())
    verdict = backed_up(looked.wanted, looked.found, NOW)
    return verdict.outcome.name, verdict.message


SHOP = {"includedNamespaces": ["shop"]}


def test_a_backup_of_velero_counts_with_its_schedule_its_volumes_and_its_restore(cluster: Cluster) -> None:
    volumes = {"csiVolumeSnapshotsAttempted": 2, "csiVolumeSnapshotsCompleted": 2}
    create(cluster, "Backup", "shop-1", SHOP, completed(**volumes))
    create(cluster, "Schedule", "shop-daily", {"schedule": "0 2 * * *", "template": SHOP}, {"phase": "Enabled"})
    assert judged(cluster, schedule="shop-daily", volumes=True)[0] == "INCONCLUSIVE"  # nobody restored it
    create(cluster, "Restore", "try-1", {"backupName": "shop-1"}, {"phase": "Failed"})
    assert "no restore is on record" in judged(cluster)[1]
    restored = {"phase": "Completed", "completionTimestamp": stamp(NOW - 3 * DAY)}
    create(cluster, "Restore", "try-2", {"backupName": "shop-1"}, restored)
    outcome, message = judged(cluster, schedule="shop-daily", volumes=True)
    assert (outcome, message) == ("PASS", "shop-1 is 5 h old <= 24 h; kept for 60 d >= 30 d; restored 3 d ago <= 90 d")
    assert judged(cluster, schedule="other")[1] == "there is no backup"


@pytest.mark.parametrize(
    ("spec", "status", "says"),
    [
        (SHOP, {"phase": "PartiallyFailed", "errors": 5}, "PartiallyFailed, 5 errors"),
        (SHOP, {"phase": "InProgress"}, "InProgress"),
        (SHOP, {}, "New"),
        ({"includedNamespaces": ["web"]}, completed(), "without the namespace shop"),
        ({"excludedNamespaces": ["shop"]}, completed(), "without the namespace shop"),
        ({**SHOP, "labelSelector": {"matchLabels": {"app": "x"}}}, completed(), "only a selection"),
        (SHOP, completed(volumeSnapshotsAttempted=2, volumeSnapshotsCompleted=1), "1 of 2 volumes saved"),
        ({**SHOP, "snapshotVolumes": False}, completed(), "no volume was saved; snapshotVolumes is false"),
        (
            SHOP,
            completed(timedelta(days=3), csiVolumeSnapshotsAttempted=1, csiVolumeSnapshotsCompleted=1),
            "3 d old > 24",
        ),
    ],
)
def test_a_backup_that_is_not_whole_or_not_young_is_none(
    cluster: Cluster, spec: dict[str, Any], status: dict[str, Any], says: str
) -> None:
    create(cluster, "Backup", "shop-1", spec, status)
    outcome, message = judged(cluster, volumes=True)
    assert outcome == "FAIL"
    assert says in message


def test_a_backup_whose_storage_is_not_there_is_none_and_a_schedule_that_is_paused_is_told(cluster: Cluster) -> None:
    create(cluster, "BackupStorageLocation", "default", {"provider": "aws"}, {"phase": "Unavailable"})
    create(cluster, "Backup", "shop-1", {**SHOP, "storageLocation": "default"}, completed())
    assert "its storage default is Unavailable" in judged(cluster)[1]
    create(cluster, "Schedule", "shop-daily", {"schedule": "0 2 * * *", "paused": True, "template": SHOP}, {})
    create(cluster, "Backup", "shop-2", {**SHOP, "storageLocation": "far"}, completed())
    assert "the Schedule shop-daily is paused" in judged(cluster, schedule="shop-daily", restored_within=None)[1]


@pytest.mark.parametrize(
    ("printed", "outcome", "says"),
    [
        (f"looking\n{stamp(NOW - timedelta(hours=2))}\n", "INCONCLUSIVE", "until when it is kept is not known"),
        (str(int((NOW - 3 * DAY).timestamp())), "FAIL", "3 d old > 24 h"),
        ("2026-11-20 02:00:00", "INCONCLUSIVE", "is no time with a zone"),
        ("", "INCONCLUSIVE", "'' is no time"),
    ],
    ids=["two hours ago", "three days ago", "no zone", "nothing"],
)
def test_a_command_prints_when_the_last_good_backup_was(tmp_path: Path, printed: str, outcome: str, says: str) -> None:
    (tmp_path / "printed").write_text(printed)
    wanted = CommandBackup(name="database", kind="command", last=["cat", "printed"])
    (looked,) = look_at_backups([wanted], None, tmp_path)  # type: ignore[arg-type]
    verdict = backed_up(looked.wanted, looked.found, NOW)
    assert verdict.outcome.name == outcome
    assert says in verdict.message


def test_a_command_that_fails_is_no_backup(tmp_path: Path) -> None:
    wanted = CommandBackup(name="database", kind="command", last=["sh", "-c", "echo no such host >&2; exit 2"])
    (looked,) = look_at_backups([wanted], None, tmp_path)  # type: ignore[arg-type]
    assert looked.found.unknown == "retention.backups: database: last: sh ended with 2: no such host"


def test_objects_that_name_a_machine_are_found_and_those_that_only_look_like_it_are_not(cluster: Cluster) -> None:
    def config_map(name: str, text: str) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"application.yaml": text}}
        assert cluster.request("POST", "/api/v1/namespaces/NAMESPACE/configmaps", body)[0] == 201

    def policy(name: str, block: str) -> None:
        rule = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": block}}]}]}
        body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": rule}
        assert (
            cluster.request("POST", "/apis/networking.k8s.io/v1/namespaces/NAMESPACE/networkpolicies", body)[0] == 201
        )

    config_map("stock", "url: http://10.9.8.11:8080/stock")
    config_map("other", "url: http://10.9.8.110:8080, http://210.9.8.11/")
    policy("to-old", "10.9.8.0/24")
    policy("to-all", "10.0.0.0/8")
    machine = LegacyInstance(name="vm-1", url="http://10.9.8.11:8080")
    found = {one.where for one in in_cluster(cluster.client, cluster.namespace, [machine])}
    place = cluster.namespace
    assert found == {f"ConfigMap {place}/stock", f"NetworkPolicy {place}/to-old"}
