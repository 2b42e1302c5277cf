"""Judge what a gray stage has stored anew: whoever doubts a verdict need not believe it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runbook_lib.cli.folder import Archive, records_folder
from runbook_lib.errors import BadParameters, NotTrusted

if TYPE_CHECKING:
    from runbook_lib.watch.replay import Replayed

app = typer.Typer()


@app.command()
def replay(
    run: Annotated[str, typer.Argument(help="a run of a gray stage, as `runbook records` names its folder")],
    records: Archive = None,
) -> None:
    """Judge a gray stage anew from its stored counts and limits; exit 65 when a verdict is not the recorded one."""
    from runbook_lib.record.archive import attempts
    from runbook_lib.watch.replay import replay as replayed

    folder = records_folder(records)
    name = Path(run).name
    known = [attempt for attempt in attempts(folder) if attempt.run_id == name]
    if not known:
        raise BadParameters(f"there is no run {name!r} in {folder}; `runbook records` lists them")
    results = [replayed(attempt) for attempt in sorted(known, key=lambda attempt: attempt.number)]
    for result in results:
        _say(result)
    if all(result.untold for result in results):
        raise BadParameters(f"{name} cannot be judged anew: {results[-1].attempt}: {results[-1].untold}")
    wrong = [f"{result.attempt}: {said}" for result in results for said in result.differences]
    if wrong:
        raise NotTrusted(f"{len(wrong)} recorded otherwise than {folder / known[0].application} gives; {wrong[0]}")


def _say(result: Replayed) -> None:
    if result.untold:
        print(f"{result.attempt}: nothing to compare, {result.untold}")
        return
    word = "as recorded" if not result.differences else "NOT as recorded"
    print(f"{result.attempt}: {len(result.verdicts)} verdicts from {result.observations} observations, {word}")
    for verdict in result.verdicts:
        print(f"  {verdict.outcome.name:<12}  {verdict.name}: {verdict.message}")
    for said in result.differences:
        print(f"  DIFFERENT     {said}")
