"""How workers share the tests: what waits longest begins first, and one range with users serves every notebook."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

ON_RANGE = "tests/notebooks"
NEEDS_NO_RANGE = ("tests/notebooks/test_assessment", "tests/notebooks/test_secrets")
FIRST = (ON_RANGE, "tests/browser", "tests/crash", "tests/runner", "tests/contract", "tests/sandbox", "tests/guard")
"""Folders whose tests start programs and wait for them; all others are quick and fill what is left."""


def rank(nodeid: str) -> int:
    """When a test has its turn, beginning with 0."""
    return next((number for number, folder in enumerate(FIRST) if nodeid.startswith(folder)), len(FIRST))


class OneRange(LoadFileScheduling):  # type: ignore[misc]  # xdist calls its own class untyped
    """Gives a worker a file after the other, and one worker all files that need the range with users.

    Each range costs half a core for as long as it has users: two of them would slow down everything beside them.
    """

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return ON_RANGE if file.startswith(ON_RANGE) and not file.startswith(NEEDS_NO_RANGE) else file
