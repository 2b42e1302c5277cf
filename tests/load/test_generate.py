"""The load leaves when it is due, whatever the Pod does, and its latency counts from then."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from runbook_lib.load.count import step_of
from runbook_lib.load.generate import Barrage, Shot, Wanted


class Pod:
    """Answers 200 after ``takes`` seconds, 500 at /bad; while ``hangs`` is set nobody is answered."""

    def __init__(self) -> None:
        self.takes, self.asked, self.most_open = 0.0, 0, 0
        self.hangs = threading.Event()
        self.url, self._open = "", 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                await asyncio.sleep(self.takes)
                while self.hangs.is_set():  # noqa: ASYNC110 - it is set by another thread
                    await asyncio.sleep(0.01)
                status = b"500 Bad" if b" /bad " in head else b"200 OK"
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\nok" % status)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open -= 1
            writer.close()


@pytest.fixture
def pod() -> Iterator[Pod]:
    made = Pod()
    yield made
    made.hangs.clear()
    made.close()


def fire(pod: Pod, rate: float, seconds: float, patience: float = 5.0, path: str = "/") -> Barrage:
    barrage = Barrage()
    barrage.fire([Wanted("GET", pod.url + path, {}, None, 200)], rate, seconds, patience, seed=1)
    return barrage


def test_every_request_is_sent_and_told(pod: Pod) -> None:
    shots = fire(pod, 50, 0.4).shots
    assert (len(shots), pod.asked, all(shot.good for shot in shots)) == (20, 20, True)


def test_a_pod_that_hangs_holds_no_request_back_and_each_counts_from_when_it_was_due(pod: Pod) -> None:
    pod.hangs.set()
    threading.Timer(0.8, pod.hangs.clear).start()
    shots = fire(pod, 50, 0.4).shots
    assert pod.most_open > 10  # a closed generator would wait with one
    assert all(shot.sent is not None and shot.answered is not None for shot in shots)
    step = step_of(shots, 50, 0.4, limit=0.3)
    assert step.slow >= 18  # all but what was due in the last moment of the hang
    assert step.p50 is not None
    assert step.p50 > 0.3


def test_a_wrong_status_and_no_answer_have_failed(pod: Pod) -> None:
    assert step_of(fire(pod, 50, 0.2, path="/bad").shots, 50, 0.2, 1.0).failed == 10
    pod.hangs.set()
    step = step_of(fire(pod, 50, 0.2, patience=0.2).shots, 50, 0.2, 0.1)
    assert (step.failed, step.slow, step.throughput, step.p99) == (10, 10, 0.0, None)


def test_a_stop_ends_it_at_once(pod: Pod) -> None:
    barrage = Barrage()
    wanted = [Wanted("GET", pod.url, {}, None, 200)]
    thread = threading.Thread(target=barrage.fire, args=(wanted, 20, 3600, 5.0, 1))
    begun = time.monotonic()
    thread.start()
    while not barrage.shots:
        time.sleep(0.01)
    barrage.stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert time.monotonic() - begun < 60
    assert len(barrage.shots) < 72_000


def test_what_is_sent_late_by_us_is_counted_as_ours() -> None:
    shots = [Shot(0.0, 0.2, 0.3, True), Shot(0.1, 0.1, 0.2, True), Shot(0.2, None, None, False)]
    step = step_of(shots, 3, 1.0, limit=0.5)
    assert (step.late, step.slow, step.failed, step.p50, step.p99) == (1, 1, 1, pytest.approx(0.3), None)


def test_no_shot_is_no_quantile() -> None:
    step = step_of([], 10, 1.0, 0.5)
    assert (step.sent, step.p50, step.p99, step.throughput) == (0, None, None, 0.0)


def test_a_request_of_the_mix_may_hold_a_token_and_prints_none_of_it() -> None:
    assert "secret-word" not in repr(Wanted("GET", "http://x", {"Authorization": "secret-word"}, b"secret-word", 200))
