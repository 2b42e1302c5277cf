"""The pure part of a comparison: fields, and no Secret value."""

import json

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.observe.release.difference import FieldChange, comparable, fields_between, without_secrets
from runbook_lib.observe.release.keyed_digest import DigestKey, new_key

KEY = DigestKey(b"0" * 32)


def test_only_the_fields_that_differ_are_named() -> None:
    before = {"spec": {"replicas": 2, "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]}}
    after = {"spec": {"replicas": 2, "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:2"}]}}
    assert list(fields_between(before, after)) == [FieldChange(".spec.containers[name=b].image", "y:1", "y:2")]


def test_what_is_new_and_what_goes_has_one_side_only() -> None:
    found = list(fields_between({"a": 1}, {"b": [1]}))
    assert found == [FieldChange(".a", 1, None), FieldChange(".b", None, [1])]


def test_what_the_server_writes_is_no_difference() -> None:
    annotations = {"deployment.kubernetes.io/revision": "3", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    metadata = {"name": "web", "resourceVersion": "9", "uid": "u", "managedFields": [], "annotations": annotations}
    live = {"kind": "Deployment", "metadata": metadata, "status": {"replicas": 1}}
    assert comparable(live, KEY) == {"kind": "Deployment", "metadata": {"name": "web"}}


@given(st.text(min_size=8), st.text(min_size=8))
def test_no_value_of_a_secret_survives(data: str, text: str) -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": data})}
    secret = {
        "kind": "Secret",
        "metadata": {"annotations": annotations},
        "data": {"a": data},
        "stringData": {"b": text},
    }
    shown = comparable(secret, KEY)
    assert set(shown["data"]) == {"a", "b"}
    assert all(value.startswith(f"hmac:{KEY.id}/") and len(value) == 78 for value in shown["data"].values())
    assert "stringData" not in shown
    assert "annotations" not in shown["metadata"]


def test_one_secret_value_has_one_digest_however_it_is_written() -> None:
    as_data = without_secrets({"kind": "Secret", "data": {"p": "aHVudGVyMg=="}}, KEY)
    as_text = without_secrets({"kind": "Secret", "stringData": {"p": "hunter2"}}, KEY)
    assert as_data["data"] == as_text["data"]


def test_a_weak_secret_cannot_be_guessed_from_its_digest_without_the_key() -> None:
    encoded = "aHVudGVyMg=="
    shown = {DigestKey(bytes([n]) * 32).of_encoded(encoded) for n in range(2)} | {new_key().of_encoded(encoded)}
    assert len(shown) == 3, "the digest depends on the key"
    assert KEY.of_encoded(encoded) == DigestKey(b"0" * 32).of_encoded(encoded), "and it is the same in the next run"


def test_digests_of_records_from_before_the_key_can_still_be_compared() -> None:
    values = {"new": "aHVudGVyMg==", "old": "aHVudGVyMg=="}
    recorded = {
        "new": KEY.of_encoded(values["new"]),
        "old": "sha256:f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7",
    }
    assert KEY.made(recorded)
    assert KEY.like(recorded, values) == recorded
    assert KEY.like(recorded, values | {"old": "b3RoZXI="}) != recorded
    assert not new_key().made(recorded), "of another key nothing can be said"


def test_items_of_one_name_are_not_taken_for_one_item() -> None:
    before = {"volumeMounts": [{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}]}
    after = {"volumeMounts": [{"name": "data", "mountPath": "/c"}, {"name": "data", "mountPath": "/b"}]}
    (found,) = fields_between(before, after)
    assert (found.path, found.after) == (".volumeMounts", after["volumeMounts"])


def test_another_order_is_a_change() -> None:
    first, second = {"name": "first"}, {"name": "second"}
    found = list(fields_between({"initContainers": [first, second]}, {"initContainers": [second, first]}))
    assert found == [FieldChange(".initContainers (order)", ["first", "second"], ["second", "first"])]
