"""Parameters and a stage -> what the stage is held against."""

from __future__ import annotations

from runbook_lib.fields import write_duration
from runbook_lib.judge.alpha import AlphaShare, share_alpha
from runbook_lib.judge.bounds import requests_missing
from runbook_lib.judge.rates import RateLimits, ratio_cap
from runbook_lib.judge.stage import StageLimits, restart_limit
from runbook_lib.parameters import Parameters
from runbook_lib.sections import Stage


def alpha_shares(p: Parameters) -> tuple[AlphaShare, ...]:
    """How the chance of a false rollback is divided between the two tests of rates."""
    return share_alpha(("failed requests", "slow requests"), p.thresholds.alpha)


def stage_limits(p: Parameters, stage: Stage) -> tuple[RateLimits, RateLimits]:
    """The limits of failed and of slow requests at this weight.

    Nothing passes on fewer requests than the stage is planned for (`judge.plan`).
    """
    t = p.thresholds
    rule_out, cap = stage.rule_out or t.error_rate, ratio_cap(stage.weight)
    common = cap, t.breaker_requests, t.breaker_rate, float(t.attempts * requests_missing(0, 0, rule_out))
    failed, slow = (share.alpha for share in alpha_shares(p))
    return (
        RateLimits(t.error_ratio, rule_out, t.error_rate, failed, *common, attempts=t.attempts),
        RateLimits(t.latency_ratio, rule_out, t.slow_rate, slow, *common, attempts=t.attempts),
    )


def limits_of(p: Parameters, stage: Stage) -> StageLimits:
    """Everything that a stage is judged by; it goes into the evidence, so that the verdict can be replayed."""
    errors, slow = stage_limits(p, stage)
    contacts = ", ".join(f"{c.name} ({c.reach})" for c in p.application.contacts) or p.application.owner
    return StageLimits(
        weight=stage.weight,
        errors=errors,
        slow=slow,
        settle=p.traffic.settle.total_seconds(),
        scrape=p.metrics.scrape.total_seconds(),
        restarts=restart_limit(stage.weight, p.thresholds.restarts),
        restart_window=p.thresholds.restart_window.total_seconds(),
        window=write_duration(p.thresholds.restart_window),
        throttled=p.thresholds.throttled if p.metrics.throttling else None,
        blind=p.watch.blind.total_seconds(),
        call=contacts,
    )
