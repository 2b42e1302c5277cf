"""`python -m sandbox`: bring the practice range up and down, see how it is, switch faults on."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from runbook_lib.errors import BadParameters, RunbookError
from sandbox import control, faults, state
from sandbox.plan import DEFAULT_NAME, folder_of, load, project_root
from sandbox.tools import prepare

app = typer.Typer(
    help="The practice range: a whole little world on this machine to rehearse a migration in.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
console = Console()
HERE = project_root()

Name = Annotated[str, typer.Option("--name", help="which range; each has a loopback network and a folder of its own")]
Root = Annotated[Path, typer.Option("--root", help="the folder that holds .range/", hidden=True)]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def _fault_list() -> str:
    lines = [f"[bold]{one.name}[/bold]: {one.meaning} ({one.allowed}; {', '.join(one.sides)})" for one in _faults()]
    return "\n\n".join(lines)


def _faults() -> list[faults.Fault]:
    return list(faults.CATALOGUE.values())


@app.command()
def up(
    name: Name = DEFAULT_NAME,
    load_wanted: Annotated[bool, typer.Option("--load", help="start the load generator, too")] = False,
    rate: Annotated[int, typer.Option(min=1, max=2000, help="requests a second of the load generator")] = 300,
    kubeconfig: Annotated[Path | None, typer.Option(help="a real cluster instead of the embedded Kubernetes")] = None,
    image: Annotated[str | None, typer.Option(help="with --kubeconfig: the order service's image there")] = None,
    owner: Annotated[int | None, typer.Option(help="end the range when the process of this id ends")] = None,
    root: Root = HERE,
) -> None:
    """Start a range from its beginning and return when every part of it answers."""
    if kubeconfig and not kubeconfig.is_file():
        raise BadParameters(f"{kubeconfig} is no file: --kubeconfig names the kubeconfig of a real cluster.")
    if bool(kubeconfig) != bool(image):
        raise BadParameters("--kubeconfig and --image belong together: the cluster, and the image that it can pull.")
    wish = control.Wish(name, root, rate if load_wanted else None, kubeconfig, image, owner)
    with Console(stderr=True).status("starting the practice range") as progress:
        plan = control.up(wish, progress.update)
    for note in control.running_state(wish.folder, name).notes:
        console.print(f"[yellow]note[/yellow] {note}")
    address = f"users come in at {plan.front.url}, Prometheus is {plan.prometheus.url}"
    console.print(f"The range {name!r} is up: {address}", soft_wrap=True)
    console.print(f"kubectl --kubeconfig {shlex.quote(str(plan.kubeconfig))} get all", soft_wrap=True)
    console.print(f"parameters: {plan.parameters}", soft_wrap=True)


@app.command()
def down(name: Name = DEFAULT_NAME, root: Root = HERE) -> None:
    """End a range and everything it started; nothing happens when it is not up."""
    ended = control.down(folder_of(name, root))
    console.print(f"The range {name!r} is down." if ended else f"The range {name!r} was not up.")


@app.command()
def status(name: Name = DEFAULT_NAME, as_json: Json = False, root: Root = HERE) -> None:
    """Show every part: where it answers, whether it does, and how often it was restarted."""
    folder = folder_of(name, root)
    running = control.running_state(folder, name)
    rows = control.rows(folder, running)
    on = {side: ones for side, ones in faults.read(folder / "faults.json").items() if ones}
    if as_json:
        content = {"phase": running.phase, "notes": running.notes, "faults": on, "parts": [asdict(row) for row in rows]}
        print(json.dumps(content, indent=2))
    else:
        _print_rows(f"range {name}: {running.phase}", rows)
        for note in running.notes:
            console.print(f"[yellow]note[/yellow] {note}")
        _print_faults(on)
    # A part stopped on purpose is as it should be.
    if any(row.health and row.state != "stopped" for row in rows):
        raise typer.Exit(1)


def _print_rows(title: str, rows: list[control.Row]) -> None:
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("part", "state", "address", "process", "restarts", "health"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        colour = "green" if not row.health else "yellow" if row.state == "stopped" else "red"
        process = str(row.pid or "")
        health = f"[{colour}]{row.health or 'answers'}[/{colour}]"
        table.add_row(row.name, row.state, row.address, process, str(row.restarts), health)
    console.print(table)


@app.command(epilog=_fault_list())
def fault(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE … side=SIDE | off [KEY] [side=SIDE]]")
    ] = None,
    name: Name = DEFAULT_NAME,
    root: Root = HERE,
) -> None:
    """Switch faults on and off, e.g. `fault errors=0.3 side=kubernetes`; alone it shows what is on."""
    plan = load(folder_of(name, root) / "plan.json")
    on = faults.switch(plan.faults, words or [])
    _print_faults({side: ones for side, ones in on.items() if ones})


def _print_faults(on: dict[str, dict[str, faults.Value]]) -> None:
    if not on:
        console.print("no fault is on")
    for side, ones in on.items():
        words = ", ".join(f"{key}={json.dumps(value)}" for key, value in ones.items())
        console.print(f"[red]fault[/red] side={side}: {words}")


@app.command()
def stop(parts: list[str], name: Name = DEFAULT_NAME, root: Root = HERE) -> None:
    """Stop parts on purpose, e.g. a virtual machine that retires: they stay stopped."""
    control.set_stopped(folder_of(name, root), name, parts, stop=True)
    console.print(f"{', '.join(parts)} stopped")


@app.command()
def start(parts: list[str], name: Name = DEFAULT_NAME, root: Root = HERE) -> None:
    """Start parts that were stopped on purpose."""
    control.set_stopped(folder_of(name, root), name, parts, stop=False)
    console.print(f"{', '.join(parts)} running")


@app.command()
def tools(quiet: Annotated[bool, typer.Option("--quiet", help="say only what is fetched")] = False) -> None:
    """Find nginx, HAProxy, Redis, Prometheus and node exporter, or fetch them into .tools/."""
    found = prepare(project_root(), lambda text: console.print(text, soft_wrap=True))
    for tool in [] if quiet else found.values():
        console.print(f"{tool.name}: {tool.binary}", soft_wrap=True)


@app.command()
def lab(
    rate: Annotated[int, typer.Option(min=1, max=2000, help="requests a second of the users")] = 300,
    name: Name = DEFAULT_NAME,
    root: Root = HERE,
) -> None:
    """JupyterLab on a range with users, beginning in the control room; both end together."""
    from sandbox.lab import lab as run_lab

    raise typer.Exit(run_lab(name, root, rate, lambda text: console.print(text, soft_wrap=True)))


@app.command()
def demo(
    fault: Annotated[str | None, typer.Option(help="what breaks the new side on the way, e.g. errors")] = None,
    rate: Annotated[int, typer.Option(min=1, max=2000, help="requests a second of the users")] = 300,
    name: Annotated[
        str | None, typer.Option(help="which range; left out: default, or one of its own when that is up")
    ] = None,
    root: Root = HERE,
) -> None:
    """The whole passage on a range of its own: every notebook, under load, with the gates answered."""
    from sandbox.demo import demo as run_demo  # it needs the whole runbook, the other commands do not

    free = DEFAULT_NAME if state.running(folder_of(DEFAULT_NAME, root)) is None else f"demo-{os.getpid()}"
    raise typer.Exit(run_demo(name or free, root, fault, rate, console))


def main() -> None:
    """Run the command line; an error is one sentence and its own exit code."""
    try:
        app()
    except BadParameters as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except RunbookError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
