"""The files of a range: manifests, images, kubeconfig, parameters and wrappers, written for its addresses."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

import yaml

from runbook_lib.errors import BadParameters
from sandbox import gateway, keys, nginx, prometheus, redis
from sandbox.faults import SIDES
from sandbox.faults import write as write_faults
from sandbox.parts import machine_environment
from sandbox.plan import DEFAULT_NAME, Plan, localise, project_root, save
from sandbox.tools import Tool

IMAGE = "registry.example/shop/order-service:main-4f2a91c-20261112"
NAMESPACE = "shop"

# What an earlier range of the same name left behind: a rehearsal begins at the beginning.
REMAINS = ("nginx", "haproxy", "prometheus", "redis", "logs", "bin", "manifests")
REMAINING_FILES = (
    "orders.db",
    "orders.db-wal",
    "orders.db-shm",
    "load.jsonl",
    "load.json",
    "load-orders.jsonl",
    "stopped.json",
)


def write(plan: Plan, tools: Mapping[str, Tool], kubeconfig: Path | None = None, image: str | None = None) -> None:
    """Write every file of the range anew; with a kubeconfig the manifests name the cluster's own image."""
    for name in REMAINS:
        shutil.rmtree(plan.folder / name, ignore_errors=True)
    for name in REMAINING_FILES:
        (plan.folder / name).unlink(missing_ok=True)
    plan.logs.mkdir(parents=True)
    save(plan)
    keys.make(plan.folder.parent)
    nginx.write(plan)
    redis.write(plan)
    gateway.write_config(plan)
    prometheus.write(plan, embedded=kubeconfig is None)
    write_faults(plan.faults, {side: {} for side in SIDES})
    _write_images(plan)
    _write_kubeconfig(plan, kubeconfig)
    _write_manifests(plan, image or IMAGE)
    _write_parameters(plan)
    _write_wrappers(plan, tools)
    _write_machines(plan)


def _write_images(plan: Plan) -> None:
    images = {IMAGE: [sys.executable, "-m", "sandbox.order_service"]}
    plan.images.write_text(json.dumps(images, indent=2) + "\n")


def _write_kubeconfig(plan: Plan, given: Path | None) -> None:
    if given:
        shutil.copyfile(given, plan.kubeconfig)
    else:
        plan.kubeconfig.write_text(yaml.safe_dump(kubeconfig(plan), sort_keys=False))
    plan.kubeconfig.chmod(0o600)


def kubeconfig(plan: Plan) -> dict[str, object]:
    """The kubeconfig of the embedded Kubernetes: plain http on loopback, nobody to authenticate."""
    name = "practice-range"
    context = {"cluster": name, "user": name, "namespace": NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": plan.kubernetes_api.url}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def placeholders(plan: Plan, image: str = IMAGE) -> dict[str, str]:
    """What a manifest of sandbox/sample may name as $key."""
    return {
        "image": image,
        "namespace": NAMESPACE,
        "port": str(plan.ports.order_service),
        "orders_database": plan.orders_database_url,
        "redis_url": plan.redis_url,
        "faults_file": str(plan.faults),
    }


def _write_manifests(plan: Plan, image: str) -> None:
    plan.manifests.mkdir(parents=True)
    for source in sorted((project_root() / "sandbox" / "sample" / "manifests").glob("*.yaml")):
        try:
            text = Template(source.read_text()).substitute(placeholders(plan, image))
        except (KeyError, ValueError) as error:
            raise BadParameters(f"{source} names the placeholder {error}: there are {placeholders(plan)}.") from error
        (plan.manifests / source.name).write_text(text)


def _write_parameters(plan: Plan) -> None:
    source = project_root() / "parameters" / "demo.yaml"
    if not source.exists():
        raise BadParameters(f"{source} is missing: it is the parameters of the practice range.")
    text = localise(source.read_text(), plan)
    if plan.name != DEFAULT_NAME:  # a second range keeps its records to itself
        text = text.replace("\nrecords: records\n", f"\nrecords: {plan.folder / 'records'}\n")
    plan.parameters.write_text(text)


def _write_wrappers(plan: Plan, tools: Mapping[str, Tool]) -> None:
    """Commands that the parameters can name, callable with no environment of their own."""
    plan.binaries.mkdir(parents=True)
    tool = tools["nginx"]
    _wrapper(plan.binaries / "nginx", [str(tool.binary), *nginx.arguments(plan)], tool.environment)
    here = {"PYTHONPATH": str(project_root())}
    retire = [sys.executable, "-m", "sandbox", "stop", "--name", plan.name, "--root", str(plan.folder.parent.parent)]
    _wrapper(plan.binaries / "retire", retire, here)
    connections = [sys.executable, "-m", "sandbox.connections", "--plan", str(plan.file)]
    _wrapper(plan.binaries / "connections", connections, here)


def _write_machines(plan: Plan) -> None:
    """What each virtual machine's unit names as its EnvironmentFile."""
    plan.machines.mkdir(exist_ok=True)
    for instance in plan.legacy:
        lines = [f'{name}="{value}"\n' for name, value in machine_environment(plan, instance).items()]
        (plan.machines / f"{instance}.env").write_text("# order-service.service\n" + "".join(lines))


def _wrapper(path: Path, argv: list[str], environment: Mapping[str, str]) -> None:
    settings = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    path.write_text(f'#!/bin/sh\n{settings}exec {shlex.join(argv)} "$@"\n')
    path.chmod(0o755)
