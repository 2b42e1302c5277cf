"""Write the Dockerfile of an application that has none, from the house's image tree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.model import Outcome

app = typer.Typer()


@app.command()
def dockerfile(
    tree: Annotated[Path, typer.Argument(help="the image tree, a YAML file", metavar="TREE")],
    application: Annotated[str, typer.Argument(help="the application's name in it", metavar="APPLICATION")],
    output: Annotated[Path | None, typer.Option(help="where to write it; default: print it")] = None,
    policy: Annotated[Path | None, typer.Option(help="the house's policy, which it is checked by")] = None,
) -> None:
    """Write the Dockerfile of an application that has none. Exit 0, 10 something in it blocks, 78 unusable tree."""
    from runbook_lib.durable import write_whole
    from runbook_lib.judge.dockerfile import check_dockerfile
    from runbook_lib.observe.files.image_tree import written_dockerfile
    from runbook_lib.observe.files.policy import policy_for

    parsed, text = written_dockerfile(tree, application)
    if output is None:
        typer.echo(text, nl=False)
    elif output.is_dir() or not output.parent.is_dir():
        raise BadParameters(f"{output} is a folder, or its folder is not there: name a file in a folder that is")
    elif not output.exists():
        write_whole(output, text)
    elif output.read_text(encoding="utf-8", errors="replace") != text:
        raise BadParameters(f"{output} is there already and says something else: take it away first, or print this one")
    failed = [f for f in check_dockerfile(parsed, policy_for(policy)) if f.outcome is Outcome.FAIL]
    for finding in failed:
        typer.echo(f"{finding.severity}: {finding.check}: {finding.message}", err=True)
    if any(finding.severity == "blocking" for finding in failed):
        raise typer.Exit(CriterionFailed.exit_code)
