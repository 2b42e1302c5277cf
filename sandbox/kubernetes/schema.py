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
_QUANTITIES = ("allocatable", "capacity", "hard", "limits", "overhead", "requests", "used")
_NUMBERS_ARE_TEXTS = ("averageValue", "divisor", "sizeLimit", "target.value")  # quantities, again
_MODELS = {"Event": "CoreV1Event", "EndpointSlice": "V1EndpointSlice"}


async def check(resource: Resource, obj: JsonObject, mode: str, *, patch: bool = False) -> list[str]:
    """Takes unknown fields out of the object; gives warnings about them in mode Warn, ApiError 400 in mode Strict.

    A text where a number belongs, or the other way round, is ApiError 400 in every mode. Custom resources are not
    checked: the official client has no models of them.
    """
    if resource.custom:
        return []
    models = await asyncio.to_thread(load)
    model = getattr(models, _model_name(resource), None)
    if model is None:
        return []
    found: list[str] = []
    try:
        _known(model.__name__, obj, "", found)
    except _Mismatch as error:
        message = f"json: cannot unmarshal {error.found} into Go struct field {resource.kind}.{error.path} of type "
        raise bad_request(_refused(resource, message + error.wanted, patch=False)) from error
    unknown = [f'unknown field "{path}"' for path in found]
    if not unknown or mode == "Ignore":
        return []
    if mode == "Strict":
        raise bad_request(_refused(resource, "strict decoding error: " + ", ".join(unknown), patch=patch))
    return unknown


def _refused(resource: Resource, reason: str, *, patch: bool) -> str:
    kind = resource.kind
    return reason if patch else f'{kind} in version "{resource.version}" cannot be handled as a {kind}: {reason}'


class _Mismatch(Exception):
    """A value of another type than the field's."""

    def __init__(self, path: str, found: str, wanted: str) -> None:
        super().__init__(path)
        self.path, self.found, self.wanted = path, found, wanted


@cache
def load() -> Any:
    """The models, which take most of a second to import: once, and beside the event loop."""
    return importlib.import_module("kubernetes.client.models")


def _model_name(resource: Resource) -> str:
    version = resource.version[0].upper() + resource.version[1:]
    return _MODELS.get(resource.kind, f"{version}{resource.kind}")


def _known(type_name: str, value: Any, path: str, unknown: list[str]) -> None:
    """Takes out, in place, the fields that a type does not have; adds their paths, in the order of the object."""
    if value is None:
        return
    container = _CONTAINER.fullmatch(type_name)
    if container is not None:
        _inside(container[1], container[2], value, path, unknown)
        return
    fields = _fields(type_name)
    if fields is None:
        _plain(type_name, value, path)
        return
    if not isinstance(value, dict):
        raise _Mismatch(path, _go_name(value), type_name)
    for key in [*value]:
        inner = f"{path}.{key}" if path else key
        if key in fields:
            _known(fields[key], value[key], inner, unknown)
        else:
            unknown.append(inner)
            del value[key]


def _inside(container: str, item_type: str, value: Any, path: str, unknown: list[str]) -> None:
    if not isinstance(value, list if container == "List" else dict):
        wanted = f"[]{item_type}" if container == "List" else f"map[string]{item_type}"
        raise _Mismatch(path, _go_name(value), wanted.replace("str", "string", 1) if item_type == "str" else wanted)
    items = enumerate(value) if isinstance(value, list) else value.items()
    for at, item in items:
        inner = f"{path}[{at}]" if isinstance(value, list) else f"{path}.{at}"
        if item_type == "str" and path.rpartition(".")[2] in _QUANTITIES:
            continue  # a number is a quantity, too
        _known(item_type, item, inner if isinstance(value, list) else path, unknown)


def _plain(type_name: str, value: Any, path: str) -> None:
    wanted = {"str": (str, "string"), "int": (int, "int32"), "bool": (bool, "bool")}.get(type_name)
    if wanted is None or path.endswith(_NUMBERS_ARE_TEXTS):
        return
    right = isinstance(value, wanted[0]) and (type_name == "bool" or not isinstance(value, bool))
    if not right:
        raise _Mismatch(path, _go_name(value), wanted[1])


def _go_name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    names = {str: "string", int: "number", float: "number", dict: "object", list: "array"}
    return names.get(type(value), "value")


@cache
def _fields(type_name: str) -> dict[str, str] | None:
    """The type of each field by its name in JSON, or None for a plain value."""
    model = getattr(load(), type_name, None)
    types, names = getattr(model, "openapi_types", None), getattr(model, "attribute_map", None)
    if not isinstance(types, dict) or not isinstance(names, dict):
        return None
    return {names[attribute]: str(kind) for attribute, kind in types.items()}
