"""What the API server refuses, as the `Status` object that clients read."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]

REASONS = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
}


class ApiError(Exception):
    """A request that the API server refuses: an HTTP code, a reason, a message and details."""

    def __init__(
        self, code: int, message: str, *, reason: str | None = None, details: JsonObject | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason if reason is not None else REASONS.get(code, "InternalError")
        self.details = details

    def status(self) -> JsonObject:
        """The `Status` object of the response body."""
        body: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details is not None:
            body["details"] = self.details
        return body


def _details(name: str, group: str, kind: str) -> JsonObject:
    """`details` without the members that are empty."""
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def not_found(qualified: str, group: str, plural: str, name: str) -> ApiError:
    """404 of an object that is not there; `qualified` is plural.group."""
    return ApiError(404, f'{qualified} "{name}" not found', details=_details(name, group, plural))


def already_exists(qualified: str, group: str, plural: str, name: str) -> ApiError:
    """409 of a create whose name is taken."""
    return ApiError(
        409, f'{qualified} "{name}" already exists', reason="AlreadyExists", details=_details(name, group, plural)
    )


def stale(qualified: str, group: str, plural: str, name: str) -> ApiError:
    """409 of a write that was made from an older resourceVersion."""
    message = (
        f'Operation cannot be fulfilled on {qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(409, message, details=_details(name, group, plural))


def bad_request(message: str) -> ApiError:
    """400 with a message of the caller's."""
    return ApiError(400, message)
