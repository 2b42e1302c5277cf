"""What a secret looks like to somebody who was told none: URLs, headers, assignments, keys, tokens.

Every expression takes time linear in the text: no unbounded piece can begin at each place of another one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from runbook_lib.redact.mark import MARK, is_harmless, mark
from runbook_lib.redact.names import NAME, kind_of, names_it

Match = re.Match[str]

_ANSI = r"\x1b\[[0-9;]{0,16}m"
_GAP = rf"(?:[ \t]|{_ANSI}){{0,24}}"
_QUOTE = r"(?:\\{0,8}(?:[\"']|&(?:quot|apos|#34|#39|#x27);))"
_SEPARATOR = rf"{_GAP}{_QUOTE}?\]?{_GAP}(?:=>|:=|:|=(?![=~])|</t[dh]>\s{{0,16}}<td[^>]{{0,80}}>){_GAP}"
_QUOTED = (
    r"[bfru]{0,2}(?:"
    r"\"(?P<double>(?:[^\"\\\n]|\\.){0,4096})\""
    r"|'(?P<single>(?:[^'\\\n]|\\.){0,4096})'"
    r"|(?P<slashes>\\{1,8}(?:[\"']|&(?:quot|apos|#34|#39|#x27);))(?P<escaped>.{0,4096}?)(?<!\\)(?P=slashes)"
    r"|(?P<entity>&(?:quot|apos|#34|#39|#x27);)(?P<html>.{0,4096}?)(?P=entity))"
)
_BARE = r"(?P<bare>[^\s\"'`,;&<>{}()\[\]|«»\\\x1b=~][^\s\"'`,;&<>{}()\[\]|«»\\\x1b]{0,2048})"
_VALUES = ("double", "single", "escaped", "html", "bare", "secret")
_CODE = re.compile(r"[A-Za-z_][\w.]*\(")
_PATH = re.compile(r"(?:~|\.{1,2})?/(?:[\w.-]+/)*[\w.-]*\Z|\.{1,2}/")
_ENDS = re.compile(r"[ \t]*(?:\x1b\[[0-9;]*m)*[ \t]*(?:$|[\r\n,;}\])\"'#<&\\|«])")
_WORD = re.compile(
    r"(?:none|null|nil|true|false|yes|no|str|int|bytes|bool|object|any|dict|list|tuple|string|missing|required|unknown"
    r"|invalid|expired|denied|incorrect|wrong|empty|unset|secret|token|password|optional|redacted)\Z",
    re.I,
)
_PLACEHOLDER = re.compile(
    r"\*+\Z|\.{2,}\Z|…\Z|x{3,}\Z|<[^>]*>\Z|\$\{?[A-Z_][A-Z0-9_]*\}?\Z|\{\{|%\(?\w|:[a-z_]+\Z|\{[a-z_.]*\}\Z"
)


@dataclass(frozen=True)
class Pattern:
    """``expression`` names the part to hide (one of several groups); one of ``hints``, lower case, is in its text."""

    label: str
    hints: tuple[str, ...]
    expression: re.Pattern[str]
    holds: Callable[[Match, str], bool] = lambda _, __: True


def _pattern(label: str, hints: str, expression: str, holds: Callable[[Match, str], bool] | None = None) -> Pattern:
    compiled = re.compile(f"{MARK}|{expression}", re.I | re.M)
    return Pattern(label, tuple(hints.split()), compiled, holds or (lambda _, __: True))


def secret_of(match: Match) -> tuple[str, str]:
    """The name of the group that holds the secret, and the secret; two empty strings for a mark."""
    found = match.groupdict()
    name = next((name for name in _VALUES if found.get(name) is not None), "")
    return name, found.get(name) or ""


def _assigned(match: Match, value: str) -> bool:
    """True when what stands after a secret's name is a value, and not code, a path, a word of a sentence."""
    name, end = secret_of(match)[0], match.end()
    key, between = match["key"].lower(), match.string[match.end("key") : match.start(name)]
    if is_harmless(value) or _WORD.match(value) or _PLACEHOLDER.match(value):
        return False
    if key == "secret" and between == ":" and re.match(r"[^/#\s]+/[^/#\s]+#", value):
        return False  # secret:namespace/name#key
    if name != "bare":
        return True
    if match.string.startswith(("(", "["), end) and _CODE.match(value + "("):
        return False
    if _repeats(match, value):
        return False
    if _PATH.match(value) and len(value) != 40:  # 40: a secret access key may begin with a slash
        return False
    if "<" in between:  # the next cell of a table, when the one before is a name and no sentence
        return re.search(r">\s*[\w.-]*\Z", match.string[max(0, match.start() - 80) : match.start()]) is not None
    # a word of a sentence goes on; what was assigned with a colon is the last of its line or its list
    return "=" in between or (len(value) >= 3 and bool(_ENDS.match(match.string, end)))


def _repeats(match: Match, value: str) -> bool:
    """``password=password``, ``token=self.token``: code that hands on what it was given; ``token=mytoken`` is none."""
    before = match.string[max(0, match.start("key") - 64) : match.start("key")]
    whole = re.search(r"\w*\Z", before)[0] + match["key"]  # type: ignore[index]
    if not re.fullmatch(r"[A-Za-z_][\w.]*", value):
        return False
    owner, _, last = value.rpartition(".")
    return last.lower() in (whole.lower(), match["key"].lower()) or (bool(owner) and names_it(last))


def _option(match: Match, value: str) -> bool:
    """``--password hunter2``: the name belongs to an option of a command."""
    before = match.string[max(0, match.start() - 48) : match.start()]
    if not re.search(r"(?:^|[\s\"'\[,])--[a-z0-9-]*\Z", before, re.I) or is_harmless(value):
        return False
    return not (_WORD.match(value) or _PLACEHOLDER.match(value) or _PATH.match(value))


def _entry(match: Match, value: str) -> bool:
    """``- name: API_TOKEN`` and ``value: hunter2`` below it, as a container's environment is written."""
    if not names_it(match["key"]) or is_harmless(value):
        return False
    return not (_WORD.match(value) or _PLACEHOLDER.match(value) or _PATH.match(value))


def _basic(match: Match, value: str) -> bool:
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (ValueError, binascii.Error):
        return False


def _private(match: Match, value: str) -> bool:
    try:
        return b"PRIVATE KEY" in base64.b64decode(value[:80])
    except (ValueError, binascii.Error):
        return False


def _mixed(match: Match, value: str) -> bool:
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


_SCHEMES = r"(?:Bearer|Basic|Token|ApiKey|Api-Key|Negotiate|AWS4-HMAC-SHA256)"
_HOOKS = (
    r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/"
    r"|(?:ptb\.|canary\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/"
    r"|[\w.-]{1,100}webhook\.office\.com/|outlook\.office(?:365)?\.com/webhook/|api\.telegram\.org/(?:file/)?bot"
    r"|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/|oapi\.dingtalk\.com/robot/send\?"
    r"|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?|chat\.googleapis\.com/v1/spaces/"
    r"|maker\.ifttt\.com/trigger/|hooks\.zapier\.com/hooks/|[\w.-]{1,100}logic\.azure\.com[:/])"
)
_VENDORS = (
    r"(?P<secret>gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{22,255}|gl(?:pat|dt|rt|ft)-[\w-]{20,64}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{10,255}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}"
    r"|AIza[\w-]{35}|hv[sbr]\.[\w-]{20,512}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{16,512}|SG\.[\w-]{16,64}\.[\w-]{16,64}"
    r"|dop_v1_[0-9a-f]{64}|AGE-SECRET-KEY-1[A-Z0-9]{40,80}|sk-[A-Za-z0-9_-]{32,255})"
)

PATTERNS = (
    _pattern(
        "private key",
        "private",
        r"(?P<secret>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:\s|\\[nr]){0,8}(?:(?:Proc-Type|DEK-Info|Version|Comment): [^\n\\]{0,120}(?:\s|\\[nr]){0,8}){0,4}"
        r"[^-«]{0,65536}(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?)",
    ),
    _pattern(
        "private key", "ls0tls1crudjti", r"(?P<secret>LS0tLS1CRUdJTi(?!BDRVJU)[A-Za-z0-9+/=]{40,65536})", _private
    ),
    _pattern("webhook", "://", rf"https?://(?P<secret>{_HOOKS}[^\s\"'<>«\\`]{{4,1024}})"),
    _pattern(
        "webhook",
        "/services/ /webhooks/ /bot",
        r"(?P<secret>/services/T[A-Z0-9]{6,20}/B[A-Z0-9]{6,20}/[A-Za-z0-9]{8,64}"
        r"|/api/webhooks/\d{6,30}/[\w-]{20,128}|/bot\d{6,20}:[\w-]{20,64})",
    ),
    _pattern(
        "password",
        "://",
        r"://[^\s/:@\"'<>?#«]{0,256}:(?!\d{1,5}[/?#])"
        r"(?:(?P<secret>[^\s/\"'<>«]{1,256})(?=@)|(?P<bare>[^\s@\"'<>«]{1,128})(?=@))",
        lambda _, value: not _PLACEHOLDER.match(value),
    ),
    _pattern("credentials", "://", r"://(?P<secret>[A-Za-z0-9_-]{20,256})(?=@)", _mixed),
    _pattern(
        "authorization",
        "authorization",
        rf"authorization{_SEPARATOR}{_QUOTE}?(?:{_SCHEMES}[ \t]{{1,8}}(?P<secret>[^\s\"'\\<>,;«]{{1,4096}})"
        r"|(?P<bare>(?=[^\s\"'\\<>,;«]{0,4096}\d)[^\s\"'\\<>,;«]{8,4096}))",
        lambda _, value: not is_harmless(value) and not _PLACEHOLDER.match(value),
    ),
    _pattern(
        "bearer",
        "bearer",
        r"\bBearer[ \t]{1,8}(?P<secret>[\w.~+/-]{8,4096}={0,2})",
        lambda m, v: not is_harmless(v) and (len(v) >= 32 or any(not c.isalpha() for c in v.strip("-."))),
    ),
    _pattern("basic", "basic", r"\bBasic[ \t]{1,8}(?P<secret>[A-Za-z0-9+/_-]{6,4096}={0,2})", _basic),
    _pattern("token", "eyj", r"(?P<secret>eyJ[\w-]{8,512}\.[\w-]{4,8192}(?:\.[\w-]{0,2048}){0,4})"),
    _pattern(
        "access key",
        "akia asia",
        r"(?P<secret>(?<![A-Za-z0-9])(?-i:(?:AKIA|ASIA)[0-9A-Z]{16})(?![A-Za-z0-9]))",
    ),
    _pattern(
        "token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glft- xox xapp- k_live_ k_test_ aiza hvs. hvb. hvr. "
        "npm_ pypi- sg. dop_v1_ age-secret-key-1 sk-",
        rf"(?<![A-Za-z0-9])(?-i:{_VENDORS})",
        _mixed,
    ),
    _pattern(
        "signature", "sig= signature= key= code=", r"[?&](?:sig|signature|key|code)=(?P<secret>[\w%.~+/-]{8,1024})"
    ),
    _pattern(
        "assigned",
        "pass pwd secret token key credential auth connection",
        rf"(?P<key>{NAME}){_SEPARATOR}(?:{_QUOTED}|{_BARE})",
        _assigned,
    ),
    _pattern(
        "assigned",
        "value",
        rf"\bname{_SEPARATOR}{_QUOTE}?(?P<key>[\w.-]{{1,256}}){_QUOTE}?[ \t]{{0,8}},?\s{{0,200}}"
        rf"{_QUOTE}?value{_SEPARATOR}(?:{_QUOTED}|{_BARE})",
        _entry,
    ),
    _pattern(
        "assigned",
        "--",
        rf"(?P<key>{NAME})[ \t]{{1,4}}(?:{_QUOTED}|(?P<bare>[^\s\"'«-][^\s\"'«]{{0,1024}}))",
        _option,
    ),
)


def hide(text: str) -> str:
    """The text with everything that looks like a secret marked."""
    low = text.lower()
    for pattern in PATTERNS:
        if any(hint in low for hint in pattern.hints):
            text = pattern.expression.sub(partial(_hidden, pattern=pattern), text)
    return text


def found(text: str) -> set[str]:
    """The parts of a text that look like secrets."""
    low, parts = text.lower(), set()
    for pattern in PATTERNS:
        if any(hint in low for hint in pattern.hints):
            for match in pattern.expression.finditer(text):
                name, value = secret_of(match)
                if name and pattern.holds(match, value):
                    parts.add(value)
    return parts


def _hidden(match: Match, pattern: Pattern) -> str:
    name, value = secret_of(match)
    whole = match[0]
    if not name or not value or not pattern.holds(match, value):
        return whole
    label = kind_of(match["key"]) if pattern.label == "assigned" else pattern.label
    start, end = match.start(name) - match.start(), match.end(name) - match.start()
    said = mark(label)
    if name == "bare" and re.search(r"[\"']\s*:\s*\Z", whole[:start]):
        said = f'"{said}"'  # a bare value in JSON: it stays JSON
    return whole[:start] + said + whole[end:]
