"""`python -m sandbox.load --plan …` makes traffic; `python -m sandbox.load check --plan …` looks for its orders."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import uuid
from pathlib import Path

from runbook_lib.errors import CriterionFailed, RunbookError
from sandbox import plan as plans
from sandbox.load.check import check_orders
from sandbox.load.generate import Generator, new_client, wait_until_open
from sandbox.load.report import Files, orders_file
from sandbox.load.users import Users
from sandbox.plan import Plan


async def make_traffic(plan: Plan, rate: float, seconds: float, seed: int) -> None:
    """Send users in until the time is up, or until SIGTERM or SIGINT."""
    users = Users(seed, uuid.uuid4().hex[:8])
    async with new_client() as client:
        await wait_until_open(client, plan.front.url)
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        files = Files(plan, rate, users.customers)
        seconds_task = asyncio.create_task(files.every_second())
        try:
            await Generator(client, plan.front.url, users, files).run(rate, seconds, stopping)
        finally:
            seconds_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await seconds_task
            files.close()


def check(plan: Plan) -> None:
    """Print what became of the orders; raises CriterionFailed naming the first that are wrong."""
    found = check_orders(orders_file(plan), plan.orders_database)
    print(found)
    if not found.right:
        wrong = [*found.lost, *found.doubled, *found.wrong_amounts]
        raise CriterionFailed(f"Orders are not as their users were told, e.g. {', '.join(wrong[:3])}.")


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line; traffic is what is meant when nothing else is said."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.load", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("traffic", "check"), default="traffic")
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the range")
    parser.add_argument("--rate", type=_positive, default=300.0, help="requests a second (300)")
    parser.add_argument("--seconds", type=_positive, default=900.0, help="ends by itself after so long (900)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same users (1)")
    return parser.parse_args(words)


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 86_400:
        raise argparse.ArgumentTypeError("more than 0, at most 86400")
    return number


def main(words: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    wanted = arguments(sys.argv[1:] if words is None else words)
    try:
        plan = plans.load(wanted.plan)
        if wanted.command == "check":
            check(plan)
        else:
            asyncio.run(make_traffic(plan, wanted.rate, wanted.seconds, wanted.seed))
    except RunbookError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
