"""HTTP/1.1 over asyncio, as much as the order service needs: keep-alive, one request at a time on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

LONGEST_HEAD = 16 * 1024
LONGEST_BODY = 64 * 1024
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; a body that is not JSON says so."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Malformed(Exception):
    """The bytes are no request that is served here; the connection cannot go on."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Respond = Callable[[Request], Awaitable[Response]]


def parse_request(buffer: bytearray) -> tuple[Request, int] | None:
    """The first request and its length in bytes; None when it is not all there; raises Malformed."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > LONGEST_HEAD:
            raise Malformed(431, "headers too long")
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Malformed(400, "no HTTP/1 request line")
    headers: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if not separator:
            raise Malformed(400, "no header line")
        headers[name.lower()] = value.strip()
    stop = end + 4 + _body_length(headers)
    if len(buffer) < stop:
        return None
    wish = headers.get("connection", "").lower()
    keep_alive = wish == "keep-alive" if words[2] == "HTTP/1.0" else wish != "close"
    path = words[1].partition("?")[0]
    return Request(words[0], path, headers, bytes(buffer[end + 4 : stop]), keep_alive), stop


def _body_length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Malformed(411, "a Content-Length is needed")
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise Malformed(400, "Content-Length is no number")
    if int(length) > LONGEST_BODY:
        raise Malformed(413, "body too long")
    return int(length)


def render(response: Response, extra: bytes, keep_alive: bool) -> bytes:
    """Head and body in one piece: two writes would wait for each other (Nagle, delayed ACK)."""
    head = b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b" % (
        response.status,
        _REASONS.get(response.status, b"Unknown"),
        response.content_type.encode(),
        len(response.body),
        extra,
    )
    for name, value in response.headers.items():
        head += f"{name}: {value}\r\n".encode("latin-1")
    return head + (b"\r\n" if keep_alive else b"Connection: close\r\n\r\n") + response.body


class Server:
    """What the connections share: who answers, what every answer carries, and what is going on."""

    def __init__(self, respond: Respond, extra: bytes) -> None:
        self.respond, self.extra = respond, extra
        self.connections: set[Connection] = set()
        self.draining = False
        self.active = 0
        self.last_request = float("-inf")

    def connection(self) -> Connection:
        """A protocol for a new connection."""
        return Connection(self)


class Connection(asyncio.Protocol):
    """One client: reads a request, answers it, then reads the next."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio has turned Nagle's algorithm off on this socket.
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        # A request whose client has gone is finished all the same: the order may already be written.
        self._server.connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._answering is None:
            self._next()

    def close(self) -> None:
        """Close, after what was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    def _next(self) -> None:
        try:
            parsed = parse_request(self._buffer)
        except Malformed as error:
            self._write(render(Response(error.status, b'{"error": "%b"}' % str(error).encode()), b"", False))
            self.close()
            return
        if parsed is not None:
            request, consumed = parsed
            del self._buffer[:consumed]
            loop = asyncio.get_running_loop()
            self._server.active += 1
            self._server.last_request = loop.time()
            self._answering = loop.create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            response = await self._server.respond(request)
        except BaseException:
            self.close()  # a client that would wait for ever learns that something broke
            raise
        finally:
            self._server.active -= 1
            self._answering = None
        keep_alive = request.keep_alive and not self._server.draining
        self._write(render(response, self._server.extra, keep_alive))
        if not keep_alive:
            self.close()
        elif self._buffer and self._transport is not None:
            self._next()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
