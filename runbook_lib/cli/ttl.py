"""How long resolvers keep what DNS says: lowered days before users are moved by it, put back when all is over."""

from __future__ import annotations

from typing import Annotated

import typer

from runbook_lib.cli.passage import File
from runbook_lib.errors import BadParameters
from runbook_lib.parameters import load
from runbook_lib.redact import told_without

app = typer.Typer()


@app.command()
def ttl(
    parameters: File,
    usual: Annotated[
        bool, typer.Option("--usual", help="put the usual TTL back, when nobody is moved any more")
    ] = False,
) -> None:
    """Where users are moved by DNS: lower the TTL of the record days ahead; users and share stay as they are."""
    from runbook_lib.clients import connect
    from runbook_lib.redact.at_hand import redactor_for
    from runbook_lib.sections.traffic import Dns

    p = load(parameters)
    clients, knob = connect(p), p.traffic.knob
    if not isinstance(knob, Dns):
        raise BadParameters(f"a knob of the kind {knob.kind} has no TTL; only one of the kind dns has")
    seconds = int((knob.usual_ttl if usual else knob.ttl).total_seconds())
    if p.dry_run:
        print(f"dry run: the TTL of {knob.name} would be {seconds} s, nothing was changed")
        return
    from runbook_lib.act.traffic.dns.update import set_ttl

    with told_without(redactor_for(clients)):
        change = set_ttl(knob, clients, seconds)
    done = f"was {change.before} s, is {change.after} s" if change.done else f"is {change.after} s already"
    print(f"the TTL of {knob.name} {done}{f'; {change.note}' if change.note else ''}")
