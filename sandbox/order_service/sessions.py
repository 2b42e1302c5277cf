"""Sessions in Redis, so that a user who logged in on one side goes on on the other."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque

from runbook_lib.errors import Unreachable
from sandbox.order_service.settings import Redis

ANSWER_WITHIN = 1.0
LIFETIME = 3600


class Sessions:
    """Creates and looks up sessions over one pipelined connection, made again whenever it was lost."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wire: Wire | None = None
        self._connecting = asyncio.Lock()

    async def create(self, customer: str) -> str:
        """A new session's token; raises Unreachable."""
        token = secrets.token_hex(16)
        await self._ask("SET", f"session:{token}", customer, "EX", str(LIFETIME))
        return token

    async def customer(self, token: str) -> str | None:
        """Whose session that is; None when there is none (any more). Raises Unreachable."""
        reply = await self._ask("GET", f"session:{token}")
        return reply.decode() if reply else None

    def close(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.close()

    async def _ask(self, *words: str) -> bytes | None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                wire = await self._connected()
                return await wire.ask(*words)
        except (OSError, TimeoutError) as error:
            host, port = self._redis.host, self._redis.port
            raise Unreachable(f"Redis at {host}:{port} does not answer: {error or 'time is up'}.") from error

    async def _connected(self) -> Wire:
        if self._wire is not None and not self._wire.lost:
            return self._wire
        async with self._connecting:
            if self._wire is None or self._wire.lost:
                loop = asyncio.get_running_loop()
                _, wire = await loop.create_connection(Wire, self._redis.host, self._redis.port)
                if self._redis.password:
                    await wire.ask("AUTH", self._redis.password)
                if self._redis.database:
                    await wire.ask("SELECT", str(self._redis.database))
                self._wire = wire
        return self._wire


class Wire(asyncio.Protocol):
    """The part of Redis' protocol (RESP2) that single values need; answers come in the order of the questions."""

    def __init__(self) -> None:
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[bytes | None]] = deque()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        while self._waiting:
            _settle(self._waiting.popleft(), ConnectionResetError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (parsed := parse_reply(self._buffer)) is not None:
            reply, consumed = parsed
            self._buffer = self._buffer[consumed:]
            _settle(self._waiting.popleft(), reply)

    async def ask(self, *words: str) -> bytes | None:
        """One command and its answer; raises OSError when refused or cut off."""
        if self._transport is None or self.lost:
            raise ConnectionResetError("the connection was closed")
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._transport.write(command(*words))
        return await answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def command(*words: str) -> bytes:
    """A command as an array of bulk strings."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


def parse_reply(buffer: bytes) -> tuple[bytes | OSError | None, int] | None:
    """The first answer and its length; None when it is not all there. A refusal is returned as an OSError."""
    end = buffer.find(b"\r\n")
    if end < 0:
        return None
    kind, text = buffer[:1], buffer[1:end]
    if kind == b"-":
        return OSError(text.decode(errors="replace")), end + 2
    if kind != b"$":
        return text, end + 2
    length = int(text)
    if length < 0:
        return None, end + 2
    stop = end + 2 + length
    return (buffer[end + 2 : stop], stop + 2) if len(buffer) >= stop + 2 else None


def _settle(future: asyncio.Future[bytes | None], reply: bytes | OSError | None) -> None:
    if future.done():  # whoever asked has given up
        return
    if isinstance(reply, OSError):
        future.set_exception(reply)
    else:
        future.set_result(reply)
