"""Verdicts + people's answers -> Decision: ask, answer, and what is filed."""

from runbook_lib.gate.answer import answer_gate, command, names_at_hand
from runbook_lib.gate.ask import gate
from runbook_lib.gate.filed import all_gates, gate_of, gates_folder, open_gates, parameters_of, read_gate
from runbook_lib.gate.states import WAITING, Answer, Gate, Kind, Question, may_go_on
from runbook_lib.gate.words import heard, said, standing

__all__ = [
    "WAITING",
    "Answer",
    "Gate",
    "Kind",
    "Question",
    "all_gates",
    "answer_gate",
    "command",
    "gate",
    "gate_of",
    "gates_folder",
    "heard",
    "may_go_on",
    "names_at_hand",
    "open_gates",
    "parameters_of",
    "read_gate",
    "said",
    "standing",
]
