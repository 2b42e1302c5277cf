"""Where the embedded cluster listens, gives its Pods addresses, and keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.plan import Plan


@dataclass(frozen=True)
class Settings:
    """One embedded cluster. `pod_network` is CIDR within 127.0.0.0/8; a port of 0 is chosen by the system.

    The folder holds faults.json and images.json (both may be missing) and the Pods' files and logs.
    """

    host: str
    port: int
    pod_network: str
    folder: Path
    kubelet_port: int = 0
    state_metrics_port: int = 0

    @property
    def faults_file(self) -> Path:
        return self.folder / "faults.json"

    @property
    def images_file(self) -> Path:
        return self.folder / "images.json"

    @property
    def pods_folder(self) -> Path:
        """Volumes and logs of each Pod: `<namespace>_<name>_<uid>/`."""
        return self.folder / "pods"

    def log_file(self, namespace: str, pod: str, uid: str, container: str, restart: int) -> Path:
        """What a container wrote since it was started for the `restart`-th time (0: the first)."""
        return self.pods_folder / f"{namespace}_{pod}_{uid}" / "logs" / container / f"{restart}.log"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


def from_plan(plan: Plan) -> Settings:
    """The embedded cluster of a practice range."""
    return Settings(
        host=plan.kubernetes_api.host,
        port=plan.kubernetes_api.port,
        pod_network=plan.pod_network,
        folder=plan.folder,
        kubelet_port=plan.kubelet.port,
        state_metrics_port=plan.state_metrics.port,
    )
