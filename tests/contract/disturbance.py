"""A proxy before any API server that lets a test disturb the connection exactly: refused, throttled, hanging, expired.

What passes through is the real server's; only what a test asks for is added. So these tests say the same of the
embedded API and of a real cluster.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from kubernetes import client

HOP = {"host", "connection", "transfer-encoding", "content-length", "accept-encoding", "authorization"}


class Disturbance:
    """What is wrong with the connection now; every request that is forwarded or refused is counted."""

    def __init__(self) -> None:
        self.down = False
        self.throttled = 0
        """How many of the next requests are answered 429."""
        self.hanging = 0
        """How many of the next watches are never answered."""
        self.expired = 0
        """How many of the next watches begin at a version that the server has forgotten."""
        self.seen: list[tuple[str, str, int]] = []
        """Method, path and status of each request."""
        self.released = threading.Event()

    def count(self, status: int) -> int:
        return sum(one == status for _, _, one in self.seen)


@contextmanager
def disturbed(upstream: client.ApiClient) -> Iterator[tuple[client.ApiClient, Disturbance]]:
    """A client that goes through the proxy, and what there is to disturb."""
    disturbance = Disturbance()

    class Handler(_Forwards):
        api, wrong = upstream, disturbance

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    configuration = client.Configuration(host=f"http://127.0.0.1:{server.server_address[1]}")
    configuration.retries = False
    through = client.ApiClient(configuration)
    try:
        yield through, disturbance
    finally:
        disturbance.released.set()
        server.shutdown()
        server.server_close()
        through.close()


class _Forwards(BaseHTTPRequestHandler):
    api: client.ApiClient
    wrong: Disturbance
    protocol_version = "HTTP/1.0"  # a connection each: what is cut is cut

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        wrong, watching = self.wrong, "watch=" in self.path
        if wrong.down:
            wrong.seen.append((self.command, self.path, 0))
            self.connection.close()
            return
        if wrong.throttled > 0:
            wrong.throttled -= 1
            self._throttle()
            return
        if watching and wrong.hanging > 0:
            wrong.hanging -= 1
            wrong.seen.append((self.command, self.path, -1))
            wrong.released.wait(60)
            self.connection.close()
            return
        if watching and wrong.expired > 0:
            wrong.expired -= 1
            self.path = _from_version(self.path, "1")
        self._forward()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the server's own names

    def _throttle(self) -> None:
        self.wrong.seen.append((self.command, self.path, 429))
        body = b'{"kind":"Status","status":"Failure","code":429,"reason":"TooManyRequests","message":"too many"}'
        self.send_response(429)
        for name, value in (("Retry-After", "1"), ("Content-Type", "application/json"), ("Content-Length", len(body))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def _forward(self) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        self.api.update_params_for_auth(headers, [], ["BearerToken"], None, None, None)
        size = int(self.headers.get("Content-Length") or 0)
        answer = self.api.rest_client.pool_manager.request(
            self.command,
            self.api.configuration.host + self.path,
            body=self.rfile.read(size) if size else None,
            headers=headers,
            preload_content=False,
            timeout=60,
        )
        self.wrong.seen.append((self.command, self.path, answer.status))
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.end_headers()
            while (piece := answer.read1()) or not answer.closed:
                if self.wrong.down:
                    break  # the server goes down under a watch that is open
                self.wfile.write(piece)
                self.wfile.flush()
                if not piece:
                    break
        except OSError:
            pass  # the client went first
        finally:
            answer.close()


def _from_version(path: str, version: str) -> str:
    parts = urlsplit(path)
    query = [(name, version if name == "resourceVersion" else value) for name, value in parse_qsl(parts.query)]
    return f"{parts.path}?{urlencode(query)}"


def restart(wrong: Disturbance, seconds: float) -> threading.Thread:
    """The API server goes away for a while, as it does when it is restarted."""

    def away() -> None:
        wrong.down = True
        time.sleep(seconds)
        wrong.down = False

    thread = threading.Thread(target=away, daemon=True)
    thread.start()
    return thread
