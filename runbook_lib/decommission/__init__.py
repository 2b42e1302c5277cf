"""The end of the old side, composed: was it silent all the time, one machine after another, and what it all brought."""

from runbook_lib.decommission.account import Ending, account_for, goes_for_good, publish
from runbook_lib.decommission.departure import ask_again, let_go, rehearse
from runbook_lib.decommission.whole_time import Lately, WholeTime, look_back, look_lately

__all__ = [
    "Ending",
    "Lately",
    "WholeTime",
    "account_for",
    "ask_again",
    "goes_for_good",
    "let_go",
    "look_back",
    "look_lately",
    "publish",
    "rehearse",
]
