"""May a pilot deploy begin: every criterion of the preflight, and which unknown ones hold it."""

from runbook_lib.judge.preflight.release import difference, no_users, permissions, version
from runbook_lib.judge.preflight.room import capacity

__all__ = ["capacity", "difference", "no_users", "permissions", "version"]
