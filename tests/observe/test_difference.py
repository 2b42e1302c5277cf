"""The pure part of a comparison: fields, and no Secret value."""

import json

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.observe.difference import FieldChange, comparable, fields_between, without_secrets


def test_only_the_fields_that_differ_are_named() -> None:
    before = {"spec": {"replicas": 2, "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]}}
    after = {"spec": {"replicas": 2, "containers": [{"name": "b", "image": "y:2"}, {"name": "a", "image": "x:1"}]}}
    assert list(fields_between(before, after)) == [FieldChange(".spec.containers[name=b].image", "y:1", "y:2")]


def test_what_is_new_and_what_goes_has_one_side_only() -> None:
    found = list(fields_between({"a": 1}, {"b": [1]}))
    assert found == [FieldChange(".a", 1, None), FieldChange(".b", None, [1])]


def test_what_the_server_writes_is_no_difference() -> None:
    annotations = {"deployment.kubernetes.io/revision": "3", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    metadata = {"name": "web", "resourceVersion": "9", "uid": "u", "managedFields": [], "annotations": annotations}
    live = {"kind": "Deployment", "metadata": metadata, "status": {"replicas": 1}}
    assert comparable(live) == {"kind": "Deployment", "metadata": {"name": "web"}}


@given(st.text(min_size=8), st.text(min_size=8))
def test_no_value_of_a_secret_survives(data: str, text: str) -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": data})}
    secret = {
        "kind": "Secret",
        "metadata": {"annotations": annotations},
        "data": {"a": data},
        "stringData": {"b": text},
    }
    shown = comparable(secret)
    assert set(shown["data"]) == {"a", "b"}
    assert all(value.startswith("sha256:") and len(value) == 71 for value in shown["data"].values())
    assert "stringData" not in shown
    assert "annotations" not in shown["metadata"]


def test_one_secret_value_has_one_digest_however_it_is_written() -> None:
    as_data = without_secrets({"kind": "Secret", "data": {"p": "aHVudGVyMg=="}})
    as_text = without_secrets({"kind": "Secret", "stringData": {"p": "hunter2"}})
    assert as_data["data"] == as_text["data"]
