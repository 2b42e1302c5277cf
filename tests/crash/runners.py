"""Starts many runners quickly: one process imports everything once and forks for each command line it reads.

The children are whole processes that can be killed by their number; only the imports were done before they began.
"""

from __future__ import annotations

import json
import os
import sys

import nbconvert  # noqa: F401 - what a runner imports on its way, done once
import papermill  # noqa: F401

import runbook_lib.runner.run  # noqa: F401
from runbook_lib import cli
from runbook_lib.runner import kernels

kernels.AHEAD = 3600.0  # what is killed needs no next kernel: starting one costs as much as all the rest


def serve() -> None:
    """Each line is a list of words for the command line; answered by the exit code, negative for a signal."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            sys.argv[1:] = json.loads(line)
            os.dup2(2, 1)  # the answers have the standard output for themselves
            cli.main()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


serve()
