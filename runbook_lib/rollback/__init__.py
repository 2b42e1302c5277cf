"""Back, level by level: the users first and at once (`traffic`), then what `plan` decides and `restore` carries out."""

from runbook_lib.rollback.traffic import (
    COMPARISON,
    bring_back,
    conclude,
    drilled_from,
    open_late,
    see_them_back,
    standing_now,
    users_are,
)

__all__ = [
    "COMPARISON",
    "bring_back",
    "conclude",
    "drilled_from",
    "open_late",
    "see_them_back",
    "standing_now",
    "users_are",
]
