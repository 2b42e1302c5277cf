"""Back, level by level: the users first and at once (`traffic`), then workload, configuration and data (`levels`)."""

from runbook_lib.rollback.traffic import (
    COMPARISON,
    bring_back,
    conclude,
    drilled_from,
    open_late,
    see_them_back,
    standing_now,
)

__all__ = ["COMPARISON", "bring_back", "conclude", "drilled_from", "open_late", "see_them_back", "standing_now"]
