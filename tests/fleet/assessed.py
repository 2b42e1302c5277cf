"""Has a made-up fleet assessed as a run would do it: from a file of parameters, through all readers and judges."""

from __future__ import annotations

from datetime import date
from typing import Any

from runbook_lib.parameters import Parameters, check

from .truth import Truth

BEGIN = date(2027, 1, 11)
BLACKOUT = {"since": date(2027, 2, 3), "until": date(2027, 2, 18), "reason": "Spring Festival"}


def parameters_of(truth: Truth, **assessment: Any) -> Parameters:
    """Those of a fleet that has everything; ``assessment`` replaces keys of that section."""
    given = {
        "scope": "fleet",
        "hosts": str(truth.hosts),
        "usage": str(truth.usage),
        "profile": str(truth.profiles),
        "source": str(truth.source),
        "cmdb": {"file": str(truth.cmdb), "columns": dict(truth.columns)},
        "waves": {"begin": BEGIN, "blackouts": [BLACKOUT]},
        **assessment,
    }
    whole = {
        "application": {"name": "made-up-fleet", "owner": "nobody"},
        "assessment": {key: value for key, value in given.items() if value is not None},
        "gates": {"ask": [], "allowed_signers": "keys/allowed_signers"},
    }
    return check(whole, "the fleet's parameters")
