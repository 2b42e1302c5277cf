"""The life of one instance: start, serve, drain, stop; and the faults that concern the whole process."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor

from sandbox.order_service.faults import FaultsFile
from sandbox.order_service.http import Server
from sandbox.order_service.service import Service
from sandbox.order_service.sessions import Sessions
from sandbox.order_service.settings import Settings
from sandbox.order_service.store import Store

TICK = 0.1
CRASH_AFTER = 1.0
QUIET = 0.3
MEBIBYTE = 1024 * 1024
# Twice the limit of the sample's Pods; where nothing sets a limit (legacy) the machine must survive the lesson.
OOM_MEBIBYTES = 256
MOST_LEAK_MEBIBYTES = 512


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain; returns when no request is left."""
    loop = asyncio.get_running_loop()
    # One thread: SQLite lets one writer in at a time anyway.
    loop.set_default_executor(ThreadPoolExecutor(1, "orders"))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    faults = FaultsFile(settings.faults_file, settings.side)
    trouble = asyncio.create_task(make_trouble(faults))
    if await _told_to_stop(stopping, faults.current().slow_start):
        return
    store, sessions = Store(settings.orders_database), Sessions(settings.redis)
    service = Service(settings, store, sessions, faults)
    extra = f"X-Side: {settings.side}\r\nX-Instance: {settings.instance}\r\n".encode("latin-1")
    server = Server(service.respond, extra)
    listener = await loop.create_server(server.connection, settings.bind_address, settings.port, backlog=512)
    _say(settings, f"listening on {settings.bind_address}:{settings.port}")
    await stopping.wait()
    service.draining = server.draining = True
    await drain(server, settings)
    listener.close()
    for connection in list(server.connections):
        connection.close()
    trouble.cancel()
    sessions.close()
    store.close()
    _say(settings, "stopped")


async def drain(server: Server, settings: Settings) -> None:
    """Serve on, telling clients to connect elsewhere, until requests have ceased to come."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    _say(settings, "draining")
    while loop.time() - begin < settings.stop:
        await asyncio.sleep(TICK / 2)
        quiet = not server.active and loop.time() - server.last_request >= QUIET
        if quiet and loop.time() - begin >= settings.drain:
            return


async def make_trouble(faults: FaultsFile) -> None:
    """Crash, leak or burst as long as somebody wants it; memory is given back when the fault is switched off."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    held: list[bytearray] = []
    while True:
        now = faults.current()
        if now.crash and loop.time() - begin >= CRASH_AFTER:
            print("crashing: a fault was switched on", flush=True)
            os._exit(1)
        if now.oom:
            _hold(held, OOM_MEBIBYTES)
        elif now.leak:
            _hold(held, min(_mebibytes(held) + now.leak * TICK, MOST_LEAK_MEBIBYTES))
        else:
            held.clear()
        await asyncio.sleep(TICK)


def _hold(held: list[bytearray], mebibytes: float) -> None:
    missing = int((mebibytes - _mebibytes(held)) * MEBIBYTE)
    if missing > 0:
        # Pages count only when they were written to.
        held.append(bytearray(b"\x01") * missing)


def _mebibytes(held: list[bytearray]) -> float:
    return sum(map(len, held)) / MEBIBYTE


async def _told_to_stop(stopping: asyncio.Event, within: float) -> bool:
    if within <= 0:
        return False
    try:
        async with asyncio.timeout(within):
            return await stopping.wait()
    except TimeoutError:
        return False


def _say(settings: Settings, what: str) -> None:
    print(f"order service {settings.instance} ({settings.side}) {what}", flush=True)
