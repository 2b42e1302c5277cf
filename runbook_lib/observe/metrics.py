"""Questions to Prometheus: numbers of both sides, their course over time, alerts; and the expressions for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.model import SIDES, Measurement, now
from runbook_lib.sections import Metrics, Selectors

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect


_WHOLE = {"partial_response": "false", "deny_partial_response": "1"}


def query(prometheus: PrometheusConnect, text: str, at: datetime | None = None) -> list[tuple[dict[str, str], float]]:
    """An instant query's series and values, without NaN; Unreachable when Prometheus does not answer or refuses.

    An answer from a part of the data is refused: Thanos and VictoriaMetrics are asked for none, Prometheus has none.
    Raises BadParameters for an expression that gives no series, like a scalar or a range.
    """
    from prometheus_api_client.exceptions import PrometheusApiClientException

    params = {**_WHOLE, **({"time": str(at.timestamp())} if at else {})}
    try:
        result: list[Any] = prometheus.custom_query(text, params=params)
    except requests.RequestException as error:
        cause = "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
        cause = "its answer is not JSON" if isinstance(error, requests.JSONDecodeError) else cause
        raise Unreachable(f"Prometheus at {prometheus.url} does not answer ({cause}); nothing is known") from None
    except (KeyError, TypeError):
        raise Unreachable(f"what answers at {prometheus.url} is no Prometheus; check prometheus.url") from None
    except PrometheusApiClientException as error:
        raise Unreachable(f"Prometheus at {prometheus.url} refused {text!r}: {' '.join(str(error).split())}") from None
    if not isinstance(result, list):
        raise Unreachable(f"what answers at {prometheus.url} is no Prometheus; check prometheus.url")
    if not all(isinstance(series, dict) and "value" in series for series in result):
        raise BadParameters(f"{text!r} gives no instant series; write an expression that does, like sum(rate(…[1m]))")
    try:
        values = [(dict(series["metric"]), float(series["value"][1])) for series in result]
    except (KeyError, IndexError, TypeError, ValueError):
        raise Unreachable(f"what answers at {prometheus.url} is no Prometheus; check prometheus.url") from None
    return [(labels, value) for labels, value in values if math.isfinite(value)]


def measure(
    prometheus: PrometheusConnect, name: str, unit: str, texts: Selectors, at: datetime | None = None
) -> list[Measurement]:
    """One number for each side from a whole expression; None where it gives nothing or more than one series."""
    found = []
    for side in SIDES:
        text = getattr(texts, side)
        series = query(prometheus, text, at)
        value = series[0][1] if len(series) == 1 else None
        found.append(Measurement(name, value, unit, side, at or now(), text))
    return found


def quantiles(metrics: Metrics, quantile: float, window: str) -> Selectors:
    """Expressions of a latency quantile in seconds, per side; shown, never judged."""
    return _per_side(
        metrics,
        lambda selector: (
            f"histogram_quantile({quantile:g}, sum by (le) (rate({metrics.duration}_bucket{{{selector}}}[{window}])))"
        ),
    )


def firing_alerts(prometheus: PrometheusConnect, metrics: Metrics) -> list[str]:
    """Names of the alerts that fire now."""
    return sorted({labels.get("alertname", "?") for labels, _ in query(prometheus, metrics.alerts)})


@dataclass(frozen=True)
class Series:
    """One series over time, without NaN."""

    labels: dict[str, str]
    values: dict[datetime, float]


def series_over(
    prometheus: PrometheusConnect, text: str, since: datetime, until: datetime, step: timedelta
) -> list[Series]:
    """Every series of an expression at equal steps, between whole seconds; never from a part of the data.

    Raises Unreachable.
    """
    from prometheus_api_client.exceptions import PrometheusApiClientException

    try:
        seconds = f"{step.total_seconds():g}s"
        result: list[Any] = prometheus.custom_query_range(text, since, until, seconds, params=_WHOLE)
    except requests.RequestException:
        raise Unreachable(f"Prometheus at {prometheus.url} does not answer; nothing is known") from None
    except PrometheusApiClientException as error:
        raise Unreachable(f"Prometheus at {prometheus.url} refused {text!r}: {' '.join(str(error).split())}") from None
    except (KeyError, TypeError):
        raise Unreachable(f"what answers at {prometheus.url} is no Prometheus; check prometheus.url") from None
    try:
        return [Series(dict(one["metric"]), _finite(one["values"])) for one in result]
    except (KeyError, TypeError, ValueError):
        raise Unreachable(f"what answers at {prometheus.url} is no Prometheus; check prometheus.url") from None


def _finite(values: list[Any]) -> dict[datetime, float]:
    numbers = ((float(at), float(value)) for at, value in values)
    return {datetime.fromtimestamp(at, UTC): value for at, value in numbers if math.isfinite(value)}


def history(
    prometheus: PrometheusConnect, text: str, since: datetime, until: datetime, points: int = 60
) -> list[tuple[datetime, float]]:
    """One series over time, for a picture; empty when the expression gives nothing. Raises Unreachable."""
    found = series_over(prometheus, text, since, until, max(timedelta(seconds=1), (until - since) / points))
    return list(found[0].values.items()) if found else []


def request_rates(metrics: Metrics, window: str) -> Selectors:
    """Expressions of requests a second, per side."""
    return _per_side(metrics, lambda selector: f"sum(rate({metrics.requests}{{{selector}}}[{window}]))")


def error_rates(metrics: Metrics, window: str) -> Selectors:
    """Expressions of the failed share of the requests, per side; nothing where there are no requests."""
    bad = f'{metrics.status_label}=~"{metrics.error_status}"'
    return _per_side(
        metrics,
        lambda selector: (
            f"(sum(rate({metrics.requests}{{{selector},{bad}}}[{window}])) or vector(0))"
            f" / sum(rate({metrics.requests}{{{selector}}}[{window}]))"
        ),
    )


def _per_side(metrics: Metrics, expression: Callable[[str], str]) -> Selectors:
    return Selectors(legacy=expression(metrics.selectors.legacy), kubernetes=expression(metrics.selectors.kubernetes))
