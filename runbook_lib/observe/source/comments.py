"""Takes the comments out of configuration, line numbers kept: what a comment says binds nobody."""

from __future__ import annotations

import re

MARKUP = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
BLOCK = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
WHOLE = re.compile(r"^\s*(#|//|;|!)")
TRAILING = re.compile(r"(?:^|(?<=\s))#[^\"']*$")
MARKUP_FILES = (".xml", ".html", ".config", ".xhtml", ".wsdd", ".csproj", ".props")
BLOCK_FILES = (".gradle", ".kts", ".hocon", ".json5", ".jsonc")
TRAILING_FILES = (".yaml", ".yml", ".toml", ".sh", ".conf", ".env")


def lines_without_comments(text: str, name: str) -> list[str]:
    """The lines of a configuration file; a line that is nothing but comment is empty."""
    lower = name.lower()
    if lower.endswith(MARKUP_FILES):
        return MARKUP.sub(_blank, text).split("\n")
    if lower.endswith(BLOCK_FILES):
        text = BLOCK.sub(_blank, text)
    trailing = lower.endswith(TRAILING_FILES)
    return [
        "" if WHOLE.match(line) else TRAILING.sub("", line) if trailing and "#" in line else line
        for line in text.split("\n")
    ]


def _blank(found: re.Match[str]) -> str:
    return "\n" * found.group().count("\n")
