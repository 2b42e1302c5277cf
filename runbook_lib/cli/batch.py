"""Roll back many applications as one, and see where each of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runbook_lib.act.level import Wanted, wanted
from runbook_lib.errors import PartlyBack
from runbook_lib.model import BY_HAND

if TYPE_CHECKING:
    from runbook_lib.batch.book import Tries
    from runbook_lib.batch.file import Loaded
    from runbook_lib.batch.standing import Stand
    from runbook_lib.runner.progress import Screen

app = typer.Typer(no_args_is_help=True, help="Roll back many applications as one.")

File = Annotated[Path, typer.Argument(help="the batch, a YAML file", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="why, in a sentence; it goes on every record")]


@app.command()
def show(batch: File) -> None:
    """The order in which the members go back, where their users are, and how far the last rollback of them got."""
    from runbook_lib.batch import book
    from runbook_lib.batch.file import load_batch
    from runbook_lib.batch.roll_back import weights
    from runbook_lib.batch.standing import Stand

    loaded = load_batch(batch)
    standing = weights(loaded)
    known = book.transaction(book.tries(loaded.home))
    stands = {name: (known.stands if known else {}).get(name, Stand()) for name in loaded.order}
    _table(loaded, stands, "traffic", {name: _percent(weight) for name, weight in standing.items()})
    if known is None:
        print(f"\nnothing of {loaded.name} was rolled back yet: runbook batch rollback {batch}")
    elif not known.over:
        print(f"\nits last rollback ({known.reason}) is not over; go on with: runbook batch resume {batch}")


@app.command()
def rollback(
    batch: File,
    level: Annotated[
        str,
        typer.Option("--level", help="how far back: traffic, workload, configuration or data; each with those before"),
    ] = "traffic",
    reason: Reason = BY_HAND,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done; nobody is moved")] = False,
) -> None:
    """Bring the users of all members back now, whoever uses others first; needs no gate."""
    from runbook_lib.batch import book, roll_back
    from runbook_lib.batch.file import load_batch

    asked = wanted(level)
    loaded = load_batch(batch, dry_run)
    tries = book.tries(loaded.home)
    if dry_run:
        ended = roll_back.rehearse(loaded, _screen(), reason, asked)
        print(f"{ended.message}\nrecord: {loaded.home.parent / ended.place}")
        return
    known = book.transaction(tries)
    if known is not None and not known.over and known.level == asked.level:
        print(f"the last rollback of {loaded.name} is not over ({known.reason}): it is gone on with")
    else:
        tries = []
    _go(loaded, reason, asked, tries)


@app.command()
def resume(batch: File) -> None:
    """Go on with a rollback that was broken off, or that a member stopped; what is done is compared and left."""
    from runbook_lib.batch import book
    from runbook_lib.batch.file import load_batch, unlike

    loaded = load_batch(batch)
    tries = book.tries(loaded.home)
    known = book.transaction(tries)
    if known is None or known.over:
        print(f"nothing of {loaded.name} waits or was broken off")
        return
    if differs := unlike(loaded, known.depends_on):
        print(f"{batch} is not the batch that was begun ({differs}); it is gone on with as the file says now")
    _go(loaded, known.reason, wanted(known.level), tries)


def _go(loaded: Loaded, reason: str, asked: Wanted, tries: Tries) -> None:
    from runbook_lib.batch.roll_back import roll_back
    from runbook_lib.batch.signals import heard

    with heard() as stop:
        ended = roll_back(loaded, _screen(), reason, asked, tries, stop)
    print()
    _table(loaded, ended.stands, asked.level)
    if ended.unsigned:
        print(f"\nits record is not signed: {ended.unsigned}")
    if ended.place:
        print(f"\nrecord: {loaded.home.parent / ended.place / 'record.json'}")
    if ended.exit_code == PartlyBack.exit_code:
        raise PartlyBack(f"{ended.message}; mend that, then: runbook batch resume {loaded.path}")
    print(ended.message)
    raise typer.Exit(ended.exit_code)


def _table(loaded: Loaded, stands: Mapping[str, Stand], level: str, users: Mapping[str, str] | None = None) -> None:
    """Before a rollback whose turn it is after whom, and where the users are; after it what to type next."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from runbook_lib.batch.table import rows

    files = {name: member.parameters for name, member in loaded.batch.members.items()}
    table = Table(title=loaded.name, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("goes", "member", *(["after", "users there", "state"] if users else ["state", "next step"])):
        table.add_column(heading, overflow="fold")
    for row in rows(loaded.depends_on, stands, files, str(loaded.path), level):
        more = [row.after or "–", users[row.member], row.state] if users else [row.state, row.following or "–"]
        table.add_row(*map(Text, [str(row.turn), row.member, *more]))
    Console(highlight=False).print(table)


def _percent(weight: int | str) -> str:
    return f"{weight} %" if isinstance(weight, int) else f"not known: {weight}"


def _screen() -> Screen:
    from runbook_lib.runner.progress import Screen

    return Screen()
