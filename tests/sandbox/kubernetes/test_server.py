"""The embedded server is gone while it is told to be down, and serves many watches for the price of one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.kubernetes import cluster, server, watch
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store

CONFIG_MAPS = resource("configmaps")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Store, str, aiohttp.ClientSession]]:
    store = cluster.new_store()
    async with (
        server.serving(store, Settings("127.0.0.1", 0, "127.20.16.0/20", folder)) as settings,
        aiohttp.ClientSession() as session,
    ):
        yield store, settings.url, session


def set_down(folder: Path, value: bool) -> None:
    temporary = folder / "faults.tmp"
    temporary.write_text(json.dumps({"range": {"api_down": value}}))
    temporary.replace(folder / "faults.json")


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        if await holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not so after 4 s")


def config_map(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}}


def test_while_it_is_down_nobody_is_served_and_the_objects_stay(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with running(tmp_path) as (store, url, session):

            async def answers() -> bool:
                try:
                    async with session.get(f"{url}/readyz"):
                        return True
                except aiohttp.ClientError:
                    return False

            async def refuses() -> bool:
                return not await answers()

            told = []
            async with session.get(f"{url}/api/v1/configmaps?watch=true") as watching:
                set_down(tmp_path, True)
                try:
                    await asyncio.wait_for(watching.content.readline(), 4)
                    told.append("the watch ended")
                except aiohttp.ClientError:
                    told.append("the watch was dropped")
            await until(refuses)
            store.create(CONFIG_MAPS, config_map("meanwhile"))
            set_down(tmp_path, False)
            await until(answers)
            async with session.get(f"{url}/api/v1/namespaces/default/configmaps/meanwhile") as answer:
                told.append(f"{answer.status}")
            return told

    assert asyncio.run(scenario()) == ["the watch was dropped", "200"]


def test_a_change_is_encoded_once_for_all_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    plain = watch.line

    def counted(kind: str, obj: dict[str, Any]) -> bytes:
        encoded.append(kind)
        return plain(kind, obj)

    monkeypatch.setattr(watch, "line", counted)

    async def scenario() -> list[dict[str, Any]]:
        async with running(tmp_path) as (store, url, session):
            address = f"{url}/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1"
            watches = [asyncio.create_task(read(session, address)) for _ in range(20)]
            await until_subscribed(store, 20)
            store.create(CONFIG_MAPS, config_map("one"))
            return [json.loads(text) for text in await asyncio.gather(*watches)]

    async def read(session: aiohttp.ClientSession, address: str) -> str:
        async with session.get(address) as answer:
            return await answer.text()

    told = asyncio.run(scenario())
    assert [event["object"]["metadata"]["name"] for event in told] == ["one"] * 20
    assert encoded == ["ADDED"]


async def until_subscribed(store: Store, count: int) -> None:
    async def enough() -> bool:
        return len(store._subscribers) >= count

    await until(enough)


def test_a_watch_that_has_ended_costs_nothing(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with running(tmp_path) as (store, url, session):
            async with session.get(f"{url}/api/v1/configmaps?watch=true&timeoutSeconds=1") as answer:
                await answer.read()
            return len(store._subscribers)

    assert asyncio.run(scenario()) == 0


def test_a_watch_ends_when_its_client_goes_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as (store, url, session):
            watching = await session.get(f"{url}/api/v1/configmaps?watch=true")
            await until_subscribed(store, 1)
            watching.close()

            async def nobody() -> bool:
                return not store._subscribers

            await until(nobody)

    asyncio.run(scenario())


def test_a_watch_says_where_it_is_when_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BOOKMARK_SECONDS", 0.1)

    async def scenario() -> list[dict[str, Any]]:
        async with running(tmp_path) as (_, url, session):
            address = f"{url}/api/v1/configmaps?watch=true&timeoutSeconds=1&allowWatchBookmarks=true"
            async with session.get(address) as answer:
                return [json.loads(line) for line in (await answer.text()).splitlines()]

    told = asyncio.run(scenario())
    assert told
    assert {event["type"] for event in told} == {"BOOKMARK"}
    assert int(told[0]["object"]["metadata"]["resourceVersion"]) > 0


def test_a_warning_is_a_header(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, str]:
        async with running(tmp_path) as (_, url, session):
            body = config_map("c") | {"nonsense": 1}
            address = f"{url}/api/v1/namespaces/default/configmaps?fieldValidation=Warn"
            async with session.post(address, json=body) as answer:
                return answer.status, answer.headers["Warning"]

    assert asyncio.run(scenario()) == (201, '299 - "unknown field \\"nonsense\\""')
