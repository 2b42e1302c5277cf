"""Values in the forms that Kubernetes gives them: quantities, ages, selectors, patches, protobuf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.kubernetes import canonical, patch, protobuf
from sandbox.kubernetes.cells import age
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.selectors import match_selector


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("512Ki", "512Ki"),
        ("1000M", "1G"),
        ("1024", "1024"),
        ("1e3", "1k"),
        (2, "2"),
        (0.1, "100m"),
        ("0", "0"),
        ("100Mi", "100Mi"),
    ],
)
def test_a_quantity_has_one_form(given: str | float, kept: str) -> None:
    assert canonical.quantity(given) == kept


@pytest.mark.parametrize("given", ["1GB", "one", "", "1.2.3", "5 Mi", "1K"])
def test_what_is_no_quantity_is_refused(given: str) -> None:
    with pytest.raises(ApiError) as refused:
        canonical.quantity(given)
    assert refused.value.code == 400


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        (timedelta(seconds=0), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(seconds=125), "2m5s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=11, seconds=4), "11m"),
        (timedelta(hours=3, minutes=7), "3h7m"),
        (timedelta(hours=9), "9h"),
        (timedelta(days=3, hours=4), "3d4h"),
        (timedelta(days=9, hours=4), "9d"),
        (timedelta(days=800), "2y70d"),
    ],
)
def test_an_age_is_short(since: timedelta, shown: str) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert age((now - since).isoformat(), now) == shown


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        (None, {"a": "1"}, False),
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, None, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
    ],
)
def test_a_selector_chooses_labels(selector: Any, labels: Any, matches: bool) -> None:
    assert match_selector(selector, labels) is matches


CONTAINERS = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}


@pytest.mark.parametrize(
    ("change", "containers"),
    [
        ([{"name": "a", "image": "2"}], [("a", "2"), ("b", "1")]),
        ([{"name": "c", "image": "3"}], [("a", "1"), ("b", "1"), ("c", "3")]),
        ([{"name": "a", "$patch": "delete"}], [("b", "1")]),
        ([{"$patch": "replace"}, {"name": "z", "image": "9"}], [("z", "9")]),
    ],
    ids=["change", "add", "delete", "replace"],
)
def test_a_strategic_merge_knows_containers_by_name(change: Any, containers: list[tuple[str, str]]) -> None:
    merged = patch.strategic_merge(CONTAINERS, {"spec": {"containers": change}})
    assert [(item["name"], item["image"]) for item in merged["spec"]["containers"]] == containers


def test_a_strategic_merge_orders_and_retains_as_told() -> None:
    change = {
        "spec": {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
        }
    }
    target = {"spec": CONTAINERS["spec"] | {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    merged = patch.strategic_merge(target, change | {"spec": change["spec"] | {"containers": [{"name": "a"}]}})
    assert [item["name"] for item in merged["spec"]["containers"]] == ["b", "a"]
    assert merged["spec"]["strategy"] == {"type": "Recreate"}


def test_a_patch_does_not_change_what_it_is_laid_over() -> None:
    target = {"a": {"b": [1, 2]}, "c": 1}
    patch.merge(target, {"a": {"b": [3]}, "c": None})
    patch.json_patch(target, [{"op": "replace", "path": "/a/b/0", "value": 9}, {"op": "remove", "path": "/c"}])
    patch.strategic_merge(target, {"a": {"b": None}})
    assert target == {"a": {"b": [1, 2]}, "c": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/none"},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "test", "path": "/list/0", "value": 2},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "nonsense", "path": "/list"},
    ],
    ids=lambda operation: operation["op"],
)
def test_an_operation_that_cannot_be_carried_out_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        patch.json_patch({"list": [1]}, [operation])
    assert refused.value.code == 422


def envelope(kind: str, message: bytes) -> bytes:
    about = b"\x0a\x02v1\x12" + bytes([len(kind)]) + kind.encode()
    return b"k8s\x00\x0a" + bytes([len(about)]) + about + b"\x12" + bytes([len(message)]) + message


def test_protobuf_is_read_as_json() -> None:
    metadata = b"\x0a\x01y\x12\x00\x38\x00\x42\x00"  # name y; the rest is there and empty
    message = b"\x0a" + bytes([len(metadata)]) + metadata + b"\x12\x06\x0a\x01a\x12\x01b"
    found = protobuf.decode(envelope("ConfigMap", message))
    assert found == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "y"}, "data": {"a": "b"}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", "does not begin"),
        (envelope("Nonsense", b""), "Nonsense is not known"),
        (envelope("ConfigMap", b"\x7a\x01x"), "field 15 of ConfigMap is not known"),
    ],
    ids=["no protobuf", "unknown kind", "unknown field"],
)
def test_protobuf_that_is_not_understood_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(ApiError) as refused:
        protobuf.decode(body)
    assert refused.value.code == 415
    assert said in refused.value.message
