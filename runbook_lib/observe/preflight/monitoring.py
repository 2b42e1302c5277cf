"""What Prometheus knows of a side, and whether one of its rules would call somebody for this application."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import requests

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.judge.preflight.seen import Rules, Series, Unknown
from runbook_lib.model import Side
from runbook_lib.observe.metrics import query
from runbook_lib.parameters import Parameters

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect


def series(prometheus: PrometheusConnect, p: Parameters, side: Side) -> tuple[Series, ...] | Unknown:
    """How many series each expression of a side gives now."""
    m = p.metrics
    chosen = getattr(m.selectors, side)
    counted = {
        "requests": f"{m.requests}{{{chosen}}}",
        "duration": f"{m.duration}_bucket{{{chosen}}}",
        "CPU": getattr(m.cpu, side),
        "memory": getattr(m.memory, side),
    }
    found = []
    try:
        for what, text in counted.items():
            plain = what in ("requests", "duration")
            answer = query(prometheus, f"count by (instance) ({text})" if plain else text)
            number = sum(int(value) for _, value in answer) if plain else len(answer)
            found.append(Series(what, text, number, len(answer) if plain else 0))
    except (Unreachable, BadParameters) as error:
        return Unknown(str(error))
    return tuple(found)


def new_series(
    prometheus: PrometheusConnect,
    p: Parameters,
    pods: int,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Series, ...] | Unknown:
    """The new side's series, once all Pods are among them or ``metrics.appear`` is over: targets are found late."""
    end = clock() + p.metrics.appear.total_seconds()
    while True:
        found = series(prometheus, p, "kubernetes")
        if not isinstance(found, Unknown):
            complete = all(one.count for one in found) and max(one.instances for one in found) >= pods
            if complete:
                return found
        if clock() >= end:
            return found
        sleep(min(p.metrics.scrape.total_seconds(), 5.0))


def rules(prometheus: PrometheusConnect, p: Parameters) -> Rules | Unknown:
    """The alerting rules, and those whose expression or labels name what this application is known by."""
    url = f"{prometheus.url}/api/v1/rules"
    try:
        answer = requests.get(
            url, params={"type": "alert"}, headers=prometheus.headers, timeout=p.prometheus.timeout.total_seconds()
        )
        groups = answer.json()["data"]["groups"]
        every = [rule for group in groups for rule in group["rules"] if rule.get("type", "alerting") == "alerting"]
        words = _words(p)
        ours = [str(rule["name"]) for rule in every if _names(rule, words)]
    except requests.RequestException:
        return Unknown(f"{url} does not answer")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unknown(f"what answers at {prometheus.url} keeps no rules; ask whoever evaluates them")
    return Rules(len(every), tuple(dict.fromkeys(ours)), words)


def _words(p: Parameters) -> tuple[str, ...]:
    """What an alert about this application would name."""
    k = p.kubernetes
    return tuple(dict.fromkeys((p.application.name, k.deployment, k.service, p.metrics.requests, p.metrics.duration)))


def _names(rule: dict[str, object], words: tuple[str, ...]) -> bool:
    text = f"{rule.get('query', '')} {rule.get('labels', '')}"
    return any(re.search(rf"(?<![\w-]){re.escape(word)}", text) for word in words)
