"""Clients of a machine are listed one by one, without the monitoring."""

from __future__ import annotations

import socket

import pytest

from sandbox import connections
from sandbox.plan import Address


def test_a_connected_client_is_one_line_and_the_monitoring_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address(*server.getsockname())
        assert connections.clients_of(address) == []
        with socket.create_connection(server.getsockname()) as client, server.accept()[0]:
            port = client.getsockname()[1]
            (line,) = connections.clients_of(address)
            assert line.startswith(f"127.0.0.1:{port} ")
            monkeypatch.setattr(connections, "MONITORING", (line.split(" ", 1)[1],))
            assert connections.clients_of(address) == []
