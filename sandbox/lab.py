"""JupyterLab on a range: the control room first, users for as long as it lasts, no outputs left in the notebooks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from sandbox import state
from sandbox.control import Wish, range_for
from sandbox.plan import Plan, folder_of, load

FIRST = "notebooks/00_control_room.ipynb"
# What JupyterLab adds to a notebook that it saves; without it git shows no difference after a look.
ADDED = ("codemirror_mode", "file_extension", "mimetype", "nbconvert_exporter", "pygments_lexer", "version")


def lab(name: str, root: Path, rate: int, say: Callable[[str], None]) -> int:
    """Run JupyterLab until it is ended; a range that is up already is used and stays up. Its exit code."""
    with _range(name, root, rate, say) as plan:
        say(f"users come in at {plan.front.url}; end JupyterLab with Ctrl-C, twice")
        code = _serve(root)
    clear_outputs(sorted((root / "notebooks").glob("*.ipynb")))
    return code


def _range(name: str, root: Path, rate: int, say: Callable[[str], None]) -> AbstractContextManager[Plan]:
    folder = folder_of(name, root)
    if state.running(folder):
        say(f"the range {name!r} is up already: it is used as it is, and stays up")
        return nullcontext(load(folder / "plan.json"))
    say("starting the practice range")
    return range_for(Wish(name, root, rate, owner=os.getpid()))


def _serve(root: Path) -> int:
    """JupyterLab over the whole project, so that the archive and the parameters can be opened, too."""
    options = [f"--ServerApp.root_dir={root}", *(["--allow-root"] if os.geteuid() == 0 else [])]
    process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options, FIRST], cwd=root)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # JupyterLab heard it, too: it asks, and ends at the second


def clear_outputs(notebooks: list[Path]) -> None:
    """Take out what running and saving added: notebooks are kept without outputs, the archive holds what ran."""
    keys = " ".join(f"metadata.language_info.{key}" for key in ADDED)
    strip = [sys.executable, "-m", "nbstripout", "--keep-id", "--extra-keys", keys]
    subprocess.run([*strip, *notebooks], check=True)
