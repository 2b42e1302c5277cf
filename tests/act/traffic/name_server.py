"""Debian's BIND on loopback for tests, with one zone that the key may change, and users who look names up."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from sandbox.tools import Tool

SECRET = "cnVuYm9vay1ydW5ib29rLXJ1bmJvb2s="
KEY = f"hmac-sha256:runbook:{SECRET}"
OTHER = "hmac-sha256:reader:cmVhZGVyLXJlYWRlci1yZWFkZXI="
ZONE = """\
$TTL 60
@ SOA ns.example.test. hostmaster.example.test. 1 3600 600 86400 5
@ NS ns
ns A 127.0.0.1
"""
CONFIG = """\
options {{
    directory "{folder}"; pid-file none; session-keyfile none; managed-keys-directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; transfer-source 127.0.0.1;
    recursion no; notify no; dnssec-validation no; rrset-order {{ order random; }};
}};
controls {{ }};
key "runbook" {{ algorithm hmac-sha256; secret "{secret}"; }};
key "reader" {{ algorithm hmac-sha256; secret "cmVhZGVyLXJlYWRlci1yZWFkZXI="; }};
zone "example.test" {{ type primary; file "zone.db"; update-policy {{ grant runbook zonesub ANY; }}; }};
zone "broken.test" {{ type primary; file "nothing.db"; }};
zone "locked.test" {{ type primary; file "locked.db"; update-policy {{ grant runbook zonesub ANY; }}; }};
"""


@dataclass
class NameServer:
    """A primary that runs; ``write`` is what anybody else who has the key does."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self.port}"

    def write(self, name: str, type_: str, ttl: int, *records: str) -> None:
        update = dns.update.UpdateMessage("example.test")
        update.use_tsig(dns.tsig.Key("runbook", SECRET, dns.tsig.HMAC_SHA256))
        update.delete(name, type_)
        for record in records:
            update.add(name, ttl, type_, record)
        assert dns.query.tcp(update, "127.0.0.1", timeout=5, port=self.port).rcode() == dns.rcode.NOERROR

    def holds(self, name: str, type_: str = "A") -> tuple[int, set[str]]:
        """TTL and records, read by a plain question."""
        full = dns.name.from_text(name, dns.name.from_text("example.test"))
        answer = dns.query.tcp(dns.message.make_query(full, type_), "127.0.0.1", 5, self.port)
        found = answer.answer[0] if answer.answer else None
        return (found.ttl, {str(record) for record in found}) if found else (0, set())

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Connections are taken and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def running(named: Tool, folder: Path) -> Iterator[NameServer]:
    """BIND with its files in that folder, until the end of the block."""
    port = free_port()
    for name in ("zone.db", "locked.db"):
        (folder / name).write_text(ZONE)
    (folder / "locked.db").write_text(ZONE + "shop 1 A 10.1.0.1\n")
    (folder / "named.conf").write_text(CONFIG.format(folder=folder, port=port, secret=SECRET))
    command = [named.binary, "-g", "-n", "1", "-c", folder / "named.conf"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | named.environment, stdout=log, stderr=log)
    try:
        _wait(port, process, folder / "log")
        (folder / "locked.db.jnl").mkdir()  # where the journal belongs nothing can be written
        yield NameServer(port, process)
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    query = dns.message.make_query("ns.example.test", "A")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if dns.query.udp(query, "127.0.0.1", timeout=0.2, port=port).rcode() == dns.rcode.NOERROR:
                return
        except (OSError, dns.exception.DNSException):
            time.sleep(0.02)
    raise AssertionError(f"named does not answer: {log.read_text()[-1500:]}")


def free_port() -> int:
    """A port that is free for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return int(tcp.getsockname()[1])


@dataclass
class Users:
    """Who looks a name up again and again, as a client that keeps nothing; ``chosen`` counts where they went."""

    server: NameServer
    name: str
    type: str = "A"
    chosen: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _chance: random.Random = field(default_factory=lambda: random.Random(7))

    @contextmanager
    def looking(self) -> Iterator[Users]:
        """Look up all the time in the background, until the end of the block."""
        thread = threading.Thread(target=self._go_on)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def look(self, times: int) -> Users:
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            for _ in range(times):
                self._look(udp)
        return self

    def _go_on(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            while not self._stop.wait(0.001):
                self._look(udp)

    def _look(self, udp: socket.socket) -> None:
        query = dns.message.make_query(f"{self.name}.example.test", self.type)
        try:
            answer = dns.query.udp(query, "127.0.0.1", timeout=2, port=self.server.port, sock=udp)
            records = [str(record) for record in answer.answer[0]]
        except (OSError, IndexError, dns.exception.DNSException) as error:
            self.failed.append(repr(error))
            return
        if self.type == "SRV":  # RFC 2782: by weight
            weights = [int(record.split()[1]) for record in records]
            self.chosen[self._chance.choices(records, weights)[0].split()[3]] += 1
        else:
            self.chosen[records[0]] += 1  # as most clients do; the server puts them in random order
