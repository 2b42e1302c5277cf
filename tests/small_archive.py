"""A small archive made by the library's own functions: two applications, gates of all kinds, a rollback, seals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from keys import ROLES, make_key, make_keys, signer_line
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from throwaway import demo, make_project

from runbook_lib.errors import RunbookError
from runbook_lib.gate import answer_gate, gate, gates_folder, open_gates
from runbook_lib.gate.states import Kind
from runbook_lib.model import Change, Outcome, Verdict, now, plain
from runbook_lib.pages import views
from runbook_lib.parameters import Parameters
from runbook_lib.proof import seal
from runbook_lib.record import archive, filing, journal, statement
from runbook_lib.record.attempt import Run
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner.passage import Step, source_of
from runbook_lib.trust.identity import me
from runbook_lib.trust.signers import SEALER

EVIDENCE = Verdict("errors", Outcome.PASS, "error rate 0.1 % < limit 1.0 %", {"rate": 0.001})


@dataclass(frozen=True)
class Archive:
    """A project with records; ``keys`` is the folder of everybody's keys, ``trailer`` the last seal's."""

    project: Path
    keys: Path
    trailer: str = ""

    @property
    def records(self) -> Path:
        return self.project / "records"

    @property
    def signers(self) -> Path:
        return self.keys / "allowed_signers"

    def parameters(self, application: str = "orders", *people: str, dry_run: bool = False) -> Parameters:
        """The parameters of an application, with the keys of these people at hand."""
        given = demo(self.project)
        gates = given.gates.model_copy(
            update={"allowed_signers": str(self.signers), "keys": [str(self.keys / name) for name in people]}
        )
        app = given.application.model_copy(update={"name": application})
        return given.model_copy(update={"gates": gates, "application": app, "dry_run": dry_run})


def empty_archive(folder: Path) -> Archive:
    """A project without records; the caller changes into its folder before it goes on."""
    signers = make_keys(folder / "keys", {**ROLES, "dora": f"{ROLES['olga']},{ROLES['anna']}"})
    expired = signer_line(make_key(folder / "keys", "ernst"), "ernst", ROLES["olga"], 'valid-before="20260101Z"')
    with signers.open("a") as stream:
        stream.write(f"{expired}\n")
    make_key(folder / "keys", "mallory")
    return Archive(make_project(folder / "project"), signers.parent)


def small_archive(folder: Path, chdir: Callable[[Path], None]) -> Archive:
    """The whole small archive, sealed to its end."""
    made = empty_archive(folder)
    chdir(made.project)
    attempt(made, "orders", "assessment")
    attempt(made, "stock", "assessment")
    asked(made, "orders", Step("gray_stage", 1), {"anna": "approved"})
    seal_all(made)
    asked(made, "orders", Step("gray_stage", 100), {"ben": "rejected"})
    attempt(made, "orders", "rollback", operator=None, mode="rollback")
    attempt(made, "orders", "comparison", operator="oscar")
    attempt(made, "stock", "assessment", dry_run=True, operator=None)
    seal_all(made)
    asked(made, "orders", Step("decommission"), {"anna": "approved", "ben": "approved"})
    asked(made, "stock", Step("gray_stage", 1), {"anna": "held"}, operator="dora")
    attempt(made, "stock", "comparison")
    return Archive(made.project, made.keys, seal_all(made))


def asked(made: Archive, application: str, step: Step, answers: dict[str, Kind], operator: str = "olga") -> None:
    """A run that asks, is answered, and goes on with its next attempt."""
    attempt(made, application, step.phase, step.weight, operator=operator)
    folder = gates_folder(made.records, application)
    question = open_gates(made.records, application)[-1].id
    for name, kind in answers.items():
        answer_gate(folder, question, kind, f"{name} looked at it", name, made.parameters(application, name))
    attempt(made, application, step.phase, step.weight, operator=operator)


def attempt(
    made: Archive,
    application: str,
    phase: str,
    weight: int | None = None,
    operator: str | None = "olga",
    mode: str | None = None,
    dry_run: bool = False,
) -> Path:
    """One attempt at a step, from its first word to its record."""
    parameters = made.parameters(application, *([operator] if operator else []), dry_run=dry_run)
    step = Step(phase, weight, mode)
    folder = open_attempt(parameters, step.key, source_of(step), "runner")
    run = Run(parameters, folder, step.key)
    error, message = _work(run)
    run.event("ended", error=error, message=message, cell=3 if error else None)
    run.close()
    _notebook(folder, error, message)
    filing.file(folder, statement.ending_of(journal.read(folder)), "04_gray_stage.ipynb")
    views.filed(folder)
    return folder


def seal_all(made: Archive) -> str:
    """Seal what is not sealed; the trailer."""
    with seal.sealing(made.records):
        known = [entry["path"] for path in seal.seal_files(made.records) for entry in seal.read_seal(path).entries]
        sealer = me(made.parameters("orders", "selma"), SEALER)
        return seal.write_seal(made.records, seal.to_seal(made.records, known), sealer).trailer


def _work(run: Run) -> tuple[str | None, str]:
    run.verdict(EVIDENCE)
    run.evidence("counts", {"requests": 900, "rate": 0.001})
    run.asked('rate(http_requests_total{side="legacy"}[1m])')
    try:
        if run.phase in {"gray_stage", "decommission"}:
            gate(run, f"{run.title}?", [EVIDENCE], "users move", "runbook rollback")
        if run.phase != "assessment":
            run.change("users: 0 % -> 1 %", lambda: Change("users", 0, 1, True, now()))
        run.finish()
    except RunbookError as error:
        return type(error).__name__, str(error)
    return None, ""


def _notebook(folder: Path, error: str | None, message: str) -> None:
    """An executed notebook as the engine leaves it."""
    status = {"start_time": plain(now()), "end_time": plain(now()), "exception": None, "message": ""}
    good, bad = (
        {**status, "status": "completed"},
        {**status, "status": "failed", "exception": error, "message": message},
    )
    cells = [
        new_markdown_cell(f"# {folder.parent.name}"),
        new_code_cell("run = begin('gray_stage', globals())", metadata={"papermill": good}, execution_count=1),
        new_code_cell("print('measured')", metadata={"papermill": good}, execution_count=2),
        new_code_cell("run.finish()", metadata={"papermill": bad if error else good}, execution_count=3),
    ]
    cells[2].outputs = [new_output("stream", text="measured\n900 requests\n")]
    cells[3].outputs = [new_output("error", ename=error, evalue=message, traceback=[message])] if error else []
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata.papermill = {
        "start_time": status["start_time"],
        "end_time": status["end_time"],
        "exception": error,
    }
    nbformat.write(notebook, folder / archive.NOTEBOOK)
