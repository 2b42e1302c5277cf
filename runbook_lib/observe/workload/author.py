"""Who wrote the Pod template of a Deployment last: the API server keeps it in managedFields."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.observe.cluster import Object


@dataclass(frozen=True)
class Author:
    """A field manager, and when it wrote; both empty when the server does not say."""

    manager: str
    at: str

    def __str__(self) -> str:
        return f"{self.manager} at {self.at}" if self.manager else "somebody"


def author(live: Object) -> Author:
    """The manager that wrote something of ``spec.template`` last."""
    written = [
        Author(str(entry.get("manager", "")), str(entry.get("time", "")))
        for entry in live["metadata"].get("managedFields") or []
        if not entry.get("subresource") and "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return max(written, key=lambda one: one.at, default=Author("", ""))
