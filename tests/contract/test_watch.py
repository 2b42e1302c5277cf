"""Watches begin where they are told, tell every change once, and end in time."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException


def config_map(name: str, labels: dict[str, str] | None = None) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels or {"test": "yes"}))


def seen(cluster: Any, seconds: int = 2, **options: Any) -> list[tuple[str, str]]:
    """What a watch of that length tells of the ConfigMaps of the test."""
    stream = watch.Watch().stream(
        cluster.core.list_namespaced_config_map,
        cluster.namespace,
        timeout_seconds=seconds,
        **({"label_selector": "test=yes"} | options),
    )
    return [(event["type"], event["object"].metadata.name) for event in stream]


def test_a_watch_without_a_version_begins_with_what_is_there(cluster: Any) -> None:
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("a"))
    assert seen(cluster, 1) == [("ADDED", "a")]


def test_a_watch_goes_on_from_a_version_and_misses_nothing(cluster: Any) -> None:
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("before"))
    version = cluster.core.list_namespaced_config_map(cluster.namespace).metadata.resource_version
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("a"))
    cluster.core.patch_namespaced_config_map("a", cluster.namespace, {"data": {"k": "v"}})
    cluster.core.delete_namespaced_config_map("a", cluster.namespace)
    told = seen(cluster, resource_version=version)
    assert told == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_an_object_comes_into_and_goes_out_of_sight_with_its_labels(cluster: Any) -> None:
    version = cluster.core.list_namespaced_config_map(cluster.namespace).metadata.resource_version
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("a", {"test": "no"}))
    for value in ("yes", "no"):
        cluster.core.patch_namespaced_config_map("a", cluster.namespace, {"metadata": {"labels": {"test": value}}})
    assert seen(cluster, resource_version=version) == [("ADDED", "a"), ("DELETED", "a")]


def test_a_watch_sees_only_its_namespace_and_its_name(cluster: Any) -> None:
    for name in ("a", "b"):
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map(name))
    assert seen(cluster, 1, field_selector="metadata.name=b") == [("ADDED", "b")]


def test_a_watch_that_is_open_is_told_at_once(cluster: Any) -> None:
    version = cluster.core.list_namespaced_config_map(cluster.namespace).metadata.resource_version
    told = watch.Watch()
    stream = told.stream(
        cluster.core.list_namespaced_config_map, cluster.namespace, resource_version=version, timeout_seconds=20
    )
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("a"))
    event = next(iter(stream))
    told.stop()
    assert (event["type"], event["object"].metadata.name) == ("ADDED", "a")


def test_a_version_that_is_too_old_is_gone(cluster: Any) -> None:
    with pytest.raises(ApiException) as gone:
        seen(cluster, resource_version="1")
    assert gone.value.status == 410


def test_the_versions_of_events_only_grow(cluster: Any) -> None:
    version = cluster.core.list_namespaced_config_map(cluster.namespace).metadata.resource_version
    for number in range(20):
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map(f"n-{number}"))
    stream = watch.Watch().stream(
        cluster.core.list_namespaced_config_map,
        cluster.namespace,
        resource_version=version,
        label_selector="test=yes",
        timeout_seconds=2,
    )
    versions = [int(event["object"].metadata.resource_version) for event in stream]
    assert len(versions) == 20
    assert versions == sorted(set(versions))
