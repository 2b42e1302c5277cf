"""`python -m sandbox.gateway --plan …`: keep HAProxy equal to the ready Pods and the routes of the cluster."""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from runbook_lib.errors import RunbookError
from sandbox import plan as plans
from sandbox.gateway import status
from sandbox.gateway.configuration import NAMESPACE
from sandbox.gateway.follow import Objects, follow
from sandbox.gateway.keeper import Keeper, endpoints_by_service
from sandbox.gateway.runtime import Runtime
from sandbox.gateway.stand import keep_standing
from sandbox.plan import Address

# HAProxy may be started again with empty slots; looking costs a millisecond.
LOOK_EVERY = 0.5

Found = list[dict[str, Any]]


class Reporter:
    """Writes the status of the routes, once HAProxy follows them."""

    def __init__(self, server: Address, keeper: Keeper) -> None:
        self._server, self._keeper = server, keeper
        self._routes: Found = []
        self._services: Collection[str] | None = None

    def routes(self, found: Found) -> None:
        """Routes have changed: follow them first, then say so."""
        self._keeper.learn(routes=tuple(found))
        # not before the keeper knows them: the other thread would report what is not followed yet
        self._routes = found
        self.report()

    def services(self, found: Found) -> None:
        """Services have changed: a route may have found its backends."""
        self._services = {one["metadata"]["name"] for one in found}
        self.report()

    def report(self) -> None:
        """Write every status that is not right yet; an API that is away is told again later."""
        routes = self._routes
        if self._services is None or not routes or not self._keeper.keep():
            return
        for route in routes:
            wanted = status.status_of(route, self._services)
            if not status.is_so(route, wanted):
                try:
                    status.write(self._server, route, wanted)
                except (OSError, http.client.HTTPException) as error:
                    print(f"the status of {route['metadata']['name']} was not written: {error}", flush=True)


def _followers(plan: plans.Plan, keeper: Keeper, reporter: Reporter) -> list[Callable[[], None]]:
    """One endless loop for each kind of object."""
    told: dict[str, Callable[[Found], None]] = {
        "discovery.k8s.io/v1/endpointslices": lambda found: keeper.learn(endpoints=endpoints_by_service(found)),
        "gateway.networking.k8s.io/v1/httproutes": reporter.routes,
        "networking.k8s.io/v1/ingresses": lambda found: keeper.learn(ingresses=tuple(found)),
        "v1/services": reporter.services,
    }

    def loop(resource: str, changed: Callable[[Found], None]) -> Callable[[], None]:
        return lambda: follow(Objects(plan.kubernetes_api, resource, NAMESPACE), changed, time.sleep)

    return [loop(resource, changed) for resource, changed in told.items()]


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
    reporter = Reporter(plan.kubernetes_api, keeper)
    standing = (lambda: keep_standing(plan.kubernetes_api, plan.gateway),)
    for loop in (*_followers(plan, keeper, reporter), *standing):
        threading.Thread(target=loop, daemon=True).start()
    while True:
        time.sleep(LOOK_EVERY)
        keeper.keep()
        reporter.report()


if __name__ == "__main__":
    sys.exit(main())
