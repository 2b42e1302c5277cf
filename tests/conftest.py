"""What all tests share: waiting for something, and one practice range of their own for those that need a world."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from in_order import OneRange, rank

from runbook_lib.act.traffic.nginx import apply
from sandbox.control import Wish, range_for
from sandbox.plan import Plan

# a slow machine is no failure, and the same commit gives the same result
settings.register_profile("runbooks", deadline=None, derandomize=True)
settings.load_profile("runbooks")

if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what it sends to the background deaf to Ctrl-C, and the commands under test would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneRange | None:
    """How several workers share the tests; see in_order.py."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return OneRange(config, log)


@pytest.fixture(autouse=True)
def nobody_elses_nginx(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nginx is only a file, the workers of a range that runs beside the test are not waited for."""
    if not request.node.get_closest_marker("range") and "practice_range" not in request.fixturenames:
        monkeypatch.setattr(apply, "workers", dict)


Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def until() -> Until:
    """Wait for something to become true; how long it takes is no part of a test, only that it comes."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < deadline, "it did not come true"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def practice_range(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A whole range beside any other; it ends with the tests, and also when they are killed."""
    root = tmp_path_factory.mktemp("practice-range")
    with range_for(Wish(f"test-{os.getpid()}", root, owner=os.getpid())) as plan:
        yield plan
