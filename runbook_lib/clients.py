"""Parameters -> Kubernetes, Prometheus, SQL and HTTP clients; the only module that reads the environment."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import yaml
from urllib3.util.retry import Retry

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.parameters import Parameters
from runbook_lib.trust.keys import Key, keys_at_hand

if TYPE_CHECKING:
    # imported when they are needed: together they cost a kernel more than a second
    from kubernetes.client import ApiClient
    from prometheus_api_client import PrometheusConnect
    from sqlalchemy import Engine


@dataclass(frozen=True)
class Clients:
    """What a runbook talks to; each client is made when it is first used, and none is asked anything before that."""

    parameters: Parameters
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @cached_property
    def kubernetes(self) -> ApiClient:
        """The cluster's client; BadParameters when the kubeconfig is unusable."""
        from kubernetes import config

        wanted = self.parameters.kubernetes
        try:
            if wanted.kubeconfig:
                path = self.parameters.path(wanted.kubeconfig)
                if not path.is_file():
                    way_on = "name a kubeconfig, or start the practice range (make range)"
                    raise BadParameters(f"kubernetes.kubeconfig: there is no file {path}; {way_on}")
                client: ApiClient = config.new_client_from_config(str(path), context=wanted.context)
            elif "KUBERNETES_SERVICE_HOST" in self.environment and "KUBECONFIG" not in self.environment:
                config.load_incluster_config()
                from kubernetes.client import ApiClient

                client = ApiClient()
            else:
                client = config.new_client_from_config(context=wanted.context)
        except (config.ConfigException, yaml.YAMLError, TypeError) as error:  # TypeError: a file that holds no keys
            raise BadParameters(f"kubernetes.kubeconfig: {' '.join(str(error).split())}") from None
        client.configuration.retries = False
        # its pool of connections was made before that, and would send a write again that nobody answered
        client.rest_client = type(client.rest_client)(client.configuration)
        return client

    @cached_property
    def prometheus(self) -> PrometheusConnect:
        """Prometheus (or Thanos, VictoriaMetrics: the same API), with a time-out on every request and no retries."""
        from prometheus_api_client import PrometheusConnect

        wanted = self.parameters.prometheus
        headers = {"Authorization": f"Bearer {self.secret(wanted.token)}"} if wanted.token else None
        return PrometheusConnect(
            url=wanted.url.rstrip("/"), headers=headers, timeout=wanted.timeout.total_seconds(), retry=_no_retries()
        )

    @cached_property
    def database(self) -> Engine:
        """The business database, opened for reading; BadParameters when its URL is unusable."""
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError

        url = self.parameters.business.database
        url = self.secret(url) if is_reference(url) else url
        if url.startswith("sqlite:///") and not url.startswith(("sqlite:///file:", "sqlite:///:memory:")):
            path = self.parameters.path(url.removeprefix("sqlite:///"))
            url = f"sqlite:///file:{path}?mode=ro&uri=true"
        try:
            return create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise BadParameters(f"business.database: {error}") from None

    @cached_property
    def http(self) -> requests.Session:
        """Plain HTTP for smoke cases and webhooks."""
        return requests.Session()

    def secret(self, reference: str) -> str:
        """The value behind env:NAME, file:PATH or secret:namespace/name#key; BadParameters names the reference only."""
        kind, _, rest = reference.partition(":")
        if kind == "env" and rest in self.environment:
            return self.environment[rest]
        if kind == "file" and (path := self._secret_file(rest)).is_file():
            return path.read_text(encoding="utf-8").strip()
        if kind == "secret" and "/" in rest and "#" in rest:
            return self._cluster_secret(reference, rest)
        raise BadParameters(
            f"the secret {reference!r} is not there; allowed are env:NAME, file:PATH, secret:namespace/name#key"
        )

    def _secret_file(self, name: str) -> Path:
        """Where a file: reference points, for whoever reads it: a kernel's folder is not the runner's."""
        path = Path(name).expanduser()
        return path if path.is_absolute() else self.parameters.path(name)

    def _cluster_secret(self, reference: str, rest: str) -> str:
        from kubernetes.client import ApiException, CoreV1Api
        from urllib3.exceptions import HTTPError

        namespace, _, tail = rest.partition("/")
        name, _, key = tail.partition("#")
        try:
            data = CoreV1Api(self.kubernetes).read_namespaced_secret(name, namespace).data or {}
            return base64.b64decode(data[key]).decode()
        except (ApiException, KeyError) as error:
            raise BadParameters(f"the secret {reference!r} cannot be read: {getattr(error, 'reason', error)}") from None
        except (HTTPError, OSError) as error:
            raise Unreachable(f"the cluster does not answer for the secret {reference!r}: {error}") from None


def signing_keys(parameters: Parameters, environment: Mapping[str, str] | None = None) -> list[Key]:
    """The SSH keys at hand: those the parameters name, RUNBOOK_SIGNING_KEY, the agent's, ~/.ssh."""
    named = [parameters.path(path) for path in parameters.gates.keys]
    return keys_at_hand(named, os.environ if environment is None else environment)


def is_reference(value: str) -> bool:
    """True for env:, file: and secret: references."""
    return value.partition(":")[0] in {"env", "file", "secret"}


def connect(parameters: Parameters) -> Clients:
    """The clients of these parameters; nothing is contacted yet."""
    return Clients(parameters)


def require_http(url: str, what: str, timeout: float = 3) -> None:
    """Unreachable, in one sentence, when nothing answers HTTP at that URL; any answer will do."""
    try:
        requests.get(url, timeout=timeout)
    except requests.RequestException as error:
        cause = "no answer in time" if isinstance(error, requests.Timeout) else "connection refused or no route"
        host = urlsplit(url).netloc
        raise Unreachable(
            f"{what} at {host} does not answer ({cause}); check the address and that it runs, nothing was changed"
        ) from None


def _no_retries() -> requests.adapters.Retry:
    return Retry(0, read=False)  # read=False: a time-out stays one, and is not told as "too many retries"
