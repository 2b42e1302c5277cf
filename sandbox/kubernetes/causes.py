"""Why an object is invalid, in the words of the API server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.errors import ApiError, bad_request
from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with one field."""

    field: str
    reason: str
    message: str


def required(field: str, detail: str = "") -> Cause:
    return Cause(field, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))


def invalid(field: str, value: Any, detail: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}")


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    allowed = ", ".join(f'"{item}"' for item in supported)
    return Cause(field, "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {allowed}")


def duplicate(field: str, value: Any) -> Cause:
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {shown(value)}")


def missing(field: str, value: Any) -> Cause:
    return Cause(field, "FieldValueNotFound", f"Not found: {shown(value)}")


def forbidden(field: str, detail: str) -> Cause:
    return Cause(field, "FieldValueForbidden", f"Forbidden: {detail}")


def shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def refusal(resource: Resource, name: str, causes: list[Cause]) -> ApiError:
    """422 that names every cause."""
    told = [f"{cause.field}: {cause.message}" for cause in causes]
    text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    details: JsonObject = {"name": name, "group": resource.group, "kind": resource.kind}
    details = {key: value for key, value in details.items() if value}
    details["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return ApiError(422, f'{resource.qualified_kind} "{name}" is invalid: {text}', details=details)


@contextmanager
def well_formed(resource: Resource) -> Iterator[None]:
    """ApiError 400 where a value has another form than its field: a list where a map belongs, a text for a number."""
    refused = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    try:
        yield
    except ApiError as error:
        if error.code == 400:
            raise bad_request(f"{refused}: {error.message}") from error
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise bad_request(f"{refused}: json: cannot unmarshal: {error}") from error


# names and labels

_LABEL_1123 = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL_1123}(\.{_LABEL_1123})*"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_LABEL_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"


def subdomain(field: str, name: str) -> Iterator[Cause]:
    if len(name) > 253:
        yield invalid(field, name, "must be no more than 253 bytes")
    if not re.fullmatch(_SUBDOMAIN, name):
        yield invalid(
            field,
            name,
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            f"start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            f"'{_SUBDOMAIN}')",
        )


def label_1123(field: str, name: str) -> Iterator[Cause]:
    if len(name) > 63:
        yield invalid(field, name, "must be no more than 63 bytes")
    if not re.fullmatch(_LABEL_1123, name):
        yield invalid(
            field,
            name,
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
            f"end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            f"'{_LABEL_1123}')",
        )


def label_1035(field: str, name: str) -> Iterator[Cause]:
    if len(name) > 63:
        yield invalid(field, name, "must be no more than 63 bytes")
    if not re.fullmatch(_LABEL_1035, name):
        yield invalid(
            field,
            name,
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            f"character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
            f"validation is '{_LABEL_1035}')",
        )


def labels(field: str, found: JsonObject) -> Iterator[Cause]:
    for key, value in found.items():
        name = key.rpartition("/")[2]
        if len(name) > 63 or not re.fullmatch(_LABEL_NAME, name):
            yield invalid(
                field,
                key,
                "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
                "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
                f"'{_LABEL_NAME}')",
            )
        if len(str(value)) > 63:
            yield invalid(field, value, "must be no more than 63 bytes")
        elif not re.fullmatch(_LABEL_VALUE, str(value)):
            yield invalid(
                field,
                value,
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
                "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
                f"regex used for validation is '{_LABEL_VALUE}')",
            )
