"""`python -m sandbox.gateway --plan …`: keep HAProxy's servers equal to the ready Pods."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from runbook_lib.errors import RunbookError, Unreachable
from sandbox import plan as plans
from sandbox.gateway import slots
from sandbox.gateway.configuration import BACKEND, NAMESPACE, SERVICE
from sandbox.gateway.follow import Slices, follow
from sandbox.gateway.runtime import Runtime
from sandbox.gateway.slots import Endpoints

# HAProxy may be started again with empty slots; looking costs a millisecond.
LOOK_EVERY = 0.5


class Keeper:
    """Holds the endpoints known last and makes HAProxy's slots equal to them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._wanted: Endpoints | None = None
        self._one_at_a_time = threading.Lock()
        self._complaint = ""

    def want(self, endpoints: Endpoints) -> None:
        """Take note and act at once."""
        self._wanted = endpoints
        self.keep()

    def keep(self) -> None:
        """Compare and set; before the first list is read nothing is known, so nothing is done."""
        with self._one_at_a_time:
            wanted = self._wanted
            if wanted is None:
                return
            try:
                step = slots.steps(BACKEND, self._runtime.slots(BACKEND), wanted)
                self._runtime.do(step.commands)
            except Unreachable as error:
                self._say(str(error))
                return
            lost = ", ".join(f"{one.address}:{one.port}" for one in step.without_slot)
            self._say(f"no slot is free for {lost}" if lost else "")
            if step.commands:
                print("; ".join(step.commands), flush=True)

    def _say(self, complaint: str) -> None:
        if complaint and complaint != self._complaint:
            print(complaint, flush=True)
        self._complaint = complaint


def _look_again(keeper: Keeper) -> None:
    while True:
        time.sleep(LOOK_EVERY)
        keeper.keep()


def main() -> int:
    """Follow until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.gateway", description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the range")
    wanted = parser.parse_args()
    try:
        plan = plans.load(wanted.plan)
    except RunbookError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    # Nothing to clean up: HAProxy keeps what it was told.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    keeper = Keeper(Runtime(plan.gateway_socket))
    threading.Thread(target=_look_again, args=(keeper,), daemon=True).start()
    follow(Slices(plan.kubernetes_api, NAMESPACE, SERVICE), keeper.want, time.sleep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
