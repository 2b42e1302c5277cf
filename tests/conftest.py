"""What all tests share: one practice range of their own for those that need a world."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.control import Wish, range_for
from sandbox.plan import Plan


@pytest.fixture(scope="session")
def practice_range(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A whole range beside any other; it ends with the tests, and also when they are killed."""
    root = tmp_path_factory.mktemp("practice-range")
    with range_for(Wish(f"test-{os.getpid()}", root, owner=os.getpid())) as plan:
        yield plan
