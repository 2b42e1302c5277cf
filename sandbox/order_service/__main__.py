"""`python -m sandbox.order_service`: configured by the environment only."""

from __future__ import annotations

import asyncio
import os
import sys

from runbook_lib.errors import RunbookError
from sandbox.order_service import run, settings


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    try:
        asyncio.run(run.serve(settings.read(os.environ)))
    except RunbookError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"The order service cannot listen: {error}", file=sys.stderr)
        return 69
    return 0


if __name__ == "__main__":
    sys.exit(main())
