"""Which fields a kind has, read from the official client's models: unknown ones are refused or warned of."""

from __future__ import annotations

import asyncio
import importlib
import re
from functools import cache
from typing import Any

from sandbox.kubernetes.errors import bad_request
from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]

_CONTAINER = re.compile(r"(List|Dict)\[(?:str, )?(.*)\]")
_MODELS = {"Event": "CoreV1Event", "EndpointSlice": "V1EndpointSlice"}


async def check(resource: Resource, obj: JsonObject, mode: str, *, patch: bool = False) -> list[str]:
    """Warnings about unknown fields; ApiError 400 in mode Strict, nothing in mode Ignore.

    Custom resources are not checked: the official client has no models of them.
    """
    if mode == "Ignore" or resource.custom:
        return []
    models = await asyncio.to_thread(_models)
    model = getattr(models, _model_name(resource), None)
    if model is None:
        return []
    unknown = [f'unknown field "{path}"' for path in _unknown(models, model.__name__, obj, "")]
    if not unknown or mode != "Strict":
        return unknown
    errors = ", ".join(unknown)
    if patch:
        raise bad_request(f"strict decoding error: {errors}")
    kind, version = resource.kind, resource.version
    raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: strict decoding error: {errors}')


@cache
def _models() -> Any:
    """The models take most of a second to import: once, and only when a request needs them."""
    return importlib.import_module("kubernetes.client.models")


def _model_name(resource: Resource) -> str:
    version = resource.version[0].upper() + resource.version[1:]
    return _MODELS.get(resource.kind, f"{version}{resource.kind}")


def _unknown(models: Any, type_name: str, value: Any, path: str) -> list[str]:
    """Paths of fields that a type does not have, in the order of the object."""
    container = _CONTAINER.fullmatch(type_name)
    if container is not None and container[1] == "List" and isinstance(value, list):
        return [one for at, item in enumerate(value) for one in _unknown(models, container[2], item, f"{path}[{at}]")]
    if container is not None and isinstance(value, dict):
        return [one for key, item in value.items() for one in _unknown(models, container[2], item, f"{path}.{key}")]
    fields = _fields(type_name)
    if fields is None or not isinstance(value, dict):
        return []
    found: list[str] = []
    for key, item in value.items():
        inner = f"{path}.{key}" if path else key
        found += _unknown(models, fields[key], item, inner) if key in fields else [inner]
    return found


@cache
def _fields(type_name: str) -> dict[str, str] | None:
    """The type of each field by its name in JSON, or None for a plain value."""
    model = getattr(_models(), type_name, None)
    types, names = getattr(model, "openapi_types", None), getattr(model, "attribute_map", None)
    if not isinstance(types, dict) or not isinstance(names, dict):
        return None
    return {names[attribute]: str(kind) for attribute, kind in types.items()}
