"""Takes the values of credentials out of evidence: evidence is archived and shown."""

from __future__ import annotations

import re

SHOWN = "(not shown)"
QUOTED = re.compile(r"""(["'`])(?:(?!\1).)*\1""")
NAMED = re.compile(
    r"""(?ix)
    ((?:password|passwd|passphrase|pwd|secret|token|(?:api|access|private|secret)[_.-]?key)[\w.-]*
    ["']?\s*(?:=>|:=|=|:|>)\s*)
    (?:"[^"]*"|'[^']*'|[^\s,;)<]+)"""
)
IN_ADDRESS = re.compile(r"(://[^/\s:@\"']*:)[^@\s/\"']+(@)")
OPTION = re.compile(r"((?:^|\s)-p)(?=[^\s\d-])\S+")
BARE = re.compile(r"\b(?:AKIA[0-9A-Z]{16}|LTAI[0-9A-Za-z]{12,20}|gh[pousr]_\w{20,}|eyJ[\w-]{10,}\.[\w.-]+)")


def masked(text: str, topic: str) -> str:
    """The text without values of credentials; where it is about a secret, without any quoted value."""
    text = IN_ADDRESS.sub(rf"\1{SHOWN}\2", NAMED.sub(rf"\1{SHOWN}", text))
    text = BARE.sub(SHOWN, OPTION.sub(rf"\1 {SHOWN}", text))
    return QUOTED.sub(rf"\1{SHOWN}\1", text) if topic == "secret" else text
