"""Users for a real proxy: threads that ask without pause and count who answered, and whom nobody answered."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit


class Load:
    """What users saw; a request is counted in the period in which it began."""

    def __init__(self, url: str, keepalive: bool, headers: Mapping[str, str]) -> None:
        self.address = urlsplit(url).netloc
        self.headers = dict(headers) if keepalive else {**headers, "Connection": "close"}
        self.failed: list[str] = []
        self.answered = 0
        self._period = 0
        self._counts: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()

    def sides(self, number: int) -> Counter[str]:
        """Who answered the requests that began from now on, when ``number`` or a few more were answered."""
        with self._lock:
            self._period += 1
            period = self._period
        deadline = time.monotonic() + 60
        while True:
            with self._lock:
                counts = Counter({side: n for (of, side), n in self._counts.items() if of == period})
                if counts.total() >= number:
                    self._period += 1
                    return counts
            assert time.monotonic() < deadline, f"only {counts} in a minute; failed: {self.failed[:3]}"
            time.sleep(0.005)

    def ask(self) -> None:
        """One user, until it is over."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        while not self._over.is_set():
            with self._lock:
                period = self._period
            try:
                connection.request("GET", "/", headers=self.headers)
                answer = connection.getresponse()
                side = answer.read().decode()
                if answer.status != 200:
                    raise http.client.HTTPException(f"{answer.status} {side[:80]}")
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                with self._lock:
                    self.failed.append(f"{type(error).__name__}: {error}")
                continue
            with self._lock:
                self._counts[period, side] += 1
                self.answered += 1
        connection.close()

    def end(self) -> None:
        self._over.set()


@contextmanager
def load(url: str, users: int = 4, keepalive: bool = True, headers: Mapping[str, str] | None = None) -> Iterator[Load]:
    """Users who ask as fast as they are answered, as long as the block runs."""
    seen = Load(url, keepalive, headers or {})
    threads = [threading.Thread(target=seen.ask, daemon=True) for _ in range(users)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen.end()
        for thread in threads:
            thread.join(60)
