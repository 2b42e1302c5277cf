"""Whatever is sent, the server answers with a Status and goes on: nothing ends in an internal error."""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.kubernetes import cluster, server
from sandbox.kubernetes.settings import Settings
from tests.sandbox.kubernetes.recordings import exchanges

JUNK = [None, "", 0, -1, "x", [], {}, [{}], ["a"], {"a": "b"}, 1.5, True, "9" * 70, [None], {"name": None}]
Body = dict[str, Any]


def bodies() -> list[tuple[str, Body]]:
    """What was created in the recordings: path and object."""
    found = []
    for one in exchanges("objects"):
        if one.method == "POST" and one.status == 201 and one.body is not None:
            found.append((one.path, json.loads(one.body)))
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def spoilt(body: Body, chance: random.Random) -> Body:
    """The object with one member taken away or replaced by junk."""
    made = copy.deepcopy(body)
    place = chance.choice([path for path in places(made) if path])
    holder: Any = made
    for key in place[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and chance.random() < 0.3:
        del holder[place[-1]]
    else:
        holder[place[-1]] = chance.choice(JUNK)
    return made


async def sent(session: aiohttp.ClientSession, url: str, body: Body, chance: random.Random) -> int:
    text = json.dumps(body)
    method, path, content_type = chance.choice(
        [
            ("POST", url, "application/json"),
            ("PUT", f"{url}/o", "application/json"),
            ("PATCH", f"{url}/o", "application/merge-patch+json"),
            ("PATCH", f"{url}/o", "application/strategic-merge-patch+json"),
            ("PATCH", f"{url}/o?fieldManager=x&force=true", "application/apply-patch+yaml"),
        ]
    )
    async with session.request(method, path, data=text, headers={"Content-Type": content_type}) as answer:
        return answer.status


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spoilt_objects_are_refused_or_kept_but_break_nothing(seed: int, tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str], set[int]]:
        chance, broken, codes = random.Random(seed), [], set()
        store = cluster.new_store()
        store.create(cluster.resource("namespaces", ""), {"metadata": {"name": "golden"}})
        settings = Settings("127.0.0.1", 0, "127.20.16.0/20", tmp_path)
        async with server.serving(store, settings) as settings, aiohttp.ClientSession() as session:
            for _ in range(250):
                path, body = chance.choice(bodies())
                made = spoilt(body, chance)
                codes.add(status := await sent(session, settings.url + path, made, chance))
                if status >= 500:
                    broken.append(f"{status} {path} {json.dumps(made)}")
        return broken, codes

    broken, codes = asyncio.run(scenario())
    assert not broken, "\n".join(broken)
    assert {201, 400, 422} <= codes  # some were kept, some refused: the test did send what it means to send
