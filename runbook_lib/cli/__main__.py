"""``python -m runbook_lib.cli``."""

from runbook_lib.cli import main

main()
