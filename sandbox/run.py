"""The supervisor's own process: `python -m sandbox.run`, started by `python -m sandbox up`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from runbook_lib.errors import RunbookError
from sandbox import processes, rendering, state
from sandbox.claim import claim
from sandbox.control import Wish, owner_identity
from sandbox.parts import all_parts
from sandbox.plan import project_root
from sandbox.supervisor import Supervisor, end_leftovers, only_one
from sandbox.tools import prepare

WITH_A_CLUSTER = (
    "The Pods are on your cluster: they cannot reach this machine's loopback, so give them a database and a Redis of "
    "their own by editing the manifests.",
    "The gateway follows the embedded Kubernetes only: name your ingress as kubernetes.gateway in the parameters and "
    "in nginx' upstream kubernetes.",
    "Container metrics and kube-state-metrics must come from a Prometheus of your cluster; the range's scrapes the "
    "virtual machines only.",
    "Faults of side kubernetes and api_down have nothing to act on.",
)


def main() -> int:
    """Own one range until asked to end; the exit code is the error's where it does not come up."""
    wish = _wish()
    try:
        with only_one(wish.folder):
            return _supervise(wish)
    except RunbookError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _supervise(wish: Wish) -> int:
    me = processes.identity(os.getpid())
    assert me is not None
    end_leftovers(wish.folder)
    state.clear(wish.folder)
    with claim(wish.name, wish.root) as plan:
        tools = prepare(project_root())
        rendering.write(plan, tools, wish.kubeconfig, wish.image)
        state.write_pid(wish.folder, me)
        embedded = wish.kubeconfig is None
        parts = all_parts(plan, tools, embedded=embedded, rate=wish.load, owned=wish.owner is not None)
        notes = () if embedded else WITH_A_CLUSTER
        return Supervisor(plan, parts, notes, owner_identity(wish.owner)).run()


def _wish() -> Wish:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--load", type=int)
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--image")
    parser.add_argument("--owner", type=int)
    return Wish(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
