"""The metrics of the embedded cluster, as cAdvisor, the kubelet and kube-state-metrics name them; and who to scrape."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import web

from sandbox.kubernetes import exposition, state_metrics, usage_metrics
from sandbox.kubernetes.controllers.pods import PODS, has_ended
from sandbox.kubernetes.kubelet import Kubelet
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

SCRAPE = "prometheus.io/scrape"
PORT = "prometheus.io/port"
PATH = "prometheus.io/path"


async def run(store: Store, settings: Settings, kubelet: Kubelet) -> None:
    """Serves both exporters until cancelled."""
    async with contextlib.AsyncExitStack() as stack:
        for application, port in (
            (kubelet_application(kubelet), settings.kubelet_port),
            (state_application(store), settings.state_metrics_port),
        ):
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, settings.host, port, reuse_address=True, shutdown_timeout=0.5).start()
        await asyncio.Event().wait()


def kubelet_application(kubelet: Kubelet) -> web.Application:
    """The kubelet's port: /metrics/cadvisor, /metrics/resource, /healthz.

    With `?age=SECONDS` samples carry a time stamp that old, as a real cAdvisor's do (up to 10-15 s).
    """

    async def cadvisor(request: web.Request) -> web.Response:
        return _text(usage_metrics.cadvisor(kubelet, _age(request)))

    async def resource(request: web.Request) -> web.Response:
        return _text(usage_metrics.resource(kubelet, _age(request)))

    application = web.Application()
    application.router.add_get("/metrics/cadvisor", cadvisor)
    application.router.add_get("/metrics/resource", resource)
    application.router.add_get("/healthz", _healthy)
    return application


def state_application(store: Store) -> web.Application:
    """kube-state-metrics: /metrics, and /sd/pods for Prometheus."""

    async def metrics(_: web.Request) -> web.Response:
        return _text(state_metrics.state(store))

    async def pods(_: web.Request) -> web.Response:
        return web.json_response(targets(store))

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/sd/pods", pods)
    application.router.add_get("/healthz", _healthy)
    return application


def targets(store: Store) -> list[JsonObject]:
    """Every running Pod that asks to be scraped, as Prometheus' http_sd reads them."""
    found = []
    for pod in store.view(PODS):
        annotations = pod["metadata"].get("annotations", {})
        address = pod.get("status", {}).get("podIP")
        if annotations.get(SCRAPE) != "true" or not address or has_ended(pod):
            continue
        target = f"{address}:{annotations.get(PORT) or _first_port(pod)}"
        labels = {
            "side": "kubernetes",
            "namespace": pod["metadata"]["namespace"],
            "pod": pod["metadata"]["name"],
            "instance": target,
        }
        if PATH in annotations:
            labels["__metrics_path__"] = annotations[PATH]
        found.append({"targets": [target], "labels": labels})
    return found


def _first_port(pod: JsonObject) -> int:
    ports = [port["containerPort"] for one in pod["spec"]["containers"] for port in one.get("ports", ())]
    return int(ports[0]) if ports else 80


def _age(request: web.Request) -> float | None:
    try:
        return float(request.query["age"]) if "age" in request.query else None
    except ValueError as error:
        raise web.HTTPBadRequest(text="age: a number of seconds") from error


def _text(families: list[exposition.Family]) -> web.Response:
    body = exposition.text(families)
    return web.Response(text=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")
