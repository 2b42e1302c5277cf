"""A queue of keys in which a key waits only once, now or at a later time."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Queue(Generic[Key]):
    """First in, first out; a key that is there already is not added again."""

    def __init__(self) -> None:
        self._waiting: dict[Key, None] = {}
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._filled = asyncio.Event()

    def add(self, key: Key) -> None:
        """Queue a key now, in place of any later time."""
        timer = self._later.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._waiting[key] = None
        self._filled.set()

    def add_later(self, key: Key, seconds: float) -> None:
        """Queue a key after some seconds, unless it is queued earlier."""
        if key in self._waiting:
            return
        timer = self._later.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._later[key] = asyncio.get_running_loop().call_later(seconds, self.add, key)

    async def get(self) -> Key:
        """The key that has waited longest, when there is one."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        key = next(iter(self._waiting))
        del self._waiting[key]
        return key

    def close(self) -> None:
        """Forget all later keys."""
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()
