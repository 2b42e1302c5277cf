"""What a notebook says, whatever its JSON looks like: one digest that survives JupyterLab and nothing else.

Measured with JupyterLab 4.6 in Chromium: opening, trusting and saving an executed notebook changes the order and the
breaking of lines of its JSON, writes numbers as JavaScript does (1.0 as 1, integers beyond 2^53 rounded), and names the
kernel anew (``language_info``, and in ``kernelspec`` all but the name). Everything else is covered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbook_lib.model import digest

EXACT = 2**53
"""Integers up to here are the same in JavaScript."""


def content_digest(notebook: Mapping[str, Any]) -> str:
    """sha256 over all that a notebook says; it may come from nbformat or straight from its JSON."""
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "language_info"}
    if "kernelspec" in metadata:
        metadata["kernelspec"] = metadata["kernelspec"].get("name")
    cells = [_cell(cell) for cell in notebook["cells"]]
    return digest(_numbers({**notebook, "metadata": metadata, "cells": cells}))


def read_notebook(path: Path) -> tuple[dict[str, Any], str] | None:
    """A notebook's JSON as it is, with its content digest; None when there is none, or when it is no notebook."""
    try:
        notebook: dict[str, Any] = json.loads(path.read_bytes())
        return notebook, content_digest(notebook)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell with its texts in one piece; ``trusted`` is the reader's, never the author's."""
    changed: dict[str, Any] = {"source": _text(cell["source"])}
    changed["metadata"] = {key: value for key, value in cell["metadata"].items() if key != "trusted"}
    if "outputs" in cell:
        changed["outputs"] = [_output(output) for output in cell["outputs"]]
    if "attachments" in cell:
        changed["attachments"] = {name: _bundle(bundle) for name, bundle in cell["attachments"].items()}
    return {**cell, **changed}


def _output(output: Mapping[str, Any]) -> dict[str, Any]:
    if "data" in output:
        return {**output, "data": _bundle(output["data"])}
    return {**output, "text": _text(output["text"])} if "text" in output else {**output}


def _bundle(bundle: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: value if _is_json(kind) else _text(value) for kind, value in bundle.items()}


def _is_json(kind: str) -> bool:
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _text(value: Any) -> Any:
    """A text that the file keeps as a list of lines."""
    return "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value


def _numbers(value: Any) -> Any:
    """Numbers as they are after a way through JavaScript."""
    if isinstance(value, dict):
        return {key: _numbers(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT:
        return _rounded(value)
    return value


def _rounded(value: int) -> int | str:
    try:
        return int(float(value))
    except OverflowError:
        return "Infinity"
