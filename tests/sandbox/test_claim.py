from __future__ import annotations

import fcntl
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

from sandbox.claim import claim, with_free_ports
from sandbox.plan import Plan, Ports


def test_two_ranges_held_at_once_have_different_networks(tmp_path: Path) -> None:
    with claim("one", tmp_path) as one, claim("two", tmp_path) as two:
        assert one.octet != two.octet


def is_held(octet: int) -> bool:
    with Path(tempfile.gettempdir(), f"practice-range-127.{octet}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_network_is_held_by_its_range_and_free_again_after_it(tmp_path: Path) -> None:
    with claim("one", tmp_path) as one:
        assert is_held(one.octet)
    assert not is_held(one.octet)


def test_a_port_that_is_taken_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    plan = Plan("other", tmp_path, 202)
    with socket.socket() as taken:
        taken.bind((plan.front.host, 0))
        taken.listen()
        wanted = replace(plan, ports=Ports(front=taken.getsockname()[1]))
        assert with_free_ports(wanted).ports.front != wanted.ports.front
        assert replace(with_free_ports(wanted).ports, front=1) == replace(wanted.ports, front=1)
