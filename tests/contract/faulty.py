"""A man in the middle of client and API server: some answers are refused, held back, or lost on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "host", "keep-alive"}


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose line (``PATCH /api/… ``) ``meets`` accepts.

    ``status``: this is the answer, nothing is forwarded. ``lost``: it is forwarded, and the connection cut before the
    answer. ``dead``: cut before anything is forwarded, as a server that is restarted does. ``before``: is called first,
    whatever happens then.
    """

    meets: Callable[[str], bool]
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    dead: bool = False
    before: Callable[[], object] | None = None


def storing(part: str) -> Callable[[str], bool]:
    """Accepts an apply of a path with this part that is no dry run."""
    return lambda line: line.startswith("PATCH") and part in line and "dryRun" not in line


@dataclass
class Middle:
    """The way to the API with faults on it; ``seen`` are the lines of all requests."""

    api: client.ApiClient
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def stored(self) -> list[str]:
        """The applies that were no dry runs, by the last part of their path."""
        return [line.split("?")[0].rsplit("/", 1)[1] for line in self.seen if storing("/")(line)]


@contextmanager
def middle(api: client.ApiClient) -> Iterator[Middle]:
    """A proxy before the API server that a client reaches; its own client is ``api`` of what comes out."""
    configuration = client.Configuration()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api, made := Middle(api)))
    configuration.host = f"http://127.0.0.1:{server.server_port}"
    configuration.retries = False
    made.api = client.ApiClient(configuration)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(api: client.ApiClient, made: Middle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # with small writes it costs 40 ms a request
        wbufsize = 2**16

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody listens."""

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line = f"{self.command} {self.path}"
            made.seen.append(line)
            fault = next((one for one in made.faults if one.times and one.meets(line)), None)
            if fault is not None:
                fault.times -= 1
                if fault.before:
                    fault.before()
                if fault.status:
                    self._answer(fault.status, fault.headers, b'{"kind":"Status","message":"a fault of the test"}')
                    return
            answer = None if fault is not None and fault.dead else self._forward(body)
            if answer is None or (fault is not None and fault.lost):
                self.close_connection = True
                self.connection.close()
                return
            self._answer(answer.status, {"Content-Type": answer.headers.get("Content-Type", "")}, answer.data)

        def _forward(self, body: bytes) -> Any:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            api.update_params_for_auth(headers, [], ["BearerToken"], None, None, None)
            pool = api.rest_client.pool_manager
            url = api.configuration.host + self.path
            return pool.request(self.command, url, body=body or None, headers=headers, timeout=20)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - names of the base class

    return Handler
