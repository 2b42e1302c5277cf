"""The end of the old side, composed: was it silent all the time, one machine after another, and what it all brought."""

from runbook_lib.decommission.account import Ending, account_for, goes_for_good, publish
from runbook_lib.decommission.departure import ask_again, let_go, rehearse
from runbook_lib.decommission.whole_time import WholeTime, look_back

__all__ = [
    "Ending",
    "WholeTime",
    "account_for",
    "ask_again",
    "goes_for_good",
    "let_go",
    "look_back",
    "publish",
    "rehearse",
]
