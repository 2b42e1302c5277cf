"""`python -m sandbox.kubernetes`: runs the embedded cluster until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from sandbox import plan
from sandbox.kubernetes import cluster
from sandbox.kubernetes.settings import Settings, from_plan


def settings_from(arguments: argparse.Namespace) -> Settings:
    """The settings of a range's plan, or those given one by one."""
    if arguments.plan is not None:
        return from_plan(plan.load(arguments.plan))
    host, _, port = arguments.address.rpartition(":")
    return Settings(host, int(port), arguments.pod_network, arguments.folder)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m sandbox.kubernetes", description=__doc__)
    found.add_argument("--plan", type=Path, help="plan.json of a practice range")
    found.add_argument("--address", default="127.0.0.1:0", help="host:port of the API; port 0: any")
    found.add_argument("--pod-network", default="127.20.16.0/20", help="addresses of Pods, within 127.0.0.0/8")
    found.add_argument("--folder", type=Path, default=Path(".range/kubernetes"), help="where Pods keep their files")
    return found


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; the first line of output is the address."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with cluster.running(settings) as running:
        print(running.settings.url, flush=True)
        await ended.wait()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(run(settings_from(parser().parse_args())))


if __name__ == "__main__":
    main()
