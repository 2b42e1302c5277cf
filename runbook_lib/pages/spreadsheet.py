"""Cells of a table that people open in a spreadsheet."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """The text, with an apostrophe before one that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
