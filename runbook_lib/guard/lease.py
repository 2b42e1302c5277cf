"""One guard an application acts: a Lease of the Kubernetes API, taken and kept by compare-and-swap.

The client's own leaderelection locks a ConfigMap, ends the process and knows no token; this is the protocol of
client-go with one: ``leaseTransitions`` counts the holders, and whoever acts holds the number that it was given. A
Lease lapses when nobody has renewed it for its duration by the clock of whoever looks: no two clocks are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters

TIMEOUT = 2.0  # seconds
CONFLICT, MISSING = 409, 404
REFUSED = frozenset({401, 403})


@dataclass(frozen=True)
class Held:
    """Whether this guard holds the Lease; ``problem`` says why the API could not be asked."""

    mine: bool
    holder: str = ""
    token: int | None = None
    problem: str = ""


class Lease:
    """The Lease ``runbook-<application>``, as one guard sees it."""

    def __init__(self, clients: Clients, identity: str, clock: Callable[[], float] = time.monotonic) -> None:
        p = clients.parameters
        self.clients, self.identity, self.clock = clients, identity, clock
        self.name, self.namespace = f"runbook-{p.application.name}", p.kubernetes.namespace
        self.seconds = int(p.guard.lease.total_seconds())
        self.token: int | None = None
        self.holder = ""
        self._seen: tuple[object, float] = (None, 0.0)  # the Lease as it was seen first, and when
        self._kept = -float("inf")

    def keep(self) -> Held:
        """Renew what is mine, when a third of it is over, or take what is nobody's any more."""
        if self.token is not None and self.clock() - self._kept < self.seconds / 3:
            return Held(True, self.identity, self.token)
        return self._asked()

    def confirm(self) -> Held:
        """Ask the API now, right before acting: still mine, with the token that it was given?

        A guard that held it last goes on while the API does not answer: users can still be brought back then.
        """
        before = self.token
        held = self._asked()
        return held if held.mine and held.token == before else Held(False, held.holder, held.token, held.problem)

    def give_back(self) -> None:
        """Leave the Lease to whoever comes next, at once."""
        if self.token is None:
            return
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            found = self._read()
            if found is not None and self._is_mine(found):
                found.spec.holder_identity, found.spec.lease_duration_seconds = None, 1
                self._write(found)
        except (ApiException, HTTPError, OSError):
            pass  # it lapses
        self.token = None

    def _asked(self) -> Held:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return self._tried()
        except ApiException as error:
            if error.status == CONFLICT:  # somebody else was quicker, and is seen at the next look
                self.token = None
                return Held(False, self.holder)
            if error.status in REFUSED and self.token is None:
                raise BadParameters(
                    f"the cluster does not allow the Lease {self.namespace}/{self.name} ({error.status}): the guard "
                    "must get, create and update leases there; deploy/guard.yaml has the Role"
                ) from None
            problem = f"the cluster refused the Lease: {error.status} {error.reason}"
            if error.status == MISSING:  # of a Lease that is not there one is made, so it is what it would stand in
                problem = f"the cluster has no namespace {self.namespace} yet"
        except (HTTPError, OSError) as error:
            problem = f"the cluster does not answer ({type(error).__name__})"
        mine = self.token is not None
        return Held(mine, self.identity if mine else self.holder, self.token, problem)

    def _tried(self) -> Held:
        found, asked = self._read(), self.clock()
        if found is None:
            self._create()
            return self._took(0, asked)
        spec = found.spec
        if self._is_mine(found):
            self._write(found)
            return self._took(self.token or 0, asked)
        self.token, self.holder = None, spec.holder_identity or ""
        mark = (self.holder, spec.lease_transitions, spec.renew_time, found.metadata.resource_version)
        if mark != self._seen[0]:
            self._seen = (mark, asked)
        if self.holder and asked - self._seen[1] < (spec.lease_duration_seconds or self.seconds):
            return Held(False, self.holder)
        spec.holder_identity, spec.acquire_time = self.identity, _now()
        spec.lease_duration_seconds, spec.lease_transitions = self.seconds, (spec.lease_transitions or 0) + 1
        self._write(found)
        return self._took(spec.lease_transitions, asked)

    def _took(self, token: int, asked: float) -> Held:
        self.token, self.holder, self._kept = token, self.identity, asked
        return Held(True, self.identity, token)

    def _is_mine(self, found: Any) -> bool:
        spec = found.spec
        return self.token is not None and (spec.holder_identity, spec.lease_transitions or 0) == (
            self.identity,
            self.token,
        )

    def _api(self) -> Any:
        from kubernetes.client import CoordinationV1Api

        return CoordinationV1Api(self.clients.kubernetes)

    def _read(self) -> Any:
        from kubernetes.client import ApiException

        try:
            return self._api().read_namespaced_lease(self.name, self.namespace, _request_timeout=TIMEOUT)
        except ApiException as error:
            if error.status == MISSING:
                return None
            raise

    def _create(self) -> None:
        from kubernetes.client import V1Lease, V1LeaseSpec, V1ObjectMeta

        at = _now()
        spec = V1LeaseSpec(
            holder_identity=self.identity,
            lease_duration_seconds=self.seconds,
            lease_transitions=0,
            acquire_time=at,
            renew_time=at,
        )
        lease = V1Lease(metadata=V1ObjectMeta(name=self.name, namespace=self.namespace), spec=spec)
        self._api().create_namespaced_lease(self.namespace, lease, _request_timeout=TIMEOUT)

    def _write(self, found: Any) -> None:
        """Replace it as it was read: the API refuses when somebody else has written since."""
        found.spec.renew_time = _now()
        self._api().replace_namespaced_lease(self.name, self.namespace, found, _request_timeout=TIMEOUT)


def _now() -> datetime:
    """The API takes microseconds only if they are written, and Python writes none where they are 0."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond or 1)
