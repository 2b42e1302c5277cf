"""Tables: what `kubectl get` prints, worked out by the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.kubernetes.columns import COLUMNS, DEFAULT, Column
from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]


def wanted(asked: web.Request) -> bool:
    """Whether the client prefers a table."""
    return "as=Table" in asked.headers.get("Accept", "").split(",")[0]


def of(resource: Resource, answer: JsonObject, now: datetime, include: str = "Metadata") -> JsonObject:
    """The table of one object or of a list."""
    items = answer.get("items") if "items" in answer else [answer]
    columns = COLUMNS.get(resource.kind, DEFAULT)
    metadata = answer["metadata"]
    if "items" not in answer:
        metadata = {"resourceVersion": metadata["resourceVersion"]}
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(resource, item, columns, now, include) for item in items or ()],
    }


def of_event(resource: Resource, clock: Callable[[], datetime]) -> Callable[[JsonObject], JsonObject]:
    """For watches: turns an object into a table of one row."""
    return lambda obj: of(resource, obj, clock())


def _definition(column: Column) -> JsonObject:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == "Name" else "",
        "description": column.name,
        "priority": column.priority,
    }


def _row(resource: Resource, item: JsonObject, columns: tuple[Column, ...], now: datetime, include: str) -> JsonObject:
    row: JsonObject = {"cells": [column.cell(item, now.astimezone(UTC)) for column in columns]}
    if include == "Metadata":
        partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        row["object"] = partial | {"metadata": item["metadata"]}
    elif include == "Object":
        row["object"] = {"kind": resource.kind, "apiVersion": resource.api_version} | item
    return row
