"""Where everything of one practice range is: its loopback network, its ports and its folder.

A range owns 127.N.0.0/16, so that two ranges, or two clones of this repository, run side by side.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runbook_lib.errors import BadParameters, Unreachable

DEFAULT_NAME = "default"
DEFAULT_OCTET = 77
LEGACY_INSTANCES = ("vm-1", "vm-2", "vm-3")
# HAProxy binds a name of its own first, a few characters longer: it takes 97 bytes on Linux, 93 on macOS.
LONGEST_SOCKET_PATH = 90


@dataclass(frozen=True)
class Address:
    """One listener of the range."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as plain http."""
        return f"http://{self}"


@dataclass(frozen=True)
class Ports:
    """The port of each part; the defaults are what parameters/demo.yaml names."""

    kubernetes_api: int = 6443
    kubelet: int = 10250
    state_metrics: int = 8081
    front: int = 8080
    prometheus: int = 9090
    redis: int = 6379
    gateway: int = 8080
    order_service: int = 8080
    node_exporter: int = 9100


@dataclass(frozen=True)
class Plan:
    """One practice range: `folder` is absolute, `octet` the N of 127.N.0.0/16."""

    name: str
    folder: Path
    octet: int = DEFAULT_OCTET
    ports: Ports = field(default_factory=Ports)

    def host(self, third: int, fourth: int) -> str:
        """An address of the range's network."""
        return f"127.{self.octet}.{third}.{fourth}"

    def pod_host(self, index: int) -> str:
        """The address of the index-th Pod, from 0: 127.N.16.1 upward within a /20."""
        if not 0 <= index < 4094:
            raise BadParameters(f"Pod {index} has no address: the range holds 4094 Pods.")
        return self.host(16 + (index + 1) // 256, (index + 1) % 256)

    @property
    def pod_network(self) -> str:
        return f"127.{self.octet}.16.0/20"

    @property
    def kubernetes_api(self) -> Address:
        return Address(self.host(0, 1), self.ports.kubernetes_api)

    @property
    def kubelet(self) -> Address:
        return Address(self.host(0, 1), self.ports.kubelet)

    @property
    def state_metrics(self) -> Address:
        return Address(self.host(0, 1), self.ports.state_metrics)

    @property
    def front(self) -> Address:
        """The nginx that users come in through."""
        return Address(self.host(0, 10), self.ports.front)

    @property
    def prometheus(self) -> Address:
        return Address(self.host(0, 20), self.ports.prometheus)

    @property
    def redis(self) -> Address:
        return Address(self.host(0, 30), self.ports.redis)

    @property
    def redis_url(self) -> str:
        return f"redis://{self.redis}/0"

    @property
    def gateway(self) -> Address:
        """The HAProxy in front of the Pods."""
        return Address(self.host(0, 40), self.ports.gateway)

    @property
    def gateway_socket(self) -> Path:
        """HAProxy's runtime API; outside the folder where that is too deep for a socket's path."""
        inside = self.folder / "haproxy" / "admin.sock"
        if len(str(inside)) <= LONGEST_SOCKET_PATH:
            return inside
        return Path(tempfile.gettempdir()) / f"practice-range-{os.getuid()}-{self.octet}.sock"

    @property
    def legacy(self) -> dict[str, Address]:
        """The order service of each virtual machine, by instance name."""
        return {vm: Address(self.host(1, n), self.ports.order_service) for n, vm in enumerate(LEGACY_INSTANCES, 1)}

    @property
    def node_exporters(self) -> dict[str, Address]:
        return {vm: Address(self.host(1, n), self.ports.node_exporter) for n, vm in enumerate(LEGACY_INSTANCES, 1)}

    @property
    def file(self) -> Path:
        return self.folder / "plan.json"

    @property
    def parameters(self) -> Path:
        return self.folder / "parameters.yaml"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    @property
    def images(self) -> Path:
        """JSON: image name with tag -> the argv that its container runs."""
        return self.folder / "images.json"

    @property
    def orders_database(self) -> Path:
        return self.folder / "orders.db"

    @property
    def orders_database_url(self) -> str:
        return f"sqlite:///{self.orders_database}"

    @property
    def faults(self) -> Path:
        return self.folder / "faults.json"

    @property
    def load_lines(self) -> Path:
        """One JSON line a second, as users saw it."""
        return self.folder / "load.jsonl"

    @property
    def load_total(self) -> Path:
        return self.folder / "load.json"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def machines(self) -> Path:
        """The EnvironmentFile of each virtual machine's service: `vm-1.env`."""
        return self.folder / "machines"

    @property
    def binaries(self) -> Path:
        """Wrappers of the tools, callable from anywhere with no environment."""
        return self.folder / "bin"

    def part(self, name: str) -> Path:
        """The folder of one part: nginx, haproxy, prometheus, redis."""
        return self.folder / name

    def listeners(self) -> dict[str, tuple[str, ...]]:
        """The hosts that listen on each port of `Ports`."""
        machines = tuple(address.host for address in self.legacy.values())
        return {
            "kubernetes_api": (self.kubernetes_api.host,),
            "kubelet": (self.kubelet.host,),
            "state_metrics": (self.state_metrics.host,),
            "front": (self.front.host,),
            "prometheus": (self.prometheus.host,),
            "redis": (self.redis.host,),
            "gateway": (self.gateway.host,),
            "order_service": (*machines, self.pod_host(0)),
            "node_exporter": machines,
        }


def project_root() -> Path:
    """The folder that holds sandbox/."""
    return Path(__file__).resolve().parent.parent


def folder_of(name: str, root: Path) -> Path:
    """Where the range of that name lives; a name is what can be a folder's and a host's."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise BadParameters(f"{name!r} is no name for a range: use up to 40 small letters, digits and dashes.")
    return root.resolve() / ".range" / name


def save(plan: Plan) -> None:
    """Write plan.json so that no reader sees half of it."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(plan) | {"folder": str(plan.folder)}, indent=2)
    temporary = plan.file.with_suffix(".tmp")
    temporary.write_text(text + "\n")
    temporary.replace(plan.file)


def load(path: Path | str) -> Plan:
    """Read the plan.json of a range."""
    path = Path(path)
    try:
        content = json.loads(path.read_text())
        ports = Ports(**content["ports"])
        return Plan(content["name"], Path(content["folder"]), content["octet"], ports)
    except FileNotFoundError as error:
        raise Unreachable(f"No range was started here ({path} is missing): run `python -m sandbox up`.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadParameters(f"{path} is no plan of a range ({error}): run `python -m sandbox up`.") from error


def localise(text: str, plan: Plan) -> str:
    """Parameters written for the default range (127.77.…, .range/default), made those of `plan`."""
    usual = Plan(DEFAULT_NAME, plan.folder)
    here = {
        f"{before}:{getattr(usual.ports, part)}": f"{after}:{getattr(plan.ports, part)}"
        for part in usual.listeners()
        for before, after in zip(usual.listeners()[part], plan.listeners()[part], strict=True)
    }

    def moved(match: re.Match[str]) -> str:
        return here.get(match[0], f"127.{plan.octet}.{match[1]}")

    text = re.sub(rf"\b127\.{DEFAULT_OCTET}\.(\d+\.\d+(?::\d+)?)", moved, text)
    root = project_root()
    folder = plan.folder.relative_to(root) if plan.folder.is_relative_to(root) else plan.folder
    keys = folder.parent / "keys"
    return re.sub(rf"\.range/({DEFAULT_NAME}|keys)\b", lambda m: str(folder if m[1] == DEFAULT_NAME else keys), text)
