"""The embedded API answers as a real 1.36 answered: the recorded requests are made again, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.kubernetes import cluster, controllers, server
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store
from tests.sandbox.kubernetes.recordings import Exchange, comparable, differences, exchanges

Answer = tuple[int, Any]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Store, str]]:
    """A server with its controllers and the recorded namespace, without a kubelet: no Pod is made in these requests."""
    store = cluster.new_store()
    store.create(cluster.resource("namespaces", ""), {"metadata": {"name": "golden"}})
    task = asyncio.create_task(controllers.run(store))
    async with server.serving(store, Settings("127.0.0.1", 0, "127.20.16.0/20", folder)) as settings:
        yield store, settings.url
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def replay(name: str, folder: Path) -> list[tuple[Exchange, Answer]]:
    """The recorded requests with the answers of the embedded API."""
    answers = []
    async with running(folder) as (store, url), aiohttp.ClientSession() as session:
        for one in exchanges(name):
            async with session.request(one.method, url + one.path, headers=one.headers, data=one.body) as answer:
                text = await answer.text()
            answers.append((one, (answer.status, decoded(text))))
            await settled(store)
    return answers


def decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


async def settled(store: Store) -> None:
    """Lets the controllers react to the last request before the next one is made."""
    revision = -1
    while store.revision != revision:
        revision = store.revision
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", ["objects", "errors"])
def test_answers_are_those_of_a_real_server(name: str, tmp_path: Path) -> None:
    found = []
    for one, (status, response) in asyncio.run(replay(name, tmp_path)):
        if one.events is not None:
            response = [response]
            recorded: Any = [{"type": event["type"], "object": event["object"]} for event in one.events]
            recorded[0]["object"]["message"] = response[0]["object"]["message"]  # names the revisions of its cluster
        else:
            recorded = one.response
        wrong = [f"status: recorded {one.status}, answered {status}"] if status != one.status else []
        wrong += differences(comparable(recorded), comparable(response))
        found += [f"{one}\n    " + "\n    ".join(wrong)] if wrong else []
    assert not found, "\n".join(found)


def test_what_is_served_is_described_as_a_real_server_describes_it(tmp_path: Path) -> None:
    found = []
    for one, (status, response) in asyncio.run(replay("discovery", tmp_path)):
        if one.path.startswith(("/api/v1", "/apis/")) and status == 200:
            found += [
                f"{one}: {text}" for text in undescribed(one.response["resources"], response["resources"], "name")
            ]
        elif "apidiscovery" in one.headers["Accept"]:
            groups = {group["metadata"].get("name", ""): group for group in one.response["items"]}
            for group in response["items"]:
                name = group["metadata"].get("name", "")
                if name in groups:
                    recorded, served = groups[name]["versions"][0], group["versions"][0]
                    assert recorded["version"] == served["version"]
                    lines = undescribed(recorded["resources"], served["resources"], "resource")
                    found += [f"{one} {name}: {text}" for text in lines]
    assert not found, "\n".join(found)


def undescribed(recorded: list[dict[str, Any]], served: list[dict[str, Any]], key: str) -> list[str]:
    """Differences of the resources served; those that are not served and hashes of storage are left aside."""
    known = {item[key]: item for item in recorded}
    lines = []
    for item in served:
        other = {name: value for name, value in known.get(item[key], {}).items() if name != "storageVersionHash"}
        served_subresources = {entry["subresource"] for entry in item.get("subresources", ())}
        parts = [entry for entry in other.pop("subresources", ()) if entry["subresource"] in served_subresources]
        if parts:
            other["subresources"] = parts
        other["verbs"], item["verbs"] = sorted(other.get("verbs", ())), sorted(item["verbs"])
        lines += [f"{item[key]}{text}" for text in differences(other, item)]
    return lines


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
def test_says_that_it_is_well(path: str, tmp_path: Path) -> None:
    async def asked() -> Answer:
        async with running(tmp_path) as (_, url), aiohttp.ClientSession() as session, session.get(url + path) as answer:
            return answer.status, await answer.text()

    assert asyncio.run(asked()) == (200, "ok")
