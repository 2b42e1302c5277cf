"""Several members at once, each as soon as all that must go before it have got through."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from runbook_lib.batch.order import Graph, ready

T = TypeVar("T")


@dataclass(frozen=True)
class Task(Generic[T]):
    """What is done for each member, and who hears of it; only ``work`` runs beside others.

    ``begin`` is called before it, ``end`` after it with what came of it, which may be an exception; it says whether
    the member got through, so that others may follow. ``stopped``: nobody else is begun.
    """

    work: Callable[[str], T]
    begin: Callable[[str], object]
    end: Callable[[str, T | BaseException], bool]
    stopped: Callable[[], bool] = lambda: False


def in_order(before: Graph, through: Collection[str], task: Task[T], at_once: int) -> None:
    """Work on every member that is not through yet; whoever stands behind one that fails is left as it is."""
    begun, gone = set(through), set(through)
    running: dict[Future[T], str] = {}
    with ThreadPoolExecutor(at_once, thread_name_prefix="member") as pool:
        while True:
            free = 0 if task.stopped() else at_once - len(running)
            for name in ready(before, begun, gone)[:free]:
                begun.add(name)
                task.begin(name)
                running[pool.submit(task.work, name)] = name
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, error = running.pop(future), future.exception()
                if task.end(name, future.result() if error is None else error):
                    gone.add(name)
