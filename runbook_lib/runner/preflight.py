"""What must answer before a notebook is started, so that bad luck costs one sentence and not a broken record."""

from __future__ import annotations

from collections.abc import Collection

from urllib3.exceptions import HTTPError

from runbook_lib.act.traffic import knob
from runbook_lib.clients import Clients, require_http
from runbook_lib.errors import Unreachable
from runbook_lib.parameters import Parameters
from runbook_lib.record import identity
from runbook_lib.runner.passage import Step

NEEDS = {
    "pilot_deploy": {"cluster"},
    "gray_stage": {"cluster", "prometheus", "knob"},
    "comparison": {"prometheus"},
    "rollback": {"knob"},  # the way back asks for nothing else
    "decommission": {"cluster", "prometheus", "knob"},
}


def check(parameters: Parameters, clients: Clients, steps: Collection[Step]) -> None:
    """Unreachable or CannotSign, with what to do, when something that these steps need is missing."""
    for phase in {step.phase for step in steps}:
        identity.who(parameters, phase)
    needs = {need for step in steps for need in NEEDS.get(step.phase, set())}
    if "knob" in needs:
        knob.preflight(clients)
    if "cluster" in needs:
        _cluster(clients)
    if "prometheus" in needs:
        timeout = parameters.prometheus.timeout.total_seconds()
        require_http(parameters.prometheus.url, "Prometheus", timeout)


def _cluster(clients: Clients) -> None:
    from kubernetes.client import ApiException  # a second of imports that only these steps need

    client = clients.kubernetes
    server = client.configuration.host
    try:
        client.call_api("GET", f"{server}/version", _request_timeout=5)
    except ApiException:
        return  # it answered: what it allows is for the notebooks to find out
    except (HTTPError, OSError) as error:
        cause = (
            "no answer in time"
            if "timed out" in str(error)
            else "connection refused, or its certificate is not trusted"
        )
        raise Unreachable(
            f"the cluster at {server} does not answer ({cause}); check kubernetes.kubeconfig and that it runs, "
            "nothing was changed"
        ) from None
