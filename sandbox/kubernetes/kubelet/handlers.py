"""What probes and lifecycle hooks do: an HTTP request, a TCP connection, a command, a pause."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

JsonObject = dict[str, Any]
Run = Callable[[list[str], float], Awaitable[tuple[int, str]]]


class Failed(Exception):
    """The handler did not succeed; the message is the kubelet's."""


async def handle(handler: JsonObject, address: str, ports: dict[str, int], run: Run, seconds: float) -> None:
    """Does what a probe or a hook asks for within so many seconds; raises Failed.

    `ports`: the container's named ports. `run` executes a command as the container would.
    """
    if "httpGet" in handler:
        await _http_get(handler["httpGet"], address, ports, seconds)
    elif "tcpSocket" in handler:
        host = handler["tcpSocket"].get("host") or address
        await _connect(host, port_number(handler["tcpSocket"]["port"], ports), seconds)
    elif "exec" in handler:
        code, output = await run(handler["exec"].get("command", []), seconds)
        if code != 0:
            raise Failed(output.strip() or f"command exited with {code}")
    elif "sleep" in handler:
        await asyncio.sleep(handler["sleep"]["seconds"])
    elif "grpc" in handler:
        raise Failed("gRPC probes are not part of the practice range: use httpGet, tcpSocket or exec")


def port_number(port: int | str, ports: dict[str, int]) -> int:
    """The number of a port that may be given by name."""
    if isinstance(port, int):
        return port
    if port not in ports:
        raise Failed(f"couldn't find port: {port}")
    return ports[port]


async def _http_get(request: JsonObject, address: str, ports: dict[str, int], seconds: float) -> None:
    host, port = request.get("host") or address, port_number(request["port"], ports)
    path = request.get("path") or "/"
    scheme = request.get("scheme", "HTTP").lower()
    url = f'Get "{scheme}://{host}:{port}{path}"'
    try:
        async with asyncio.timeout(seconds):
            status = await _status(host, port, path, scheme == "https", request.get("httpHeaders", ()))
    except TimeoutError as error:
        message = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        raise Failed(f"{url}: {message}") from error
    except ConnectionRefusedError as error:
        raise Failed(f"{url}: dial tcp {host}:{port}: connect: connection refused") from error
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Failed(f"{url}: {error or 'EOF'}") from error
    if not 200 <= status < 400:
        raise Failed(f"HTTP probe failed with statuscode: {status}")


async def _status(host: str, port: int, path: str, tls: bool, headers: Any) -> int:
    context = ssl._create_unverified_context() if tls else None  # as the kubelet: probes do not check certificates
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        given = {one["name"]: one["value"] for one in headers}
        defaults = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.36", "Accept": "*/*", "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (defaults | given).items())
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        line = await reader.readuntil(b"\n")
        status = int(line.split()[1])
        # read on, so that the server is not cut off in the middle of its answer
        await reader.read(65536)
        return status
    except IndexError as error:
        raise ValueError("malformed HTTP response") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def _connect(host: str, port: int, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except TimeoutError as error:
        raise Failed(f"dial tcp {host}:{port}: i/o timeout") from error
    except ConnectionRefusedError as error:
        raise Failed(f"dial tcp {host}:{port}: connect: connection refused") from error
    except OSError as error:
        raise Failed(f"dial tcp {host}:{port}: {error.strerror or error}") from error
